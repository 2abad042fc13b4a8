//! A Webex cloud inside the binary: the REST API that a bot calls, the webhooks that call the bot, the people it talks
//! to, and a page on which you can be one of them.
//!
//! `switchboard simulate` and the tests run the daemon against it. With `--no-bot` any other Webex client can use it.
//! Start a [`Cloud`], let people act through [`Person`], and make things go wrong with [`Fault`], [`RateLimit`],
//! [`Deliveries`], [`Sockets`], [`Quirks`] and [`Scan`]. A bot under test runs against it in a
//! [`Lab`](crate::lab::Lab):
//!
//! ```
//! use switchboard::lab::Lab;
//! use switchboard::{Bot, Command, Reply};
//!
//! # #[tokio::main]
//! # async fn main() -> anyhow::Result<()> {
//! let ping = Command::new("ping", "Answers", |_, _| async { Ok(Reply::text("pong")) });
//! let lab = Lab::start(Bot::builder().command(ping)).await?;
//! lab.cloud().person("alice@example.com").says("ping");
//! lab.settle().await?;
//! assert_eq!(lab.cloud().transcript(), "alice: ping\nbot: pong\n");
//! # Ok(())
//! # }
//! ```
//!
//! Programs in other languages do the same over HTTP. `/as/{email}/...` is Webex's API as that person, without a token,
//! and `/control` is everything else (see `control`).
//!
//! # What differs from Webex
//!
//! | here | with Webex | why |
//! |---|---|---|
//! | ids of messages and rooms are random (v4) | they carry a time (v1) | with a seed they are the same in every run |
//! | the id of a person follows from the address, and with a seed the token too | they are random | tests can quote them |
//! | one organization, and one device per person | many | nothing here depends on it |
//! | an unknown address that is written to or added is a new person | that depends on the organization | nobody could chat otherwise |
//! | a reply to a reply is 400, a deletion or a change of somebody else's message 403 | not documented | the stricter side finds more mistakes |
//! | a card may have 22 KB | no figure is published | what people report |
//! | `---` and tables stay text, a list needs a blank line before it | it is not known what `---` does; tables and lists are the same | the stricter side again |
//! | of HTML that a client sends, only text and mentions are kept | its formatting too | it is not in the current specification |
//! | a deleted team space is gone | it is archived | there is no way to see an archive |
//! | meetings are scheduled and never held: no instances, invitations, recordings, and no webhooks except `created`, `updated`, `deleted` | all of that | a bot schedules meetings and announces them |
//! | tokens never expire; a refresh gives one more | 14 and 90 days | a test can take a person's token away by deleting them |
//! | no rate limit until a [`RateLimit`] is set, which then counts all calls of a token | about 300 calls a minute, more for messages and people | tests are not left to luck |
//! | licences, roles and organizations are a fixed few | an administrator's own | nothing depends on them |
//! | search, events, compliance, guests, room tabs, whiteboards, reactions are missing | they exist, some without an API | no bot of this kind uses them |
//! | a device, and what its socket has not acknowledged, is forgotten when the cloud ends | it is kept for a time that nobody has published | the stricter side |
//! | what happens while a device has no socket is never sent to it | some of it is, for a while | the stricter side: a client that lost its socket has to ask by REST |
//! | an account has at most 100 devices, then 403 | an unpublished figure | clients that pile them up are found |
//! | numbers of envelopes begin at 1 with each socket | not documented | clients look for gaps within one socket only |
//! | messages are plain | encrypted end to end | the API shows them plain |
//!
//! Where the known facts are silent or contradict each other, [`Quirks`] switches to the other behaviour.
//!
//! # How it is made
//!
//! Five folders, each of which knows only those before it:
//!
//! | folder | what it is for |
//! |---|---|
//! | `world` | the state and its rules: people, rooms, messages, webhooks, devices; of HTTP it knows only the status of a refusal |
//! | `watch` | what can be watched: calls, deliveries, the journal, the transcript, the page |
//! | `delivery` | the delivery of events to webhooks and sockets; how files are fetched, and from where |
//! | `scenario` | what tests do: people act, things go wrong |
//! | `surface` | HTTP: the API that plays Webex, `/control`, and the guard before both |
//!
//! This room uses nothing of the daemon except the spelling of ids and the signature.

mod delivery;
mod scenario;
mod start;
mod surface;
mod watch;
pub(crate) mod world;

pub use axum::http::Method;
pub use delivery::manner::Deliveries;
pub use scenario::cloud::Cloud;
pub use scenario::fault::Fault;
pub use scenario::limit::RateLimit;
pub use scenario::look::RoomInfo;
pub use scenario::person::Person;
pub use start::Options;
pub use watch::calls::Call;
pub use watch::deliveries::{Delivery, SignatureCheck};
pub use watch::explain::Explanation;
pub use world::Refusal;
pub use world::quirks::Quirks;
pub use world::things::{
    Account, AccountType, Content, DeviceInfo, Grant, Message, RoomType, Scan, ScanVerdict, Sockets, Webhook,
    WebhookStatus,
};
pub use world::webhooks::WebhookDraft;
pub(crate) use world::written::shown;
