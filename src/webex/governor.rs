//! The budget of calls of one token: as many as Webex was seen to allow, shared out by priority.
//!
//! No call is slowed before Webex answers 429. The API that answered so is then not called until the pause ends. If
//! Webex still refuses, every call of the token is paced, as [`Pace`] has learned. Webex publishes few of its limits
//! and changes some at run time, so a fixed pace would be too slow or too fast. Only polling has one, so that replies
//! keep their share.
//!
//! Waiting calls go by priority, and in order within a priority. A lower one that was passed over eight times is next.
//! The arithmetic is in [`Budget`], which gets the time as an argument.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::pace::{MINUTE, Pace, TokenBucket};
use crate::clock;

/// The longest time a call waits for its turn. If a pause is longer, the caller waits without a lease.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The least pause after a call that got no turn in time. It is longer than [`LONGEST_WAIT`], so nobody waits it out
/// within a lease.
const COME_BACK: Duration = Duration::from_secs(3);

/// A priority that was passed over this often is next. There are two lower ones, so each has one turn in ten.
const MOST_PASSED: u32 = 8;

/// The longest time before a waiting call looks again, since others may have left.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Which calls go first if there are more than Webex takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// For a call that somebody waits for: a reply, and reading the message that is replied to.
    Reply,
    /// For a message that nobody waits for.
    Notify,
    /// For polling, and for checking the webhooks. Such a call waits as long as its turn takes, while the others fail
    /// with [`Error::RateLimited`](super::Error::RateLimited) after two seconds. It has a limit of its own,
    /// `polling.rate`. A longer pause that Webex asks for makes it fail too.
    Poll,
}

impl Priority {
    const ALL: [Priority; 3] = [Priority::Reply, Priority::Notify, Priority::Poll];

    /// The label in the metrics.
    pub(super) fn label(self) -> &'static str {
        match self {
            Priority::Reply => "reply",
            Priority::Notify => "notify",
            Priority::Poll => "poll",
        }
    }

    /// Whether a call of this priority waits for any time. The others are made within leases, which must not run out.
    fn is_patient(self) -> bool {
        match self {
            Priority::Reply | Priority::Notify => false,
            Priority::Poll => true,
        }
    }
}

/// The budget, which all clones of a client share.
#[derive(Default)]
pub(super) struct Governor(Mutex<Budget>);

impl Governor {
    /// Waits for the turn of a call, and gives how long that took. The error is the pause before the next try.
    pub(super) async fn admit(&self, endpoint: &'static str, priority: Priority) -> Result<Duration, Duration> {
        let began = clock::instant();
        let entered = self.budget().enter(endpoint, priority, began)?;
        let Some(ticket) = entered else { return Ok(Duration::ZERO) };
        let place = PlaceInLine { governor: self, ticket };
        loop {
            let now = clock::instant();
            let step = self.budget().next_turn(&place.ticket, now);
            match step {
                NextTurn::Go => return Ok(now - began),
                NextTurn::Wait(pause) => tokio::time::sleep(pause).await,
                NextTurn::Later(pause) => return Err(pause),
            }
        }
    }

    /// Waits until a call could soon have its turn, and gives how many could. Reserves nothing.
    pub(super) async fn room(&self, endpoint: &'static str, priority: Priority) -> usize {
        loop {
            let room = self.budget().room(endpoint, priority, clock::instant());
            match room {
                Ok(room) => return room,
                Err(pause) => tokio::time::sleep(pause.min(LOOK_AGAIN)).await,
            }
        }
    }

    /// Notes that Webex took a call.
    pub(super) fn taken(&self) {
        self.budget().pace.taken(clock::instant());
    }

    /// Notes that Webex answered 429.
    pub(super) fn refused(&self, endpoint: &'static str, pause: Duration) {
        let now = clock::instant();
        let mut budget = self.budget();
        if budget.refused(endpoint, pause, now) {
            let (pause_seconds, pace) = (pause.as_secs(), budget.pace.per_second(now));
            drop(budget);
            let then = match pace {
                None => String::new(),
                Some(pace) => format!(", and about {:.0} calls a minute in all from then on, rising", pace * 60.0),
            };
            tracing::warn!(
                endpoint,
                pause_seconds,
                "Webex asks to slow down: no call of this kind until the pause ends{then}"
            );
        }
    }

    /// The calls a minute, if they are limited now.
    pub(super) fn pace(&self) -> Option<f64> {
        Some(self.budget().pace.per_second(clock::instant())? * 60.0)
    }

    /// Forgets all pauses that Webex asked for, and the pace.
    pub(super) fn forget(&self) {
        let mut budget = self.budget();
        budget.paused.clear();
        budget.pace = Pace::default();
    }

    /// Limits [`Priority::Poll`].
    pub(super) fn poll_at_most(&self, per_minute: u32) {
        let rate = f64::from(per_minute) / MINUTE.as_secs_f64();
        self.budget().polls = Some((rate, TokenBucket::full(rate, MINUTE.as_secs_f64(), clock::instant())));
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the line. Dropping it frees the place.
struct PlaceInLine<'a> {
    governor: &'a Governor,
    ticket: Ticket,
}

impl Drop for PlaceInLine<'_> {
    fn drop(&mut self) {
        self.governor.budget().leave(&self.ticket);
    }
}

#[derive(Debug)]
struct Ticket {
    number: u64,
    api: &'static str,
    priority: Priority,
    since: Instant,
}

/// What a waiting call does next.
#[derive(Debug, PartialEq)]
enum NextTurn {
    Go,
    /// It looks again after this time.
    Wait(Duration),
    /// It gives up, and is tried again after this time.
    Later(Duration),
}

#[derive(Default)]
struct Budget {
    /// APIs that may not be called, and until when. The limit applies to the token, not to a space.
    paused: HashMap<&'static str, Instant>,
    pace: Pace,
    /// The limit of polling, in calls a second.
    polls: Option<(f64, TokenBucket)>,
    tickets: u64,
    waiting: [VecDeque<u64>; 3],
    /// How often each priority was passed over since its last turn.
    passed: [u32; 3],
    /// Calls whose turn has come, but which have not noticed yet.
    admitted: HashSet<u64>,
}

impl Budget {
    /// `None` if the call goes at once, a ticket if it has to wait. The error is the pause before the next try.
    fn enter(&mut self, endpoint: &'static str, priority: Priority, now: Instant) -> Result<Option<Ticket>, Duration> {
        let api = api(endpoint);
        if let Some(left) = self.pause(api, now) {
            return Err(left);
        }
        let limits_polls = priority == Priority::Poll && self.polls.is_some();
        if self.pace.per_second(now).is_none() && !limits_polls {
            return Ok(None);
        }
        self.tickets += 1;
        let ticket = Ticket { number: self.tickets, api, priority, since: now };
        self.waiting[priority as usize].push_back(ticket.number);
        match self.next_turn(&ticket, now) {
            NextTurn::Go => Ok(None),
            NextTurn::Wait(_) => Ok(Some(ticket)),
            NextTurn::Later(pause) => {
                self.leave(&ticket);
                Err(pause)
            }
        }
    }

    fn next_turn(&mut self, ticket: &Ticket, now: Instant) -> NextTurn {
        if let Some(left) = self.pause(ticket.api, now) {
            return NextTurn::Later(left);
        }
        self.admit(now);
        if self.admitted.remove(&ticket.number) {
            return NextTurn::Go;
        }
        let class = ticket.priority as usize;
        let place = 1 + self.waiting[class].iter().take_while(|number| **number != ticket.number).count();
        let patience = LONGEST_WAIT.saturating_sub(now.saturating_duration_since(ticket.since));
        let (mut earliest, mut expected) = (Duration::ZERO, Duration::ZERO);
        if let Some((pace, bucket)) = self.pace.limit(now) {
            let ahead: usize = self.waiting[..class].iter().map(VecDeque::len).sum();
            (earliest, expected) = (bucket.until(place, pace), bucket.until(ahead + place, pace));
        }
        if ticket.priority.is_patient() {
            let of_polls = self.polls.as_ref().map(|(rate, bucket)| bucket.until(place, *rate));
            return NextTurn::Wait(
                earliest.max(of_polls.unwrap_or_default()).clamp(Duration::from_millis(1), LOOK_AGAIN),
            );
        }
        if patience.is_zero() || expected > LONGEST_WAIT {
            return NextTurn::Later(expected.max(COME_BACK));
        }
        NextTurn::Wait(earliest.min(patience).clamp(Duration::from_millis(1), LOOK_AGAIN))
    }

    fn leave(&mut self, ticket: &Ticket) {
        self.admitted.remove(&ticket.number);
        self.waiting[ticket.priority as usize].retain(|number| *number != ticket.number);
    }

    /// How many calls would have their turn well before they give up, or the time until one would. A pause longer than
    /// [`LONGEST_WAIT`] is ignored: a call during it fails, and comes back afterwards.
    fn room(&mut self, endpoint: &'static str, priority: Priority, now: Instant) -> Result<usize, Duration> {
        if let Some(left) = self.pause(api(endpoint), now).filter(|left| *left <= LONGEST_WAIT) {
            return Err(left);
        }
        self.admit(now);
        let Some((pace, bucket)) = self.pace.limit(now) else { return Ok(usize::MAX) };
        let ahead: usize = self.waiting[..=priority as usize].iter().map(VecDeque::len).sum();
        // Both queues may ask at the same moment, so each gets half of the calls that were saved up.
        let saved = (bucket.calls / 2.0).max(bucket.calls.min(1.0));
        let soon = saved + pace * (LONGEST_WAIT / 4).as_secs_f64() - ahead as f64;
        if soon >= 1.0 {
            return Ok(soon as usize);
        }
        Err(Duration::try_from_secs_f64((1.0 - soon) / pace).unwrap_or(MINUTE).max(Duration::from_millis(1)))
    }

    /// Learns from a 429. Returns whether it is the first one of its pause.
    fn refused(&mut self, endpoint: &'static str, pause: Duration, now: Instant) -> bool {
        let api = api(endpoint);
        let is_first = self.pause(api, now).is_none();
        let until = self.paused.entry(api).or_insert(now);
        *until = (*until).max(now + pause);
        self.pace.refused(pause, now);
        is_first
    }

    /// The rest of the pause that Webex asked for.
    fn pause(&mut self, api: &'static str, now: Instant) -> Option<Duration> {
        let left = self.paused.get(api)?.saturating_duration_since(now);
        if left.is_zero() {
            self.paused.remove(api);
            return None;
        }
        Some(left)
    }

    /// Lets waiting calls go while the limits allow it.
    fn admit(&mut self, now: Instant) {
        if let Some((rate, bucket)) = &mut self.polls {
            bucket.fill(*rate, now);
        }
        self.pace.fill(now);
        while let Some(next) = self.next() {
            if let Some(bucket) = self.pace.saved(now) {
                if !bucket.has_one() {
                    return;
                }
                bucket.calls -= 1.0;
                for class in Priority::ALL {
                    if class != next && self.may_go(class) {
                        self.passed[class as usize] += 1;
                    }
                }
                self.passed[next as usize] = 0;
            }
            if let (Priority::Poll, Some((_, bucket))) = (next, &mut self.polls) {
                bucket.calls -= 1.0;
            }
            self.admitted.extend(self.waiting[next as usize].pop_front());
        }
    }

    /// The priority whose turn it is.
    fn next(&self) -> Option<Priority> {
        let candidates = || Priority::ALL.into_iter().filter(|class| self.may_go(*class));
        let passed = |class: &Priority| self.passed[*class as usize];
        let owed = candidates().rev().filter(|class| passed(class) >= MOST_PASSED).max_by_key(passed);
        owed.or_else(|| candidates().next())
    }

    fn may_go(&self, class: Priority) -> bool {
        let within_its_own_limit = match class {
            Priority::Reply | Priority::Notify => true,
            Priority::Poll => self.polls.as_ref().is_none_or(|(_, bucket)| bucket.has_one()),
        };
        within_its_own_limit && !self.waiting[class as usize].is_empty()
    }
}

/// The API that a path belongs to, which is its beginning. Webex limits a token's calls by API.
fn api(endpoint: &'static str) -> &'static str {
    endpoint.split('/').next().unwrap_or(endpoint)
}

#[cfg(test)]
mod tests;
