//! Old rows are forgotten, and open ones never.

use std::time::Duration;

use bytes::Bytes;

use super::{Ledger, done, entry};
use crate::store::{Entry, Filter, Queue};

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
