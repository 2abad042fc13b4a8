//! How many bytes of payloads there are: what other systems posted, stored beside the rows that were made of it.

use crate::telemetry::Seldom;

/// The bytes of all payloads, and how far those that may go were looked for.
#[derive(Default)]
pub(super) struct Payloads {
    /// None until they are counted, and after a failure.
    pub(super) bytes: Option<u64>,
    pub(super) pass: Pass,
    /// The last row that the pass looked at.
    pub(super) looked_at: i64,
    pub(super) given_up: GivenUp,
}

/// A pass over all payloads by their rows, the first to arrive first. It takes many steps, and begins where the one
/// before it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pass {
    /// From where enough was dropped the last time, to the end: those of rows that are done.
    #[default]
    Rest,
    /// From the beginning to the end: those of rows that are done.
    Done,
    /// The same, and those of dead letters too, since all that was done was not enough.
    Dead,
}

/// The payloads of dead letters that were dropped since a line was last logged.
#[derive(Default)]
pub(super) struct GivenUp {
    count: u64,
    lines: Seldom,
}

impl Payloads {
    /// Forgets the count, after a failure took back some of it.
    pub(super) fn forget(&mut self) {
        self.bytes = None;
    }

    /// Begins the pass after the one that has come to its end.
    pub(super) fn begin_next_pass(&mut self) {
        self.looked_at = 0;
        self.pass = match self.pass {
            Pass::Rest | Pass::Dead => Pass::Done,
            Pass::Done => Pass::Dead,
        };
    }
}

impl GivenUp {
    /// Counts payloads of dead letters that were dropped. At most one line a minute is logged.
    pub(super) fn add(&mut self, count: u64) {
        self.count += count;
        if count > 0 && self.lines.count().is_some() {
            tracing::warn!(
                count = std::mem::take(&mut self.count),
                "hooks.keep was full, and payloads of dead letters were dropped, the oldest first; these events cannot be tried again"
            );
        }
    }
}
