//! What the chain promises: it grows with what it tells, and every tampering is found that it says it finds.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use secrecy::SecretString;
use sqlx::Connection;
use tempfile::TempDir;

use super::verify::MOST_FINDINGS;
use super::*;
use crate::clock;
use crate::config::{self, Config};
use crate::store::{Again, Closing, Entry, Queue, Settlement, Writer};

const COLUMNS: [&str; 12] =
    ["seq", "at", "via", "person", "email", "room", "place", "action", "verdict", "reason", "event", "hash"];

const HEAD_COLUMNS: [&str; 5] = ["anchor_seq", "anchor_hash", "pruned_at", "seq", "hash"];

fn path(folder: &Path) -> PathBuf {
    folder.join("ledger.db")
}

fn settings(folder: &Path) -> config::Store {
    let mut settings = Config::from_parts("", &[]).unwrap().store;
    settings.url = SecretString::from(format!("sqlite:{}", path(folder).display()));
    settings
}

fn keys(key: Option<&str>, old: Option<&str>) -> config::Audit {
    let secret = |key: Option<&str>| key.map(SecretString::from);
    config::Audit { key: secret(key), old_key: secret(old), ..Config::from_parts("", &[]).unwrap().audit }
}

/// Does something with a daemon's ledger that has these keys, and closes it.
async fn with_daemon<T>(folder: &Path, keys: &config::Audit, work: impl AsyncFnOnce(&Store) -> T) -> T {
    served(
        Store::open(&settings(folder), keys, Duration::from_secs(60), clock::Clock::of_system()).await.unwrap(),
        work,
    )
    .await
}

/// The same beside the daemon, as verbs do.
async fn beside<T>(folder: &Path, keys: &config::Audit, work: impl AsyncFnOnce(&Store) -> T) -> T {
    served(Store::open_beside(&settings(folder), keys).await.unwrap(), work).await
}

async fn served<T>((store, writer): (Store, Writer), work: impl AsyncFnOnce(&Store) -> T) -> T {
    let work = async move { work(&store).await };
    tokio::join!(work, writer.run(std::future::pending())).0
}

async fn verify(folder: &Path, keys: &config::Audit) -> Verification {
    beside(folder, keys, async |store| store.verify_audit().await.unwrap()).await
}

/// Where the first finding is and what it says; empty when there is none.
async fn finding(folder: &Path, keys: &config::Audit) -> String {
    told(&verify(folder, keys).await).into_iter().next().unwrap_or_default()
}

/// Where each finding is and what it says.
fn told(found: &Verification) -> Vec<String> {
    found.findings.iter().map(|found| format!("{} {}", found.row.unwrap_or(0), found.problem)).collect()
}

async fn sql(folder: &Path, statements: &str) {
    let mut connection = sqlx::SqliteConnection::connect(path(folder).to_str().unwrap()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn entry(nth: usize) -> AuditEntry {
    AuditEntry {
        person: Some(format!("person {nth}")),
        email: Some("alice@example.com".to_owned()),
        room: Some("room".to_owned()),
        place: Some("direct"),
        action: "help".to_owned(),
        verdict: "answered",
        reason: "listed".to_owned(),
        ..AuditEntry::default()
    }
}

fn event(name: &str) -> Entry {
    Entry {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        queue: Queue::Inbox,
        lane: name.to_owned(),
        accepted_at: clock::wall_ms(),
        happened_at: 0,
        body: name.to_owned(),
        subject: None,
        label: None,
        file: None,
    }
}

/// Puts events of that name and claims them.
async fn claimed(store: &Store, name: &str, count: usize) -> Vec<crate::store::Claimed> {
    for nth in 0..count {
        assert!(store.put(event(&format!("{name} {nth}"))).await.unwrap());
    }
    store.claim(Queue::Inbox, count, usize::MAX, None).await.unwrap().rows
}

/// Settles so many events at once, each with a row in the audit.
async fn settle(store: &Store, name: &str, count: usize) {
    let rows = claimed(store, name, count).await.into_iter().zip(0..);
    let settled = rows.map(|(row, nth)| {
        let closing = Closing { verdict: "answered", audit: vec![entry(nth)], ..Closing::default() };
        store.settle(row.done(closing, Vec::new()))
    });
    assert!(futures_util::future::join_all(settled).await.into_iter().all(|held| held.unwrap()));
}

/// A closed ledger with so many rows, written in a few commits.
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

#[test]
fn the_canonical_form_is_as_documented() {
    let mut row = AuditRow::new(7, 1_700_000_000_000, &AuditEntry { email: None, ..entry(1) });
    row.event = Some(Uuid::from_u128(5));
    let before = signature::digest(b"before");
    let mut form = vec![1];
    form.extend(before);
    form.extend(7_i64.to_be_bytes());
    form.extend(1_700_000_000_000_i64.to_be_bytes());
    for field in ["message", "person 1", "", "room", "direct", "help", "answered", "listed"] {
        if field.is_empty() {
            form.extend([0xff; 4]);
        } else {
            form.extend(u32::try_from(field.len()).unwrap().to_be_bytes());
            form.extend(field.bytes());
        }
    }
    form.extend(16_u32.to_be_bytes());
    form.extend(5_u128.to_be_bytes());
    assert_eq!(row.link(&before), signature::digest(&form));
    // An absent field and an empty one are not the same, nor does a text move from one field to the next unnoticed.
    let other = AuditRow { email: Some(String::new()), ..row.clone() };
    assert_ne!(row.link(&before), other.link(&before));
    let moved = AuditRow { action: "hel".to_owned(), verdict: "panswered".to_owned(), ..row.clone() };
    assert_ne!(row.link(&before), moved.link(&before));
}

#[tokio::test]
async fn what_was_done_has_its_row_in_order_and_what_was_not_has_none() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        settle(store, "together", 5).await;
        let mut rows = claimed(store, "kept", 3).await;
        let [again, discarded, dead] = [rows.remove(0), rows.remove(0), rows.remove(0)];
        // Put back: nothing was done yet.
        store.settle(again.clone().again(Again::default())).await.unwrap();
        let by_hand = |action: &str| AuditEntry { via: Via::Cli, action: action.to_owned(), ..AuditEntry::default() };
        assert!(store.discard(discarded.id, by_hand("drop")).await.unwrap());
        assert!(!store.discard(discarded.id, by_hand("drop again")).await.unwrap());
        let late = |row: crate::store::Claimed| -> Settlement {
            row.done(Closing { audit: vec![entry(9)], ..Closing::default() }, Vec::new())
        };
        assert!(!store.settle(late(discarded.clone())).await.unwrap(), "the lease was lost, and the row with it");
        let closing = Closing {
            audit: vec![AuditEntry { verdict: "failed", via: Via::Click, ..entry(3) }],
            ..Closing::default()
        };
        let settlement = dead.clone().dead(closing, Vec::new());
        assert!(store.settle(settlement).await.unwrap());
        assert!(store.reopen(dead.id, by_hand("retry")).await.unwrap());
        let rows = store.audited(0, 100, |_| true).await.unwrap();
        let told: Vec<_> = rows.iter().rev().map(|row| (row.seq, row.via.as_str(), row.action.as_str())).collect();
        let mut expected: Vec<_> = (1..=5).map(|seq| (seq, "message", "help")).collect();
        expected.extend([(6, "cli", "drop"), (7, "click", "help"), (8, "cli", "retry")]);
        assert_eq!(told, expected);
        let people: Vec<_> = rows.iter().rev().take(5).filter_map(|row| row.person.clone()).collect();
        assert_eq!(people, (0..5).map(|nth| format!("person {nth}")).collect::<Vec<_>>(), "in the order settled");
        let of_dead = store.audit_of(dead.id).await.unwrap();
        assert_eq!((of_dead.len(), of_dead[0].verdict.as_str()), (1, "failed"));
        assert_eq!(store.audited(0, 2, |row| row.via == "cli").await.unwrap().len(), 2);
        assert!(store.audited(clock::wall_ms() + 60_000, 100, |_| true).await.unwrap().is_empty());
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, found.seal, found.findings), (8, Seal::None, Vec::new()));
    })
    .await;
}

#[tokio::test]
async fn text_of_any_kind_is_kept_as_it_was_hashed() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &keys, async |store| {
        let texts = ["", "a\0b", "\u{202e}\"\\\n", "\u{1f980}", &"ö".repeat(1000)];
        let rows = claimed(store, "text", texts.len()).await;
        for (row, text) in rows.into_iter().zip(texts) {
            let audit = vec![AuditEntry { room: Some(text.to_owned()), reason: text.to_owned(), ..entry(0) }];
            store.settle(row.done(Closing { audit, ..Closing::default() }, Vec::new())).await.unwrap();
        }
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, found.findings), (5, Vec::new()));
        let longest = store.audited(0, 1, |_| true).await.unwrap().remove(0);
        assert_eq!(longest.reason.len(), LONGEST_FIELD);
    })
    .await;
}

#[tokio::test]
async fn an_altered_column_of_any_row_is_found() {
    let keys = keys(None, None);
    let whole = ledger(4, &keys).await;
    for row in 1..=4 {
        for column in COLUMNS {
            let value = match column {
                "seq" => "seq + 100",
                "at" => "at + 1",
                "event" => "randomblob(16)",
                "hash" => "randomblob(32)",
                _ => "'other'",
            };
            let folder = copy(&whole);
            sql(folder.path(), &format!("UPDATE audit SET {column} = {value} WHERE seq = {row}")).await;
            let said = finding(folder.path(), &keys).await;
            let first = match column {
                "seq" => "is missing",
                "via" => "holds what no row",
                _ => "was altered",
            };
            assert!(said.starts_with(&format!("{row} ")) && said.contains(first), "{column} of {row}: {said:?}");
        }
    }
    for column in ["person", "email", "room", "place", "event"] {
        let folder = copy(&whole);
        sql(folder.path(), &format!("UPDATE audit SET {column} = NULL WHERE seq = 2")).await;
        assert!(finding(folder.path(), &keys).await.starts_with("2 was altered"), "{column}");
    }
    let folder = copy(&whole);
    sql(folder.path(), "UPDATE audit SET event = x'00', hash = x'00' WHERE seq = 3").await;
    assert!(finding(folder.path(), &keys).await.starts_with("3 holds what no row"));
    for column in HEAD_COLUMNS {
        let value =
            if column.ends_with("hash") { "randomblob(32)".to_owned() } else { format!("coalesce({column}, 0) + 1") };
        let folder = copy(&whole);
        sql(folder.path(), &format!("UPDATE audit_head SET {column} = {value}")).await;
        // When it was pruned stands in no row: only a seal keeps that.
        assert_ne!(finding(folder.path(), &keys).await.is_empty(), column != "pruned_at", "{column}");
    }
}

#[tokio::test]
async fn rows_removed_moved_or_put_there_are_found() {
    let swap =
        "UPDATE audit SET seq = -seq; UPDATE audit SET seq = CASE seq WHEN -2 THEN 3 WHEN -3 THEN 2 ELSE -seq END";
    let insert = |seq: &str| {
        format!(
            "INSERT INTO audit SELECT {seq}, at, via, person, email, room, place, action, verdict, reason, event, hash FROM audit WHERE seq = 3"
        )
    };
    for keys in [keys(None, None), keys(Some("key"), None)] {
        let whole = ledger(8, &keys).await;
        let last = 8;
        for (tampering, says) in [
            ("DELETE FROM audit WHERE seq = 1".to_owned(), "1 is missing".to_owned()),
            ("DELETE FROM audit WHERE seq = 4".to_owned(), "4 is missing".to_owned()),
            ("DELETE FROM audit WHERE seq IN (4, 5)".to_owned(), "4 and all to row 5 are missing".to_owned()),
            (format!("DELETE FROM audit WHERE seq = {last}"), format!("{last} is missing")),
            ("DELETE FROM audit WHERE seq > 6".to_owned(), format!("7 and all to row {last} are missing")),
            ("DELETE FROM audit".to_owned(), format!("1 and all to row {last} are missing")),
            (
                "DELETE FROM audit WHERE seq = 4; UPDATE audit SET seq = seq - 1 WHERE seq > 4".to_owned(),
                "4 was altered".to_owned(),
            ),
            (swap.to_owned(), "2 was altered".to_owned()),
            (insert("0"), "0 stands before the first row".to_owned()),
            (insert(&(last + 1).to_string()), format!("{} stands after row {last}", last + 1)),
            ("DELETE FROM audit_head".to_owned(), "0 the record of the chain's ends is missing".to_owned()),
            (
                "DELETE FROM audit WHERE seq > 6; UPDATE audit_head SET seq = 6".to_owned(),
                "6 is not the last row".to_owned(),
            ),
        ] {
            let folder = copy(&whole);
            sql(folder.path(), &tampering).await;
            let said = finding(folder.path(), &keys).await;
            assert!(said.starts_with(&says), "{tampering}: {said:?}");
        }
    }
}

/// What somebody does to the file.
#[derive(Clone, Debug)]
enum Tampering {
    Alter { row: usize, column: usize },
    AlterHead { column: usize },
    Remove { row: usize, count: usize },
    Swap { a: usize, b: usize },
    Double { row: usize, at: usize },
}

const ROWS: usize = 12;

fn tampering() -> impl Strategy<Value = Tampering> {
    let row = 1..=ROWS;
    prop_oneof![
        (row.clone(), 0..COLUMNS.len()).prop_map(|(row, column)| Tampering::Alter { row, column }),
        (0..HEAD_COLUMNS.len()).prop_map(|column| Tampering::AlterHead { column }),
        (row.clone(), 1..ROWS).prop_map(|(row, count)| Tampering::Remove { row, count }),
        (row.clone(), 1..ROWS).prop_map(|(a, more)| Tampering::Swap { a, b: (a + more - 1) % ROWS + 1 }),
        (row, ROWS + 2..ROWS + 9).prop_map(|(row, at)| Tampering::Double { row, at }),
    ]
}

impl Tampering {
    fn sql(&self) -> String {
        let other = |column: &str| match column {
            "seq" | "anchor_seq" => format!("{column} + 100"),
            "at" | "pruned_at" => format!("coalesce({column}, 0) + 1"),
            "event" => "randomblob(16)".to_owned(),
            "hash" | "anchor_hash" => "randomblob(32)".to_owned(),
            _ => format!("coalesce({column}, '') || '.'"),
        };
        match *self {
            Tampering::Alter { row, column } => {
                format!("UPDATE audit SET {0} = {1} WHERE seq = {row}", COLUMNS[column], other(COLUMNS[column]))
            }
            Tampering::AlterHead { column } => {
                format!("UPDATE audit_head SET {0} = {1}", HEAD_COLUMNS[column], other(HEAD_COLUMNS[column]))
            }
            Tampering::Remove { row, count } => {
                format!("DELETE FROM audit WHERE seq BETWEEN {row} AND {}", row + count - 1)
            }
            Tampering::Swap { a, b } => format!(
                "UPDATE audit SET seq = -1 WHERE seq = {a}; UPDATE audit SET seq = {a} WHERE seq = {b}; UPDATE audit SET seq = {b} WHERE seq = -1"
            ),
            Tampering::Double { row, at } => format!(
                "INSERT INTO audit SELECT {at}, at, via, person, email, room, place, action, verdict, reason, event, hash FROM audit WHERE seq = {row}"
            ),
        }
    }
}

#[test]
fn tampering_at_random_is_found_every_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let keys = keys(Some("key"), None);
    let whole = runtime.block_on(ledger(ROWS, &keys));
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() });
    let found = runner.run(&tampering(), |tampering| {
        runtime.block_on(async {
            let folder = copy(&whole);
            sql(folder.path(), &tampering.sql()).await;
            prop_assert!(!finding(folder.path(), &keys).await.is_empty());
            Ok(())
        })
    });
    found.unwrap();
}

/// Alters a row and makes everything after it anew, the head too, as somebody who knows all this would.
async fn forge(folder: &Path, statement: &str) {
    sql(folder, statement).await;
    let mut connection = sqlx::SqliteConnection::connect(path(folder).to_str().unwrap()).await.unwrap();
    let rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch_all(&mut connection).await.unwrap();
    let mut before = GENESIS;
    for row in rows {
        let row = AuditRow::read(&row);
        before = row.link(&before);
        let update = sqlx::query("UPDATE audit SET hash = ?1 WHERE seq = ?2").bind(before.as_slice()).bind(row.seq);
        update.execute(&mut connection).await.unwrap();
        let update = sqlx::query("UPDATE audit_head SET hash = ?1, seq = ?2").bind(before.as_slice()).bind(row.seq);
        update.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_chain_made_anew_is_found_by_its_seal_and_by_nothing_else() {
    for statement in ["UPDATE audit SET verdict = 'denied' WHERE seq = 3", "DELETE FROM audit WHERE seq > 3"] {
        let without = keys(None, None);
        let folder = ledger(8, &without).await;
        forge(folder.path(), statement).await;
        assert_eq!(finding(folder.path(), &without).await, "", "as documented: there is nothing to tell it by");
        let with = keys(Some("key"), None);
        let folder = ledger(8, &with).await;
        forge(folder.path(), statement).await;
        let found = verify(folder.path(), &with).await;
        assert_eq!(found.seal, Seal::Wrong);
        let told = told(&found);
        assert!(told.len() == 1 && told[0].starts_with("0 the seal over all rows does not fit"), "{told:?}");
        assert_eq!(verify(folder.path(), &without).await.seal, Seal::Unchecked);
        // The daemon does not cover it with a seal of its own.
        with_daemon(folder.path(), &with, async |store| settle(store, "after", 2).await).await;
        let said = finding(folder.path(), &with).await;
        assert!(said.contains("is the daemon's note that something was wrong before it"), "{said}");
        sql(folder.path(), "UPDATE audit_head SET seal = NULL").await;
        assert_eq!(verify(folder.path(), &with).await.seal, Seal::Missing);
    }
}

#[tokio::test]
async fn a_chain_forged_under_a_running_daemon_is_noted_by_it() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(Some("key"), None));
    with_daemon(folder.path(), &keys, async |store| {
        settle(store, "before", 4).await;
        forge(folder.path(), "UPDATE audit SET verdict = 'denied' WHERE seq = 3").await;
        settle(store, "after", 4).await;
        let told = told(&store.verify_audit().await.unwrap());
        assert!(told.len() == 1 && told[0].starts_with("5 is the daemon's note"), "{told:?}");
    })
    .await;
}

/// Cuts the chain after that row, and puts back the head that was there then.
async fn cut(folder: &Path, after: i64, seal: &str) {
    let statements = format!(
        "DELETE FROM audit WHERE seq > {after};
         UPDATE audit_head SET seq = {after}, hash = (SELECT hash FROM audit WHERE seq = {after}), seal = {seal}"
    );
    sql(folder, &statements).await;
}

async fn seal(folder: &Path) -> String {
    let mut connection = sqlx::SqliteConnection::connect(path(folder).to_str().unwrap()).await.unwrap();
    let seal = sqlx::query_scalar("SELECT quote(seal) FROM audit_head").fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    seal
}

#[tokio::test]
async fn a_chain_cut_under_a_running_daemon_is_noted_by_it_and_it_goes_on() {
    let says_cut = "the chain was cut or made anew; it had reached row";
    let says_seal = "the seal was taken away or replaced";
    for (key, with_old_seal, says) in
        [(None, true, says_cut), (Some("key"), true, says_cut), (Some("key"), false, says_seal)]
    {
        // Noticed with the next row, by the pruner, and at the stop.
        for notice in 0..3 {
            let (folder, keys) = (tempfile::tempdir().unwrap(), keys(key, None));
            with_daemon(folder.path(), &keys, async |store| {
                settle(store, "before", 4).await;
                let seal = if with_old_seal { seal(folder.path()).await } else { "NULL".to_owned() };
                settle(store, "cut", 3).await;
                assert_eq!(store.prune_audit(Duration::from_secs(86_400)).await.unwrap(), 0);
                assert_eq!(told(&store.verify_audit().await.unwrap()), [""; 0]);
                cut(folder.path(), 4, &seal).await;
                match notice {
                    0 => settle(store, "after", 2).await,
                    1 => assert_eq!(store.prune_audit(Duration::ZERO).await.unwrap(), 0, "in doubt it is left"),
                    _ => {}
                }
            })
            .await;
            // Nothing of it is hidden by what comes later, and it is told once.
            with_daemon(folder.path(), &keys, async |store| settle(store, "later", 2).await).await;
            let found = verify(folder.path(), &keys).await;
            let told = told(&found);
            let missing = "5 and all to row 7 are missing";
            assert!(told.len() == 2 && told[0] == missing, "{key:?}, {notice}: {told:?}");
            assert!(told[1].starts_with("8 is the daemon's note"), "{told:?}");
            assert!(told[1].contains(says) && told[1].contains("row 7"), "{told:?}");
            assert_eq!(found.seal, if key.is_some() { Seal::Right } else { Seal::None });
        }
    }
}

#[tokio::test]
async fn a_seal_taken_away_alone_is_noted_too_and_a_write_that_failed_is_nothing() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(Some("key"), None));
    with_daemon(folder.path(), &keys, async |store| {
        settle(store, "before", 4).await;
        let rows = claimed(store, "failed", 1).await;
        let settlement = || {
            let closing = Closing { audit: vec![entry(1)], ..Closing::default() };
            store.settle(rows[0].clone().done(closing, Vec::new()))
        };
        // The claim fails, and with it the settlement of the same commit, whose row was written by then.
        assert!(store.put(event("due")).await.unwrap());
        let full = "CREATE TRIGGER full BEFORE UPDATE ON lane WHEN new.leased > old.leased BEGIN SELECT RAISE(ABORT, 'full'); END";
        sql(folder.path(), full).await;
        let (settled, claimed) = tokio::join!(settlement(), store.claim(Queue::Inbox, 1, usize::MAX, None));
        assert!(settled.is_err() && claimed.is_err());
        sql(folder.path(), "DROP TRIGGER full").await;
        assert!(store.put(event("commits")).await.unwrap());
        assert!(settlement().await.unwrap());
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, told(&found)), (5, Vec::new()));
        sql(folder.path(), "UPDATE audit_head SET seal = NULL").await;
        settle(store, "after", 1).await;
        let told = told(&store.verify_audit().await.unwrap());
        assert!(told.len() == 1 && told[0].starts_with("6 is the daemon's note"), "{told:?}");
    })
    .await;
}

#[tokio::test]
async fn one_finding_hides_no_other_and_each_is_told_once() {
    for keys in [keys(None, None), keys(Some("key"), None)] {
        let folder = ledger(24, &keys).await;
        for statement in [
            "UPDATE audit SET verdict = 'denied' WHERE seq = 2",
            "UPDATE audit SET hash = randomblob(32) WHERE seq = 4",
            "DELETE FROM audit WHERE seq IN (6, 7)",
            "UPDATE audit SET event = x'00' WHERE seq = 9",
            "UPDATE audit SET hash = x'00' WHERE seq = 11",
            "UPDATE audit SET person = 'mallory' WHERE seq = 13",
            "INSERT INTO audit SELECT 99, at, via, person, email, room, place, action, verdict, reason, event, hash FROM audit WHERE seq = 15",
        ] {
            sql(folder.path(), statement).await;
        }
        sql(folder.path(), "UPDATE audit_head SET seal = iif(seal IS NULL, NULL, randomblob(32))").await;
        let found = verify(folder.path(), &keys).await;
        let told = told(&found);
        let mut expected = vec![
            "2 was altered".to_owned(),
            "4 was altered".to_owned(),
            "6 and all to row 7 are missing".to_owned(),
            "9 holds what no row".to_owned(),
            "11 holds what no row".to_owned(),
            "13 was altered".to_owned(),
            "99 stands after row 24".to_owned(),
        ];
        expected.extend(keys.key.is_some().then(|| "0 the seal over all rows does not fit".to_owned()));
        assert_eq!(told.len(), expected.len(), "{told:?}");
        assert!(told.iter().zip(&expected).all(|(told, expected)| told.starts_with(expected)), "{told:?}");
        assert_eq!((found.rows, found.more_findings), (23, 0));

        sql(folder.path(), "UPDATE audit SET reason = 'other' WHERE seq > 12").await;
        let found = verify(folder.path(), &keys).await;
        assert_eq!(found.findings.len(), MOST_FINDINGS);
        // Five of the ten stand before row 13; from there to the end each row is one more.
        let all = 5 + 12 + usize::from(keys.key.is_some()) + 1;
        assert_eq!(usize::try_from(found.more_findings).unwrap(), all - MOST_FINDINGS);
        // Without the record of the ends, the rows are read all the same.
        sql(folder.path(), "DELETE FROM audit_head").await;
        let told = self::told(&verify(folder.path(), &keys).await);
        assert!(told[0].starts_with("0 the record of the chain's ends is missing"), "{told:?}");
        assert!(told[1].starts_with("2 was altered") && told[2].starts_with("4 was altered"), "{told:?}");
    }
}

#[tokio::test]
async fn a_damaged_row_hides_no_other_and_says_so() {
    let keys = keys(None, None);
    for damage in ["event = x'00'", "hash = x'00'", "via = 'telepathy'", "reason = CAST(x'ff' AS TEXT)"] {
        let folder = ledger(4, &keys).await;
        sql(folder.path(), &format!("UPDATE audit SET {damage} WHERE seq = 3")).await;
        beside(folder.path(), &keys, async |store| {
            let rows = store.audited(0, 100, |row| row.seq != 3).await.unwrap();
            let damaged: Vec<_> = rows.iter().map(|row| (row.seq, row.damaged)).collect();
            assert_eq!(damaged, [(4, false), (3, true), (2, false), (1, false)], "{damage}");
            assert_eq!(rows[1].action, "help", "what can be read is there");
        })
        .await;
        assert!(finding(folder.path(), &keys).await.starts_with("3 holds what no row"), "{damage}");
    }
}

#[tokio::test]
async fn rows_beyond_the_end_and_a_lost_head_stop_nothing_and_are_found() {
    let keys = keys(None, None);
    let beyond = "INSERT INTO audit SELECT 9, at, via, person, email, room, place, action, verdict, reason, event, hash FROM audit WHERE seq = 3";
    for (tampering, says) in [(beyond, "9 was altered"), ("DELETE FROM audit_head", "9 is the daemon's note")] {
        let folder = ledger(8, &keys).await;
        with_daemon(folder.path(), &keys, async |store| {
            sql(folder.path(), tampering).await;
            settle(store, "after", 2).await;
            settle(store, "and after", 2).await;
            assert!(store.audited(0, 100, |_| true).await.unwrap().len() >= 12);
        })
        .await;
        let said = finding(folder.path(), &keys).await;
        assert!(said.starts_with(says), "{said}");
    }
}

/// What `switchboard audit seal` does.
async fn seal_by_verb(folder: &Path, keys: &config::Audit) -> bool {
    let by = AuditEntry { via: Via::Cli, ..AuditEntry::default() };
    beside(folder, keys, async |store| store.seal_audit(by).await.unwrap()).await
}

#[tokio::test]
async fn a_key_may_come_change_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = 0;
    for (nth, (key, old, notes)) in [
        (None, None, 0),
        (Some("one"), None, 0),
        (Some("one"), None, 0),
        (Some("two"), Some("one"), 1),
        (None, None, 1),
    ]
    .into_iter()
    .enumerate()
    {
        let keys = keys(key, old);
        if nth == 1 {
            assert!(seal_by_verb(folder.path(), &keys).await && !seal_by_verb(folder.path(), &keys).await);
            rows += 1;
        }
        if old.is_some() {
            assert_eq!(verify(folder.path(), &keys).await.seal, Seal::Old, "it is not the key's before the start");
        }
        with_daemon(folder.path(), &keys, async |store| settle(store, &format!("start {nth}"), 4).await).await;
        rows += notes + 4;
        let found = verify(folder.path(), &keys).await;
        let seal = if key.is_some() { Seal::Right } else { Seal::None };
        assert_eq!((told(&found), found.seal, found.rows), (Vec::new(), seal, rows), "start {nth}");
        assert_eq!(found.sealed_since.map(|(row, _)| row), key.map(|_| 5));
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
        sql(folder.path(), tampering).await;
        // Neither a start nor what is written then makes it sealed.
        for nth in 0..2 {
            with_daemon(folder.path(), &keys, async |store| settle(store, &format!("start {nth}"), 2).await).await;
            let found = verify(folder.path(), &keys).await;
            assert_eq!(found.seal, Seal::Missing, "{tampering}");
            assert!(told(&found).pop().unwrap().starts_with("0 there is no seal over the rows"), "{tampering}");
        }
        // Beside the daemon, whose next row goes on from it.
        with_daemon(folder.path(), &keys, async |store| {
            settle(store, "before", 2).await;
            let before = store.verify_audit().await.unwrap().last.unwrap();
            assert!(seal_by_verb(folder.path(), &keys).await);
            settle(store, "after", 2).await;
            let found = store.verify_audit().await.unwrap();
            assert_eq!((found.seal, found.sealed_since.unwrap().0), (Seal::Right, before.0 + 1), "{tampering}");
            let note = usize::from(tampering == "DELETE FROM audit_head");
            assert_eq!(found.findings.len(), note, "{tampering}: {:?}", told(&found));
            let last = store.audited(0, 1, |_| true).await.unwrap().remove(0);
            assert_eq!(found.last, Some((before.0 + 3, hex::encode(last.hash))));
        })
        .await;
    }
}

#[tokio::test]
async fn a_verb_with_a_key_that_the_daemon_has_not_seals_nothing_for_long() {
    let (folder, none) = (tempfile::tempdir().unwrap(), keys(None, None));
    with_daemon(folder.path(), &none, async |store| {
        settle(store, "before", 2).await;
        assert!(seal_by_verb(folder.path(), &keys(Some("key"), None)).await);
        settle(store, "after", 2).await;
        let found = store.verify_audit().await.unwrap();
        assert_eq!((told(&found), found.seal, found.sealed_since), (Vec::new(), Seal::None, None));
    })
    .await;
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
                    sql(folder.path(), &put).await;
                    settle(store, "after", 2).await;
                    store.prune_audit(Duration::from_secs(86_400)).await.unwrap();
                    settle(store, "and after", 2).await;
                })
                .await;
                with_daemon(folder.path(), &keys, async |store| settle(store, "later", 2).await).await;
                let found = verify(folder.path(), &keys).await;
                assert!(found.rows >= 13 && !found.findings.is_empty(), "{seq}{also}: {:?}", told(&found));
                assert!(found.last.unwrap().0 < 20, "{seq}{also}: the numbers go on from ours");
            }
        }
    }
}

#[tokio::test]
async fn a_verb_writes_only_with_the_daemons_key() {
    for (daemons, verbs) in [(Some("key"), None), (Some("key"), Some("other"))] {
        let folder = tempfile::tempdir().unwrap();
        with_daemon(folder.path(), &keys(daemons, None), async |store| {
            let row = claimed(store, "open", 1).await.remove(0);
            beside(folder.path(), &keys(verbs, None), async |beside| {
                let refused = beside.discard(row.id, AuditEntry::default()).await.unwrap_err();
                assert!(refused.to_string().contains("audit.key"), "{refused}");
            })
            .await;
            beside(folder.path(), &keys(daemons, None), async |beside| {
                assert!(beside.discard(row.id, AuditEntry::default()).await.unwrap());
            })
            .await;
            // Each goes on where the other stopped.
            settle(store, "after", 4).await;
            assert_eq!(store.verify_audit().await.unwrap().findings, []);
        })
        .await;
    }
}

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
        // Everything but the last four is made old; the chain is made anew with it, and sealed by an operator.
        let two_days = 2 * i64::try_from(day.as_millis()).unwrap();
        forge(folder.path(), &format!("UPDATE audit SET at = at - {two_days} WHERE seq <= 4")).await;
        sql(folder.path(), "UPDATE audit_head SET seal = NULL").await;
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
        sql(tampered.path(), "DELETE FROM audit WHERE seq = (SELECT min(seq) FROM audit)").await;
        assert!(finding(tampered.path(), &keys).await.contains("is missing"));
        // Who moves the beginning along needs the key.
        sql(
            tampered.path(),
            "UPDATE audit_head SET anchor_seq = anchor_seq + 1, anchor_hash = (SELECT hash FROM audit ORDER BY seq LIMIT 1)",
        )
        .await;
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
    // Few of them, and more than one step of pruning looks at.
    for ahead in [4, 600] {
        let folder = ledger(ahead + 8, &keys).await;
        forge(folder.path(), &format!("UPDATE audit SET at = at + {month} WHERE seq <= {ahead}")).await;
        with_daemon(folder.path(), &keys, async |store| {
            assert_eq!(store.prune_audit(day).await.unwrap(), 0, "what is behind them is young");
        })
        .await;
        forge(
            folder.path(),
            &format!("UPDATE audit SET at = at - {month} WHERE seq BETWEEN {ahead} + 1 AND {ahead} + 4"),
        )
        .await;
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

#[tokio::test]
async fn what_a_verb_adds_is_no_break_even_when_it_is_pruned_before_the_daemon_goes_on() {
    let (folder, keys) = (tempfile::tempdir().unwrap(), keys(Some("key"), None));
    with_daemon(folder.path(), &keys, async |store| {
        settle(store, "before", 2).await;
        for (row, nth) in claimed(store, "open", 3).await.into_iter().zip(0..) {
            beside(folder.path(), &keys, async |beside| {
                assert!(beside.discard(row.id, AuditEntry { via: Via::Cli, ..entry(nth) }).await.unwrap());
            })
            .await;
            if nth == 1 {
                while store.prune_audit(Duration::ZERO).await.unwrap() > 0 {}
            }
        }
        // The lanes of what was discarded are found to be empty.
        assert!(store.claim(Queue::Inbox, 10, usize::MAX, None).await.unwrap().rows.is_empty());
        settle(store, "after", 2).await;
        let found = store.verify_audit().await.unwrap();
        assert_eq!((found.rows, told(&found)), (3, Vec::new()));
    })
    .await;
}
