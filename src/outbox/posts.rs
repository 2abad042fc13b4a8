//! Remembers when messages were posted, and says how long Webex may still carry out their posts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::clock;
use crate::store::UncertainTries;
use crate::webex::TIME_IS_GOOD_TO;

/// The most posts that are remembered. Beyond it, posts that Webex can no longer carry out are forgotten; they are of
/// messages that were dropped by hand.
const MOST_POSTS: usize = 4096;

/// When this process last posted each message, and when the process began.
pub(super) struct Posts {
    started: Instant,
    at: Mutex<HashMap<Uuid, Instant>>,
    /// How long Webex may take to carry a post out.
    longest: Duration,
    lease: Duration,
}

impl Posts {
    pub(super) fn new(longest: Duration, lease: Duration) -> Posts {
        Posts { started: clock::instant(), at: Mutex::default(), longest, lease }
    }

    /// Notes that a post of this row begins.
    pub(super) fn begin(&self, row: Uuid) {
        let mut posts = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        if posts.len() >= MOST_POSTS {
            posts.retain(|_, at| at.elapsed() < self.longest);
        }
        posts.insert(row, clock::instant());
    }

    /// Forgets the posts of a row that is settled.
    pub(super) fn forget(&self, row: Uuid) {
        self.at.lock().unwrap_or_else(PoisonError::into_inner).remove(&row);
    }

    /// How long Webex may still carry out a post. If this process made the post, the monotonic clock says so. Otherwise
    /// Webex's clock and the age of this process are asked, and the shorter time counts. Our wall clock is not used.
    pub(super) fn time_left(&self, row: Uuid, doubt: UncertainTries, webex_time: Option<i64>) -> Duration {
        let longest = self.longest;
        let made = self.at.lock().unwrap_or_else(PoisonError::into_inner).get(&row).copied();
        if let Some(made) = made {
            return longest.saturating_sub(made.elapsed());
        }
        let by_life = longest.saturating_sub(self.started.elapsed());
        let by_webex = doubt.at.zip(webex_time).map(|(at, now)| {
            let past = Duration::from_millis((now - at - TIME_IS_GOOD_TO).max(0).unsigned_abs());
            // The row says when its try began. The post itself may have begun up to one lease later.
            (longest + self.lease).saturating_sub(past)
        });
        by_webex.map_or(by_life, |by_webex| by_webex.min(by_life))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(40);
    const LEASE: Duration = Duration::from_secs(60);

    #[test]
    fn a_post_of_this_process_is_waited_for_by_its_own_clock() {
        let (posts, row) = (Posts::new(LONGEST, LEASE), Uuid::from_u128(1));
        posts.begin(row);
        let old = UncertainTries { from: Some(0), at: Some(0) };
        assert!(posts.time_left(row, old, Some(i64::MAX / 2)) > LONGEST / 2, "whatever other clocks say");
        let quick = Posts { longest: Duration::ZERO, ..posts };
        assert_eq!(quick.time_left(row, old, None), Duration::ZERO);
    }

    #[test]
    fn a_post_of_an_earlier_process_is_over_when_webexs_clock_or_the_age_of_this_one_shows_it() {
        let (posts, row) = (Posts::new(LONGEST, LEASE), Uuid::from_u128(1));
        let at = |at| UncertainTries { from: Some(0), at };
        assert!(posts.time_left(row, at(None), Some(i64::MAX / 2)) > LONGEST / 2, "nobody knows when it was made");
        assert!(posts.time_left(row, at(Some(1_000)), None) > LONGEST / 2);
        assert_eq!(posts.time_left(row, at(Some(1_000)), Some(1_000 + 102_000)), Duration::ZERO);
        assert_eq!(posts.time_left(row, at(Some(1_000)), Some(1_000 + 82_000)), LONGEST / 2);
        let left = posts.time_left(row, at(Some(1_000)), Some(0));
        assert!(left > LONGEST / 2 && left <= LONGEST, "a time that cannot be shortens nothing: {left:?}");
        let started = Instant::now().checked_sub(LONGEST).unwrap();
        let old = Posts { started, ..Posts::new(LONGEST, LEASE) };
        assert_eq!(old.time_left(row, at(None), None), Duration::ZERO);
    }
}
