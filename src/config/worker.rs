//! `[worker]`: how events are worked off.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, DAY, LONGEST, WEEK};

/// `[worker]`
#[derive(Clone, Debug, Deserialize)]
pub struct Worker {
    /// Events handled, and replies sent, at one time; 0 only receives.
    pub concurrency: usize,
    /// Tries before an event becomes a dead letter.
    pub max_attempts: u32,
    /// How long a command may run.
    pub deadline: Duration,
    /// How long an event is reserved for the process that took it.
    pub lease: Duration,
    /// The pause after a first failure.
    pub backoff: Duration,
    /// The longest pause between two tries.
    pub backoff_max: Duration,
    /// How long a message may be invisible at Webex before it counts as gone.
    pub visible_within: Duration,
    /// How long events and replies wait while Webex cannot be reached.
    pub give_up: Duration,
}

impl Worker {
    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "worker.deadline",
            self.lease.is_zero() || self.deadline.saturating_add(Duration::from_secs(1)) <= self.lease,
            "must be shorter than worker.lease by a second or more: the message is read within the same lease",
        );
        check.must("worker.backoff", self.backoff <= self.backoff_max, "must not be longer than worker.backoff_max");
        check.number("worker.max_attempts", self.max_attempts, 1..=1000);
        check.number("worker.concurrency", self.concurrency, 0..=4096);
        check.duration("worker.deadline", self.deadline, WEEK);
        check.duration("worker.lease", self.lease, 30 * DAY);
        check.duration("worker.backoff", self.backoff, DAY);
        check.duration("worker.backoff_max", self.backoff_max, 30 * DAY);
        check.duration_or_none("worker.visible_within", self.visible_within, DAY);
        check.duration("worker.give_up", self.give_up, LONGEST);
    }
}
