//! The budget of one token: what Webex was seen to allow, shared out by priority.
//!
//! Nothing is slowed before Webex answers 429. Then the API that said so is left alone for as long as it asks, and every
//! call of the token is paced: at half of what Webex took just before, rising evenly, and not at all any more once that
//! is twice as much without a further 429. Webex publishes no numbers for most of its limits and adjusts some as it goes
//! along, so a fixed pace of our own would be too slow or too fast. Only polling has one, so that it never uses up what
//! replies need.
//!
//! Who waits is let go by priority, in order within one; a lower one that was passed over eight times is next. All
//! arithmetic is in [`Budget`], which is told the time.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;

/// A pause longer than this is left to the caller, who can wait without holding a lease.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Who did not get a turn in time comes back after this or later. It is more than [`LONGEST_WAIT`], so that nothing in
/// between waits it out.
const COME_BACK: Duration = Duration::from_secs(3);

/// Webex counts by the minute, so what it took is looked at over one.
const MINUTE: Duration = Duration::from_secs(60);

/// What is made of a 429 is no lower than this, in calls a second; a pace begins at half of it, which is a tenth of the
/// limit that Webex documents.
const LEAST: f64 = 1.0;

/// The pace begins at this part of what Webex took, and there is none any more from [`UNLIMITED`] times as much.
const AT_FIRST: f64 = 0.5;
const UNLIMITED: f64 = 2.0;

/// How many windows it takes for the pace to rise by as much as Webex took.
const WINDOWS: f64 = 4.0;

/// What was not used of so much of a window, 10 s of a minute, may be used at once.
const SAVED: f64 = 1.0 / 6.0;

/// A class that was passed over so often is next. There are two lower ones, so each has one turn in ten.
const MOST_PASSED: u32 = 8;

/// Who waits looks again at least so often, since others may have left.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Which calls go first when there are more than Webex takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for it: a reply, and reading what is replied to.
    Reply,
    /// A message that nobody waits for.
    Notify,
    /// Looking whether there is anything new, and after the webhooks. It waits for its turn for as long as that takes,
    /// where the others fail with [`Error::RateLimited`](super::Error::RateLimited) after two seconds, and has a limit of
    /// its own, `polling.rate`. A longer pause that Webex asks for fails it like the others.
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

    /// The others are called from within leases, which must not run out meanwhile.
    fn is_patient(self) -> bool {
        match self {
            Priority::Reply | Priority::Notify => false,
            Priority::Poll => true,
        }
    }
}

/// The budget as it is shared by all clones of a client.
#[derive(Default)]
pub(super) struct Governor(Mutex<Budget>);

impl Governor {
    /// Waits for the turn of a call and says how long that took; or says how long not to try.
    pub(super) async fn admit(&self, endpoint: &'static str, priority: Priority) -> Result<Duration, Duration> {
        let began = clock::instant();
        let entered = self.budget().enter(endpoint, priority, began)?;
        let Some(ticket) = entered else { return Ok(Duration::ZERO) };
        let place = Place { governor: self, ticket };
        loop {
            let now = clock::instant();
            let step = self.budget().look(&place.ticket, now);
            match step {
                Step::Go => return Ok(now - began),
                Step::Wait(pause) => tokio::time::sleep(pause).await,
                Step::Later(pause) => return Err(pause),
            }
        }
    }

    /// Waits until a call would soon have its turn, and says how many would. Nothing is reserved.
    pub(super) async fn room(&self, endpoint: &'static str, priority: Priority) -> usize {
        loop {
            let room = self.budget().room(endpoint, priority, clock::instant());
            match room {
                Ok(room) => return room,
                Err(pause) => tokio::time::sleep(pause.min(LOOK_AGAIN)).await,
            }
        }
    }

    /// Webex took a call.
    pub(super) fn taken(&self) {
        self.budget().taken(clock::instant());
    }

    /// Webex answered 429.
    pub(super) fn refused(&self, endpoint: &'static str, pause: Duration) {
        let now = clock::instant();
        let mut budget = self.budget();
        if budget.refused(endpoint, pause, now) {
            let (pause_seconds, pace) = (pause.as_secs(), budget.pace(now).unwrap_or_default() * 60.0);
            drop(budget);
            tracing::warn!(
                endpoint,
                pause_seconds,
                "Webex asks to slow down: no call of this kind until the pause ends, and about {pace:.0} calls a minute \
                 in all from now on, rising"
            );
        }
    }

    /// Calls a minute, while there is a limit to them.
    pub(super) fn pace(&self) -> Option<f64> {
        Some(self.budget().pace(clock::instant())? * 60.0)
    }

    /// Limits [`Priority::Poll`].
    pub(super) fn poll_at_most(&self, per_minute: u32) {
        let rate = f64::from(per_minute) / MINUTE.as_secs_f64();
        self.budget().polls = Some((rate, Bucket::full(rate, MINUTE.as_secs_f64(), clock::instant())));
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, which is given up with whoever waits there.
struct Place<'a> {
    governor: &'a Governor,
    ticket: Ticket,
}

impl Drop for Place<'_> {
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
enum Step {
    Go,
    /// Looks again after this.
    Wait(Duration),
    /// Gives up, and is tried again after this.
    Later(Duration),
}

#[derive(Default)]
struct Budget {
    /// How many calls Webex took in the last minute, counted by the second.
    taken: VecDeque<(Instant, u32)>,
    /// APIs that Webex asked to leave alone, and until when: a limit is the token's, whichever space a call is for.
    paused: HashMap<&'static str, Instant>,
    learned: Option<Learned>,
    /// The limit of polling, in calls a second.
    polls: Option<(f64, Bucket)>,
    tickets: u64,
    waiting: [VecDeque<u64>; 3],
    /// How often each class was passed over while it waited, since its last turn.
    passed: [u32; 3],
    /// Those that have their turn and have not looked yet.
    admitted: HashSet<u64>,
}

/// What a 429 taught.
struct Learned {
    /// Calls a second that Webex took before it.
    rate: f64,
    /// How long Webex seems to count, in seconds.
    window: f64,
    /// When the pace begins to rise: after the pause, but a long pause of one API is not one of all.
    since: Instant,
    bucket: Bucket,
}

/// What was saved up, in calls.
struct Bucket {
    calls: f64,
    most: f64,
    filled: Instant,
}

impl Bucket {
    fn empty(rate: f64, window: f64, now: Instant) -> Bucket {
        Bucket { calls: 0.0, most: (rate * window * SAVED).max(1.0), filled: now }
    }

    fn full(rate: f64, window: f64, now: Instant) -> Bucket {
        let empty = Bucket::empty(rate, window, now);
        Bucket { calls: empty.most, ..empty }
    }

    fn fill(&mut self, rate: f64, now: Instant) {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.calls = (self.calls + rate * since).min(self.most);
        self.filled = self.filled.max(now);
    }

    /// Sums of small parts fall short of a whole by a little.
    fn has_one(&self) -> bool {
        self.calls > 1.0 - 1e-6
    }

    /// Until there are so many.
    fn until(&self, calls: usize, rate: f64) -> Duration {
        Duration::try_from_secs_f64((calls as f64 - self.calls).max(0.0) / rate).unwrap_or(MINUTE)
    }
}

impl Budget {
    /// Nothing when the call goes at once, its place when it has to wait, and the pause when it may not even wait.
    fn enter(&mut self, endpoint: &'static str, priority: Priority, now: Instant) -> Result<Option<Ticket>, Duration> {
        let api = api(endpoint);
        if let Some(left) = self.pause(api, now) {
            return Err(left);
        }
        let limits_polls = priority == Priority::Poll && self.polls.is_some();
        if self.pace(now).is_none() && !limits_polls {
            return Ok(None);
        }
        self.tickets += 1;
        let ticket = Ticket { number: self.tickets, api, priority, since: now };
        self.waiting[priority as usize].push_back(ticket.number);
        match self.look(&ticket, now) {
            Step::Go => Ok(None),
            Step::Wait(_) => Ok(Some(ticket)),
            Step::Later(pause) => {
                self.leave(&ticket);
                Err(pause)
            }
        }
    }

    fn look(&mut self, ticket: &Ticket, now: Instant) -> Step {
        if let Some(left) = self.pause(ticket.api, now) {
            return Step::Later(left);
        }
        self.admit(now);
        if self.admitted.remove(&ticket.number) {
            return Step::Go;
        }
        let class = ticket.priority as usize;
        let place = 1 + self.waiting[class].iter().take_while(|number| **number != ticket.number).count();
        let patience = LONGEST_WAIT.saturating_sub(now.saturating_duration_since(ticket.since));
        let (mut earliest, mut expected) = (Duration::ZERO, Duration::ZERO);
        if let (Some(pace), Some(Learned { bucket, .. })) = (self.pace(now), &self.learned) {
            let ahead: usize = self.waiting[..class].iter().map(VecDeque::len).sum();
            (earliest, expected) = (bucket.until(place, pace), bucket.until(ahead + place, pace));
        }
        if ticket.priority.is_patient() {
            let of_polls = self.polls.as_ref().map(|(rate, bucket)| bucket.until(place, *rate));
            return Step::Wait(earliest.max(of_polls.unwrap_or_default()).clamp(Duration::from_millis(1), LOOK_AGAIN));
        }
        if patience.is_zero() || expected > LONGEST_WAIT {
            return Step::Later(expected.max(COME_BACK));
        }
        Step::Wait(earliest.min(patience).clamp(Duration::from_millis(1), LOOK_AGAIN))
    }

    fn leave(&mut self, ticket: &Ticket) {
        self.admitted.remove(&ticket.number);
        self.waiting[ticket.priority as usize].retain(|number| *number != ticket.number);
    }

    /// How many calls would have their turn well before they gave up; or the time until one would. A long pause is not
    /// waited for: who is refused because of it is told so and comes back after it.
    fn room(&mut self, endpoint: &'static str, priority: Priority, now: Instant) -> Result<usize, Duration> {
        if let Some(left) = self.pause(api(endpoint), now).filter(|left| *left <= LONGEST_WAIT) {
            return Err(left);
        }
        self.admit(now);
        let (Some(pace), Some(Learned { bucket, .. })) = (self.pace(now), &self.learned) else { return Ok(usize::MAX) };
        let ahead: usize = self.waiting[..=priority as usize].iter().map(VecDeque::len).sum();
        let soon = bucket.calls + pace * (LONGEST_WAIT / 4).as_secs_f64() - ahead as f64;
        if soon >= 1.0 {
            return Ok(soon as usize);
        }
        Err(Duration::try_from_secs_f64((1.0 - soon) / pace).unwrap_or(MINUTE).max(Duration::from_millis(1)))
    }

    fn taken(&mut self, now: Instant) {
        while self.taken.front().is_some_and(|(at, _)| now.saturating_duration_since(*at) > MINUTE) {
            self.taken.pop_front();
        }
        match self.taken.back_mut() {
            Some((at, calls)) if now.saturating_duration_since(*at) < Duration::from_secs(1) => *calls += 1,
            Some(_) | None => self.taken.push_back((now, 1)),
        }
    }

    /// Learns from a 429, and says whether it is the first one of its pause.
    fn refused(&mut self, endpoint: &'static str, pause: Duration, now: Instant) -> bool {
        let api = api(endpoint);
        let is_first = self.pause(api, now).is_none();
        let until = self.paused.entry(api).or_insert(now);
        *until = (*until).max(now + pause);
        // What was taken since Webex began to count, over the time until it counts anew.
        let recent = || self.taken.iter().filter(|(at, _)| now.saturating_duration_since(*at) <= MINUTE);
        let began = recent().next().map_or(now, |(at, _)| *at);
        let calls: u32 = recent().map(|(_, calls)| calls).sum();
        let window = (now.saturating_duration_since(began) + pause.min(MINUTE)).as_secs_f64();
        let rate = (f64::from(calls) / window).max(LEAST);
        self.learned =
            Some(Learned { rate, window, since: now + pause.min(MINUTE), bucket: Bucket::empty(rate, window, now) });
        is_first
    }

    /// Calls a second, while there is a limit to them.
    fn pace(&self, now: Instant) -> Option<f64> {
        let learned = self.learned.as_ref()?;
        let windows = now.saturating_duration_since(learned.since).as_secs_f64() / learned.window;
        let part = AT_FIRST + windows / WINDOWS;
        (part < UNLIMITED).then_some(learned.rate * part)
    }

    /// What is left of the pause that Webex asked for.
    fn pause(&mut self, api: &'static str, now: Instant) -> Option<Duration> {
        let left = self.paused.get(api)?.saturating_duration_since(now);
        if left.is_zero() {
            self.paused.remove(api);
            return None;
        }
        Some(left)
    }

    /// Lets go whoever may.
    fn admit(&mut self, now: Instant) {
        let pace = self.pace(now);
        if let (Some(pace), Some(learned)) = (pace, &mut self.learned) {
            learned.bucket.fill(pace, now);
        }
        if let Some((rate, bucket)) = &mut self.polls {
            bucket.fill(*rate, now);
        }
        while let Some(next) = self.next() {
            if let (Some(_), Some(Learned { bucket, .. })) = (pace, &mut self.learned) {
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

    /// Whose turn it is.
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

/// Webex limits a token's calls by API, which is where a path begins.
fn api(endpoint: &'static str) -> &'static str {
    endpoint.split('/').next().unwrap_or(endpoint)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    const STEP: Duration = Duration::from_millis(10);

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// After a 429 to the 300th call of a minute.
    fn limited(now: Instant) -> Budget {
        let mut budget = Budget::default();
        (0..300).for_each(|nth| budget.taken(now + nth * seconds(0.2)));
        assert!(budget.refused("rooms", Duration::from_secs(1), now + MINUTE));
        budget
    }

    fn pace(budget: &Budget, now: Instant) -> Option<u32> {
        budget.pace(now).map(|pace| (pace * 60.0).round() as u32)
    }

    #[test]
    fn nothing_is_slowed_before_webex_asks_for_it() {
        let (mut budget, now) = (Budget::default(), clock::instant());
        for _ in 0..100_000 {
            assert!(budget.enter("messages", Priority::Reply, now).unwrap().is_none());
            budget.taken(now);
        }
        assert_eq!(budget.room("messages", Priority::Reply, now), Ok(usize::MAX));
        assert_eq!(budget.pace(now), None);
    }

    #[test]
    fn a_pause_is_kept_by_the_api_that_asked_for_it_and_by_no_other() {
        let (mut budget, now) = (Budget::default(), clock::instant());
        budget.refused("messages/{id}", Duration::from_secs(30), now);
        let mut pause = |endpoint, after: f64| budget.enter(endpoint, Priority::Reply, now + seconds(after)).err();
        assert_eq!(pause("messages", 0.0), Some(seconds(30.0)));
        assert_eq!(pause("messages/{id}", 10.0), Some(seconds(20.0)));
        assert_eq!(pause("people/{id}", 10.0), None);
        let mut room = |endpoint, after: f64| budget.room(endpoint, Priority::Reply, now + seconds(after)).is_ok();
        assert_eq!(
            [("messages", 29.0), ("people", 29.0), ("messages", 27.0)].map(|(api, after)| room(api, after)),
            [false, true, true]
        );
        assert_eq!(budget.enter("messages", Priority::Reply, now + seconds(30.0)).err(), None);
        // A shorter pause that is asked for later takes nothing back.
        budget.refused("messages", Duration::from_secs(9), now + seconds(30.0));
        budget.refused("messages", Duration::from_secs(1), now + seconds(30.0));
        assert_eq!(budget.enter("messages", Priority::Poll, now + seconds(38.0)).err(), Some(seconds(1.0)));
    }

    #[test]
    fn the_pace_is_half_of_what_webex_took_and_rises_until_there_is_none() {
        let now = clock::instant();
        let budget = limited(now);
        let after = |windows: f64| pace(&budget, now + MINUTE + seconds(1.0 + windows * 61.0));
        assert_eq!([0.0, 1.0, 2.0, 4.0, 5.9].map(after), [148, 221, 295, 443, 583].map(Some));
        assert_eq!(after(6.0), None);
    }

    #[test]
    fn what_webex_took_is_known_from_a_burst_as_well() {
        let (mut budget, now) = (Budget::default(), clock::instant());
        (0..300).for_each(|_| budget.taken(now));
        // Webex says how long it counts: its minute has 55 s left.
        budget.refused("messages", Duration::from_secs(55), now + seconds(5.0));
        assert_eq!(pace(&budget, now), Some(150));
        // Nothing taken at all, and a pause of an hour, still leave a turn every two seconds.
        let mut budget = Budget::default();
        budget.refused("messages", Duration::from_secs(3600), now);
        assert_eq!(pace(&budget, now), Some(30));
    }

    #[test]
    fn who_cannot_have_a_turn_in_two_seconds_is_told_when_to_come_back() {
        let now = clock::instant();
        let (mut budget, now) = (limited(now), now + MINUTE);
        // 148 a minute: the fourth of four has its turn in 1.6 s, a fifth would in more than two.
        let tickets: Vec<_> =
            (0..4).map(|_| budget.enter("messages", Priority::Reply, now).unwrap().unwrap()).collect();
        assert_eq!(budget.enter("messages", Priority::Reply, now).err(), Some(COME_BACK));
        assert!(budget.enter("messages", Priority::Notify, now).is_err(), "they are before it, too");
        assert!(budget.room("messages", Priority::Reply, now).is_err(), "nor is more work taken on");
        let poll = budget.enter("people", Priority::Poll, now).unwrap().expect("it waits for as long as it takes");
        for (nth, ticket) in (1..).zip(&tickets) {
            let turn = now + seconds(f64::from(nth) * 60.0 / 147.0);
            assert!(matches!(budget.look(ticket, turn - STEP * 10), Step::Wait(_)), "{nth}");
            assert_eq!(budget.look(ticket, turn + STEP), Step::Go, "{nth}");
        }
        assert_eq!(budget.look(&poll, now + seconds(3.0)), Step::Go);
    }

    #[test]
    fn who_was_to_have_a_turn_in_two_seconds_and_had_none_comes_back_too() {
        let now = clock::instant();
        let (mut budget, now) = (limited(now), now + MINUTE);
        let tickets: Vec<_> =
            (0..4).map(|_| budget.enter("messages", Priority::Reply, now).unwrap().unwrap()).collect();
        budget.passed[Priority::Poll as usize] = MOST_PASSED;
        let poll = budget.enter("people", Priority::Poll, now).unwrap().unwrap();
        assert_eq!(budget.look(&poll, now + seconds(0.42)), Step::Go);
        for ticket in &tickets[..3] {
            assert_eq!(budget.look(ticket, now + seconds(1.99)), Step::Go);
        }
        assert!(matches!(budget.look(&tickets[3], now + seconds(1.99)), Step::Wait(pause) if pause <= STEP));
        assert_eq!(budget.look(&tickets[3], now + LONGEST_WAIT), Step::Later(COME_BACK));
    }

    #[test]
    fn polling_has_a_limit_of_its_own() {
        let (mut budget, now) = (Budget::default(), clock::instant());
        let rate = 200.0 / 60.0;
        budget.polls = Some((rate, Bucket::full(rate, 60.0, now)));
        let mut waiting = VecDeque::new();
        let mut polled = 0;
        for step in 0..6000 {
            let now = now + step * STEP;
            match budget.enter("rooms", Priority::Poll, now).unwrap() {
                None => polled += 1,
                Some(ticket) => waiting.push_back(ticket),
            }
            while waiting.front().is_some_and(|ticket| budget.look(ticket, now) == Step::Go) {
                (polled, _) = (polled + 1, waiting.pop_front());
            }
            assert!(budget.enter("messages", Priority::Reply, now).unwrap().is_none(), "replies are not slowed by it");
        }
        assert!((220..=235).contains(&polled), "{polled} in the first minute, 33 of them at once");
    }

    #[test]
    fn whoever_goes_away_holds_nobody_up() {
        let now = clock::instant();
        let (mut budget, now) = (limited(now), now + MINUTE);
        let tickets: Vec<_> =
            (0..4).map(|_| budget.enter("messages", Priority::Reply, now).unwrap().unwrap()).collect();
        tickets[..3].iter().for_each(|ticket| budget.leave(ticket));
        assert_eq!(budget.look(&tickets[3], now + seconds(0.42)), Step::Go);
        assert!(budget.waiting[0].is_empty() && budget.admitted.is_empty());
    }

    #[tokio::test]
    async fn a_call_that_is_dropped_while_it_waits_leaves_no_trace() {
        let governor = Governor(Mutex::new(limited(clock::instant() - MINUTE)));
        for priority in Priority::ALL {
            assert_eq!(governor.admit("messages", priority).now_or_never(), None);
        }
        let budget = governor.budget();
        assert!(budget.waiting.iter().all(VecDeque::is_empty) && budget.admitted.is_empty());
    }

    /// A Webex that takes so many calls in each minute, and a bot that always has more: calls taken and refused in an
    /// hour.
    fn hour(limit: u32, batch: usize) -> (u32, u32) {
        let (mut budget, start) = (Budget::default(), clock::instant());
        let (mut waiting, mut counted) = (VecDeque::new(), (start, 0));
        let (mut taken, mut refused) = (0, 0);
        for step in 0..36_000 {
            let now = start + step * 10 * STEP;
            if now >= counted.0 + MINUTE {
                counted = (now, 0);
            }
            let mut gone = 0;
            while waiting.len() < batch {
                match budget.enter("messages", Priority::Reply, now) {
                    Ok(Some(ticket)) => waiting.push_back(ticket),
                    Ok(None) => gone += 1,
                    Err(_) => break,
                }
                if gone >= batch {
                    break;
                }
            }
            waiting.retain(|ticket| match budget.look(ticket, now) {
                Step::Go => {
                    gone += 1;
                    false
                }
                Step::Wait(_) => true,
                Step::Later(_) => {
                    budget.leave(ticket);
                    false
                }
            });
            for _ in 0..gone {
                if counted.1 < limit {
                    (counted.1, taken) = (counted.1 + 1, taken + 1);
                    budget.taken(now);
                } else {
                    refused += 1;
                    let left = (counted.0 + MINUTE).saturating_duration_since(now);
                    budget.refused("messages", seconds(left.as_secs_f64().ceil().max(1.0)), now);
                }
            }
        }
        (taken, refused)
    }

    #[test]
    fn a_limit_is_found_with_few_refusals_and_most_of_it_is_used() {
        for limit in [60, 300, 2000] {
            let (taken, refused) = hour(limit, 16);
            assert!(taken > limit * 60 * 6 / 10, "{taken} of {}", limit * 60);
            assert!(refused <= 100, "{refused} of {taken} at {limit} a minute");
        }
    }

    proptest! {
        #[test]
        fn turns_go_by_priority_in_order_within_one_and_nobody_starves(
            arrivals in prop::collection::vec(prop::collection::vec(0_usize..3, 0..4), 100..250),
            looks in any::<u64>(),
        ) {
            let start = clock::instant();
            let mut budget = limited(start);
            let start = start + MINUTE;
            let mut dice = fastrand::Rng::with_seed(looks);
            let mut waiting: Vec<Ticket> = Vec::new();
            // For each class: its last turn, and how often others had one since, while it waited.
            let (mut last, mut passed, mut turns) = ([0_u64; 3], [0_u32; 3], 0_u32);
            for (classes, step) in arrivals.iter().zip(0_u32..) {
                // There is at most one turn in this time.
                let now = start + step * STEP * 10;
                dice.shuffle(&mut waiting);
                let steps: Vec<_> = waiting.iter().map(|ticket| budget.look(ticket, now)).collect();
                let gone: Vec<_> = waiting.iter().zip(&steps).filter(|(_, step)| **step == Step::Go).collect();
                prop_assert!(gone.len() <= 1);
                if let Some((gone, _)) = gone.first() {
                    let class = gone.priority as usize;
                    prop_assert!(gone.number > last[class], "in order");
                    let waits = |class: usize| waiting.iter().any(|ticket| ticket.priority as usize == class && ticket.number != gone.number);
                    let owed = passed[class] >= MOST_PASSED;
                    prop_assert!(owed || (0..class).all(|higher| !waits(higher)), "the highest first");
                    (last[class], passed[class], turns) = (gone.number, 0, turns + 1);
                    for other in (0..3).filter(|other| *other != class && waits(*other)) {
                        passed[other] += 1;
                        prop_assert!(passed[other] <= 9, "one turn in ten");
                    }
                }
                let mut steps = steps.into_iter();
                waiting.retain(|ticket| match steps.next() {
                    Some(Step::Wait(_)) => true,
                    Some(Step::Go) | None => false,
                    Some(Step::Later(_)) => {
                        budget.leave(ticket);
                        false
                    }
                });
                for class in classes {
                    match budget.enter("people", Priority::ALL[*class], now) {
                        Ok(None) => {
                            prop_assert!(waiting.is_empty(), "nobody is overtaken");
                            turns += 1;
                        }
                        Ok(Some(ticket)) => waiting.push(ticket),
                        Err(pause) => prop_assert!(pause >= COME_BACK),
                    }
                }
                let most = budget.pace(now).unwrap() * (now - start).as_secs_f64();
                prop_assert!(f64::from(turns) <= most + 1.0, "no faster than the pace");
                let idle = budget.learned.as_ref().unwrap().bucket.has_one();
                prop_assert!(waiting.is_empty() || !idle, "no slower");
            }
        }
    }
}
