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

#[tokio::test]
async fn payloads_of_settled_rows_are_dropped_first_to_last_and_those_that_wait_are_kept() {
    let ledger = Ledger::new().await;
    let payload = |name: &str, bytes: usize, is_payload| Entry {
        raw: Some(Bytes::from(vec![b'x'; bytes])),
        is_payload,
        ..entry(Queue::Inbox, name, name)
    };
    for (name, bytes, is_payload) in [
        ("a", 100, true),
        ("b", 200, true),
        ("webex", 1000, false),
        ("c", 300, true),
        ("dead", 400, true),
        ("d", 500, true),
    ] {
        assert!(ledger.store.put(payload(name, bytes, is_payload)).await.unwrap());
        let row = ledger.claim(1).await.remove(0);
        match name {
            // Its lease goes on, so it waits.
            "c" => continue,
            "dead" => ledger.store.settle(row.dead(Closing::default())).await.unwrap(),
            _ => ledger.store.settle(done(row)).await.unwrap(),
        };
    }
    assert_eq!(ledger.store.payload_bytes(), 1500);
    assert_eq!(ledger.store.trim_payloads(1500).await.unwrap(), 1500, "nothing is too much yet");
    assert_eq!(ledger.store.trim_payloads(1450).await.unwrap(), 1400, "the oldest goes first");
    assert_eq!(ledger.store.trim_payloads(0).await.unwrap(), 700, "what waits and what was given up stay");
    let kept = async |name: &str| ledger.store.raw(entry(Queue::Inbox, name, name).id).await.unwrap().is_some();
    for (name, is_kept) in [("a", false), ("b", false), ("webex", true), ("c", true), ("dead", true), ("d", false)] {
        assert_eq!(kept(name).await, is_kept, "{name}");
    }
    let place = ledger.close().await;
    let ledger = Ledger::open(place, Duration::from_secs(60)).await;
    assert_eq!(ledger.store.trim_payloads(0).await.unwrap(), 700, "they are counted anew");
    ledger.store.prune(Duration::ZERO, Duration::from_secs(60)).await.unwrap();
    assert_eq!(ledger.store.payload_bytes(), 300, "and fewer once rows are forgotten");
}
