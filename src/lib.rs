//! Switchboard is a Webex bot daemon, and the small framework it is built on.
//!
//! To run it, read the README; every setting is in `bot.toml`. To write a bot of your own, begin at [`Bot`], test it in the
//! [`lab`], and see the three in `examples/`. To work on Switchboard itself, begin here.
//!
//! # The life of one event
//!
//! 1. `cli` has read the settings through `config`; `app` opened the `store`, bound the listeners and started the loops.
//! 2. Webex posts an envelope: ids, never the text. `http` admits it: body limit, timeout.
//! 3. `signature` compares the HMAC of the raw bytes in constant time. Only `Verified<Bytes>` can be parsed.
//! 4. `receiver` turns the envelope into an `Event`, drops what the bot did itself, and puts one row into the inbox, with the
//!    exact bytes, up to `store.raw_limit`, beside it for whoever looks. The id of the row is made from Webex's id of the event, so a
//!    repeat is no second row. Committed, then 200.
//! 5. `worker` claims the oldest row of each space that is due, and `inbox` works on it. If the envelope alone shows that its
//!    sender is not answered, the event ends here. Else `inbox` reads the message through `webex`, and drops it if the bot
//!    wrote it. The same call shows what was said before it and never arrived: that is then worked on first.
//! 6. `access` decides whether the sender is answered; a stranger gets a code from `pairing` and no answer.
//! 7. `questions` knows whether it answers what the bot asked. Else `router` leaves out what is quoted, strips the mention by
//!    identity, finds the command and cuts its arguments.
//! 8. The handler runs with a [`Context`], under a deadline, panics caught, and returns a [`Reply`]. It never sends.
//! 9. `desk` makes one settlement of how the event ended, and the `store` one transaction of that: the reply and its files
//!    into the outbox, the inbox row done, who did what into the audit. An internal error is tried again, then becomes a
//!    dead letter whose reference the person is told.
//! 10. `worker` claims the letter, and `outbox` sends it, in order per space, and waits as Webex says. What belongs to no
//!     event is put there by `outbox::post`.
//!
//! What is no message, click or membership leaves a row that says so, unless the program has a handler for it, added with
//! [`Bot::event`]: then it is an event as well, and ends once the handler has.
//!
//! A click on a card comes the same way and passes the same checks. At step 7 there is then a seal to be opened, which says
//! what the button does; what was filled in never decides that. A reply may ask something: the question is written with step
//! 9, and at step 7 the next message of that person there goes to the action that it names.
//!
//! A command that others have to approve is put before them by `approvals` in place of step 8. The click of the last of them
//! settles that it runs, with an event of its own that runs it as whoever asked; the end of its time is an event too.
//!
//! With `delivery.mode = "websocket"` the events come over a socket that `receiver` holds open: it enters at step 4, and
//! an envelope is acknowledged where a webhook is answered 200. Polling enters there too, and so does reading back what a
//! webhook or socket did not bring: the `store` keeps for each space up to when everything said there is in the inbox.
//!
//! A process killed between any two steps and started again loses nothing that was acknowledged. At worst a reply that
//! was on its way is sent twice: in a group space, where a bot cannot read what it said itself, once for each kill that
//! meets it. In a direct space that it names by its id it is looked for, and posted again only once `webex.timeout` and
//! `worker.visible_within` have passed since its last post, so only a post that Webex carries out later than that is
//! doubled. What goes to a person by their address or id waits as long, is not looked for, and may be doubled.
//!
//! # The rooms
//!
//! | room | what it is for |
//! |---|---|
//! | `bot` | the builder with which a Rust program adds its own commands and handlers of events |
//! | `cli` | the verbs, one a file, and the exit codes |
//! | `app` | the composition root: owns every task |
//! | `config` | settings: defaults, file, environment; the only reader of the environment |
//! | `http` | the listeners and their limits; the health checks |
//! | `admin` | the operators' listener: `/metrics` |
//! | `receiver` | what Webex sends becomes one inbox row; our webhooks and our device at Webex |
//! | `inbox` | reading, judging, running: from one event to its outcome |
//! | `approvals` | commands that others have to approve: requests, votes, ends |
//! | `questions` | what a reply asks of somebody, and what answers it |
//! | `desk` | closes an event: verdict, letters, audit, tries; one settlement, made in one place |
//! | `outbox` | the door for letters, and the sender, which posts, edits and deletes |
//! | `worker` | claim, run, settle: one loop for both queues; when a row is tried again |
//! | `commands` | the commands every bot has, one a file |
//! | `router` | from a message to a command; pure |
//! | `access` | who is answered, what each may do, and how much of it; pure |
//! | `pairing` | how strangers ask to be let in, and are |
//! | `handler` | what commands and handlers of events are made of: [`Command`], [`Param`], [`Context`], [`Reply`]; their table |
//! | `instance` | the mark by which two daemons of one token know each other, and which of them answers |
//! | `identity` | who the bot is, once Webex has said so |
//! | `program` | the name and version by which people, Webex and the log know the program |
//! | `state` | values by their type, which an author shares with handlers; pure |
//! | `clock` | the wall time and the steady time; nobody else asks the system what time it is |
//! | `health` | what `/readyz` says |
//! | `event` | what the bot works on, the ids of events and replies, and the reference people are told |
//! | `verdict` | how something ended: its word, its meaning, whether it is a refusal or an answer; pure |
//! | `store` | the ledger: inbox and outbox in order per space, and the audit; `store/sqlite` is its engine |
//! | `webex` | a typed client of the Webex REST API, and the budget of its calls |
//! | `signature` | bytes in, `Verified<Bytes>` out; the audit's hashes and seal; the seals of buttons; the only crypto |
//! | `telemetry` | logs and metric names |
//! | `recent` | what was seen lately, in bounded memory; pure |
//! | `redact` | foreign text without our secrets, on one short line |
//! | `card` | Adaptive Cards: built, checked, their buttons sealed |
//! | `text` | letters and words as people see and mean them, markdown, tables, times; where a long text is cut; pure |
//! | `lab` | a bot under test: people who speak to it, and what was said |
//! | `simulator` | a Webex cloud in the binary, for trying and for tests |
//!
//! # What is not there
//!
//! Neither rooms nor the files of a room import each other in a circle, however long. SQL is nowhere but in
//! `store/sqlite`, and nothing above it names SQLite but `store/engine`. A receiver never runs a handler, and a handler never sends. The store knows no Webex type, and `webex`
//! knows no store. Nothing global holds state: two bots in one process share nothing but the crypto provider of TLS, which
//! is ring unless the program installed another one before. `tests/it/layout.rs` holds the house to this.

mod access;
mod admin;
mod app;
mod approvals;
mod bot;
pub mod card;
mod cli;
mod clock;
mod commands;
mod config;
mod desk;
mod event;
mod handler;
mod health;
mod http;
mod identity;
mod inbox;
mod instance;
pub mod lab;
mod outbox;
mod pairing;
mod program;
mod questions;
mod receiver;
mod recent;
mod redact;
mod router;
mod signature;
pub mod simulator;
mod state;
mod store;
mod telemetry;
mod text;
mod verdict;
pub mod webex;
mod worker;

pub use access::Sender;
pub use app::{App, Handle};
pub use bot::Bot;
pub use card::Card;
pub use clock::Clock;
pub use config::{Config, ConfigError};
pub use handler::{
    Args, Arguments, Attached, Call, Command, CommandError, CommandSpec, Context, EventContext, Field, FileError,
    FromArgument, Inputs, Next, Origin, Param, Question, Reply, Rest, Result, Somebody,
};
pub use outbox::{Delete, Destination, Edit, Edited, Letter, Otherwise, Post, Posted, Thread, Urgency};
pub use receiver::websocket::{Line, Socket};
pub use text::{code_block, code_span, escape, table};
