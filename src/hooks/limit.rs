//! The ceiling of a hook: how many deliveries it takes in a time. It protects the disk, and nothing else.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::config::HookLimit;

/// A bucket that holds as many deliveries as are allowed, and fills again at that rate.
pub(super) struct Limit {
    most: f64,
    per: Duration,
    /// How many are left, and when that was counted.
    left: Mutex<(f64, Instant)>,
}

impl Limit {
    pub(super) fn new(HookLimit { most, per }: HookLimit, now: Instant) -> Limit {
        let most = f64::from(most);
        Limit { most, per, left: Mutex::new((most, now)) }
    }

    /// How many a minute it lets through for good: 1 at least, since a sender of CloudEvents takes no less for an answer.
    pub(super) fn per_minute(&self) -> u64 {
        (self.most * 60.0 / self.per.as_secs_f64()).floor().max(1.0) as u64
    }

    /// Counts a delivery, or says in how many seconds there is room for one.
    pub(super) fn take(&self, now: Instant) -> Result<(), u64> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, at) = *left;
        let rate = self.most / self.per.as_secs_f64();
        let filled = now.saturating_duration_since(at).as_secs_f64().mul_add(rate, before).min(self.most);
        if filled >= 1.0 {
            *left = (filled - 1.0, now);
            return Ok(());
        }
        *left = (filled, now);
        Err(((1.0 - filled) / rate).ceil().max(1.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_so_many_at_once_and_then_at_that_rate() {
        let now = crate::clock::instant();
        let limit = Limit::new(HookLimit { most: 3, per: Duration::from_secs(60) }, now);
        let at = |seconds| now + Duration::from_secs(seconds);
        assert_eq!([0, 0, 0, 0].map(|seconds| limit.take(at(seconds))), [Ok(()), Ok(()), Ok(()), Err(20)]);
        assert_eq!([19, 20, 21].map(|seconds| limit.take(at(seconds))), [Err(1), Ok(()), Err(19)]);
        let per_minute =
            |most, seconds| Limit::new(HookLimit { most, per: Duration::from_secs(seconds) }, now).per_minute();
        assert_eq!(
            [(3, 60), (100, 1), (90, 3600), (2, 3600)].map(|(most, per)| per_minute(most, per)),
            [3, 6000, 1, 1]
        );
        assert_eq!([600, 600, 600, 600].map(|seconds| limit.take(at(seconds)).is_ok()), [true, true, true, false]);
    }
}
