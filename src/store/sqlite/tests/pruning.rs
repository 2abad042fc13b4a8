//! The beginning of the audit is forgotten, and the rest is unbroken.

use std::time::Duration;

use super::{beside, copy, finding, forge, ledger, sql, with_daemon};
use crate::store::Store;
use crate::store::tests::audit::{entry, settle};
use crate::store::tests::keys;

#[tokio::test]
async fn a_pruned_chain_is_unbroken_and_its_beginning_is_kept_too() {
    for keys in [keys(None, None), keys(Some("key"), None)] {
        let folder = tempfile::tempdir().unwrap();
        let day = Duration::from_secs(86_400);
        with_daemon(folder.path(), &keys, async |store| {
            settle(store, "old", 8).await;
            assert_eq!(store.prune_audit(day).await.unwrap(), 0);
        })
        .await;
        // All rows except the last four are made old. The chain is made anew with them, and an operator seals it.
        let two_days = 2 * i64::try_from(day.as_millis()).unwrap();
        forge(folder.path(), &format!("UPDATE audit SET at = at - {two_days} WHERE seq <= 4"));
        sql(folder.path(), "UPDATE audit_head SET seal = NULL");
        let verb = async |store: &Store| store.seal_audit(entry(0)).await.unwrap();
        assert_eq!(beside(folder.path(), &keys, verb).await, keys.key.is_some());
        with_daemon(folder.path(), &keys, async |store| {
            let pruned = i64::try_from(store.prune_audit(day).await.unwrap()).unwrap();
            assert_eq!(pruned, 4);
            assert_eq!(store.prune_audit(day).await.unwrap(), 0);
            settle(store, "new", 4).await;
            let found = store.verify_audit().await.unwrap();
            assert_eq!((found.findings, found.pruned.unwrap().0), (Vec::new(), pruned));
        })
        .await;
        let tampered = copy(&folder);
        sql(tampered.path(), "DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)");
        assert!(finding(tampered.path(), &keys).await.contains("is missing"));
        // Moving the beginning takes the key.
        sql(
            tampered.path(),
            "UPDATE audit_head SET anchor_seq = anchor_seq + 1, anchor_hash = (SELECT hash FROM audit ORDER BY seq LIMIT 1)",
        );
        assert!(!finding(tampered.path(), &keys).await.is_empty());
        with_daemon(folder.path(), &keys, async |store| {
            while store.prune_audit(Duration::ZERO).await.unwrap() > 0 {}
            let found = store.verify_audit().await.unwrap();
            assert_eq!((found.findings, found.rows), (Vec::new(), 0));
            settle(store, "newest", 4).await;
            assert_eq!(store.verify_audit().await.unwrap().findings, []);
        })
        .await;
    }
}

#[tokio::test]
async fn rows_of_a_clock_that_was_ahead_are_pruned_with_the_rows_behind_them() {
    let (keys, day) = (keys(None, None), Duration::from_secs(86_400));
    let month = 30 * i64::try_from(day.as_millis()).unwrap();
    // There are few of them, but more than one step of pruning looks at.
    for ahead in [4, 600] {
        let folder = ledger(ahead + 8, &keys).await;
        forge(folder.path(), &format!("UPDATE audit SET at = at + {month} WHERE seq <= {ahead}"));
        with_daemon(folder.path(), &keys, async |store| {
            assert_eq!(store.prune_audit(day).await.unwrap(), 0, "what is behind them is young");
        })
        .await;
        forge(
            folder.path(),
            &format!("UPDATE audit SET at = at - {month} WHERE seq BETWEEN {ahead} + 1 AND {ahead} + 4"),
        );
        with_daemon(folder.path(), &keys, async |store| {
            let mut pruned = 0;
            loop {
                match store.prune_audit(day).await.unwrap() {
                    0 => break,
                    step => pruned += step,
                }
            }
            let found = store.verify_audit().await.unwrap();
            assert_eq!((pruned, found.rows, found.findings), (ahead as u64 + 4, 4, Vec::new()));
        })
        .await;
    }
}
