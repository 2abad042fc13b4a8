//! A claim that finds no row stands until one is due.

use std::task::Poll;
use std::time::Duration;

use futures_util::poll;

use super::{Ledger, done, entry};
use crate::clock;
use crate::store::{Again, Claimed, Closing, Queue, Settlement};

const HOUR: Duration = Duration::from_secs(3600);

async fn standing(ledger: &Ledger) -> Vec<Claimed> {
    ledger.store.claim(Queue::Inbox, [2, usize::MAX], || None, HOUR).await.unwrap()
}

#[tokio::test]
async fn it_gets_its_row_in_the_commit_that_makes_the_row_due() {
    let ledger = Ledger::new().await;
    let mut claiming = Box::pin(standing(&ledger));
    assert!(poll!(&mut claiming).is_pending());
    ledger.put("row", "lane").await;
    // The row of a claim that needs another commit would come later.
    let Poll::Ready(rows) = poll!(&mut claiming) else { panic!("the row is not there yet") };
    let mut letters = Box::pin(ledger.store.claim(Queue::Outbox, [2, usize::MAX], || None, HOUR));
    assert!(poll!(&mut letters).is_pending());
    assert!(ledger.store.settle(reply_to(rows[0].clone())).await.unwrap());
    let Poll::Ready(letters) = poll!(&mut letters) else { panic!("the letter is not there yet") };
    assert_eq!(letters.unwrap()[0].body, "reply");
}

fn reply_to(row: Claimed) -> Settlement {
    let entries = vec![entry(Queue::Outbox, "reply", "lane")];
    row.done(Closing { entries, ..Closing::default() })
}

#[tokio::test]
async fn it_gets_a_row_whose_pause_is_over_and_none_before() {
    let ledger = Ledger::new().await;
    ledger.put("row", "lane").await;
    let row = ledger.claim(1).await.remove(0);
    let pause = Duration::from_millis(30);
    let settled = clock::instant();
    ledger.store.settle(row.again(Again { after: pause, ..Again::default() })).await.unwrap();
    assert_eq!(standing(&ledger).await[0].body, "row");
    assert!(settled.elapsed() >= pause);
}

#[tokio::test]
async fn it_ends_without_a_row_when_its_patience_is_over() {
    let ledger = Ledger::new().await;
    let patience = Duration::from_millis(20);
    let asked = clock::instant();
    assert!(ledger.store.claim(Queue::Inbox, [1, 1], || None, patience).await.unwrap().is_empty());
    assert!(asked.elapsed() >= patience);
}

#[tokio::test]
async fn rows_that_nobody_waits_for_any_more_are_put_back_and_count_no_try() {
    let ledger = Ledger::new().await;
    for (name, is_on_its_way) in [("before", false), ("on its way", true)] {
        let mut claiming = Box::pin(standing(&ledger));
        assert!(poll!(&mut claiming).is_pending());
        if is_on_its_way {
            assert!(ledger.put(name, "lane").await);
        }
        drop(claiming);
        ledger.put(name, "lane").await;
        let row = standing(&ledger).await.remove(0);
        assert_eq!((row.body.as_str(), row.attempts, row.deaths), (name, 0, 0));
        ledger.store.settle(done(row)).await.unwrap();
    }
}
