//! `[commands]`: the commands that every bot has.

use serde::Deserialize;

/// `[commands]`
#[derive(Clone, Debug, Deserialize)]
pub struct Commands {
    /// Whether the bot has the command `echo`.
    pub echo: bool,
}
