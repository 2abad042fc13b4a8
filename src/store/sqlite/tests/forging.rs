//! Attacks on the chain as a whole, its end and its seal.

use std::path::Path;
use std::time::Duration;

use super::{finding, forge, ledger, path, settings, sql, verify, with_daemon};
use crate::store::tests::audit::{claimed, entry, event, findings_of, seal_by_verb, settle};
use crate::store::tests::keys;
use crate::store::{Closing, Queue, SealState};

#[tokio::test]
async fn a_chain_made_anew_is_found_by_its_seal_and_by_nothing_else() {
    for statement in ["UPDATE audit SET verdict = 'denied' WHERE seq = 3", "DELETE FROM audit WHERE seq > 3"] {
        let without = keys(None, None);
        let folder = ledger(8, &without).await;
        forge(folder.path(), statement);
        assert_eq!(finding(folder.path(), &without).await, "", "as documented: there is nothing to tell it by");
        let with = keys(Some("key"), None);
        let folder = ledger(8, &with).await;
        forge(folder.path(), statement);
        let found = verify(folder.path(), &with).await;
        assert_eq!(found.seal, SealState::Wrong);
        let told = findings_of(&found);
        assert!(told.len() == 1 && told[0].starts_with("0 the seal over all rows does not fit"), "{told:?}");
        assert_eq!(verify(folder.path(), &without).await.seal, SealState::Unchecked);
        // The daemon does not hide it under a seal of its own.
        with_daemon(folder.path(), &with, async |store| settle(store, "after", 2).await).await;
        let said = finding(folder.path(), &with).await;
        assert!(said.contains("is the daemon's note that something was wrong before it"), "{said}");
        sql(folder.path(), "UPDATE audit_head SET seal = NULL");
        assert_eq!(verify(folder.path(), &with).await.seal, SealState::Missing);
    }
}

#[tokio::test]
async fn a_chain_forged_under_a_running_daemon_is_noted_by_it() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(Some("key"), None));
    with_daemon(folder.path(), &keys, async |store| {
        settle(store, "before", 4).await;
        forge(folder.path(), "UPDATE audit SET verdict = 'denied' WHERE seq = 3");
        settle(store, "after", 4).await;
        let told = findings_of(&store.verify_audit().await.unwrap());
        assert!(told.len() == 1 && told[0].starts_with("5 is the daemon's note"), "{told:?}");
    })
    .await;
}

/// Cuts the chain after this row, and restores the head of that time.
async fn cut(folder: &Path, after: i64, seal: &str) {
    let statements = format!(
        "DELETE FROM audit WHERE seq > {after};
         UPDATE audit_head SET seq = {after}, hash = (SELECT hash FROM audit WHERE seq = {after}), seal = {seal}"
    );
    sql(folder, &statements);
}

fn seal(folder: &Path) -> String {
    let connection = rusqlite::Connection::open(path(folder)).unwrap();
    connection.query_row("SELECT quote(seal) FROM audit_head", (), |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_chain_cut_under_a_running_daemon_is_noted_by_it_and_it_goes_on() {
    let says_cut = "the chain was cut or made anew; it had reached row";
    let says_seal = "the seal was taken away or replaced";
    for (key, with_old_seal, says) in
        [(None, true, says_cut), (Some("key"), true, says_cut), (Some("key"), false, says_seal)]
    {
        // It is noticed with the next row, by pruning, and at the stop.
        for notice in 0..3 {
            let (folder, keys) = (tempfile::tempdir().unwrap(), keys(key, None));
            with_daemon(folder.path(), &keys, async |store| {
                settle(store, "before", 4).await;
                let seal = if with_old_seal { seal(folder.path()) } else { "NULL".to_owned() };
                settle(store, "cut", 3).await;
                assert_eq!(store.prune_audit(Duration::from_secs(86_400)).await.unwrap(), 0);
                assert_eq!(findings_of(&store.verify_audit().await.unwrap()), [""; 0]);
                cut(folder.path(), 4, &seal).await;
                match notice {
                    0 => settle(store, "after", 2).await,
                    1 => assert_eq!(store.prune_audit(Duration::ZERO).await.unwrap(), 0, "in doubt it is left"),
                    _ => {}
                }
            })
            .await;
            // Later rows hide nothing of it, and it is reported once.
            with_daemon(folder.path(), &keys, async |store| settle(store, "later", 2).await).await;
            let found = verify(folder.path(), &keys).await;
            let told = findings_of(&found);
            let missing = "5 and all to row 7 are missing";
            assert!(told.len() == 2 && told[0] == missing, "{key:?}, {notice}: {told:?}");
            assert!(told[1].starts_with("8 is the daemon's note"), "{told:?}");
            assert!(told[1].contains(says) && told[1].contains("row 7"), "{told:?}");
            assert_eq!(found.seal, if key.is_some() { SealState::Right } else { SealState::None });
        }
    }
}

#[tokio::test]
async fn a_seal_taken_away_alone_is_noted_too_and_a_write_that_failed_is_nothing() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(Some("key"), None));
    with_daemon(folder.path(), &keys, async |store| {
        settle(store, "before", 4).await;
        let full = "CREATE TRIGGER full BEFORE UPDATE ON lane WHEN new.leased > old.leased BEGIN SELECT RAISE(ABORT, 'full'); END";
        // The claim fails. So does the settlement of the same commit, although its row was written by then. Whether both are
        // in one commit is up to the writer, and a settlement that has its own is done.
        let mut rows = 4;
        let settlement = loop {
            let row = claimed(store, &format!("failed{rows}"), 1).await.remove(0);
            let settlement = || {
                let closing = Closing { audit: vec![entry(1)], ..Closing::default() };
                store.settle(row.clone().done(closing))
            };
            assert!(store.put(event(&format!("due{rows}"))).await.unwrap());
            sql(folder.path(), full);
            let (settled, claimed) =
                tokio::join!(settlement(), store.claim(Queue::Inbox, [1, usize::MAX], || None, Duration::ZERO));
            sql(folder.path(), "DROP TRIGGER full");
            assert!(claimed.is_err());
            rows += 1;
            if settled.is_err() {
                break settlement();
            }
        };
        assert!(store.put(event("commits")).await.unwrap());
        assert!(settlement.await.unwrap());
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, findings_of(&found)), (rows, Vec::new()));
        sql(folder.path(), "UPDATE audit_head SET seal = NULL");
        settle(store, "after", 1).await;
        let told = findings_of(&store.verify_audit().await.unwrap());
        assert!(told.len() == 1 && told[0].starts_with(&format!("{} is the daemon's note", rows + 1)), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn rows_beyond_the_end_and_a_lost_head_stop_nothing_and_are_found() {
    let keys = keys(None, None);
    let beyond = "INSERT INTO audit SELECT 9, at, via, person, email, room, place, action, verdict, reason, event, hash FROM audit WHERE seq = 3";
    for (tampering, says) in [(beyond, "9 was altered"), ("DELETE FROM audit_head", "9 is the daemon's note")] {
        let folder = ledger(8, &keys).await;
        with_daemon(folder.path(), &keys, async |store| {
            sql(folder.path(), tampering);
            settle(store, "after", 2).await;
            settle(store, "and after", 2).await;
            assert!(store.audited(0, 100, |_| true).await.unwrap().len() >= 12);
        })
        .await;
        let said = finding(folder.path(), &keys).await;
        assert!(said.starts_with(says), "{said}");
    }
}

#[tokio::test]
async fn a_seal_that_was_taken_away_is_missed_until_an_operator_puts_one_there() {
    let keys = keys(Some("key"), None);
    let wiped = "DELETE FROM audit;
                 UPDATE audit_head SET anchor_seq = 0, anchor_hash = zeroblob(32), pruned_at = NULL, seq = 0,
                     hash = zeroblob(32), seal = NULL";
    for tampering in [wiped, "UPDATE audit_head SET seal = NULL", "DELETE FROM audit_head"] {
        let folder = ledger(4, &keys).await;
        sql(folder.path(), tampering);
        // Neither a start nor later rows make it sealed.
        for nth in 0..2 {
            with_daemon(folder.path(), &keys, async |store| settle(store, &format!("start {nth}"), 2).await).await;
            let found = verify(folder.path(), &keys).await;
            assert_eq!(found.seal, SealState::Missing, "{tampering}");
            assert!(findings_of(&found).pop().unwrap().starts_with("0 there is no seal over the rows"), "{tampering}");
        }
        // This happens beside the daemon, whose next row continues from it.
        with_daemon(folder.path(), &keys, async |store| {
            settle(store, "before", 2).await;
            let before = store.verify_audit().await.unwrap().last.unwrap();
            assert!(seal_by_verb(&settings(folder.path()), &keys).await);
            settle(store, "after", 2).await;
            let found = store.verify_audit().await.unwrap();
            assert_eq!((found.seal, found.sealed_since.unwrap().0), (SealState::Right, before.0 + 1), "{tampering}");
            let note = usize::from(tampering == "DELETE FROM audit_head");
            assert_eq!(found.findings.len(), note, "{tampering}: {:?}", findings_of(&found));
            let last = store.audited(0, 1, |_| true).await.unwrap().remove(0);
            assert_eq!(found.last, Some((before.0 + 3, hex::encode(last.hash))));
        })
        .await;
    }
}

#[tokio::test]
async fn a_row_in_the_way_fails_no_write_and_none_at_the_end_of_all_numbers_does() {
    for keys in [keys(None, None), keys(Some("key"), None)] {
        for seq in ["7", "8", "9223372036854775807", "-9223372036854775808"] {
            for also in ["", "; UPDATE audit_head SET seq = 9223372036854775807", "; DELETE FROM audit_head"] {
                let folder = ledger(4, &keys).await;
                let put = format!(
                    "INSERT INTO audit SELECT {seq}, at, via, person, email, room, place, action, verdict, reason, event, hash FROM audit WHERE seq = 3{also}"
                );
                with_daemon(folder.path(), &keys, async |store| {
                    settle(store, "before", 2).await;
                    sql(folder.path(), &put);
                    settle(store, "after", 2).await;
                    store.prune_audit(Duration::from_secs(86_400)).await.unwrap();
                    settle(store, "and after", 2).await;
                })
                .await;
                with_daemon(folder.path(), &keys, async |store| settle(store, "later", 2).await).await;
                let found = verify(folder.path(), &keys).await;
                assert!(found.rows >= 13 && !found.findings.is_empty(), "{seq}{also}: {:?}", findings_of(&found));
                assert!(found.last.unwrap().0 < 20, "{seq}{also}: the numbers go on from ours");
            }
        }
    }
}
