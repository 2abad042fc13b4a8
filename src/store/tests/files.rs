//! Files beside the rows of the outbox.

use std::time::Duration;

use bytes::Bytes;

use super::{Ledger, done, entry};
use crate::store::{Again, AuditEntry, Claimed, Closing, Entry, Queue};

/// An entry of the outbox with a file of these bytes.
fn with_file(name: &str, bytes: &'static [u8]) -> Entry {
    Entry { file: Some(Bytes::from_static(bytes)), ..entry(Queue::Outbox, name, name) }
}

#[tokio::test]
async fn a_file_is_kept_with_its_row_until_the_row_is_done() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    ledger.put("event", "a").await;
    let event = ledger.claim(1).await.remove(0);
    let replies = vec![with_file("sent", b"one"), with_file("given up", b"four"), entry(Queue::Outbox, "plain", "a")];
    store.settle(event.done(Closing { entries: replies, ..Closing::default() })).await.unwrap();
    assert!(!store.put(with_file("sent", b"other")).await.unwrap(), "known, and its file is not touched");
    assert_eq!(store.size_of_files().await.unwrap(), 7);
    let rows = store.claim(Queue::Outbox, [10, usize::MAX], || None, Duration::ZERO).await.unwrap();
    let mut files = Vec::new();
    for row in &rows {
        files.push(store.file(row).await.unwrap());
    }
    assert_eq!(files, [Some(Bytes::from("one")), Some(Bytes::from("four")), None]);
    let [sent, given_up, plain]: [Claimed; 3] = rows.try_into().unwrap();
    let again = sent.clone().again(Again { uncertain: true, ..Again::default() });
    store.settle(again).await.unwrap();
    let dead = given_up.id;
    store.settle(given_up.dead(Closing::default())).await.unwrap();
    store.settle(done(plain)).await.unwrap();
    assert_eq!(store.size_of_files().await.unwrap(), 7, "an open row and a dead letter keep theirs");
    let sent = store.claim(Queue::Outbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
    store.settle(done(sent)).await.unwrap();
    assert_eq!(store.size_of_files().await.unwrap(), 4);
    // The next process knows files that another one put.
    let ledger = Ledger::open(ledger.close().await, Duration::from_secs(60)).await;
    assert!(ledger.store.reopen(dead, AuditEntry::default()).await.unwrap());
    let row = ledger.store.claim(Queue::Outbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
    assert_eq!(ledger.store.file(&row).await.unwrap(), Some(Bytes::from("four")));
    ledger.store.settle(done(row)).await.unwrap();
    assert_eq!(ledger.store.size_of_files().await.unwrap(), 0);
}

#[tokio::test]
async fn a_file_goes_with_a_row_that_is_dropped_or_pruned() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    for name in ["dropped", "pruned", "open"] {
        store.put(with_file(name, b"bytes")).await.unwrap();
    }
    let rows = store.claim(Queue::Outbox, [2, usize::MAX], || None, Duration::ZERO).await.unwrap();
    let [dropped, pruned]: [Claimed; 2] = rows.try_into().unwrap();
    assert!(store.discard(dropped.id, AuditEntry::default()).await.unwrap());
    assert_eq!(store.size_of_files().await.unwrap(), 10);
    store.settle(pruned.dead(Closing::default())).await.unwrap();
    let day = Duration::from_secs(86_400);
    while store.prune(Duration::ZERO, day).await.unwrap() > 0 {}
    assert_eq!(store.size_of_files().await.unwrap(), 5, "what is open is never pruned");
}
