//! What the 429s of a token teach: whether its calls are to be paced, and how fast.
//!
//! One 429 says no more than its `Retry-After`: a bot that made three calls a minute is not what made Webex refuse.
//! When Webex refuses again within a minute after a pause, what it took in between, over the time until it takes calls
//! again, is its limit; the pace begins at half of that, rises evenly, and ends at twice as much. The pace is a guess:
//! where Webex refuses a bot that goes well below it, the rate is not the reason, the guess is dropped, and the next
//! one needs more pauses.

use std::time::{Duration, Instant};

/// Webex counts by the minute.
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A limit that is counted by the minute and just exceeded is met again a little after a minute.
const SOON: Duration = Duration::from_secs(75);

/// No limit below this is believed, in calls a second; a pace begins at half of it, which is a tenth of the limit that
/// Webex documents.
const LEAST: f64 = 1.0;

/// The pace begins at this part of what Webex took, and there is none any more from [`UNLIMITED`] times as much.
const AT_FIRST: f64 = 0.5;
const UNLIMITED: f64 = 2.0;

/// A 429 at a lower part than this refutes the pace; at a higher one the pace has risen too far.
const REFUTED: f64 = 0.95;

/// The last part before a 429 is above the mean of its window by about this factor.
const OVERSHOT: f64 = 0.9;

/// How many windows it takes for the pace to rise by as much as Webex took.
const WINDOWS: f64 = 4.0;

/// What was not used of so much of a window, 10 s of a minute, may be used at once.
const SAVED: f64 = 1.0 / 6.0;

/// A bot that makes no call for this long has nothing waiting, so its calls before do not show what Webex takes.
const IDLE: Duration = Duration::from_secs(2);

/// Fewer calls than this measure nothing.
const ENOUGH: u32 = 10;

/// The first guess needs two pauses that are as long together, since short ones cost less than a wrong guess; a guess
/// after a refuted one needs [`MORE`] times as much, up to the last.
const FIRST_GUESS: Duration = Duration::from_secs(3);
const LAST_GUESS: Duration = Duration::from_secs(300);
const MORE: u32 = 4;

/// The pace of all calls of a token, as its 429s taught it.
#[derive(Default)]
pub(super) struct Pace {
    strain: Option<Strain>,
    learned: Option<Learned>,
}

/// Pauses that follow each other within a minute.
struct Strain {
    /// The end of the latest pause.
    until: Instant,
    /// How many there were since the last guess, how long together, and how long the next guess needs them to be.
    pauses: u32,
    paused: Duration,
    needed: Duration,
    measure: Measure,
}

/// How many calls Webex took while more were waiting.
struct Measure {
    began: Instant,
    latest: Instant,
    taken: u32,
}

/// A guess at what Webex takes.
struct Learned {
    /// In calls a second.
    rate: f64,
    /// How long Webex seems to count, in seconds.
    window: f64,
    /// When the pace begins to rise: after the pause, but a long pause of one API is not one of all.
    since: Instant,
    bucket: TokenBucket,
}

/// Calls that were saved up.
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

    /// Sums of small parts fall short of a whole by a little.
    pub(super) fn has_one(&self) -> bool {
        self.calls > 1.0 - 1e-6
    }

    /// The time until there are this many.
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

    /// Calls a second until Webex takes calls again, if enough were made.
    fn rate(&self, until: Instant) -> Option<f64> {
        let span = until.saturating_duration_since(self.began).as_secs_f64();
        (self.taken >= ENOUGH && span > 0.0).then(|| (f64::from(self.taken) / span).max(LEAST))
    }
}

impl Learned {
    fn at(rate: f64, window: f64, now: Instant, since: Instant) -> Learned {
        Learned { rate, window, since, bucket: TokenBucket::empty(rate, window, now) }
    }

    /// What part of its rate the pace is; none once there is no limit any more.
    fn part(&self, now: Instant) -> Option<f64> {
        let part = AT_FIRST + now.saturating_duration_since(self.since).as_secs_f64() / self.window / WINDOWS;
        (part < UNLIMITED).then_some(part)
    }
}

impl Pace {
    /// Webex took a call.
    pub(super) fn taken(&mut self, now: Instant) {
        if let Some(strain) = &mut self.strain {
            strain.measure.count(now);
        }
    }

    /// Webex refused a call and asked for a pause.
    pub(super) fn refused(&mut self, pause: Duration, now: Instant) {
        let until = now + pause.min(MINUTE);
        let strain = self.strain.take().filter(|strain| now < strain.until + SOON);
        let learned = self.learned.take().and_then(|learned| Some((learned.part(now)?, learned)));
        let mut strain = match strain {
            // Other calls that were on their way, or the same said of another API.
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
        // Few calls in each of several short windows are added up.
        if measured.is_some() || strain.measure.taken == 0 {
            strain.measure = Measure::from(until);
        }
        // A bot whose calls wait is not idle.
        (strain.until, strain.measure.latest) = (until, until);
        self.strain = Some(strain);
    }

    /// Calls a second, while there is a limit to them.
    pub(super) fn per_second(&self, now: Instant) -> Option<f64> {
        let learned = self.learned.as_ref()?;
        Some(learned.rate * learned.part(now)?)
    }

    /// The pace and what was saved up of it, while there is a limit.
    pub(super) fn limit(&self, now: Instant) -> Option<(f64, &TokenBucket)> {
        Some((self.per_second(now)?, &self.learned.as_ref()?.bucket))
    }

    /// Saves up what was not used until now.
    pub(super) fn fill(&mut self, now: Instant) {
        if let (Some(pace), Some(learned)) = (self.per_second(now), &mut self.learned) {
            learned.bucket.fill(pace, now);
        }
    }

    /// What was saved up, to be drawn from, while there is a limit.
    pub(super) fn saved(&mut self, now: Instant) -> Option<&mut TokenBucket> {
        self.per_second(now)?;
        Some(&mut self.learned.as_mut()?.bucket)
    }
}
