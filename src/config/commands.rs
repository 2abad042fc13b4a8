//! `[commands]`: the commands that every bot has.

use serde::Deserialize;

/// `[commands]`
#[derive(Clone, Debug, Deserialize)]
pub struct Commands {
    /// Whether there is `echo`.
    pub echo: bool,
}
