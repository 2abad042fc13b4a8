//! Requests to be let in, and decisions on them.

use std::time::Duration;

use uuid::Uuid;

use super::{Ledger, entry};
use crate::clock;
use crate::store::{AuditEntry, Pairing, PairingOutcome, PairingQuery, PairingRequest, PairingState, Queue};

fn request(code: &str, person: &str, minutes_ago: i64) -> PairingRequest {
    let requested_at = clock::wall_ms() - minutes_ago * 60_000;
    PairingRequest {
        code: code.to_owned(),
        person: person.to_owned(),
        person_id: person.to_uppercase(),
        email: format!("{person}@example.com"),
        room: "room".to_owned(),
        event: Uuid::new_v5(&Uuid::NAMESPACE_OID, code.as_bytes()),
        asked: "help".to_owned(),
        requested_at,
        expires_at: requested_at + 60_000,
    }
}

#[tokio::test]
async fn a_request_is_written_once_unless_too_many_ask_or_something_was_decided_meanwhile() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    let ask = async |request, seen: Option<&Pairing>, most| store.request_pairing(request, seen, most).await.unwrap();
    assert_eq!(ask(request("A", "alice", 61), None, 2).await, PairingOutcome::New);
    assert_eq!(ask(request("A", "bob", 0), None, 2).await, PairingOutcome::Again, "somebody has that code");
    assert_eq!(ask(request("B", "bob", 59), None, 2).await, PairingOutcome::New);
    assert_eq!(
        ask(request("C", "bob", 0), None, 2).await,
        PairingOutcome::Again,
        "there is one of which nothing was known"
    );
    let bobs = store.pairing_of("bob").await.unwrap().unwrap();
    assert_eq!(ask(request("C", "bob", 0), Some(&bobs), 2).await, PairingOutcome::New);
    assert_eq!(
        ask(request("D", "person4", 0), None, 2).await,
        PairingOutcome::Crowd,
        "the first was more than an hour ago"
    );
    assert_eq!(ask(request("D", "person4", 0), None, 3).await, PairingOutcome::New);
    let by = |code: &str, email: &str, person: &str| PairingQuery {
        code: code.to_owned(),
        email: email.to_owned(),
        person: person.to_owned(),
    };
    for who in [by("B", "", ""), by("C", "", ""), by("", "bob@example.com", ""), by("", "", "bob")] {
        assert_eq!(store.find_pairing(&who).await.unwrap().unwrap().request.code, "C", "{who:?}");
    }
    assert!(store.find_pairing(&by("X", "x", "x")).await.unwrap().is_none());
}

#[tokio::test]
async fn a_decision_and_what_follows_from_it_are_one_and_made_once() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    store.request_pairing(request("A", "alice", 0), None, 10).await.unwrap();
    let read = async || store.pairing_of("alice").await.unwrap().unwrap();
    let pairing = read().await;
    let decide = async |state, name| {
        let follow = vec![entry(Queue::Outbox, name, "a")];
        store.decide_pairing(&pairing, state, "root", follow, AuditEntry::default()).await.unwrap()
    };
    let (approved, denied) = tokio::join!(decide(PairingState::Approved, "yes"), decide(PairingState::Denied, "no"));
    assert!(approved ^ denied);
    let told = store.claim(Queue::Outbox, [10, usize::MAX], || None, Duration::ZERO).await.unwrap();
    assert_eq!(told.len(), 1);
    let (state, word) = if approved { (PairingState::Approved, "yes") } else { (PairingState::Denied, "no") };
    let now = read().await;
    assert_eq!((now.state, told[0].body.as_str(), now.decided_by.as_deref()), (state, word, Some("root")));
}

#[tokio::test]
async fn requests_that_count_no_more_are_pruned_and_people_who_were_let_in_stay() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    for (code, minutes) in [("old", 90), ("let in", 90), ("denied", 90), ("new", 1)] {
        store.request_pairing(request(code, code, minutes), None, 10).await.unwrap();
    }
    for (code, state) in [("let in", PairingState::Approved), ("denied", PairingState::Denied)] {
        let pairing = store.pairing_of(code).await.unwrap().unwrap();
        assert!(store.decide_pairing(&pairing, state, "root", Vec::new(), AuditEntry::default()).await.unwrap());
    }
    store.prune(Duration::from_secs(3600), Duration::ZERO).await.unwrap();
    let left: Vec<_> = store.pairings().await.unwrap();
    let left: Vec<_> = left.iter().map(|left| (left.request.code.as_str(), left.request.asked.as_str())).collect();
    assert_eq!(left, [("new", "help"), ("denied", ""), ("let in", "")]);
}
