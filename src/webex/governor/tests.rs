//! What the budget promises, told the time.

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

const STEP: Duration = Duration::from_millis(10);

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// After 429s to a call before and to the 300th of a minute.
fn limited(now: Instant) -> Budget {
    let mut budget = Budget::default();
    assert!(budget.refused("rooms", Duration::from_secs(3), now - seconds(3.0)));
    assert_eq!(budget.pace.per_second(now), None, "one 429 costs its pause");
    (0..300).for_each(|nth| budget.pace.taken(now + nth * seconds(0.2)));
    assert!(budget.refused("rooms", Duration::from_secs(1), now + MINUTE));
    budget
}

fn pace(budget: &Budget, now: Instant) -> Option<u32> {
    budget.pace.per_second(now).map(|pace| (pace * 60.0).round() as u32)
}

#[test]
fn nothing_is_slowed_before_webex_asks_for_it() {
    let (mut budget, now) = (Budget::default(), clock::instant());
    for _ in 0..100_000 {
        assert!(budget.enter("messages", Priority::Reply, now).unwrap().is_none());
        budget.pace.taken(now);
    }
    assert_eq!(budget.room("messages", Priority::Reply, now), Ok(usize::MAX));
    assert_eq!(budget.pace.per_second(now), None);
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
    budget.refused("messages", Duration::from_secs(1), now - seconds(1.0));
    (0..300).for_each(|_| budget.pace.taken(now));
    // Webex says how long it counts: its minute has 55 s left.
    budget.refused("messages", Duration::from_secs(55), now + seconds(5.0));
    assert_eq!(pace(&budget, now), Some(150));
    // A bot that makes no more calls than Webex takes is not slowed by a 429 in every minute.
    let mut budget = Budget::default();
    for minute in 0..10 {
        let now = now + minute * MINUTE;
        budget.refused("messages", Duration::from_secs(20), now);
        (0..3).for_each(|nth| budget.pace.taken(now + seconds(25.0) * nth));
        assert_eq!(pace(&budget, now + seconds(50.0)), None, "{minute}");
    }
}

#[test]
fn refusals_that_no_pace_prevents_bring_none_that_lasts() {
    let (mut budget, mut now) = (Budget::default(), clock::instant());
    let mut paced = 0;
    for _ in 0..100 {
        budget.refused("messages", Duration::from_secs(1), now);
        now += seconds(1.0);
        // Without a pace what waits goes at once; with one two calls go, and the third is refused.
        match budget.pace.per_second(now) {
            None => (0..40).for_each(|_| budget.pace.taken(now)),
            Some(pace) => {
                paced += 1;
                (0..2).for_each(|_| budget.pace.taken(now));
                now += seconds(2.0 / pace);
            }
        }
    }
    assert!(paced <= 3, "{paced} of 100");
}

#[test]
fn who_cannot_have_a_turn_in_two_seconds_is_told_when_to_come_back() {
    let now = clock::instant();
    let (mut budget, now) = (limited(now), now + MINUTE);
    // 148 a minute: the fourth of four has its turn in 1.6 s, a fifth would in more than two.
    let tickets: Vec<_> = (0..4).map(|_| budget.enter("messages", Priority::Reply, now).unwrap().unwrap()).collect();
    assert_eq!(budget.enter("messages", Priority::Reply, now).err(), Some(COME_BACK));
    assert!(budget.enter("messages", Priority::Notify, now).is_err(), "they are before it, too");
    assert!(budget.room("messages", Priority::Reply, now).is_err(), "nor is more work taken on");
    let poll = budget.enter("people", Priority::Poll, now).unwrap().expect("it waits for as long as it takes");
    for (nth, ticket) in (1..).zip(&tickets) {
        let turn = now + seconds(f64::from(nth) * 60.0 / 147.0);
        assert!(matches!(budget.next_turn(ticket, turn - STEP * 10), NextTurn::Wait(_)), "{nth}");
        assert_eq!(budget.next_turn(ticket, turn + STEP), NextTurn::Go, "{nth}");
    }
    assert_eq!(budget.next_turn(&poll, now + seconds(3.0)), NextTurn::Go);
}

#[test]
fn who_was_to_have_a_turn_in_two_seconds_and_had_none_comes_back_too() {
    let now = clock::instant();
    let (mut budget, now) = (limited(now), now + MINUTE);
    let tickets: Vec<_> = (0..4).map(|_| budget.enter("messages", Priority::Reply, now).unwrap().unwrap()).collect();
    budget.passed[Priority::Poll as usize] = MOST_PASSED;
    let poll = budget.enter("people", Priority::Poll, now).unwrap().unwrap();
    assert_eq!(budget.next_turn(&poll, now + seconds(0.42)), NextTurn::Go);
    for ticket in &tickets[..3] {
        assert_eq!(budget.next_turn(ticket, now + seconds(1.99)), NextTurn::Go);
    }
    assert!(matches!(budget.next_turn(&tickets[3], now + seconds(1.99)), NextTurn::Wait(pause) if pause <= STEP));
    assert_eq!(budget.next_turn(&tickets[3], now + LONGEST_WAIT), NextTurn::Later(COME_BACK));
}

#[test]
fn polling_has_a_limit_of_its_own() {
    let (mut budget, now) = (Budget::default(), clock::instant());
    let rate = 200.0 / 60.0;
    budget.polls = Some((rate, TokenBucket::full(rate, 60.0, now)));
    let mut waiting = VecDeque::new();
    let mut polled = 0;
    for step in 0..6000 {
        let now = now + step * STEP;
        match budget.enter("rooms", Priority::Poll, now).unwrap() {
            None => polled += 1,
            Some(ticket) => waiting.push_back(ticket),
        }
        while waiting.front().is_some_and(|ticket| budget.next_turn(ticket, now) == NextTurn::Go) {
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
    let tickets: Vec<_> = (0..4).map(|_| budget.enter("messages", Priority::Reply, now).unwrap().unwrap()).collect();
    tickets[..3].iter().for_each(|ticket| budget.leave(ticket));
    assert_eq!(budget.next_turn(&tickets[3], now + seconds(0.42)), NextTurn::Go);
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
        waiting.retain(|ticket| match budget.next_turn(ticket, now) {
            NextTurn::Go => {
                gone += 1;
                false
            }
            NextTurn::Wait(_) => true,
            NextTurn::Later(_) => {
                budget.leave(ticket);
                false
            }
        });
        for _ in 0..gone {
            if counted.1 < limit {
                (counted.1, taken) = (counted.1 + 1, taken + 1);
                budget.pace.taken(now);
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
            let steps: Vec<_> = waiting.iter().map(|ticket| budget.next_turn(ticket, now)).collect();
            let gone: Vec<_> = waiting.iter().zip(&steps).filter(|(_, step)| **step == NextTurn::Go).collect();
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
                Some(NextTurn::Wait(_)) => true,
                Some(NextTurn::Go) | None => false,
                Some(NextTurn::Later(_)) => {
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
            let most = budget.pace.per_second(now).unwrap() * (now - start).as_secs_f64();
            prop_assert!(f64::from(turns) <= most + 1.0, "no faster than the pace");
            let idle = budget.pace.saved(now).unwrap().has_one();
            prop_assert!(waiting.is_empty() || !idle, "no slower");
        }
    }
}
