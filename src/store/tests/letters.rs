//! Traces of letters besides their rows, and which letters go first.

use std::time::Duration;

use uuid::Uuid;

use super::{Ledger, With, done, entry};
use crate::store::{Again, Claimed, Closing, Effect, Entry, Filter, Queue, Receipt, Urgency};
use crate::verdict::Verdict;

async fn put(ledger: &Ledger, name: &str, lane: &str, urgency: Urgency) {
    assert!(ledger.store.put(Entry { urgency, ..entry(Queue::Outbox, name, lane) }).await.unwrap());
}

async fn claim(ledger: &Ledger, most: usize) -> Vec<Claimed> {
    ledger.store.claim(Queue::Outbox, [most, usize::MAX], || None, Duration::ZERO).await.unwrap()
}

async fn claimed_names(ledger: &Ledger, most: usize) -> Vec<String> {
    claim(ledger, most).await.into_iter().map(|row| row.body).collect()
}

#[tokio::test]
async fn lanes_in_which_something_is_awaited_go_first_and_each_lane_in_its_order() {
    let ledger = Ledger::new().await;
    for (name, lane, urgency) in [
        ("news 1", "a", Urgency::Announced),
        ("news 2", "b", Urgency::Announced),
        ("answer 1", "c", Urgency::Awaited),
        // Somebody who waits for this row also waits for the rows before it.
        ("answer 2", "b", Urgency::Awaited),
    ] {
        put(&ledger, name, lane, urgency).await;
    }
    assert_eq!(claimed_names(&ledger, 2).await, ["news 2", "answer 1"]);
    assert_eq!(claimed_names(&ledger, 10).await, ["news 1"]);
}

#[tokio::test]
async fn a_lane_of_any_urgency_is_claimed_and_waited_for() {
    // This match names every urgency, so that none is left out below.
    let urgencies = [Urgency::Announced, Urgency::Awaited].map(|urgency| match urgency {
        Urgency::Awaited => ("awaited", urgency),
        Urgency::Announced => ("announced", urgency),
    });
    for (name, urgency) in urgencies {
        let ledger = Ledger::new().await;
        put(&ledger, name, name, urgency).await;
        let row = claim(&ledger, 10).await.remove(0);
        assert_eq!(row.body, name);
        let pause = Duration::from_millis(20);
        assert!(ledger.store.settle(row.again(Again { after: pause, ..Again::default() })).await.unwrap());
        let hour = Duration::from_secs(3600);
        let rows = ledger.store.claim(Queue::Outbox, [10, usize::MAX], || None, hour).await.unwrap();
        assert_eq!(rows.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_lane_that_was_idle_is_as_urgent_as_what_comes_next() {
    let ledger = Ledger::new().await;
    put(&ledger, "answer", "a", Urgency::Awaited).await;
    let row = claim(&ledger, 1).await.remove(0);
    ledger.store.settle(done(row)).await.unwrap();
    put(&ledger, "news", "a", Urgency::Announced).await;
    put(&ledger, "another answer", "b", Urgency::Awaited).await;
    assert_eq!(claimed_names(&ledger, 1).await, ["another answer"]);
    assert_eq!(claimed_names(&ledger, 10).await, ["news"]);
}

#[tokio::test]
async fn a_lane_is_as_urgent_as_what_moves_into_it() {
    let ledger = Ledger::new().await;
    put(&ledger, "news", "a", Urgency::Announced).await;
    put(&ledger, "edit", "b", Urgency::Announced).await;
    let edit = claim(&ledger, 2).await.into_iter().find(|row| row.body == "edit").unwrap();
    let to = |lane, urgency| Entry { urgency, ..entry(Queue::Outbox, "edit", lane) };
    assert!(ledger.store.settle(edit.moved(to("c", Urgency::Announced))).await.unwrap());
    put(&ledger, "answer", "d", Urgency::Awaited).await;
    assert_eq!(claimed_names(&ledger, 1).await, ["answer"], "nobody waits for the edit");
    let edit = claim(&ledger, 10).await.remove(0);
    put(&ledger, "more news", "e", Urgency::Announced).await;
    assert!(ledger.store.settle(edit.moved(to("f", Urgency::Awaited))).await.unwrap());
    assert_eq!(claimed_names(&ledger, 1).await, ["edit"], "now somebody does");
}

#[tokio::test]
async fn a_receipt_is_read_as_it_was_settled_and_found_by_its_id() {
    let ledger = Ledger::new().await;
    put(&ledger, "post", "a", Urgency::Awaited).await;
    let receipt = Receipt {
        message: "Y2lz".to_owned(),
        without_card: Some("Webex answered 400 \"so\"".to_owned()),
        without_thread: None,
    };
    let row = claim(&ledger, 1).await.remove(0);
    let id = row.id;
    let closing = Closing { verdict: Verdict::Sent, receipt: Some(receipt.clone()), ..Closing::default() };
    ledger.store.settle(row.done(closing).with(Effect::Edited(id))).await.unwrap();
    let row = ledger.store.noting("Y2lz").await.unwrap().remove(0);
    assert_eq!((row.id, row.receipt, row.edits), (id, Some(receipt), 1));
    assert_eq!(ledger.store.prune(Duration::ZERO, Duration::from_secs(60)).await.unwrap(), 1);
    let row = ledger.store.list(Queue::Outbox, Filter::All, 1).await.unwrap();
    assert!(row.iter().all(|row| row.receipt.is_none()), "{row:?}");
    assert!(ledger.store.noting("Y2lz").await.unwrap().is_empty());
}

#[tokio::test]
async fn the_last_waiting_edits_of_the_same_are_found_in_their_lane_alone() {
    let ledger = Ledger::new().await;
    let (target, other) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
    for (name, lane, target) in [
        ("1", "a", target),
        ("2", "a", target),
        ("3", "a", other),
        ("4", "a", target),
        ("5", "a", None),
        ("6", "b", target),
    ] {
        assert!(ledger.store.put(Entry { target, ..entry(Queue::Outbox, name, lane) }).await.unwrap());
    }
    let first = claim(&ledger, 1).await.remove(0);
    let newer = ledger.store.newer_edits(&first, Uuid::from_u128(1)).await.unwrap();
    let expected = ["4", "2"].map(|name| (entry(Queue::Outbox, name, "a").id, name.to_owned()));
    assert_eq!(newer, expected, "the newest first");
    assert_eq!(ledger.store.newer_edits(&first, Uuid::from_u128(3)).await.unwrap(), []);
    assert_eq!(ledger.store.editing(&[Uuid::from_u128(1)]).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_thread_is_kept_for_as_long_as_letters_join_it() {
    let ledger = Ledger::new().await;
    let mut sent = Vec::new();
    for (name, root) in [("first", Some("root")), ("second", None), ("third", Some("fresh"))] {
        put(&ledger, name, "a", Urgency::Awaited).await;
        let row = claim(&ledger, 1).await.remove(0);
        let effect = Effect::Thread { key: "disk".to_owned(), root: root.map(str::to_owned), shows: None };
        ledger.store.settle(done(row.clone()).with(effect)).await.unwrap();
        let found = ledger.store.thread(&row, "a", "disk").await.unwrap().unwrap();
        assert_eq!(ledger.store.thread(&row, "a", "fan").await.unwrap(), None);
        sent.push((found.message, found.letter == row.id));
    }
    assert_eq!(sent, [("root".to_owned(), true), ("root".to_owned(), false), ("fresh".to_owned(), true)]);
    put(&ledger, "elsewhere", "b", Urgency::Awaited).await;
    put(&ledger, "fourth", "a", Urgency::Awaited).await;
    let rows = claim(&ledger, 2).await;
    assert_eq!(ledger.store.thread(&rows[0], "b", "disk").await.unwrap(), None, "another lane");
    ledger.store.prune(Duration::ZERO, Duration::from_secs(60)).await.unwrap();
    assert!(ledger.store.thread(&rows[1], "a", "disk").await.unwrap().is_some());
    ledger.store.prune(Duration::ZERO, Duration::ZERO).await.unwrap();
    assert_eq!(ledger.store.thread(&rows[1], "a", "disk").await.unwrap(), None);
}
