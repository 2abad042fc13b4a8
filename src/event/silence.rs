//! The silence of a hook that expects something to come.

use serde::{Deserialize, Serialize};

/// A silence has lasted too long, or has ended.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Silence {
    /// The name of the hook.
    pub hook: String,
    /// When it began, in milliseconds since 1970.
    pub since: i64,
    /// Whether something has come.
    #[serde(default)]
    pub is_over: bool,
}

impl Silence {
    /// What distinguishes this event from every other of its kind.
    pub(super) fn name(&self) -> String {
        let word = if self.is_over { "over" } else { "begun" };
        format!("{}/{}/{word}", self.hook, self.since)
    }

    /// The silences of one hook are in one lane.
    pub(super) fn lane(&self) -> String {
        format!("silences/{}", self.hook)
    }

    /// The kind of the event, as one word that fits into a path.
    pub fn kind(&self) -> String {
        self.lane()
    }
}
