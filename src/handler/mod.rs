//! What a command is made of: how it is declared, what it is given and what it returns.
//!
//! A handler never sends. It returns a [`Reply`], which is on disk before anything is sent.

mod args;
mod attached;
mod command;
mod context;
mod event;
mod inputs;
mod question;
mod reply;

pub use args::Args;
pub use attached::{Attached, FileError};
pub use command::{Command, CommandError, Result};
pub use context::Context;
pub(crate) use context::Services;
pub use event::{EventContext, EventHandler, Handlers};
pub use inputs::Inputs;
pub(crate) use question::Kept;
pub use question::Question;
pub(crate) use reply::Outgoing;
pub use reply::Reply;
