//! Hooks to which nothing has come for some time.

/// A hook that expects something to come. Times are in milliseconds since 1970.
#[derive(Clone, Debug)]
pub struct ExpectedHook {
    /// The hook's name.
    pub hook: String,
    /// When the last delivery was accepted.
    pub heard_at: Option<i64>,
    /// When a daemon began to take deliveries, after none did for long.
    pub counts_from: i64,
    /// The beginning of the silence that was told and has not ended.
    pub silent_since: Option<i64>,
}

impl ExpectedHook {
    /// Since when nothing has come that a daemon would have taken.
    pub fn quiet_since(&self) -> i64 {
        self.heard_at.map_or(self.counts_from, |heard| heard.max(self.counts_from))
    }
}
