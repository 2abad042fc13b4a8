//! What is old is forgotten, and what is open never.

use std::time::Duration;

use super::{Ledger, done};
use crate::store::{Filter, Queue};

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
