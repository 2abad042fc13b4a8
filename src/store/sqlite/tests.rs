//! The parts that only SQLite has: a file with a lock, the plan of each statement, and the compiled-in options.

mod forging;
mod pruning;
mod raw;
mod tampering;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Row as _};
use tempfile::TempDir;

use super::audit::audit_row;
use super::claim::{CLAIM, NEXT_DUE};
use super::database::Sqlite;
use super::file;
use crate::clock;
use crate::config;
use crate::store::audit::row::GENESIS;
use crate::store::tests::audit::{findings_of, settle};
use crate::store::tests::{self, Ledger, LedgerPlace, entry, keys};
use crate::store::{Queue, Store, Verification};

fn path(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

fn settings(folder: &Path) -> config::Store {
    tests::settings(format!("sqlite:{}", path(folder).display()))
}

async fn with_daemon<T>(folder: &Path, keys: &config::Audit, work: impl AsyncFnOnce(&Store) -> T) -> T {
    tests::with_daemon(&settings(folder), keys, work).await
}

async fn beside<T>(folder: &Path, keys: &config::Audit, work: impl AsyncFnOnce(&Store) -> T) -> T {
    tests::beside(&settings(folder), keys, work).await
}

async fn verify(folder: &Path, keys: &config::Audit) -> Verification {
    tests::audit::verify(&settings(folder), keys).await
}

/// The place and the text of the first finding. Empty if there is none.
async fn finding(folder: &Path, keys: &config::Audit) -> String {
    findings_of(&verify(folder, keys).await).into_iter().next().unwrap_or_default()
}

async fn sql(folder: &Path, statements: &str) {
    let mut connection = sqlx::SqliteConnection::connect(path(folder).to_str().unwrap()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A closed ledger with this many rows, written in a few commits.
async fn ledger(rows: usize, keys: &config::Audit) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    with_daemon(folder.path(), keys, async |store| {
        for nth in 0..rows / 4 {
            settle(store, &format!("event {nth}"), 4).await;
        }
    })
    .await;
    folder
}

fn copy(of: &TempDir) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(path(of.path()), path(folder.path())).unwrap();
    folder
}

/// Alters a row and makes everything after it anew, including the head, as an intruder would who knows all this.
async fn forge(folder: &Path, statement: &str) {
    sql(folder, statement).await;
    let mut connection = sqlx::SqliteConnection::connect(path(folder).to_str().unwrap()).await.unwrap();
    let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch_all(&mut connection).await.unwrap();
    let mut before = GENESIS;
    for row in rows {
        let row = audit_row(&row);
        before = row.link(&before);
        let update = sqlx::query("UPDATE audit SET hash = ?1 WHERE seq = ?2").bind(before.as_slice()).bind(row.seq);
        update.execute(&mut connection).await.unwrap();
        let update = sqlx::query("UPDATE audit_head SET hash = ?1, seq = ?2").bind(before.as_slice()).bind(row.seq);
        update.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn one_process_at_a_time() {
    let ledger = Ledger::open(LedgerPlace::of_sqlite(), Duration::from_secs(60)).await;
    let Err(error) =
        Store::open(&ledger.place.settings, &keys(None, None), Duration::ZERO, clock::Clock::of_system()).await
    else {
        panic!("a second one was let in")
    };
    assert!(error.to_string().contains("another switchboard daemon is using it"), "{error}");
    let place = ledger.close().await;
    Ledger::open(place, Duration::ZERO).await;
}

#[tokio::test]
async fn a_ledger_that_takes_nothing_says_so_and_goes_on_when_it_can() {
    let ledger = Ledger::open(LedgerPlace::of_sqlite(), Duration::from_secs(60)).await;
    let path = Sqlite::place(&ledger.place.settings);
    let mut other = SqliteConnection::connect_with(&file::options(&path)).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (put, beat) = tokio::join!(ledger.store.put(entry(Queue::Inbox, "a", "a")), ledger.store.beat());
    assert!(put.is_err() && beat.is_err(), "nothing is acknowledged that is not on disk");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    ledger.put("b", "b").await;
    assert!(ledger.claimed_names(10).await.contains(&"b".to_owned()));
}

#[tokio::test]
async fn the_sqlite_that_is_compiled_in_has_only_what_the_ledger_uses() {
    let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
    let options: Vec<String> = sqlx::query_scalar("SELECT compile_options FROM pragma_compile_options")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    for unused in ["FTS", "RTREE", "DBSTAT", "STAT4", "SOUNDEX", "MEMORY_MANAGEMENT"] {
        assert!(
            !options.iter().any(|option| option.contains(unused)),
            "{unused}: cargo did not use .cargo/config.toml, or LIBSQLITE3_FLAGS is set"
        );
    }
    assert!(options.contains(&"OMIT_LOAD_EXTENSION".to_owned()), "{options:?}");
}

/// Undoes what the versions from 16 on did to the tables.
const BACK_TO_15: &str = "DROP TABLE raw;
    ALTER TABLE approval ADD COLUMN envelope TEXT NOT NULL DEFAULT '{}'; DROP TABLE thread; DROP INDEX lane_due; DROP INDEX ledger_target;
    ALTER TABLE lane DROP COLUMN urgency; CREATE INDEX lane_due ON lane (queue, due_at) WHERE due_at IS NOT NULL;
    ALTER TABLE ledger DROP COLUMN sent_as; ALTER TABLE ledger DROP COLUMN without_card;
    ALTER TABLE ledger DROP COLUMN without_thread; ALTER TABLE ledger DROP COLUMN target;
    ALTER TABLE ledger DROP COLUMN edits; DELETE FROM _sqlx_migrations WHERE version > 15;";

/// How often the process died while it worked on the row of this name, and whether a worker has it now.
async fn deaths(folder: &Path, name: &str) -> (i64, bool) {
    let mut connection = sqlx::SqliteConnection::connect(path(folder).to_str().unwrap()).await.unwrap();
    let sql = "SELECT deaths, leased > 0 FROM ledger JOIN lane ON lane.id = ledger.lane WHERE body = ?1";
    let found = sqlx::query_as(sql).bind(name).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    found
}

#[tokio::test]
async fn leases_of_the_dead_are_taken_back_and_those_of_the_living_are_left() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        for name in ["dead", "living", "from before"] {
            store.put(entry(Queue::Inbox, name, name)).await.unwrap();
        }
        assert_eq!(store.claim(Queue::Inbox, 3, usize::MAX, None).await.unwrap().rows.len(), 3);
    })
    .await;
    for (name, holder) in [("living", "(SELECT id + 1 FROM instance)"), ("from before", "NULL")] {
        let lane = format!("(SELECT lane FROM ledger WHERE body = '{name}')");
        sql(folder.path(), &format!("UPDATE lane SET holder = {holder} WHERE id = {lane}")).await;
    }
    let (mut engine, _) = Sqlite::open(&settings(folder.path()), clock::Clock::of_system(), false).await.unwrap();
    // An engine other than SQLite can have two daemons.
    sql(folder.path(), "UPDATE instance SET id = id + 1").await;
    engine.take_back_leases().await.unwrap();
    engine.close().await;
    for (name, found) in [("dead", (1, false)), ("living", (0, true)), ("from before", (1, false))] {
        assert_eq!(deaths(folder.path(), name).await, found, "{name}");
    }
    // A daemon that has the lock is the only one.
    with_daemon(folder.path(), &keys, async |_| {}).await;
    assert_eq!(deaths(folder.path(), "living").await, (1, false));
}

#[tokio::test]
async fn a_ledger_of_before_there_were_instances_is_opened_and_its_leases_are_taken_back() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        store.put(entry(Queue::Inbox, "row", "row")).await.unwrap();
        assert_eq!(store.claim(Queue::Inbox, 1, usize::MAX, None).await.unwrap().rows.len(), 1);
    })
    .await;
    let back = format!(
        "DROP TABLE instance; ALTER TABLE lane DROP COLUMN holder; {BACK_TO_15} DELETE FROM _sqlx_migrations WHERE version > 14"
    );
    sql(folder.path(), &back).await;
    with_daemon(folder.path(), &keys, async |store| {
        let row = store.claim(Queue::Inbox, 1, usize::MAX, None).await.unwrap().rows.remove(0);
        assert_eq!((row.deaths, row.doubt.is_some()), (1, true));
    })
    .await;
}

#[tokio::test]
async fn receipts_of_before_they_had_columns_are_taken_out_of_the_notes() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    let unread = "Webex answered messages with a body that cannot be read";
    let notes = [
        ("Y2lz", None, Some(("Y2lz", None))),
        ("Y2lz without its card: Webex said: no", None, Some(("Y2lz", Some("Webex said: no")))),
        (unread, Some(unread), None),
        ("a b without its card: c", Some("a b without its card: c"), None),
        ("", Some(""), None),
    ];
    with_daemon(folder.path(), &keys, async |store| {
        for (note, ..) in notes {
            store.put(entry(Queue::Outbox, note, note)).await.unwrap();
        }
    })
    .await;
    let settled = "UPDATE ledger SET state = 1, verdict = 'sent', note = body, settled_at = 1";
    sql(folder.path(), &format!("{settled}; {BACK_TO_15}")).await;
    with_daemon(folder.path(), &keys, async |store| {
        for row in store.list(Queue::Outbox, crate::store::Filter::All, 10).await.unwrap() {
            let (_, note, receipt) = notes.iter().find(|(body, ..)| Some(*body) == row.body.as_deref()).unwrap();
            let found = row.receipt.as_ref().map(|found| (found.message.as_str(), found.without_card.as_deref()));
            assert_eq!((row.note.as_deref(), found), (*note, *receipt));
        }
    })
    .await;
}

#[tokio::test]
async fn a_claim_looks_at_no_row_that_it_does_not_give() {
    let place = Ledger::open(LedgerPlace::of_sqlite(), Duration::from_secs(60)).await.close().await;
    let options = file::options(&Sqlite::place(&place.settings));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    for (sql, fewest) in [(CLAIM, 3), (NEXT_DUE, 2)] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
        let plan = plan.bind(0).bind(0).bind(0).bind(10).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        // The lanes of one urgency are a subquery, which gives no more of them than are asked for. One row has no table.
        let scans = |step: &str| {
            step.starts_with("SCAN") && !step.starts_with("SCAN (subquery-") && step != "SCAN CONSTANT ROW"
        };
        let slow = |step: &String| scans(step) || step.contains("TEMP B-TREE");
        assert!(steps.len() >= fewest && !steps.iter().any(slow), "{steps:#?}");
    }
}
