//! Questions to people, and cards that were used.

use std::time::Duration;

use uuid::Uuid;

use super::{Ledger, With, done};
use crate::clock;
use crate::store::{Again, Conversation, Effect, QuestionShown, Settlement};

#[tokio::test]
async fn the_use_of_a_card_is_settled_with_its_click_and_forgotten_after_its_time() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    let (short, long, lost) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let now = clock::wall_ms();
    for (name, card, until) in [("short", short, now - 60_000), ("long", long, now + 60_000)] {
        ledger.put(name, "room").await;
        let row = ledger.claim(1).await.remove(0);
        // Doing it twice makes no difference.
        for settled in [true, false] {
            assert_eq!(
                store.settle(done(row.clone()).with(Effect::Use { card, until, action: None })).await.unwrap(),
                settled
            );
        }
    }
    ledger.put("again", "room").await;
    let row = ledger.claim(1).await.remove(0);
    let use_lost = Effect::Use { card: lost, until: now + 60_000, action: None };
    assert!(store.settle(row.clone().again(Again::default()).with(use_lost.clone())).await.unwrap());
    assert!(!store.settle(done(row).with(use_lost)).await.unwrap(), "the lease is gone");
    let used = async |card| store.is_used(card).await.unwrap();
    assert_eq!((used(short).await, used(long).await, used(lost).await), (true, true, false));
    store.prune(Duration::from_secs(3600), Duration::from_secs(3600)).await.unwrap();
    assert!(used(short).await, "a clock may have been set back");
    store.prune(Duration::from_secs(3600), Duration::from_secs(1)).await.unwrap();
    assert_eq!((used(short).await, used(long).await), (false, true));
}

pub(super) fn question(person: &str, event: u128, minutes_left: i64) -> Conversation {
    Conversation {
        room: "room".to_owned(),
        person: person.to_owned(),
        event: Uuid::from_u128(event),
        asked_at: clock::wall_ms(),
        until: clock::wall_ms() + minutes_left * 60_000,
        body: format!("{event}"),
        ended_by: None,
        message: Uuid::nil(),
        shown: QuestionShown::No,
    }
}

impl Ledger {
    /// Settles an event of this name with these effects, and gives its id.
    pub(super) async fn settle_with(&self, name: &str, effects: impl IntoIterator<Item = Effect>) -> Uuid {
        self.put(name, "room").await;
        let row = self.claim(1).await.remove(0);
        let id = row.id;
        assert!(self.store.settle(effects.into_iter().fold(done(row), Settlement::with)).await.unwrap());
        id
    }

    /// The last question to somebody, and the event that ended it.
    async fn asked(&self, person: &str) -> Option<(String, Option<Uuid>)> {
        let found = self.store.conversation("room", person).await.unwrap();
        found.map(|found| (found.body, found.ended_by))
    }
}

fn end(person: &str, event: u128) -> Effect {
    Effect::End { room: "room".to_owned(), person: person.to_owned(), event: Uuid::from_u128(event) }
}

#[tokio::test]
async fn a_question_is_settled_with_its_event_and_ended_with_its_answer_unless_another_was_asked() {
    let ledger = Ledger::new().await;
    ledger.put("lost", "room").await;
    let row = ledger.claim(1).await.remove(0);
    let ask = |event| Effect::Ask(question("alice", event, 10));
    assert!(ledger.store.settle(row.clone().again(Again::default()).with(ask(1))).await.unwrap());
    assert!(!ledger.store.settle(done(row).with(ask(1))).await.unwrap(), "the lease is gone");
    assert_eq!(ledger.asked("alice").await, None);
    assert!(ledger.store.settle(done(ledger.claim(1).await.remove(0))).await.unwrap());
    ledger.settle_with("asks", [ask(1)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("1".to_owned(), None)));
    for (room, person) in [("room", "bob"), ("another room", "alice")] {
        assert!(ledger.store.conversation(room, person).await.unwrap().is_none());
    }
    // The answer asks the next question, in either order of the effects.
    ledger.settle_with("answers", [ask(2), end("alice", 1)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("2".to_owned(), None)));
    ledger.settle_with("is late", [end("alice", 1), end("bob", 2)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("2".to_owned(), None)), "that is over already");
    let by = ledger.settle_with("ends", [end("alice", 2)]).await;
    // A process that opens the ledger again sees what was asked before.
    let ledger = Ledger::open(ledger.close().await, Duration::from_secs(60)).await;
    assert_eq!(ledger.asked("alice").await, Some(("2".to_owned(), Some(by))));
    ledger.settle_with("asks again", [ask(3)]).await;
    assert_eq!(ledger.asked("alice").await, Some(("3".to_owned(), None)));
}

#[tokio::test]
async fn questions_long_past_their_time_are_pruned_however_many_were_asked() {
    const DAY: i64 = 24 * 60;
    let ledger = Ledger::new().await;
    let asked = [("old", -DAY - 1), ("late", -DAY + 1), ("open", 10)];
    let crowd = (0..1200).map(|nth| question(&format!("person{nth}"), nth, -DAY - 1));
    let asked = asked.into_iter().map(|(person, minutes)| question(person, 1, minutes));
    ledger.settle_with("asks", asked.chain(crowd).map(Effect::Ask)).await;
    let prune = async |retention| {
        let mut steps = Vec::new();
        while let pruned @ 1.. = ledger.store.prune(retention, Duration::from_secs(3600)).await.unwrap() {
            steps.push(pruned);
        }
        steps
    };
    let month = Duration::from_secs(30 * 86_400);
    assert_eq!(prune(month).await, [500, 500, 201], "some at a time, and all of them");
    let left = async || {
        let mut left = Vec::new();
        for person in ["old", "late", "open", "person7"] {
            left.extend(ledger.asked(person).await.is_some().then_some(person));
        }
        left
    };
    assert_eq!(left().await, ["late", "open"]);
    // If the ledger keeps everything for a shorter time, it does the same with questions.
    prune(Duration::from_secs(3600)).await;
    assert_eq!(left().await, ["open"]);
}
