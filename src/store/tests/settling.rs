//! Settlements of a claimed row, by any worker and however late.

use std::time::Duration;

use uuid::Uuid;

use super::{Ledger, LedgerPlace, With, done, entry, keys};
use crate::clock;
use crate::config;
use crate::store::{Again, AuditEntry, Claimed, Closing, Effect, Filter, Queue, Store, StoreError};
use crate::verdict::Verdict;

#[tokio::test]
async fn a_try_counts_when_it_is_spent_and_doubt_and_its_beginning_stay() {
    let ledger = Ledger::new().await;
    ledger.put("a", "a").await;
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some(), row.failing()), (0, false, Duration::ZERO));
    ledger.store.settle(row.again(Again::default())).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some(), row.failing()), (0, false, Duration::ZERO), "put back as it was");
    ledger.store.settle(row.again(Again { uncertain: true, ..Again::default() })).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.attempts, row.doubt.is_some()), (0, true));
    let began = row.failing();
    ledger.store.settle(row.again(Again { spent: true, ..Again::default() })).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    // The ledger has milliseconds.
    let still_fails = row.failing() + Duration::from_millis(1) >= began;
    assert_eq!((row.attempts, row.doubt.is_some(), still_fails), (1, true, true));
}

#[tokio::test]
async fn a_late_settlement_of_a_lost_lease_changes_nothing() {
    let ledger = Ledger::open(LedgerPlace::new(), Duration::ZERO).await;
    ledger.put("a", "a").await;
    let late = ledger.claim(1).await.remove(0);
    // The lease is over at once, so another worker claims the row.
    let holder = ledger.claim(1).await.remove(0);
    assert_eq!((holder.deaths, holder.doubt.is_some()), (1, true), "whoever had it may have done it");
    let follow = entry(Queue::Outbox, "a reply", "a");
    let settlement = late.done(Closing { verdict: Verdict::Late, entries: vec![follow], ..Closing::default() });
    assert!(!ledger.store.settle(settlement).await.unwrap());
    assert_eq!(ledger.store.depths().await.unwrap().outbox, 0, "its reply is not kept either");
    assert!(ledger.store.settle(done(holder)).await.unwrap());
    let row = ledger.store.list(Queue::Inbox, Filter::All, 1).await.unwrap().remove(0);
    assert_eq!(row.verdict, Some(Verdict::Answered));
}

#[tokio::test]
async fn a_lost_lease_and_the_one_that_took_over_are_told_apart_in_one_commit() {
    let ledger = Ledger::open(LedgerPlace::new(), Duration::ZERO).await;
    ledger.put("a", "a").await;
    let late = ledger.claim(1).await.remove(0);
    let holder = ledger.claim(1).await.remove(0);
    // Both wait when the writer looks, the late one first.
    let late = late.again(Again { after: Duration::from_secs(3600), ..Again::default() });
    let (late, held) = tokio::join!(ledger.store.settle(late), ledger.store.settle(done(holder)));
    assert_eq!((late.unwrap(), held.unwrap()), (false, true));
    assert_eq!(ledger.store.depths().await.unwrap().inbox, 0);
}

#[tokio::test]
async fn a_settlement_and_what_follows_from_it_are_one_step() {
    let ledger = Ledger::new().await;
    ledger.put("a", "a").await;
    let row = ledger.claim(1).await.remove(0);
    let mark = Some("left for the next".to_owned());
    let closing = Closing { verdict: Verdict::Answered, mark, ..Closing::default() };
    let replies = vec![entry(Queue::Outbox, "one", "a"), entry(Queue::Outbox, "two", "a")];
    ledger.store.settle(row.done(Closing { entries: replies, ..closing })).await.unwrap();
    let reply = ledger.store.claim(Queue::Outbox, [10, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
    assert_eq!(reply.body, "one");
    assert!(reply.mark.is_none(), "the mark is of the inbox's lane");
    ledger.put("b", "a").await;
    assert_eq!(ledger.claim(1).await.remove(0).mark.as_deref(), Some("left for the next"));
}

/// Puts a1 and a2 into one lane. The first becomes a dead letter, and its id is given; the second is claimed.
async fn a_dead_one_and_the_next(ledger: &Ledger) -> (Uuid, Claimed) {
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    let dead = row.id;
    let closing = Closing { verdict: Verdict::Failed, ..Closing::default() };
    assert!(ledger.store.settle(row.dead(closing)).await.unwrap());
    (dead, ledger.claim(1).await.remove(0))
}

#[tokio::test]
async fn a_dead_letter_lets_its_lane_go_on_and_can_be_opened_again() {
    let ledger = Ledger::new().await;
    let (dead, second) = a_dead_one_and_the_next(&ledger).await;
    assert_eq!(second.body, "a2");
    assert_eq!(ledger.store.depths().await.unwrap().dead, 1);
    assert!(ledger.store.reopen(dead, AuditEntry::default()).await.unwrap());
    ledger.store.settle(done(second)).await.unwrap();
    let again = ledger.claim(1).await.remove(0);
    assert_eq!((again.body.as_str(), again.attempts), ("a1", 0), "opened while its lane was busy, it is not forgotten");
    assert!(ledger.store.settle(done(again)).await.unwrap());
    assert!(!ledger.store.reopen(dead, AuditEntry::default()).await.unwrap(), "what is done stays done");
}

#[tokio::test]
async fn a_dropped_row_is_settled_for_whoever_holds_it() {
    let ledger = Ledger::new().await;
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    assert!(ledger.store.discard(row.id, AuditEntry::default()).await.unwrap());
    assert!(!ledger.store.settle(done(row)).await.unwrap());
    assert_eq!(ledger.claimed_names(10).await, ["a2"]);
}

#[tokio::test]
async fn dropping_or_reopening_one_row_leaves_the_work_on_another_of_its_space_in_peace() {
    let ledger = Ledger::new().await;
    let (dead, second) = a_dead_one_and_the_next(&ledger).await;
    let again = Again { uncertain: true, spent: true, ..Again::default() };
    ledger.store.settle(second.again(again)).await.unwrap();
    let second = ledger.claim(1).await.remove(0);
    assert!(ledger.store.discard(dead, AuditEntry::default()).await.unwrap());
    assert!(ledger.claim(10).await.is_empty(), "the second is still in hand");
    assert!(ledger.store.reopen(second.id, AuditEntry::default()).await.unwrap());
    assert!(ledger.store.settle(second.again(Again::default())).await.unwrap());
    let second = ledger.claim(1).await.remove(0);
    assert_eq!((second.attempts, second.doubt.is_some()), (0, true), "tried anew, but its doubt stays");
}

#[tokio::test]
async fn a_killed_process_leaves_its_rows_to_the_next_and_that_is_counted() {
    let ledger = Ledger::new().await;
    ledger.put("a", "a").await;
    assert_eq!(ledger.claim(1).await.len(), 1);
    // The lease is a minute long, but the next process knows that nobody holds it.
    let folder = ledger.close().await;
    let ledger = Ledger::open(folder, Duration::from_secs(60)).await;
    let row = ledger.claim(1).await.remove(0);
    assert_eq!((row.deaths, row.doubt.is_some()), (1, true));
}

#[tokio::test]
async fn too_many_waiting_writes_are_refused_at_once() {
    let place = LedgerPlace::new();
    let settings = config::Store { waiting: 1, ..place.settings.clone() };
    let (store, writer) =
        Store::open(&settings, &keys(None, None), Duration::ZERO, clock::Clock::of_system()).await.unwrap();
    // Nothing is written yet: the first put waits, and the second finds no room.
    let mut first = std::pin::pin!(store.put(entry(Queue::Inbox, "a", "a")));
    assert!(futures_util::poll!(&mut first).is_pending());
    assert!(matches!(store.put(entry(Queue::Inbox, "b", "b")).await, Err(StoreError::Busy)));
    let (closed, ()) = tokio::join!(writer.run(std::future::ready(())), async { assert!(first.await.unwrap()) });
    closed.unwrap();
    assert!(matches!(store.put(entry(Queue::Inbox, "c", "c")).await, Err(StoreError::Busy)), "after the end");
}

#[tokio::test]
async fn the_state_of_the_later_event_stays_whichever_is_settled_first() {
    let ledger = Ledger::new().await;
    for name in ["earlier", "later", "latest"] {
        ledger.put(name, name).await;
    }
    let rows = ledger.claim(3).await;
    let settle = async |name: &str, state: &str| {
        let row = rows.iter().find(|row| row.body == name).unwrap().clone();
        let effect = Effect::HookState { key: "ci/main".to_owned(), state: state.to_owned() };
        assert!(ledger.store.settle(done(row).with(effect)).await.unwrap());
        ledger.store.hook_state("ci/main").await.unwrap().unwrap()
    };
    assert_eq!(settle("later", "firing").await, "firing");
    assert_eq!(settle("earlier", "ok").await, "firing");
    assert_eq!(settle("latest", "ok").await, "ok");
}
