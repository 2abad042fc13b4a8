//! Lanes: each has one open row at a time, in order, and none holds up another.

use std::time::Duration;

use super::{Ledger, done, entry};
use crate::clock;
use crate::store::{Again, AuditEntry, Closing, Entry, Filter, Queue};

#[tokio::test]
async fn the_same_id_is_added_once_even_together() {
    let ledger = Ledger::new().await;
    let (first, second) = tokio::join!(ledger.put("a", "room"), ledger.put("a", "room"));
    assert!(first ^ second);
    assert!(!ledger.put("a", "another room").await);
    assert_eq!(ledger.claimed_names(10).await, ["a"]);
}

#[tokio::test]
async fn one_open_row_of_each_lane_and_in_order() {
    let ledger = Ledger::new().await;
    for name in ["a1", "b1", "a2", "b2", "a3"] {
        ledger.put(name, &name[..1]).await;
    }
    let first = ledger.claim(10).await;
    assert_eq!(first.iter().map(|row| row.body.as_str()).collect::<Vec<_>>(), ["a1", "b1"]);
    assert!(ledger.claim(10).await.is_empty(), "both lanes are being worked on");
    for row in first {
        assert!(ledger.store.settle(done(row)).await.unwrap());
    }
    assert_eq!(ledger.claimed_names(1).await.len(), 1);
    assert_eq!(ledger.claimed_names(10).await.len(), 1);
}

#[tokio::test]
async fn a_retry_delays_its_lane_and_nothing_overtakes_it() {
    let ledger = Ledger::new().await;
    ledger.put("a1", "a").await;
    ledger.put("a2", "a").await;
    let row = ledger.claim(1).await.remove(0);
    assert_eq!(row.attempts, 0);
    let again =
        Again { after: Duration::from_secs(3600), spent: true, note: Some("no luck".to_owned()), ..Again::default() };
    ledger.store.settle(row.again(again)).await.unwrap();
    assert!(ledger.claim(10).await.is_empty());
    let row = ledger.store.list(Queue::Inbox, Filter::Unsettled, 10).await.unwrap().pop().unwrap();
    assert_eq!((row.attempts, row.note.as_deref()), (1, Some("no luck")));
    ledger.store.reopen(row.id, AuditEntry::default()).await.unwrap();
    assert_eq!(ledger.claimed_names(10).await, ["a1"]);
}

#[tokio::test]
async fn a_row_that_belongs_elsewhere_waits_its_turn_there_and_counts_no_try() {
    let ledger = Ledger::new().await;
    for (name, lane) in [("lost", "nowhere"), ("a1", "a"), ("a2", "a")] {
        ledger.put(name, lane).await;
    }
    let mut rows = ledger.claim(10).await;
    let (a1, lost) = (rows.pop().unwrap(), rows.pop().unwrap());
    assert_eq!((a1.body.as_str(), lost.body.as_str()), ("a1", "lost"));
    let found = Entry { body: "found".to_owned(), ..entry(Queue::Inbox, "lost", "a") };
    assert!(ledger.store.settle(lost.clone().moved(found.clone())).await.unwrap());
    assert!(!ledger.store.settle(lost.moved(found)).await.unwrap(), "a lease is settled once");
    assert!(ledger.claim(10).await.is_empty(), "its lane is being worked on");
    ledger.store.settle(done(a1)).await.unwrap();
    let found = ledger.claim(10).await.remove(0);
    assert_eq!((found.body.as_str(), found.attempts, found.deaths), ("found", 0, 0), "it came before a2");
    ledger.store.settle(done(found)).await.unwrap();
    assert_eq!(ledger.claimed_names(10).await, ["a2"]);
}

#[tokio::test]
async fn what_happened_earlier_and_came_later_is_worked_on_first() {
    let ledger = Ledger::new().await;
    for (name, happened_at) in [("third", 30), ("first", 10), ("second", 20)] {
        assert!(ledger.store.put(Entry { happened_at, ..entry(Queue::Inbox, name, "room") }).await.unwrap());
    }
    for name in ["first", "second", "third"] {
        let row = ledger.claim(1).await.remove(0);
        assert_eq!(row.body, name);
        assert!(ledger.store.settle(done(row)).await.unwrap());
    }
}

#[tokio::test]
async fn what_was_begun_goes_first_whatever_came_later_and_happened_before() {
    let ledger = Ledger::new().await;
    let put = async |name: &str, happened_at| {
        let entry = Entry { happened_at, ..entry(Queue::Inbox, name, "room") };
        let id = entry.id;
        assert!(ledger.store.put(entry).await.unwrap());
        id
    };
    put("later", 20).await;
    let row = ledger.claim(1).await.remove(0);
    let earlier = put("earlier", 10).await;
    assert!(ledger.store.goes_before(earlier, &row).await.unwrap());
    // Rows that were only looked at give way.
    ledger.store.settle(row.clone().again(Again::default())).await.unwrap();
    assert!(!ledger.store.begin_once(&row).await.unwrap(), "its lease is over");
    let row = ledger.claim(1).await.remove(0);
    assert_eq!(row.body, "earlier");
    assert!(ledger.store.begin_once(&row).await.unwrap());
    let earliest = put("earliest", 5).await;
    assert!(!ledger.store.goes_before(earliest, &row).await.unwrap());
    ledger.store.settle(row.again(Again::default())).await.unwrap();
    let row = ledger.claim(1).await.remove(0);
    assert_eq!(row.body, "earlier", "what was begun is finished");
    ledger.store.settle(row.again(Again { spent: true, ..Again::default() })).await.unwrap();
    for name in ["earliest", "earlier", "later"] {
        let row = ledger.claim(1).await.remove(0);
        assert_eq!(row.body, name);
        assert!(ledger.store.settle(done(row)).await.unwrap());
    }
}

#[tokio::test]
async fn a_flooded_lane_does_not_hold_up_a_claim_elsewhere() {
    let ledger = Ledger::new().await;
    let names: Vec<_> = (0..3000).map(|nth| format!("flood {nth}")).collect();
    futures_util::future::join_all(names.iter().map(|name| ledger.put(name, "flooded"))).await;
    ledger.put("quiet", "quiet").await;
    assert_eq!(ledger.claimed_names(10).await, ["flood 0", "quiet"]);
}

#[tokio::test]
async fn lanes_that_come_back_after_a_pause_leave_room_for_others() {
    let ledger = Ledger::new().await;
    for name in ["failing 1", "failing 2", "failing 3"] {
        ledger.put(name, name).await;
    }
    for row in ledger.claim(10).await {
        assert!(!row.is_back);
        let again = Again { after: Duration::from_millis(1), note: Some("it failed".to_owned()), ..Again::default() };
        ledger.store.settle(row.again(again)).await.unwrap();
    }
    for name in ["fresh 1", "fresh 2"] {
        ledger.put(name, name).await;
    }
    let claim = async |most_back| {
        let rows = ledger.store.claim(Queue::Inbox, [4, most_back], || None, Duration::ZERO).await.unwrap();
        rows.into_iter().map(|row| (row.body, row.is_back)).collect::<Vec<_>>()
    };
    let named = |name: &str, is_back| (name.to_owned(), is_back);
    // This holds however long the others have waited.
    assert_eq!(claim(0).await, [named("fresh 1", false), named("fresh 2", false)]);
    let mut back = Vec::new();
    while back.len() < 3 {
        let rows = claim(1).await;
        assert!(rows.len() <= 1, "{rows:?}");
        back.extend(rows);
    }
    assert!(back.iter().all(|(_, is_back)| *is_back), "{back:?}");
}

#[tokio::test]
async fn lanes_long_silent_are_forgotten_and_no_others() {
    let ledger = Ledger::new().await;
    let day = Duration::from_secs(86_400);
    let long_ago = clock::wall_ms() - 40 * 86_400_000;
    for (name, at) in
        [("silent", Some(long_ago)), ("recent", Some(clock::wall_ms())), ("open", Some(long_ago)), ("unknown", None)]
    {
        ledger.put(name, name).await;
        let row =
            ledger.store.claim(Queue::Inbox, [1, usize::MAX], move || at, Duration::ZERO).await.unwrap().remove(0);
        let settlement = match name {
            "open" => row.again(Again { after: day, ..Again::default() }),
            _ => row.done(Closing { mark: Some(name.to_owned()), ..Closing::default() }),
        };
        ledger.store.settle(settlement).await.unwrap();
    }
    let mut forgotten = Vec::new();
    for _ in 0..3 {
        forgotten.push(ledger.store.prune_lanes(37 * day).await.unwrap());
    }
    assert_eq!(forgotten, [1, 0, 0], "one, and what is looked at begins anew after the last");
    for (name, mark) in [("silent", None), ("recent", Some("recent")), ("unknown", Some("unknown"))] {
        ledger.put(&format!("{name} again"), name).await;
        let row = ledger.claim(1).await.remove(0);
        assert_eq!(row.mark.as_deref(), mark, "{name}");
        ledger.store.settle(done(row)).await.unwrap();
    }
}
