//! A process sees what another one has written, although it keeps some of it in memory.

use std::time::Duration;

use bytes::Bytes;

use super::questions::question;
use super::{Ledger, With, beside, done, entry, keys};
use crate::store::{Effect, Entry, Queue};

#[tokio::test]
async fn a_question_of_another_process_is_found_once_somebody_answers() {
    let ledger = Ledger::new().await;
    ledger.settle_with("before", []).await;
    assert!(ledger.store.conversation("room", "alice").await.unwrap().is_none());
    beside(&ledger.place.settings, &keys(None, None), async |other| {
        assert!(other.put(entry(Queue::Inbox, "asks", "room")).await.unwrap());
        let row = other.claim(Queue::Inbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
        assert!(other.settle(done(row).with(Effect::Ask(question("alice", 1, 10)))).await.unwrap());
    })
    .await;
    ledger.put("answers", "room").await;
    assert_eq!(ledger.claimed_names(1).await, ["answers"]);
    assert!(ledger.store.conversation("room", "alice").await.unwrap().is_some());
}

#[tokio::test]
async fn a_file_of_another_process_is_dropped_with_its_row() {
    let ledger = Ledger::new().await;
    beside(&ledger.place.settings, &keys(None, None), async |other| {
        let file = Some(Bytes::from_static(b"bytes"));
        assert!(other.put(Entry { file, ..entry(Queue::Outbox, "reply", "room") }).await.unwrap());
    })
    .await;
    assert_eq!(ledger.store.size_of_files().await.unwrap(), 5);
    let row = ledger.store.claim(Queue::Outbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
    assert!(ledger.store.settle(done(row)).await.unwrap());
    assert_eq!(ledger.store.size_of_files().await.unwrap(), 0);
}

#[tokio::test]
async fn whoever_waits_for_commits_hears_of_those_of_another_process() {
    let ledger = Ledger::new().await;
    ledger.put("own", "room").await;
    let mut commits = ledger.store.commits();
    for name in ["first", "second"] {
        commits.mark_unchanged();
        beside(&ledger.place.settings, &keys(None, None), async |other| {
            assert!(other.put(entry(Queue::Inbox, name, name)).await.unwrap());
        })
        .await;
        commits.changed().await.unwrap();
    }
}

#[tokio::test]
async fn what_another_process_put_is_known_at_once() {
    let ledger = Ledger::new().await;
    assert!(ledger.put("own", "lane").await);
    beside(&ledger.place.settings, &keys(None, None), async |other| {
        assert!(!other.put(entry(Queue::Inbox, "own", "lane")).await.unwrap());
        assert!(other.put(entry(Queue::Inbox, "theirs", "lane")).await.unwrap());
    })
    .await;
    assert!(!ledger.put("theirs", "lane").await);
}
