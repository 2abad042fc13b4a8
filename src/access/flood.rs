//! Limits how many messages of one person, and of one space, are answered: token buckets in memory. They count by the
//! time at which something was said. So messages that are fetched after an outage are no flood, although they come in a
//! burst.

use std::mem;
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::config;
use crate::recent::Recent;
use crate::webex::{PersonId, RoomId};

/// What one message takes from a bucket. A bucket counts milliseconds times messages a minute, so nothing is rounded.
const MINUTE: u64 = 60_000;

/// A message that is this much older than the newest one came late, after an outage. It is no part of a flood and does
/// not count.
const LATE_MS: i64 = 60_000;

/// The buckets.
pub struct Flood {
    people: Mutex<Buckets>,
    spaces: Mutex<Buckets>,
    /// The result for each event, so that a further try does not count again.
    counted: Mutex<Recent<Uuid, Pace>>,
}

/// Whether a person, or a space, is over its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It is not.
    Fine,
    /// It is.
    Over {
        /// The rule that set the limit.
        rule: &'static str,
        /// Whether to tell the person. That is done once, and again only after a pause.
        tell: bool,
    },
}

impl Flood {
    /// Makes the buckets from settings that were checked.
    pub fn new(settings: &config::Flood) -> Flood {
        let buckets = |rate, rule| Mutex::new(Buckets::new(rate, settings.burst, rule));
        Flood {
            people: buckets(settings.person, "more than flood.person allows of one person"),
            spaces: buckets(settings.space, "more than flood.space allows in one space"),
            counted: Mutex::default(),
        }
    }

    /// Counts a message or click of a person, made `at` this time in milliseconds since 1970. `space` is none for a
    /// direct space. Each event counts once. If it is too much for the person, it does not count for the space.
    pub fn take(&self, event: Uuid, person: &PersonId, space: Option<&RoomId>, at: i64) -> Pace {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pace) = counted.get(&event) {
            return *pace;
        }
        let pace = self.count(person, space, at);
        counted.insert(event, pace);
        pace
    }

    fn count(&self, person: &PersonId, space: Option<&RoomId>, at: i64) -> Pace {
        let take = |buckets: &Mutex<Buckets>, key| buckets.lock().unwrap_or_else(PoisonError::into_inner).take(key, at);
        match (take(&self.people, person.local()), space) {
            (Pace::Fine, Some(space)) => take(&self.spaces, space.local()),
            (pace, _) => pace,
        }
    }
}

struct Buckets {
    /// Messages a minute; 0 means no limit.
    rate: u64,
    most: u64,
    rule: &'static str,
    /// The buckets by person or space. Each takes some hundred bytes.
    recent: Recent<String, Bucket>,
}

struct Bucket {
    left: u64,
    /// The time of the last message.
    at: i64,
    /// Whether the limit was exceeded. Nothing is let through until the bucket has a minute's worth again.
    over: bool,
    /// Whether the person was told.
    told: bool,
}

impl Buckets {
    fn new(rate: u32, burst: u32, rule: &'static str) -> Buckets {
        let rate = u64::from(rate);
        let most = rate * u64::from(burst) * MINUTE;
        Buckets { rate, most, rule, recent: Recent::default() }
    }

    fn take(&mut self, key: String, at: i64) -> Pace {
        if self.rate == 0 {
            return Pace::Fine;
        }
        let known = self.recent.remove(&key);
        let mut bucket = known.unwrap_or(Bucket { left: self.most, at, over: false, told: false });
        let pace = self.count(&mut bucket, at);
        self.recent.insert(key, bucket);
        pace
    }

    fn count(&self, bucket: &mut Bucket, at: i64) -> Pace {
        if at.saturating_add(LATE_MS) < bucket.at {
            return Pace::Fine;
        }
        let pause = at.saturating_sub(bucket.at).max(0).unsigned_abs();
        bucket.left = bucket.left.saturating_add(pause.saturating_mul(self.rate)).min(self.most);
        bucket.at = bucket.at.max(at);
        bucket.told &= pause < MINUTE;
        if bucket.over && bucket.left < self.rate * MINUTE {
            return Pace::Over { rule: self.rule, tell: false };
        }
        bucket.over = bucket.left < MINUTE;
        if bucket.over {
            let tell = !mem::replace(&mut bucket.told, true);
            return Pace::Over { rule: self.rule, tell };
        }
        bucket.left -= MINUTE;
        Pace::Fine
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::MOST;

    const START: i64 = 1_700_000_000_000;

    fn flood(person: u32, space: u32, burst: u32) -> Flood {
        Flood::new(&config::Flood { person, space, burst })
    }

    /// One letter for each message: `.` for answered, `!` for refused with a notice, and `-` for ignored in silence.
    fn said(flood: &Flood, person: &str, space: Option<&str>, times: impl IntoIterator<Item = i64>) -> String {
        let space = space.map(RoomId::from);
        let pace = |ms| match flood.count(&person.into(), space.as_ref(), START + ms) {
            Pace::Fine => '.',
            Pace::Over { tell: true, .. } => '!',
            Pace::Over { tell: false, .. } => '-',
        };
        times.into_iter().map(pace).collect()
    }

    #[test]
    fn after_a_burst_there_is_one_notice_then_silence_until_calm() {
        let flood = flood(3, 0, 2);
        assert_eq!(said(&flood, "a", None, [0; 10]), "......!---");
        assert_eq!(said(&flood, "b", None, [0]), ".", "others are not meant");
        assert_eq!(said(&flood, "a", None, [30_000, 59_999]), "--", "not before a minute's worth is there again");
        assert_eq!(said(&flood, "a", None, [60_000; 5]), "...--", "they know already");
        // After a pause of a minute they are told again.
        assert_eq!(said(&flood, "a", None, [120_000; 5]), "...!-");
        assert_eq!(said(&flood, "a", None, [600_000; 8]), "......!-");
    }

    #[test]
    fn an_event_that_is_worked_on_again_counts_once() {
        let (flood, person) = (flood(1, 0, 1), PersonId::from("a"));
        let take = |event| flood.take(Uuid::from_u128(event), &person, None, START);
        assert_eq!([take(1), take(1)], [Pace::Fine; 2]);
        let over = take(2);
        assert!(matches!(over, Pace::Over { tell: true, .. }), "{over:?}");
        assert_eq!([take(1), take(2)], [Pace::Fine, over]);
    }

    #[test]
    fn who_keeps_to_the_rate_is_never_stopped() {
        assert_eq!(said(&flood(3, 0, 1), "a", None, (0..100).map(|nth| nth * 20_000)), ".".repeat(100));
    }

    #[test]
    fn a_space_has_a_bucket_of_its_own_and_no_limit_is_none() {
        let flood = flood(0, 4, 1);
        assert_eq!(said(&flood, "a", Some("r"), [0; 3]), "...");
        assert_eq!(said(&flood, "b", Some("r"), [0; 3]), ".!-");
        assert_eq!(said(&flood, "b", Some("s"), [0]), ".");
        assert_eq!(said(&flood, "b", None, [0; 1000]), ".".repeat(1000));
    }

    #[test]
    fn what_was_said_over_a_day_and_comes_at_once_is_no_flood() {
        let flood = flood(2, 0, 1);
        let hours = |from: i64| (0..24).map(move |hour| (from + hour) * 3_600_000);
        assert_eq!(said(&flood, "a", None, hours(0)), ".".repeat(24));
        // Another space of the same person is read back after the first one, from the morning on.
        assert_eq!(said(&flood, "a", None, hours(0)), ".".repeat(24));
        // A real flood at that time is still recognised.
        assert_eq!(said(&flood, "a", None, [100 * 3_600_000; 4]), "..!-");
        // Messages slightly out of order do not get around the limit.
        assert_eq!(said(&flood, "a", None, [100 * 3_600_000 - 1000; 2]), "--");
    }

    #[test]
    fn a_crowd_takes_no_more_memory_than_its_bound_and_does_not_free_a_flooder() {
        let flood = flood(1, 0, 1);
        for nth in 0..5 * MOST {
            if nth % (MOST / 2) == 0 {
                let expected = if nth == 0 {
                    "."
                } else if nth == MOST / 2 {
                    "!"
                } else {
                    "-"
                };
                assert_eq!(said(&flood, "flooder", None, [0]), expected, "{nth}");
            }
            said(&flood, &nth.to_string(), None, [0]);
        }
        let people = flood.people.lock().unwrap();
        let known = (0..5 * MOST).filter(|nth| people.recent.get(&PersonId::from(nth.to_string()).local()).is_some());
        assert!((1..=2 * MOST).contains(&known.count()));
    }
}
