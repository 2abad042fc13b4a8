//! The parts that only SQLite has: a file with a lock, the plan of each statement, and the compiled-in options.

mod forging;
mod indexing;
mod pruning;
mod raw;
mod tampering;
mod versions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use super::audit::audit_row;
use super::claim::{DUE, NEXT_DUE};
use super::connection::{Access, connect};
use super::database::Sqlite;
use super::statements::{Statements, column};
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

fn sql(folder: &Path, statements: &str) {
    Connection::open(path(folder)).unwrap().execute_batch(statements).unwrap();
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
fn forge(folder: &Path, statement: &str) {
    sql(folder, statement);
    let connection = Connection::open(path(folder)).unwrap();
    let rows = connection.all("SELECT * FROM audit ORDER BY seq", (), |row| Ok(audit_row(row))).unwrap();
    let mut before = GENESIS;
    for row in rows {
        before = row.link(&before);
        connection.run("UPDATE audit SET hash = ?1 WHERE seq = ?2", (before, row.seq)).unwrap();
        connection.run("UPDATE audit_head SET hash = ?1, seq = ?2", (before, row.seq)).unwrap();
    }
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
    let other = connect(&path, Access::Write).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (put, beat) = tokio::join!(ledger.store.put(entry(Queue::Inbox, "a", "a")), ledger.store.beat());
    assert!(put.is_err() && beat.is_err(), "nothing is acknowledged that is not on disk");
    other.execute_batch("ROLLBACK").unwrap();
    ledger.put("b", "b").await;
    assert!(ledger.claimed_names(10).await.contains(&"b".to_owned()));
}

#[test]
fn the_sqlite_that_is_compiled_in_has_only_what_the_ledger_uses() {
    let connection = Connection::open_in_memory().unwrap();
    let sql = "SELECT compile_options FROM pragma_compile_options";
    let options: Vec<String> = connection.all(sql, (), column).unwrap();
    for unused in ["FTS", "RTREE", "DBSTAT", "STAT4", "SOUNDEX", "MEMORY_MANAGEMENT"] {
        assert!(
            !options.iter().any(|option| option.contains(unused)),
            "{unused}: cargo did not use .cargo/config.toml, or LIBSQLITE3_FLAGS is set"
        );
    }
    assert!(options.contains(&"OMIT_LOAD_EXTENSION".to_owned()), "{options:?}");
}

/// Undoes what the versions from 19 on did to the tables.
const BACK_TO_18: &str =
    "DROP TABLE chat_hook; DROP TABLE place; DROP TABLE expected; DROP TABLE hook_state; DROP INDEX ledger_cause;
    ALTER TABLE ledger DROP COLUMN cause; DROP INDEX raw_size; ALTER TABLE raw DROP COLUMN size;
    ALTER TABLE thread DROP COLUMN state; ALTER TABLE thread DROP COLUMN digest; ALTER TABLE thread DROP COLUMN edits;
    ALTER TABLE thread DROP COLUMN edited_at; ALTER TABLE thread DROP COLUMN shown_by; ALTER TABLE thread DROP COLUMN before;
    DROP VIEW row_by_id; DROP VIEW open_row; DROP TABLE id_index; DROP TABLE open_index; DROP TABLE indexed;
    CREATE UNIQUE INDEX ledger_id ON ledger (id);
    CREATE INDEX ledger_open ON ledger (queue, lane, happened_at, seq) WHERE state = 0;
    ALTER TABLE lane ADD COLUMN before INTEGER; DELETE FROM _sqlx_migrations WHERE version > 18;";

/// Undoes what the versions from 16 to 18 did to the tables.
const BACK_FROM_18_TO_15: &str = "DROP TABLE raw;
    ALTER TABLE approval ADD COLUMN envelope TEXT NOT NULL DEFAULT '{}'; DROP TABLE thread; DROP INDEX lane_due; DROP INDEX ledger_target;
    ALTER TABLE lane DROP COLUMN urgency; CREATE INDEX lane_due ON lane (queue, due_at) WHERE due_at IS NOT NULL;
    ALTER TABLE ledger DROP COLUMN sent_as; ALTER TABLE ledger DROP COLUMN without_card;
    ALTER TABLE ledger DROP COLUMN without_thread; ALTER TABLE ledger DROP COLUMN target;
    ALTER TABLE ledger DROP COLUMN edits; DELETE FROM _sqlx_migrations WHERE version > 15;";

/// How often the process died while it worked on the row of this name, and whether a worker has it now.
fn deaths(folder: &Path, name: &str) -> (i64, bool) {
    let sql = "SELECT deaths, leased > 0 FROM ledger JOIN lane ON lane.id = ledger.lane WHERE body = ?1";
    let connection = Connection::open(path(folder)).unwrap();
    connection.query_row(sql, [name], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

#[tokio::test]
async fn leases_of_the_dead_are_taken_back_and_those_of_the_living_are_left() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        for name in ["dead", "living", "from before"] {
            store.put(entry(Queue::Inbox, name, name)).await.unwrap();
        }
        assert_eq!(store.claim(Queue::Inbox, [3, usize::MAX], || None, Duration::ZERO).await.unwrap().len(), 3);
    })
    .await;
    for (name, holder) in [("living", "(SELECT id + 1 FROM instance)"), ("from before", "NULL")] {
        let lane = format!("(SELECT lane FROM ledger WHERE body = '{name}')");
        sql(folder.path(), &format!("UPDATE lane SET holder = {holder} WHERE id = {lane}"));
    }
    let (mut engine, _) = Sqlite::open(&settings(folder.path()), clock::Clock::of_system(), false).unwrap();
    // An engine other than SQLite can have two daemons.
    sql(folder.path(), "UPDATE instance SET id = id + 1");
    engine.take_back_leases().unwrap();
    engine.close();
    for (name, found) in [("dead", (1, false)), ("living", (0, true)), ("from before", (1, false))] {
        assert_eq!(deaths(folder.path(), name), found, "{name}");
    }
    // A daemon that has the lock is the only one.
    with_daemon(folder.path(), &keys, async |_| {}).await;
    assert_eq!(deaths(folder.path(), "living"), (1, false));
}

#[tokio::test]
async fn a_ledger_of_before_there_were_instances_is_opened_and_its_leases_are_taken_back() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        store.put(entry(Queue::Inbox, "row", "row")).await.unwrap();
        assert_eq!(store.claim(Queue::Inbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().len(), 1);
    })
    .await;
    let back = format!(
        "DROP TABLE instance; ALTER TABLE lane DROP COLUMN holder;
         {BACK_TO_18} {BACK_FROM_18_TO_15} DELETE FROM _sqlx_migrations WHERE version > 14"
    );
    sql(folder.path(), &back);
    with_daemon(folder.path(), &keys, async |store| {
        let row = store.claim(Queue::Inbox, [1, usize::MAX], || None, Duration::ZERO).await.unwrap().remove(0);
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
    sql(folder.path(), &format!("{settled}; {BACK_TO_18} {BACK_FROM_18_TO_15}"));
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
    let connection = connect(&Sqlite::place(&place.settings), Access::Write).unwrap();
    for (sql, fewest) in [(DUE, 3), (NEXT_DUE, 2)] {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = plan.raw_query().mapped(|row| row.get("detail"));
        let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
        // The lanes of one urgency are a subquery, which gives no more of them than are asked for. One row has no table.
        let scans = |step: &str| {
            step.starts_with("SCAN") && !step.starts_with("SCAN (subquery-") && step != "SCAN CONSTANT ROW"
        };
        let slow = |step: &String| scans(step) || step.contains("TEMP B-TREE");
        assert!(steps.len() >= fewest && !steps.iter().any(slow), "{steps:#?}");
    }
}
