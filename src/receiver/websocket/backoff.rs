//! The pauses before a new socket: one second, doubled with each failure. Part of each pause is random, so that daemons
//! which lost their sockets together do not come back together.

use std::time::Duration;

use crate::webex::jittered;

const FIRST: Duration = Duration::from_secs(1);

pub(super) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(super) fn new(longest: Duration) -> Backoff {
        Backoff { next: FIRST.min(longest), longest }
    }

    /// The next pause: at random, half to all of the one that is due.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(self.longest);
        jittered(pause)
    }

    /// The longest pause, which is used if only a person can mend the cause.
    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// Starts over with the shortest pause, since a socket has worked.
    pub(super) fn reset(&mut self) {
        self.next = FIRST.min(self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_to_the_longest_and_never_ends() {
        let mut backoff = Backoff::new(Duration::from_secs(32));
        for seconds in [1, 2, 4, 8, 16, 32, 32, 32] {
            let pause = backoff.next();
            let whole = Duration::from_secs(seconds);
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next() <= Duration::from_secs(1));
    }
}
