//! Switchboard is a Webex bot daemon, and the small framework it is built on.
//!
//! To run it, read the README; every setting is in `bot.toml`. To write a bot of your own, begin at [`Bot`], test it in
//! the [`lab`], and see the three bots in `examples/`. To work on Switchboard itself, begin here.
//!
//! # The life of one event
//!
//! 1. `cli` has read the settings through `config`; `app` opened the `store`, bound the listeners and started the
//!    loops.
//! 2. Webex posts an envelope: ids, never the text. `http` admits it: body limit, timeout.
//! 3. `signature` compares the HMAC of the raw bytes in constant time. Only `Verified<Bytes>` can be parsed.
//! 4. `receiver` turns the envelope into an `Event`, drops it if the bot caused it, and puts one row into the inbox.
//!    The exact bytes, up to `store.raw_limit`, are stored beside the row, to be looked at later. The row's id is made
//!    from Webex's id of the event, so a repeat makes no second row. After the commit the answer is 200.
//! 5. `worker` claims the oldest row of each space that is due, and `inbox` works on it. If the envelope alone shows
//!    that its sender is not answered, the event ends here. Otherwise `inbox` reads the message through `webex`, and
//!    drops it if the bot wrote it. The same call shows earlier messages that never arrived: these are then worked on
//!    first.
//! 6. `access` decides whether the sender is answered. A stranger gets a code from `pairing` and no answer.
//! 7. `questions` knows whether the message answers a question of the bot. If not, `router` leaves out quotations,
//!    strips the mention by identity, finds the command and cuts its arguments.
//! 8. The handler runs with a [`Context`], under a deadline, with panics caught, and returns a [`Reply`]. It never
//!    sends.
//! 9. `desk` makes one settlement of how the event ended, and the `store` makes one transaction of that: the reply and
//!    its files go into the outbox, the inbox row is done, and the audit says who did what. After an internal error the
//!    event is tried again; in the end it becomes a dead letter, and the person is told its reference.
//! 10. `worker` claims the letter, and `outbox` sends it, in order per space, and waits as Webex asks. Letters that
//!     belong to no event enter by `outbox::post`, or by `api` if a script asked for them.
//!
//! If an event is no message, click or membership, it leaves a row that says so, unless the program has a handler for
//! it, added with [`Bot::event`]. Then it is worked on like the others, and ends once the handler has.
//!
//! A click on a card arrives in the same way and passes the same checks. At step 7 its seal is opened, which says what
//! the button does; the inputs that were filled in never decide that. A reply may ask a question. The question is
//! written with step 9, and at step 7 the next message of that person in that space goes to the action that the
//! question names.
//!
//! If a command needs the approval of others, `approvals` asks them in place of step 8. The click that completes the
//! approvals settles that the command runs, with an event of its own that runs it for the person who asked. The end of
//! the time to approve is an event too.
//!
//! What another system posts to a hook is taken by `hooks` in place of steps 2 to 4: once its sender has proven itself,
//! the payload is stored beside the event's row, and the answer is 202. At steps 6 to 8 `hooks` makes the messages, by
//! what it knows of the sender's payloads. A hook may expect that something comes: then a silence is an event too, and
//! so is its end. Hooks are in the settings, or an admin made them from the chat. Those are in the ledger, with a salt
//! for each secret; the secret itself is in the message to the admin alone.
//!
//! With `delivery.mode = "websocket"` the events come over a socket that `receiver` holds open. They enter at step 4,
//! and an envelope is acknowledged where a webhook is answered 200. Polling enters there too, and so do messages that a
//! webhook or socket did not bring and that are read back. For that, the `store` keeps for each space the time up to
//! which everything said there is in the inbox.
//!
//! A process that is killed between any two steps and started again loses nothing that was acknowledged. At worst, a
//! reply that was on its way is sent twice:
//!
//! - In a group space a bot cannot read its own messages. There the reply is sent again after each kill that meets it.
//! - In a direct space that is named by its id, the message is searched for. It is posted again only once
//!   `webex.timeout` and `worker.visible_within` have passed since its last post. So it is doubled only if Webex
//!   carries that post out later still.
//! - A message to a person by address or id waits as long, but cannot be searched for, and may be doubled.
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
//! | `admin` | the operators' listener: `/metrics`, and `/docs` about the API |
//! | `api` | the bearer API, by which scripts post messages |
//! | `receiver` | makes one inbox row of what Webex sends; keeps our webhooks and our device at Webex |
//! | `inbox` | reading, judging, running: from one event to its outcome |
//! | `hooks` | other systems that post to the bot: their proof, their payloads, the messages that come of them |
//! | `approvals` | commands that others have to approve: their requests, votes and ends |
//! | `questions` | the questions that replies ask, and the messages that answer them |
//! | `desk` | closes an event: verdict, letters, audit, tries; one settlement, made in one place |
//! | `outbox` | the door for letters, and the sender, which posts, edits and deletes messages |
//! | `places` | the spaces that the settings name by their titles |
//! | `worker` | claim, run, settle: one loop for both queues; when a row is tried again |
//! | `commands` | the commands every bot has, one a file |
//! | `router` | from a message to a command; pure |
//! | `access` | who is answered, which commands each may give, and how many messages; pure |
//! | `pairing` | how strangers ask to be let in, and how that is decided |
//! | `handler` | the parts of commands and of handlers of events: [`Command`], [`Param`], [`Context`], [`Reply`]; their table |
//! | `instance` | the mark by which daemons with one token see each other, and which of them answers |
//! | `identity` | who the bot is, as Webex says |
//! | `program` | the program's name and version, for people, Webex and the log |
//! | `state` | the values that an author shares with handlers, by their type; pure |
//! | `clock` | the wall time and the steady time; no other room asks the system what time it is |
//! | `health` | what `/readyz` says |
//! | `event` | the events, the ids of events and replies, and the references that people read |
//! | `verdict` | how an event or a letter ended: the word, its meaning, whether it is a refusal or an answer; pure |
//! | `store` | the ledger: inbox and outbox in order per space, and the audit; `store/sqlite` is its engine |
//! | `sources` | what the bot fetches from others: one client that calls no inner address unless the settings name it |
//! | `webex` | a typed client of the Webex REST API, and the budget of its calls |
//! | `signature` | bytes in, `Verified<Bytes>` out; the audit's hashes and seal; the seals of buttons. No other room has crypto |
//! | `telemetry` | logs and metric names |
//! | `recent` | a bounded memory of what was seen recently; pure |
//! | `redact` | makes foreign text one short line without our secrets |
//! | `card` | Adaptive Cards: built, checked, their buttons sealed |
//! | `template` | expressions and templates of the settings; pure |
//! | `text` | characters and words as people see and mean them; markdown, tables, times; cuts long texts; pure |
//! | `lab` | a bot under test: people who write to it, and the transcript |
//! | `simulator` | a Webex cloud in the binary, for trying and for tests |
//!
//! # Rules of the house
//!
//! Neither rooms nor the files of a room import each other in a circle of any length. SQL is only in `store/sqlite`,
//! and above that only `store/engine` names SQLite. A receiver never runs a handler, and a handler never sends. The
//! store knows no Webex type, and `webex` knows no store. No state is global: two bots in one process share only the
//! crypto provider of TLS, which is ring unless the program installed another one before. `tests/it/layout.rs` checks
//! these rules.

mod access;
mod admin;
mod api;
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
mod hooks;
mod http;
mod identity;
mod inbox;
mod instance;
pub mod lab;
mod outbox;
mod pairing;
mod places;
mod program;
mod questions;
mod receiver;
mod recent;
mod redact;
mod router;
mod signature;
pub mod simulator;
mod sources;
mod state;
mod store;
mod telemetry;
mod template;
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
