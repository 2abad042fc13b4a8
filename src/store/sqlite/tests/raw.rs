//! The bytes that rows were made from are in a table of their own, and are removed with their rows.

use std::time::Duration;

use futures_util::future::join_all;

use super::{BACK_TO_18, path, sql, with_daemon};
use crate::store::tests::{done, entry, keys};
use crate::store::{Entry, Queue};

#[tokio::test]
async fn no_bytes_stay_behind_without_their_row() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    let kept = || {
        let connection = rusqlite::Connection::open(path(folder.path())).unwrap();
        connection.query_row("SELECT count(*) FROM raw", (), |row| row.get::<_, i64>(0)).unwrap()
    };
    let raw = |name: &str| Entry { raw: Some(name.to_owned().into()), ..entry(Queue::Inbox, name, name) };
    with_daemon(folder.path(), &keys, async |store| {
        store.put(raw("settled")).await.unwrap();
        let row = store.claim(Queue::Inbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
        store.settle(done(row)).await.unwrap();
        store.put(raw("open")).await.unwrap();
        let unhandled = (0..1005).map(|nth| raw(&format!("unhandled {nth}")));
        let noted = unhandled.map(|entry| store.note_unhandled(entry, "nobody works on it".to_owned()));
        assert!(join_all(noted).await.into_iter().all(|added| added.unwrap()));
        assert_eq!(kept(), 1002, "the most that are kept of those nobody works on, and two");
        while store.prune(Duration::ZERO, Duration::ZERO).await.unwrap() > 0 {}
        assert_eq!(kept(), 1, "what is open has its bytes");
    })
    .await;
}

#[tokio::test]
async fn bytes_that_an_earlier_version_kept_in_the_row_are_kept() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    let with_raw = Entry { raw: Some("a\0b".into()), ..entry(Queue::Inbox, "with", "with") };
    let (with, without) = (with_raw.id, entry(Queue::Inbox, "without", "without"));
    let id = without.id;
    with_daemon(folder.path(), &keys, async |store| {
        for entry in [with_raw, without] {
            assert!(store.put(entry).await.unwrap());
        }
    })
    .await;
    let back =
        "ALTER TABLE ledger ADD COLUMN raw BLOB; UPDATE ledger SET raw = (SELECT bytes FROM raw WHERE row = seq);
        DROP TABLE raw; DELETE FROM _sqlx_migrations WHERE version > 17";
    sql(folder.path(), &format!("{BACK_TO_18} {back}"));
    with_daemon(folder.path(), &keys, async |store| {
        assert_eq!(store.raw(with).await.unwrap().as_deref(), Some(&b"a\0b"[..]));
        assert_eq!(store.raw(id).await.unwrap(), None);
    })
    .await;
}
