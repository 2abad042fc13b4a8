//! A row while a worker has reserved it.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::entry::Queue;
use crate::clock;

/// A row reserved for the caller until its lease ends or it is settled.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The row's id.
    pub id: Uuid,
    /// Tries that failed before this one.
    pub attempts: u32,
    /// Tries before this one during which the process died or the lease ran out.
    pub deaths: u32,
    /// Earlier tries that may have had their effect.
    pub doubt: Option<UncertainTries>,
    /// When the event was accepted, in milliseconds since 1970.
    pub accepted_at: i64,
    /// The body, as it was put.
    pub body: String,
    /// The mark that the lane's last settlement left.
    pub mark: Option<String>,
    /// The event whose question this one answered when it was settled earlier, if an operator has opened it again
    /// since.
    pub answers: Option<Uuid>,
    /// Whether the row comes back after a pause, because the last try failed.
    pub is_back: bool,
    /// How long the row had been failing when it was claimed.
    pub(super) failing: Duration,
    /// When the row was claimed, by our clock and by the other side's.
    pub(super) claimed: (Instant, Option<i64>),
    /// Whether a file was put with the row. That never changes.
    pub(super) has_file: bool,
    pub(super) seq: i64,
    pub(super) happened_at: i64,
    pub(super) lane: Uuid,
    pub(super) fence: i64,
}

/// Tries that may have had their effect. Times are milliseconds since 1970 by the other side's clock, as known at the
/// claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UncertainTries {
    /// When the first of them was claimed.
    pub from: Option<i64>,
    /// When the last of them was claimed.
    pub at: Option<i64>,
}

/// A request for rows: which, how many, and for how long.
pub(super) struct Claim {
    pub(super) queue: Queue,
    pub(super) most: usize,
    /// How many of them may come back after a pause.
    pub(super) most_back: usize,
    pub(super) lease: Duration,
    /// Gives the time by the other side's clock, in milliseconds since 1970, if it is known.
    pub(super) now_there: Box<dyn Fn() -> Option<i64> + Send>,
    /// When it was made, by our clock.
    pub(super) made: Instant,
    /// How long it stands if no row is due.
    pub(super) patience: Duration,
}

impl Claim {
    /// How much longer it stands.
    pub(super) fn left(&self) -> Duration {
        self.patience.saturating_sub(self.made.elapsed())
    }
}

/// What a claim found.
#[derive(Debug, Default)]
pub struct Claims {
    /// The rows, oldest first.
    pub rows: Vec<Claimed>,
    /// The time until the next lane is due. `None` if no lane waits.
    pub next: Option<Duration>,
}

impl Claimed {
    /// How long ago the event was accepted.
    pub fn age(&self) -> Duration {
        since(self.accepted_at)
    }

    /// Now, by the other side's clock as known at the claim. Whatever was done since the claim began no later than
    /// this.
    pub(super) fn ended_at(&self) -> Option<i64> {
        let (claimed, at) = self.claimed;
        Some(at? + i64::try_from(claimed.elapsed().as_millis()).ok()?)
    }

    /// How long ago its first try failed. Zero if none has failed.
    pub fn failing(&self) -> Duration {
        if self.failing.is_zero() { Duration::ZERO } else { self.failing + self.claimed.0.elapsed() }
    }
}

fn since(ms: i64) -> Duration {
    Duration::from_millis((clock::wall_ms() - ms).max(0).unsigned_abs())
}
