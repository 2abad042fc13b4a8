//! Limits a warning that may come by the thousand to one line a minute, which says how many it stands for.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// The shortest time between two lines of one warning.
const EVERY: Duration = Duration::from_secs(60);

/// One kind of warning. Ask it before each line.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<LastLine>);

#[derive(Debug, Default)]
struct LastLine {
    at: Option<Instant>,
    /// How often the warning came since the last line.
    since: u64,
}

impl Seldom {
    /// Counts one more warning. If it is time for the next line, gives how many there were since the last, this one
    /// included.
    pub fn count(&self) -> Option<u64> {
        self.count_at(clock::instant())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.since += 1;
        if told.at.is_some_and(|at| now.duration_since(at) < EVERY) {
            return None;
        }
        told.at = Some(now);
        Some(std::mem::take(&mut told.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_within_a_minute_is_counted_and_told_with_the_next_line() {
        let (seldom, start) = (Seldom::default(), clock::instant());
        let at = |seconds| seldom.count_at(start + Duration::from_secs(seconds));
        assert_eq!([at(0), at(1), at(59), at(60), at(61), at(500)], [Some(1), None, None, Some(3), None, Some(2)]);
    }
}
