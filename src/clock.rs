//! The time. No other room asks the system for it.
//!
//! People and other processes read the wall time, which somebody may set forward or back at any moment. What a running
//! process measures (leases, pauses, checks) uses the steady time. It begins at the wall time of the start and advances
//! evenly, whatever happens to the system's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};

/// The wall time in milliseconds since 1970.
pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// The wall time.
pub fn wall() -> Timestamp {
    Timestamp::from_millisecond(wall_ms()).unwrap_or(Timestamp::MAX)
}

/// A moment to measure from, on the monotonic clock.
pub fn instant() -> Instant {
    Instant::now()
}

/// A span in milliseconds. It is at most a quarter of what the type can hold, so that a time and a few spans can be
/// added.
pub fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// The wall time and the steady time of one process. Cheap to clone; turning one clone turns all.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    /// The wall time at that moment, in milliseconds since 1970.
    began_at: i64,
    /// How many milliseconds a test has turned the wall time.
    turned: AtomicI64,
}

impl Clock {
    /// The system's clock. Its steady time begins at the present wall time.
    pub fn of_system() -> Clock {
        Clock(Arc::new(Inner { began: instant(), began_at: wall_ms(), turned: AtomicI64::new(0) }))
    }

    /// The wall time in milliseconds since 1970: for what people and other processes read.
    pub fn wall_ms(&self) -> i64 {
        wall_ms() + self.0.turned.load(Ordering::Relaxed)
    }

    /// The steady time in milliseconds. It stays near the wall time as long as nobody sets that.
    pub fn steady_ms(&self) -> i64 {
        self.0.began_at + millis(self.0.began.elapsed())
    }

    /// Sets the wall time forward or back, as somebody may at any moment.
    pub fn turn(&self, by: SignedDuration) {
        self.0.turned.fetch_add(i64::try_from(by.as_millis()).unwrap_or_default(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steady_time_goes_on_whatever_becomes_of_the_wall_time() {
        let clock = Clock::of_system();
        let (wall, steady) = (clock.wall_ms(), clock.steady_ms());
        clock.clone().turn(SignedDuration::from_hours(-1));
        assert!((3_590_000..=3_600_000).contains(&(wall - clock.wall_ms())));
        assert!((0..10_000).contains(&(clock.steady_ms() - steady)));
    }

    #[test]
    fn a_span_of_any_length_can_be_taken_from_a_time_and_added_to_it() {
        assert_eq!([Duration::from_micros(1999), Duration::from_secs(60)].map(millis), [1, 60_000]);
        let longest = millis(Duration::MAX);
        assert!(wall_ms() - longest - longest < 0);
        assert!(wall_ms() + longest > millis(Duration::from_secs(u32::MAX.into())));
    }
}
