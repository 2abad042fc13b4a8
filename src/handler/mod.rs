//! What commands and event handlers are made of: how they are declared, what they are given and what they return.
//!
//! A handler never sends. It returns a [`Reply`], which is on disk before anything is sent.

mod args;
mod arguments;
mod around;
mod attached;
mod command;
mod context;
mod elsewhere;
mod error;
mod event;
mod file_error;
mod inputs;
mod param;
mod question;
mod reply;
mod services;
mod spec;
mod state;
mod table;
mod threads;
mod value;

pub use args::Args;
pub use arguments::{Arguments, Field, Rest};
pub(crate) use around::Around;
pub use around::{Call, Next};
pub use attached::Attached;
pub use command::Command;
pub use context::{Context, Origin};
pub(crate) use elsewhere::Elsewhere;
pub use error::{CommandError, Result};
pub(crate) use event::check_events;
pub use event::{EventContext, EventHandler};
pub use file_error::FileError;
pub use inputs::Inputs;
pub use param::Param;
pub use question::Question;
pub(crate) use question::StoredQuestion;
pub(crate) use reply::Outgoing;
pub use reply::Reply;
pub(crate) use services::Services;
pub use spec::CommandSpec;
pub(crate) use table::{LiveTable, Table};
pub(crate) use threads::HandlerThreads;
pub use value::{FromArgument, Somebody};
