//! What a command is made of: how it is declared, what it is given and what it returns.
//!
//! A handler never sends. It returns a [`Reply`], which is on disk before anything is sent.

mod args;
mod attached;
pub mod card;
mod command;
mod context;
mod inputs;
mod markdown;
mod question;
mod reply;
mod spans;
mod split;

pub use args::Args;
pub use attached::{Attached, FileError};
pub use card::Card;
pub(crate) use card::{Button, Cards, Deed, Origin, Refusal, SEAL, Venue, Vote, carries};
pub use command::{Command, CommandError, Result};
pub(crate) use context::Services;
pub use context::{Context, Sender};
pub use inputs::Inputs;
pub(crate) use markdown::quoted;
pub use markdown::{code_block, code_span, escape};
pub(crate) use question::Kept;
pub use question::Question;
pub(crate) use reply::Outgoing;
pub use reply::Reply;
