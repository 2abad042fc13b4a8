//! Rows are found whether their entries in the indexes are written or not.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use rusqlite::Connection;

use super::super::reader::Reader;
use super::super::unindexed::ROUND;
use super::{Statements, path, sql, with_daemon};
use crate::store::tests::{done, entry, keys};
use crate::store::{AuditEntry, Claimed, Entry, Filter, Queue, RowState, Store};

fn row(nth: usize) -> Entry {
    // Some lanes get rows in each round.
    let entry = entry(Queue::Inbox, &format!("row {nth}"), &format!("lane {}", nth % 7));
    Entry { happened_at: i64::try_from(nth).unwrap(), ..entry }
}

/// Puts these rows, and gives how many of them are new.
async fn put(store: &Store, rows: std::ops::Range<usize>) -> usize {
    let mut new = 0;
    // No more at a time than the writer takes.
    for some in rows.collect::<Vec<_>>().chunks(500) {
        let results = join_all(some.iter().map(|nth| store.put(row(*nth)))).await;
        new += results.into_iter().filter(|is_new| *is_new.as_ref().unwrap()).count();
    }
    new
}

async fn claim(store: &Store) -> Vec<Claimed> {
    store.claim(Queue::Inbox, [100, usize::MAX], || None, Duration::ZERO).await.unwrap()
}

fn up_to(folder: &Path) -> i64 {
    Connection::open(path(folder)).unwrap().value("SELECT up_to FROM indexed", ()).unwrap()
}

#[tokio::test]
async fn rows_are_found_before_their_round_and_after_it_and_by_the_next_process() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    let some = [0, 1, ROUND / 2, ROUND - 1];
    with_daemon(folder.path(), &keys, async |store| {
        assert_eq!(put(store, 0..ROUND - 1).await, ROUND - 1);
        assert_eq!((put(store, 0..ROUND - 1).await, up_to(folder.path())), (0, 0));
        assert_eq!(put(store, ROUND - 1..2 * ROUND).await, ROUND + 1);
        assert_eq!((put(store, 0..2 * ROUND).await, up_to(folder.path())), (0, i64::try_from(ROUND).unwrap()));
    })
    .await;
    with_daemon(folder.path(), &keys, async |store| {
        assert_eq!(put(store, 0..2 * ROUND).await, 0, "they are known to the next process too");
        for nth in some {
            assert_eq!(store.row(row(nth).id).await.unwrap().unwrap().body, Some(row(nth).body));
        }
        let digits = row(0).id.simple().to_string()[20..].to_owned();
        assert_eq!(store.ending_in(&digits).await.unwrap().len(), 1);
        assert_eq!(store.depths().await.unwrap().inbox, 2 * ROUND as u64);
        // What happened first goes first, whichever came first.
        let late = Entry { happened_at: -1, ..entry(Queue::Inbox, "late", "lane 0") };
        assert!(store.put(late).await.unwrap());
        let mut rows = claim(store).await;
        let mut names: Vec<_> = rows.iter().map(|row| row.body.clone()).collect();
        names.sort();
        assert_eq!(names, ["late", "row 1", "row 2", "row 3", "row 4", "row 5", "row 6"]);
        let late = rows.iter().position(|row| row.body == "late").unwrap();
        assert!(store.settle(done(rows.remove(late))).await.unwrap());
        assert_eq!(claim(store).await.remove(0).body, "row 0");
    })
    .await;
}

#[tokio::test]
async fn what_is_settled_dropped_or_opened_again_stays_so_through_its_round() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        put(store, 0..7).await;
        let rows = claim(store).await;
        let (dropped, again) = (rows[1].id, rows[2].id);
        assert!(store.discard(dropped, AuditEntry::default()).await.unwrap());
        assert!(store.settle(rows[2].clone().dead(Default::default())).await.unwrap());
        assert!(store.settle(done(rows[3].clone())).await.unwrap());
        assert_eq!(store.depths().await.unwrap().inbox, 4);
        // The round begins, and is left before it ends.
        put(store, 7..ROUND + 7).await;
        assert!(store.reopen(again, AuditEntry::default()).await.unwrap());
        assert!(store.settle(done(rows[4].clone())).await.unwrap());
        put(store, ROUND + 7..2 * ROUND).await;
        assert!(up_to(folder.path()) > 0);
        assert!(store.settle(done(rows[5].clone())).await.unwrap());
        let open = store.list(Queue::Inbox, Filter::In(RowState::Open), 100_000).await.unwrap();
        assert_eq!(open.len(), 2 * ROUND - 4);
        for (nth, is_open) in [true, false, true, false, false, false, true].into_iter().enumerate() {
            assert_eq!(open.iter().any(|row| row.id == rows[nth].id), is_open, "{nth}");
        }
        assert_eq!(store.depths().await.unwrap().inbox, open.len() as u64);
    })
    .await;
}

#[tokio::test]
async fn a_row_that_was_not_committed_is_not_known() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |_| {}).await;
    sql(
        folder.path(),
        "CREATE TRIGGER full BEFORE INSERT ON raw WHEN new.bytes = x'01' BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    with_daemon(folder.path(), &keys, async |store| {
        let with = |bytes: &'static [u8]| Entry { raw: Some(Bytes::from_static(bytes)), ..row(0) };
        assert!(store.put(with(b"\x01")).await.is_err());
        assert!(claim(store).await.is_empty());
        assert!(store.put(with(b"\x02")).await.unwrap());
        assert!(!store.put(with(b"\x02")).await.unwrap());
        assert_eq!(claim(store).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn a_row_with_the_number_of_a_deleted_one_is_found() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        put(store, 0..3).await;
    })
    .await;
    sql(folder.path(), "DELETE FROM ledger; UPDATE indexed SET up_to = 100");
    with_daemon(folder.path(), &keys, async |store| {
        assert_eq!(put(store, 0..2).await, 2);
        assert_eq!(put(store, 0..2).await, 0);
        assert_eq!(store.row(row(1).id).await.unwrap().unwrap().body.as_deref(), Some("row 1"));
        assert_eq!(claim(store).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn what_somebody_closes_by_hand_is_not_claimed_and_its_lane_goes_on() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        for name in ["first", "second"] {
            assert!(store.put(entry(Queue::Inbox, name, "lane")).await.unwrap());
        }
    })
    .await;
    sql(
        folder.path(),
        "INSERT INTO id_index SELECT id, seq FROM ledger; UPDATE indexed SET up_to = 2;
         INSERT INTO open_index SELECT lane, happened_at, seq, queue FROM ledger;
         UPDATE ledger SET state = 1, settled_at = 1 WHERE body = 'first'",
    );
    with_daemon(folder.path(), &keys, async |store| {
        let patience = Duration::from_secs(60);
        let rows = store.claim(Queue::Inbox, [1, usize::MAX], || None, patience).await.unwrap();
        assert_eq!(rows[0].body, "second");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_moves_leaves_no_entry_of_a_round_that_was_left_in_the_middle() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        assert!(store.put(entry(Queue::Inbox, "row", "from")).await.unwrap());
        sql(folder.path(), "INSERT INTO open_index SELECT lane, happened_at, seq, queue FROM ledger");
        let row = claim(store).await.remove(0);
        assert!(store.settle(row.moved(entry(Queue::Inbox, "row", "to"))).await.unwrap());
        let entries: i64 =
            Connection::open(path(folder.path())).unwrap().value("SELECT count(*) FROM open_index", ()).unwrap();
        assert_eq!(entries, 0);
        assert_eq!(claim(store).await.len(), 1, "it is given once");
    })
    .await;
}

#[tokio::test]
async fn rounds_end_even_if_others_write_all_the_time() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        for nth in 0..7 {
            let chunk = ROUND / 2;
            for part in 0..8 {
                let from = nth * chunk + part * chunk / 8;
                put(store, from..from + chunk / 8).await;
                sql(folder.path(), "UPDATE identity SET chance = chance + 1");
            }
        }
        assert!(up_to(folder.path()) > 0);
    })
    .await;
}

#[tokio::test]
async fn all_statements_of_a_read_see_the_same_commit() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| put(store, 0..1).await).await;
    let place = folder.path().to_owned();
    let reader = Reader::new(path(folder.path()));
    let counts = reader.read(move |ledger| {
        let count = || ledger.value::<i64>("SELECT count(*) FROM ledger", ());
        let before = count()?;
        sql(&place, "DELETE FROM ledger");
        Ok((before, count()?))
    });
    assert_eq!(counts.await.unwrap(), (1, 1));
}
