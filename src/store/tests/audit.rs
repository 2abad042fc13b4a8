//! The audit grows with what it records, and continues whoever adds to it, with any key.

use std::time::Duration;

use super::{LedgerPlace, beside, keys, with_daemon};
use crate::clock;
use crate::config;
use crate::store::audit::row::LONGEST_FIELD;
use crate::store::{
    Again, AuditEntry, Claimed, Closing, Entry, Queue, SealState, Settlement, Store, Verification, Via,
};
use crate::verdict::Verdict;

pub(in crate::store) async fn verify(settings: &config::Store, keys: &config::Audit) -> Verification {
    beside(settings, keys, async |store| store.verify_audit().await.unwrap()).await
}

/// The place and the text of each finding.
pub(in crate::store) fn findings_of(found: &Verification) -> Vec<String> {
    found.findings.iter().map(|found| format!("{} {}", found.row.unwrap_or(0), found.problem)).collect()
}

pub(in crate::store) fn entry(nth: usize) -> AuditEntry {
    AuditEntry {
        person: Some(format!("person {nth}")),
        email: Some("alice@example.com".to_owned()),
        room: Some("room".to_owned()),
        place: Some("direct"),
        action: "help".to_owned(),
        verdict: Verdict::Answered,
        reason: "listed".to_owned(),
        ..AuditEntry::default()
    }
}

/// An event in a lane of its own.
pub(in crate::store) fn event(name: &str) -> Entry {
    super::entry(Queue::Inbox, name, name)
}

/// Puts events with this name and claims them.
pub(in crate::store) async fn claimed(store: &Store, name: &str, count: usize) -> Vec<Claimed> {
    for nth in 0..count {
        assert!(store.put(event(&format!("{name} {nth}"))).await.unwrap());
    }
    store.claim(Queue::Inbox, [count, usize::MAX], || None, Duration::ZERO).await.unwrap()
}

/// Settles this many events at once, each with a row in the audit.
pub(in crate::store) async fn settle(store: &Store, name: &str, count: usize) {
    let rows = claimed(store, name, count).await.into_iter().zip(0..);
    let settled = rows.map(|(row, nth)| {
        let closing = Closing { verdict: Verdict::Answered, audit: vec![entry(nth)], ..Closing::default() };
        store.settle(row.done(closing))
    });
    assert!(futures_util::future::join_all(settled).await.into_iter().all(|held| held.unwrap()));
}

#[tokio::test]
async fn what_was_done_has_its_row_in_order_and_what_was_not_has_none() {
    let (place, keys) = (LedgerPlace::new(), keys(None, None));
    with_daemon(&place.settings, &keys, async |store| {
        settle(store, "together", 5).await;
        let mut rows = claimed(store, "kept", 3).await;
        let [again, discarded, dead] = [rows.remove(0), rows.remove(0), rows.remove(0)];
        // These are put back, so nothing was done yet.
        store.settle(again.clone().again(Again::default())).await.unwrap();
        let by_hand = |action: &str| AuditEntry { via: Via::Cli, action: action.to_owned(), ..AuditEntry::default() };
        assert!(store.discard(discarded.id, by_hand("drop")).await.unwrap());
        assert!(!store.discard(discarded.id, by_hand("drop again")).await.unwrap());
        let late = |row: Claimed| -> Settlement { row.done(Closing { audit: vec![entry(9)], ..Closing::default() }) };
        assert!(!store.settle(late(discarded.clone())).await.unwrap(), "the lease was lost, and the row with it");
        let closing = Closing {
            audit: vec![AuditEntry { verdict: Verdict::Failed, via: Via::Click, ..entry(3) }],
            ..Closing::default()
        };
        let settlement = dead.clone().dead(closing);
        assert!(store.settle(settlement).await.unwrap());
        assert!(store.reopen(dead.id, by_hand("retry")).await.unwrap());
        let rows = store.audited(0, 100, |_| true).await.unwrap();
        let told: Vec<_> = rows.iter().rev().map(|row| (row.seq, row.via.as_str(), row.action.as_str())).collect();
        let mut expected: Vec<_> = (1..=5).map(|seq| (seq, "message", "help")).collect();
        expected.extend([(6, "cli", "drop"), (7, "click", "help"), (8, "cli", "retry")]);
        assert_eq!(told, expected);
        let people: Vec<_> = rows.iter().rev().take(5).filter_map(|row| row.person.clone()).collect();
        assert_eq!(people, (0..5).map(|nth| format!("person {nth}")).collect::<Vec<_>>(), "in the order settled");
        let of_dead = store.audit_of(dead.id).await.unwrap();
        assert_eq!((of_dead.len(), of_dead[0].verdict.as_str()), (1, "failed"));
        assert_eq!(store.audited(0, 2, |row| row.via == "cli").await.unwrap().len(), 2);
        assert!(store.audited(clock::wall_ms() + 60_000, 100, |_| true).await.unwrap().is_empty());
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, found.seal, found.findings), (8, SealState::None, Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn text_of_any_kind_is_kept_as_it_was_hashed() {
    let (place, keys) = (LedgerPlace::new(), keys(None, None));
    with_daemon(&place.settings, &keys, async |store| {
        let texts = ["", "a\0b", "\u{202e}\"\\\n", "\u{1f980}", &"ö".repeat(1000)];
        let rows = claimed(store, "text", texts.len()).await;
        for (row, text) in rows.into_iter().zip(texts) {
            let audit = vec![AuditEntry { room: Some(text.to_owned()), reason: text.to_owned(), ..entry(0) }];
            store.settle(row.done(Closing { audit, ..Closing::default() })).await.unwrap();
        }
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, found.findings), (5, Vec::new()));
        let longest = store.audited(0, 1, |_| true).await.unwrap().remove(0);
        assert_eq!(longest.reason.len(), LONGEST_FIELD);
    })
    .await;
}

/// Does what `switchboard audit seal` does.
pub(in crate::store) async fn seal_by_verb(settings: &config::Store, keys: &config::Audit) -> bool {
    let by = AuditEntry { via: Via::Cli, ..AuditEntry::default() };
    beside(settings, keys, async |store| store.seal_audit(by).await.unwrap()).await
}

#[tokio::test]
async fn a_key_may_come_change_and_go() {
    let place = LedgerPlace::new();
    let mut rows = 0;
    for (nth, (key, old, notes)) in [
        (None, None, 0),
        (Some("one"), None, 0),
        (Some("one"), None, 0),
        (Some("two"), Some("one"), 1),
        (None, None, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let keys = keys(key, old);
        if nth == 1 {
            assert!(seal_by_verb(&place.settings, &keys).await && !seal_by_verb(&place.settings, &keys).await);
            rows += 1;
        }
        if old.is_some() {
            assert_eq!(
                verify(&place.settings, &keys).await.seal,
                SealState::Old,
                "it is not the key's before the start"
            );
        }
        with_daemon(&place.settings, &keys, async |store| settle(store, &format!("start {nth}"), 4).await).await;
        rows += notes + 4;
        let found = verify(&place.settings, &keys).await;
        let seal = if key.is_some() { SealState::Right } else { SealState::None };
        assert_eq!((findings_of(&found), found.seal, found.rows), (Vec::new(), seal, rows), "start {nth}");
        assert_eq!(found.sealed_since.map(|(row, _)| row), key.map(|_| 5));
    }
}

#[tokio::test]
async fn a_verb_with_a_key_that_the_daemon_has_not_seals_nothing_for_long() {
    let (place, none) = (LedgerPlace::new(), keys(None, None));
    with_daemon(&place.settings, &none, async |store| {
        settle(store, "before", 2).await;
        assert!(seal_by_verb(&place.settings, &keys(Some("key"), None)).await);
        settle(store, "after", 2).await;
        let found = store.verify_audit().await.unwrap();
        assert_eq!((findings_of(&found), found.seal, found.sealed_since), (Vec::new(), SealState::None, None));
    })
    .await;
}

#[tokio::test]
async fn a_verb_writes_only_with_the_daemons_key() {
    for (daemons, verbs) in [(Some("key"), None), (Some("key"), Some("other"))] {
        let place = LedgerPlace::new();
        with_daemon(&place.settings, &keys(daemons, None), async |store| {
            let row = claimed(store, "open", 1).await.remove(0);
            beside(&place.settings, &keys(verbs, None), async |beside| {
                let refused = beside.discard(row.id, AuditEntry::default()).await.unwrap_err();
                assert!(refused.to_string().contains("audit.key"), "{refused}");
            })
            .await;
            beside(&place.settings, &keys(daemons, None), async |beside| {
                assert!(beside.discard(row.id, AuditEntry::default()).await.unwrap());
            })
            .await;
            // Each continues where the other stopped.
            settle(store, "after", 4).await;
            assert_eq!(store.verify_audit().await.unwrap().findings, []);
        })
        .await;
    }
}

#[tokio::test]
async fn what_a_verb_adds_is_no_break_even_when_it_is_pruned_before_the_daemon_goes_on() {
    let (place, keys) = (LedgerPlace::new(), keys(Some("key"), None));
    with_daemon(&place.settings, &keys, async |store| {
        settle(store, "before", 2).await;
        for (row, nth) in claimed(store, "open", 3).await.into_iter().zip(0..) {
            beside(&place.settings, &keys, async |beside| {
                assert!(beside.discard(row.id, AuditEntry { via: Via::Cli, ..entry(nth) }).await.unwrap());
            })
            .await;
            if nth == 1 {
                while store.prune_audit(Duration::ZERO).await.unwrap() > 0 {}
            }
        }
        // The lanes of the discarded rows are found to be empty.
        assert!(store.claim(Queue::Inbox, [10, usize::MAX], || None, Duration::ZERO).await.unwrap().is_empty());
        settle(store, "after", 2).await;
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, findings_of(&found)), (3, Vec::new()));
    })
    .await;
}
