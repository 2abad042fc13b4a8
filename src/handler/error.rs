//! How a handler fails, and who is told.

use std::fmt;

use super::FileError;
use crate::text::quoted;

/// What a handler returns.
pub type Result<T, E = CommandError> = std::result::Result<T, E>;

/// Why a command did not do what it was asked. A handler returns it with `?`, and the bot tells the person.
#[derive(Debug)]
pub enum CommandError {
    /// The arguments are wrong. The person reads this sentence, with the usage line below it.
    Usage(String),
    /// It cannot be done, and the person should know why. They read this sentence.
    User(String),
    /// The bot failed. The command is tried again; if it fails for good, the person reads a reference, and never this
    /// error.
    Internal(anyhow::Error),
}

/// `CommandError` is no `std::error::Error`, so that `?` can turn every such error into [`CommandError::Internal`]. A
/// [`FileError`] that the person can act on becomes [`CommandError::User`], since trying again would not help.
impl<E: Into<anyhow::Error>> From<E> for CommandError {
    fn from(error: E) -> Self {
        let error = error.into();
        match error.downcast_ref::<FileError>() {
            Some(file) if file.is_for_the_person() => CommandError::User(file.to_string()),
            _ => CommandError::Internal(error),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CommandError::Usage(text) | CommandError::User(text) => f.write_str(text),
            CommandError::Internal(error) => write!(f, "{error:#}"),
        }
    }
}

/// The sentence for a value that is missing.
pub(super) fn missing(name: &str) -> String {
    format!("I need the {name}.")
}

/// The sentence for a text that is not what it should be.
pub(super) fn unreadable(text: &str, kind: &str, name: &str) -> String {
    format!("\"{}\" is no {kind} that I can take for {name}.", quoted(text))
}
