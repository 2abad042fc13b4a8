//! Requests for approval are made, approved and ended once, with the events that do so.

use std::time::Duration;

use uuid::Uuid;

use super::{Ledger, LedgerPlace, With, done, entry};
use crate::clock;
use crate::store::{ApprovalRequest, ApprovalState, ApprovalStep, Approver, Effect, Queue};

/// A request for approval that waits for this many milliseconds from now.
fn asks(name: &str, person: &str, waits: i64) -> ApprovalRequest {
    let now = clock::wall_ms();
    let text = |text: &str| text.to_owned();
    ApprovalRequest {
        card: Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()),
        event: entry(Queue::Inbox, name, "room").id,
        command: text("deploy"),
        asked: text("deploy api"),
        person: text(person),
        person_id: text(person),
        email: format!("{person}@example.com"),
        room: text("room"),
        thread: text("thread"),
        message: text("message"),
        files: vec![text("https://x.test/a")],
        requested_at: now,
        expires_at: now + waits,
    }
}

fn approves(card: Uuid, person: &str) -> ApprovalStep {
    let text = || person.to_owned();
    let (person, person_id, email, at) = (text(), text(), text(), clock::wall_ms());
    let by = Approver { person, person_id, email, at, event: None, message: None };
    ApprovalStep::Approve { card, by, void: Vec::new() }
}

impl Ledger {
    /// Settles an event that makes this step.
    async fn does(&self, name: &str, step: ApprovalStep) {
        self.put(name, "room").await;
        let row = self.claim(1).await.pop().unwrap();
        assert!(self.store.settle(done(row).with(Effect::Approval(step))).await.unwrap());
    }
}

#[tokio::test]
async fn what_waits_for_approval_counts_everybody_once_and_ends_once() {
    let ledger = Ledger::new().await;
    let request = asks("ask", "alice", 3_600_000);
    let card = request.card;
    let read = async || ledger.store.approval(card).await.unwrap().unwrap();
    ledger.does("ask", ApprovalStep::Ask(Box::new(request.clone()))).await;
    // If the event is worked on a second time, it is the same request.
    ledger.does("again", ApprovalStep::Ask(Box::new(ApprovalRequest { asked: String::new(), ..request }))).await;
    for (name, person) in [("b1", "bob"), ("b2", "bob"), ("c", "carol")] {
        ledger.does(name, approves(card, person)).await;
    }
    let waiting = read().await;
    assert_eq!((waiting.state, waiting.request.asked.as_str()), (ApprovalState::Open, "deploy api"));
    assert_eq!(waiting.request.files, ["https://x.test/a"]);
    assert_eq!(waiting.approvers.iter().map(|by| by.person.as_str()).collect::<Vec<_>>(), ["bob", "carol"]);
    assert_eq!(ledger.store.open_approvals("alice", "hall").await.unwrap(), (1, 0));
    assert_eq!(ledger.store.open_approvals("bob", "room").await.unwrap(), (0, 1));
    let end = |state| ApprovalStep::End { card, state, by: "dave".to_owned() };
    ledger.does("end", end(ApprovalState::Failed)).await;
    ledger.does("late", end(ApprovalState::Denied)).await;
    ledger.does("vote", approves(card, "erin")).await;
    let ended = read().await;
    assert_eq!(
        (ended.state, ended.approvers.len(), ended.ended_by.as_deref()),
        (ApprovalState::Failed, 2, Some("dave"))
    );
    assert_eq!(ended.ended_event, Some(entry(Queue::Inbox, "end", "room").id));
    assert!(ledger.store.approvals(true, 10).await.unwrap().is_empty());
    assert_eq!(ledger.store.approvals(false, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_lost_lease_neither_asks_nor_approves_nor_ends() {
    let ledger = Ledger::open(LedgerPlace::new(), Duration::ZERO).await;
    let request = asks("ask", "alice", 3_600_000);
    let card = request.card;
    for (name, step) in [
        ("approve", approves(card, "bob")),
        ("end", ApprovalStep::End { card, state: ApprovalState::Denied, by: "bob".to_owned() }),
        ("ask", ApprovalStep::Ask(Box::new(request))),
    ] {
        ledger.put(name, name).await;
        let late = ledger.claim(1).await.pop().unwrap();
        let held = ledger.claim(1).await.pop().unwrap();
        assert!(!ledger.store.settle(done(late).with(Effect::Approval(step))).await.unwrap());
        assert!(ledger.store.settle(done(held)).await.unwrap());
    }
    assert!(ledger.store.approval(card).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_over_is_found_in_time_and_forgotten_with_the_rest() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    for (name, waits) in [("over", -1), ("soon", 60_000), ("later", 3_600_000)] {
        ledger.does(name, ApprovalStep::Ask(Box::new(asks(name, "alice", waits)))).await;
    }
    store.approval_asked().await;
    let soon = asks("soon", "alice", 0).card;
    let (overdue, next) = store.overdue_approvals(clock::wall_ms()).await.unwrap();
    assert_eq!(overdue.iter().map(|over| over.card).collect::<Vec<_>>(), [asks("over", "alice", 0).card]);
    assert_eq!(next, Some(store.approval(soon).await.unwrap().unwrap().request.expires_at));
    ledger.does("vote", approves(soon, "bob")).await;
    ledger.does("end", ApprovalStep::End { card: soon, state: ApprovalState::Denied, by: "bob".to_owned() }).await;
    store.prune(Duration::from_secs(3600), Duration::ZERO).await.unwrap();
    assert_eq!(store.approvals(false, 10).await.unwrap().len(), 3);
    store.prune(Duration::ZERO, Duration::ZERO).await.unwrap();
    let left = store.approvals(false, 10).await.unwrap();
    assert!(left.len() == 2 && left.iter().all(|approval| approval.state == ApprovalState::Open), "{left:?}");
}
