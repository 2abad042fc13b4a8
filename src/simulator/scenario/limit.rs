//! The rate limit for the calls of each token. There is none until one is set, so that tests do not depend on luck.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::simulator::world::Refusal;

/// A number of calls within a number of seconds, after which the count starts again. More calls are answered 429.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimit {
    /// The most calls; 0 is no limit.
    pub calls: u32,
    /// The time over which calls are counted. Webex is said to count by the minute.
    pub seconds: u32,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit { calls: 0, seconds: 60 }
    }
}

/// The limit, and the calls of each token so far.
#[derive(Default)]
pub(crate) struct Limiter(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    limit: RateLimit,
    /// For each token, when its count began and how many calls it has made.
    of: HashMap<String, (Instant, u32)>,
}

impl Limiter {
    pub(crate) fn limit(&self) -> RateLimit {
        self.counts().limit
    }

    /// Sets a limit, and starts all counts again.
    pub(super) fn set(&self, limit: RateLimit) {
        *self.counts() = Counts { limit, of: HashMap::new() };
    }

    /// Counts a call of a token. Gives the `Retry-After` in seconds if it is one too many.
    pub(crate) fn refuses(&self, actor: &str, now: Instant) -> Option<u64> {
        let mut counts = self.counts();
        let RateLimit { calls, seconds } = counts.limit;
        if calls == 0 {
            return None;
        }
        let whole = Duration::from_secs(seconds.into());
        let (began, count) = counts.of.entry(actor.to_owned()).or_insert((now, 0));
        if now.saturating_duration_since(*began) >= whole {
            (*began, *count) = (now, 0);
        }
        if *count < calls {
            *count += 1;
            return None;
        }
        let left = whole.saturating_sub(now.saturating_duration_since(*began));
        Some((left.as_secs_f64().ceil() as u64).max(1))
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateLimit {
    /// Checks the limit, which may have been written by hand.
    pub(crate) fn checked(self) -> Result<RateLimit, Refusal> {
        if (1..=3600).contains(&self.seconds) {
            return Ok(self);
        }
        Err(Refusal::bad_request(format!("seconds is {}, but a limit is counted over 1 to 3600", self.seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_is_counted_alone_and_anew_when_its_time_is_over() {
        let limiter = Limiter::default();
        let start = Instant::now();
        let refuses = |actor, after| limiter.refuses(actor, start + Duration::from_millis(after));
        assert!((0..1000).all(|_| refuses("bot", 0).is_none()), "there is no limit at first");
        limiter.counts().limit = RateLimit { calls: 2, seconds: 10 };
        assert_eq!([0, 1000, 2500, 9999].map(|after| refuses("bot", after)), [None, None, Some(8), Some(1)]);
        assert_eq!(refuses("alice", 2500), None);
        assert_eq!([10_000, 10_000, 10_000].map(|after| refuses("bot", after)), [None, None, Some(10)]);
    }
}
