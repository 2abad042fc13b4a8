//! Old rows are forgotten, and open ones never.

use std::time::Duration;

use bytes::Bytes;

use super::{Ledger, done, entry};
use crate::store::{Closing, Entry, Filter, Queue};

#[tokio::test]
async fn pruning_empties_a_row_and_remembers_its_id_for_longer() {
    let ledger = Ledger::new().await;
    for name in ["settled", "open"] {
        ledger.put(name, name).await;
    }
    let row = ledger.claim(1).await.remove(0);
    ledger.store.settle(done(row)).await.unwrap();
    let day = Duration::from_secs(86_400);
    assert_eq!(ledger.store.prune(day, day).await.unwrap(), 0);
    assert_eq!(ledger.store.prune(Duration::ZERO, day).await.unwrap(), 1);
    assert_eq!(ledger.store.list(Queue::Inbox, Filter::All, 10).await.unwrap().len(), 1);
    assert!(!ledger.put("settled", "settled").await, "still known");
    assert_eq!(ledger.store.prune(Duration::ZERO, Duration::ZERO).await.unwrap(), 1);
    assert!(ledger.put("settled", "settled").await, "no longer known");
    assert_eq!(ledger.store.depths().await.unwrap().inbox, 2, "what is open is never pruned");
}

#[tokio::test]
async fn what_a_row_was_made_from_is_kept_to_the_byte_and_goes_with_the_row() {
    let ledger = Ledger::new().await;
    let raw = [Some(Bytes::from_static(b"one \xff\0 {")), None, Some(Bytes::from_static(b"")), Some("sé".into())];
    let names = ["one", "two", "three", "four"];
    let entries =
        names.iter().zip(&raw).map(|(name, raw)| Entry { raw: raw.clone(), ..entry(Queue::Inbox, name, name) });
    let ids: Vec<_> = entries.clone().map(|entry| entry.id).collect();
    // All of them are probably one batch.
    for added in futures_util::future::join_all(entries.map(|entry| ledger.store.put(entry))).await {
        assert!(added.unwrap());
    }
    for (id, raw) in ids.iter().zip(&raw) {
        assert_eq!(ledger.store.raw(*id).await.unwrap(), *raw);
    }
    let row = ledger.claim(1).await.remove(0);
    let nth = ids.iter().position(|id| *id == row.id).unwrap();
    ledger.store.settle(done(row)).await.unwrap();
    assert_eq!(ledger.store.raw(ids[nth]).await.unwrap(), raw[nth]);
    ledger.store.prune(Duration::ZERO, Duration::from_secs(86_400)).await.unwrap();
    for (id, raw) in ids.iter().zip(&raw) {
        let kept = raw.clone().filter(|_| *id != ids[nth]);
        assert_eq!(ledger.store.raw(*id).await.unwrap(), kept);
    }
}

/// A row that was made of a payload of so many bytes.
fn posted(name: &str, bytes: usize) -> Entry {
    Entry { raw: Some(Bytes::from(vec![b'x'; bytes])), is_payload: true, ..entry(Queue::Inbox, name, name) }
}

/// Drops payloads until there are at most so many bytes, or no more can be dropped. Gives how many there are.
async fn trim(ledger: &Ledger, most: u64) -> u64 {
    while ledger.store.trim_payloads(most).await.unwrap() {}
    ledger.store.payload_bytes()
}

/// The payloads that the ledger still has.
async fn kept<'a>(ledger: &Ledger, names: &[&'a str]) -> Vec<&'a str> {
    let mut kept = Vec::new();
    for name in names {
        if ledger.store.raw(entry(Queue::Inbox, name, name).id).await.unwrap().is_some() {
            kept.push(*name);
        }
    }
    kept
}

#[tokio::test]
async fn payloads_go_in_order_those_of_dead_letters_last_and_those_that_wait_never() {
    let ledger = Ledger::new().await;
    for (name, bytes) in
        [("a", 100), ("b", 200), ("webex", 1000), ("c", 300), ("dead", 400), ("dead too", 50), ("d", 500)]
    {
        let entry = Entry { is_payload: name != "webex", ..posted(name, bytes) };
        assert!(ledger.store.put(entry).await.unwrap());
        let row = ledger.claim(1).await.remove(0);
        match name {
            // Its lease goes on, so it waits.
            "c" => continue,
            "dead" | "dead too" => ledger.store.settle(row.dead(Closing::default())).await.unwrap(),
            _ => ledger.store.settle(done(row)).await.unwrap(),
        };
    }
    let names = ["a", "b", "webex", "c", "dead", "dead too", "d"];
    assert_eq!(ledger.store.payload_bytes(), 1550);
    assert_eq!(trim(&ledger, 1550).await, 1550, "nothing is too much yet");
    assert_eq!(trim(&ledger, 1500).await, 1450, "the oldest goes first");
    assert_eq!(trim(&ledger, 750).await, 750, "what is done is enough");
    assert_eq!(kept(&ledger, &names).await, ["webex", "c", "dead", "dead too"]);
    let place = ledger.close().await;
    let ledger = Ledger::open(place, Duration::from_secs(60)).await;
    assert_eq!(ledger.store.payload_bytes(), 750, "they are counted at the start");
    assert_eq!(trim(&ledger, 700).await, 350, "then the oldest dead letter loses its own");
    assert_eq!(trim(&ledger, 0).await, 300, "what waits keeps its own");
    assert_eq!(kept(&ledger, &names).await, ["webex", "c"]);
    // What is done by now is found, though the place was passed.
    let row = ledger.claim(1).await.remove(0);
    ledger.store.settle(done(row)).await.unwrap();
    assert_eq!(trim(&ledger, 0).await, 0);
}

#[tokio::test]
async fn a_payload_is_forgotten_with_its_row() {
    let ledger = Ledger::new().await;
    assert!(ledger.store.put(posted("done", 100)).await.unwrap());
    let row = ledger.claim(1).await.remove(0);
    ledger.store.settle(done(row)).await.unwrap();
    assert!(ledger.store.put(posted("waits", 30)).await.unwrap());
    ledger.store.prune(Duration::ZERO, Duration::from_secs(60)).await.unwrap();
    assert_eq!(ledger.store.payload_bytes(), 30);
}

#[tokio::test]
async fn a_step_that_drops_payloads_looks_at_no_other_rows_also_after_a_start() {
    let ledger = Ledger::new().await;
    let settle_all = async |ledger: &Ledger| {
        let settled = ledger.claim(5000).await.into_iter().map(|row| ledger.store.settle(done(row)));
        assert!(futures_util::future::join_all(settled).await.into_iter().all(Result::unwrap));
    };
    let chat: Vec<_> = (0..2500).map(|nth| format!("chat {nth}")).collect();
    futures_util::future::join_all(chat.iter().map(|name| ledger.put(name, name))).await;
    settle_all(&ledger).await;
    for name in ["a", "b", "c"] {
        assert!(ledger.store.put(posted(name, 100)).await.unwrap());
    }
    settle_all(&ledger).await;
    ledger.store.trim_payloads(200).await.unwrap();
    assert_eq!(ledger.store.payload_bytes(), 200, "one step is enough");
    let place = ledger.close().await;
    let ledger = Ledger::open(place, Duration::from_secs(60)).await;
    ledger.store.trim_payloads(100).await.unwrap();
    assert_eq!(ledger.store.payload_bytes(), 100, "one step is enough");
    assert_eq!(kept(&ledger, &["a", "b", "c"]).await, ["c"]);
}

#[tokio::test]
async fn steps_go_on_where_the_last_one_ended() {
    let ledger = Ledger::new().await;
    let waiting: Vec<_> = (0..2500).map(|nth| posted(&format!("waits {nth}"), 1)).collect();
    futures_util::future::join_all(waiting.into_iter().map(|entry| ledger.store.put(entry))).await;
    assert_eq!(ledger.claim(5000).await.len(), 2500);
    assert!(ledger.store.put(posted("done", 100)).await.unwrap());
    let row = ledger.claim(1).await.remove(0);
    ledger.store.settle(done(row)).await.unwrap();
    assert!(ledger.store.trim_payloads(2500).await.unwrap(), "the first step saw only what waits");
    assert!(!ledger.store.trim_payloads(2500).await.unwrap(), "the second one is enough");
    assert_eq!(ledger.store.payload_bytes(), 2500);
}
