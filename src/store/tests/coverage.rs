//! How much of the messages the ledger is known to have.

use super::Ledger;
use crate::clock;
use crate::store::{Beginning, Gap, Progress};

#[tokio::test]
async fn the_coverage_begins_once_grows_and_keeps_its_gaps() {
    let ledger = Ledger::new().await;
    let store = &ledger.store;
    assert!(store.coverage().await.unwrap().is_none());
    store.begin_coverage(Beginning { floor: 7, from: clock::wall_ms(), gap: None }).await.unwrap();
    let began = store.coverage().await.unwrap().unwrap();
    assert_eq!((began.floor, began.complete_from), (7, began.complete_until));
    let until = began.complete_until + 50;
    let cursors = vec![("a".to_owned(), 10), ("b".to_owned(), 20)];
    store.progress(Progress { cursors, until: Some(until), gaps: Vec::new() }).await.unwrap();
    // An older cursor changes nothing.
    let cursors = vec![("a".to_owned(), 5), ("b".to_owned(), 30)];
    let gap = Gap { from: until, until: until + 9, why: "away".to_owned() };
    store.progress(Progress { cursors, until: Some(until - 20), gaps: vec![gap.clone()] }).await.unwrap();
    // A gap that continues is one gap. A later one, or one with another reason, is another.
    let longer = Gap { from: until + 4, until: until + 20, ..gap.clone() };
    store.progress(Progress { gaps: vec![longer], ..Progress::default() }).await.unwrap();
    let later = Gap { from: until + 30, until: until + 40, ..gap.clone() };
    store.progress(Progress { gaps: vec![later.clone()], ..Progress::default() }).await.unwrap();
    let coverage = store.coverage().await.unwrap().unwrap();
    assert_eq!(
        (coverage.complete_from, coverage.complete_until, coverage.gaps),
        (until + 40, until, vec![later, Gap { until: until + 20, ..gap }])
    );
    let cursors = store.cursors().await.unwrap();
    assert_eq!((cursors["a"], cursors["b"]), (10, 30));
}
