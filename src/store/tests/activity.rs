//! What was settled in a period is counted for a report.

use super::{Ledger, entry};
use crate::clock;
use crate::store::{Closing, Entry, Queue};
use crate::verdict::Verdict;

#[tokio::test]
async fn events_are_counted_by_how_they_ended_and_replies_by_how_long_they_took() {
    let ledger = Ledger::new().await;
    let before = clock::wall_ms();
    // Some of the replies were accepted so many milliseconds before they are sent.
    for (nth, late) in [0, 0, 5_040, 5_060].into_iter().enumerate() {
        let name = format!("row {nth}");
        assert!(ledger.put(&name, &name).await);
        let row = ledger.claim(1).await.remove(0);
        let reply = Entry { accepted_at: before - late, ..entry(Queue::Outbox, &format!("reply {nth}"), &name) };
        let (label, subject) = (Some("help".to_owned()), Some("alice@example.com".to_owned()));
        let closing =
            Closing { verdict: Verdict::Answered, label, subject, entries: vec![reply], ..Closing::default() };
        assert!(ledger.store.settle(row.done(closing)).await.unwrap());
        let letter = ledger.store.claim(Queue::Outbox, [1, 1], || None, std::time::Duration::ZERO).await.unwrap();
        let sent = Closing { verdict: Verdict::Sent, label: Some("help".to_owned()), ..Closing::default() };
        assert!(ledger.store.settle(letter[0].clone().done(sent)).await.unwrap());
    }
    let activity = ledger.store.activity(before).await.unwrap();
    let [events] = &activity.events[..] else { panic!("{:?}", activity.events) };
    assert_eq!((events.verdict, events.count, events.label.as_deref()), (Some(Verdict::Answered), 4, Some("help")));
    let [(label, times)] = &activity.replies[..] else { panic!("{:?}", activity.replies) };
    assert_eq!((label.as_str(), times.iter().map(|(_, count)| count).sum::<u64>()), ("help", 4));
    assert!(times.is_sorted(), "{times:?}");
    assert!(times.len() <= 4 && times.iter().all(|(ms, _)| *ms < 1000 || ms.is_multiple_of(100)), "{times:?}");
    let (long, count) = times[times.len() - 1];
    assert!(long >= 5_000 && long.is_multiple_of(100) && count >= 1, "{times:?}");
    assert!(ledger.store.activity(clock::wall_ms() + 60_000).await.unwrap().events.is_empty());
}
