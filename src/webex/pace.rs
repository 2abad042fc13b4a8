//! Learns from the 429s of a token whether its calls must be paced, and how fast.
//!
//! A single 429 says no more than its `Retry-After`: a bot that made three calls a minute is not why Webex refused. It
//! is different if Webex refuses again within a minute after a pause. Then the limit is the number of calls it took in
//! between, divided by the time until it takes calls again. The pace begins at half the limit, rises evenly, and ends
//! at twice the limit. The pace is a guess. If Webex refuses a bot that stays well below it, the rate is not the
//! reason. Then the guess is dropped, and the next one needs more pauses.

use std::time::{Duration, Instant};

/// Webex counts by the minute.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A limit that is counted by the minute and just exceeded is reached again a little after a minute.
const SOON: Duration = Duration::from_secs(75);

/// The lowest limit that is believed, in calls a second. The lowest pace begins at half of it, which is a tenth of the
/// limit that Webex documents.
const LEAST: f64 = 1.0;

/// The pace begins at this part of what Webex took, and ends at [`UNLIMITED`] times as much.
const AT_FIRST: f64 = 0.5;
const UNLIMITED: f64 = 2.0;

/// If a 429 comes while the pace is below this part, it refutes the guess. Above it, the pace has risen too far.
const REFUTED: f64 = 0.95;

/// The pace just before a 429 is above the mean of its window by about this factor.
const OVERSHOT: f64 = 0.9;

/// The number of windows in which the pace rises by as much as Webex took.
const WINDOWS: f64 = 4.0;

/// The part of a window, 10 s of a minute, whose unused calls may be made at once.
const SAVED: f64 = 1.0 / 6.0;

/// A bot that makes no call for this long has nothing waiting, so its calls before do not show what Webex takes.
const IDLE: Duration = Duration::from_secs(2);

/// The fewest calls from which a limit is measured.
const ENOUGH: u32 = 10;

/// The first guess needs two pauses that are at least this long together, since shorter ones cost less than a wrong
/// guess. A guess after a refuted one needs [`MORE`] times as much, up to the last of these.
const FIRST_GUESS: Duration = Duration::from_secs(3);
const LAST_GUESS: Duration = Duration::from_secs(300);
const MORE: u32 = 4;

/// The pace of all calls of a token, as learned from its 429s.
#[derive(Default)]
pub(super) struct Pace {
    strain: Option<Strain>,
    learned: Option<Learned>,
}

/// Pauses that follow each other within a minute.
struct Strain {
    /// The end of the latest pause.
    until: Instant,
    /// How many pauses there were since the last guess, how long they were together, and how long the next guess needs
    /// them to be.
    pauses: u32,
    paused: Duration,
    needed: Duration,
    measure: Measure,
}

/// The number of calls that Webex took while more were waiting.
struct Measure {
    began: Instant,
    latest: Instant,
    taken: u32,
}

/// A guess at what Webex takes.
struct Learned {
    /// In calls a second.
    rate: f64,
    /// The period over which Webex seems to count, in seconds.
    window: f64,
    /// When the pace begins to rise: after the pause. But a long pause of one API is not waited for, since it does not
    /// concern all calls.
    since: Instant,
    bucket: TokenBucket,
}

/// The calls that were saved up.
pub(super) struct TokenBucket {
    pub(super) calls: f64,
    most: f64,
    filled: Instant,
}

impl TokenBucket {
    fn empty(rate: f64, window: f64, now: Instant) -> TokenBucket {
        TokenBucket { calls: 0.0, most: (rate * window * SAVED).max(1.0), filled: now }
    }

    pub(super) fn full(rate: f64, window: f64, now: Instant) -> TokenBucket {
        let empty = TokenBucket::empty(rate, window, now);
        TokenBucket { calls: empty.most, ..empty }
    }

    pub(super) fn fill(&mut self, rate: f64, now: Instant) {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.calls = (self.calls + rate * since).min(self.most);
        self.filled = self.filled.max(now);
    }

    /// Whether a whole call was saved up. Sums of small parts fall short of a whole by a little.
    pub(super) fn has_one(&self) -> bool {
        self.calls > 1.0 - 1e-6
    }

    /// The time until this many calls are saved up.
    pub(super) fn until(&self, calls: usize, rate: f64) -> Duration {
        Duration::try_from_secs_f64((calls as f64 - self.calls).max(0.0) / rate).unwrap_or(MINUTE)
    }
}

impl Strain {
    fn from(until: Instant) -> Strain {
        let measure = Measure::from(until);
        Strain { until, pauses: 0, paused: Duration::ZERO, needed: FIRST_GUESS, measure }
    }
}

impl Measure {
    fn from(began: Instant) -> Measure {
        Measure { began, latest: began, taken: 0 }
    }

    fn count(&mut self, now: Instant) {
        if now.saturating_duration_since(self.latest) > IDLE {
            *self = Measure::from(now);
        }
        (self.latest, self.taken) = (self.latest.max(now), self.taken + 1);
    }

    /// The calls a second up to the time when Webex takes calls again, if there were enough calls to measure.
    fn rate(&self, until: Instant) -> Option<f64> {
        let span = until.saturating_duration_since(self.began).as_secs_f64();
        (self.taken >= ENOUGH && span > 0.0).then(|| (f64::from(self.taken) / span).max(LEAST))
    }
}

impl Learned {
    fn at(rate: f64, window: f64, now: Instant, since: Instant) -> Learned {
        Learned { rate, window, since, bucket: TokenBucket::empty(rate, window, now) }
    }

    /// The pace as a part of the measured rate. None once there is no limit any more.
    fn part(&self, now: Instant) -> Option<f64> {
        let part = AT_FIRST + now.saturating_duration_since(self.since).as_secs_f64() / self.window / WINDOWS;
        (part < UNLIMITED).then_some(part)
    }
}

impl Pace {
    /// Notes that Webex took a call.
    pub(super) fn taken(&mut self, now: Instant) {
        if let Some(strain) = &mut self.strain {
            strain.measure.count(now);
        }
    }

    /// Notes that Webex refused a call and asked for a pause.
    pub(super) fn refused(&mut self, pause: Duration, now: Instant) {
        let until = now + pause.min(MINUTE);
        let strain = self.strain.take().filter(|strain| now < strain.until + SOON);
        let learned = self.learned.take().and_then(|learned| Some((learned.part(now)?, learned)));
        let mut strain = match strain {
            // These calls were on their way already, or Webex says the same about another API.
            Some(strain) if now < strain.until => {
                let until = until.max(strain.until);
                let measure = if strain.measure.taken == 0 { Measure::from(until) } else { strain.measure };
                self.learned = learned.map(|(_, learned)| Learned { since: learned.since.max(until), ..learned });
                self.strain = Some(Strain { until, measure, ..strain });
                return;
            }
            Some(strain) => strain,
            None => Strain::from(now),
        };
        let measured = strain.measure.rate(until);
        let cycle = until.saturating_duration_since(strain.until).as_secs_f64().max(1.0);
        (strain.pauses, strain.paused) = (strain.pauses + 1, strain.paused + (until - now));
        match (learned, measured) {
            (Some((part, _)), _) if part < REFUTED => {
                strain = Strain { needed: (strain.needed * MORE).min(LAST_GUESS), ..Strain::from(until) };
            }
            (Some((part, Learned { rate, window, .. })), measured) => {
                let overshot = (rate * part * OVERSHOT).max(LEAST);
                let rate = measured.map_or(overshot, |measured| measured.min(overshot));
                strain = Strain::from(until);
                self.learned = Some(Learned::at(rate, window, now, until));
            }
            (None, Some(rate)) if strain.pauses >= 2 && strain.paused >= strain.needed => {
                strain = Strain { needed: strain.needed, ..Strain::from(until) };
                self.learned = Some(Learned::at(rate, cycle, now, until));
            }
            (None, _) => {}
        }
        // If there are few calls in each of several short windows, they are added up.
        if measured.is_some() || strain.measure.taken == 0 {
            strain.measure = Measure::from(until);
        }
        // A bot with waiting calls is not idle.
        (strain.until, strain.measure.latest) = (until, until);
        self.strain = Some(strain);
    }

    /// The calls a second, if they are limited now.
    pub(super) fn per_second(&self, now: Instant) -> Option<f64> {
        let learned = self.learned.as_ref()?;
        Some(learned.rate * learned.part(now)?)
    }

    /// The pace and the calls that were saved up, if there is a limit.
    pub(super) fn limit(&self, now: Instant) -> Option<(f64, &TokenBucket)> {
        Some((self.per_second(now)?, &self.learned.as_ref()?.bucket))
    }

    /// Saves up the calls that were not made until now.
    pub(super) fn fill(&mut self, now: Instant) {
        if let (Some(pace), Some(learned)) = (self.per_second(now), &mut self.learned) {
            learned.bucket.fill(pace, now);
        }
    }

    /// The calls that were saved up, to draw from, if there is a limit.
    pub(super) fn saved(&mut self, now: Instant) -> Option<&mut TokenBucket> {
        self.per_second(now)?;
        Some(&mut self.learned.as_mut()?.bucket)
    }
}
