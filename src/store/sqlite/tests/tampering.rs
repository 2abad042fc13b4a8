//! Attacks on the rows of the audit are found.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{beside, copy, finding, ledger, sql, verify};
use crate::store::audit::verify::MOST_FINDINGS;
use crate::store::tests::audit::findings_of;
use crate::store::tests::keys;

const COLUMNS: [&str; 12] =
    ["seq", "at", "via", "person", "email", "room", "place", "action", "verdict", "reason", "event", "hash"];

const HEAD_COLUMNS: [&str; 5] = ["anchor_seq", "anchor_hash", "pruned_at", "seq", "hash"];

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
            sql(folder.path(), &format!("UPDATE audit SET {column} = {value} WHERE seq = {row}"));
            let said = finding(folder.path(), &keys).await;
            let first = match column {
                "seq" => "is missing",
                "via" => "has content that no row",
                _ => "was altered",
            };
            assert!(said.starts_with(&format!("{row} ")) && said.contains(first), "{column} of {row}: {said:?}");
        }
    }
    for column in ["person", "email", "room", "place", "event"] {
        let folder = copy(&whole);
        sql(folder.path(), &format!("UPDATE audit SET {column} = NULL WHERE seq = 2"));
        assert!(finding(folder.path(), &keys).await.starts_with("2 was altered"), "{column}");
    }
    let folder = copy(&whole);
    sql(folder.path(), "UPDATE audit SET event = x'00', hash = x'00' WHERE seq = 3");
    assert!(finding(folder.path(), &keys).await.starts_with("3 has content that no row"));
    for column in HEAD_COLUMNS {
        let value =
            if column.ends_with("hash") { "randomblob(32)".to_owned() } else { format!("coalesce({column}, 0) + 1") };
        let folder = copy(&whole);
        sql(folder.path(), &format!("UPDATE audit_head SET {column} = {value}"));
        // No row says when it was pruned, so only a seal protects that.
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
            sql(folder.path(), &tampering);
            let said = finding(folder.path(), &keys).await;
            assert!(said.starts_with(&says), "{tampering}: {said:?}");
        }
    }
}

/// A change that an attacker makes to the file.
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
            sql(folder.path(), &tampering.sql());
            prop_assert!(!finding(folder.path(), &keys).await.is_empty());
            Ok(())
        })
    });
    found.unwrap();
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
            sql(folder.path(), statement);
        }
        sql(folder.path(), "UPDATE audit_head SET seal = iif(seal IS NULL, NULL, randomblob(32))");
        let found = verify(folder.path(), &keys).await;
        let told = findings_of(&found);
        let mut expected = vec![
            "2 was altered".to_owned(),
            "4 was altered".to_owned(),
            "6 and all to row 7 are missing".to_owned(),
            "9 has content that no row".to_owned(),
            "11 has content that no row".to_owned(),
            "13 was altered".to_owned(),
            "99 stands after row 24".to_owned(),
        ];
        expected.extend(keys.key.is_some().then(|| "0 the seal over all rows does not fit".to_owned()));
        assert_eq!(told.len(), expected.len(), "{told:?}");
        assert!(told.iter().zip(&expected).all(|(told, expected)| told.starts_with(expected)), "{told:?}");
        assert_eq!((found.rows, found.more_findings), (23, 0));

        sql(folder.path(), "UPDATE audit SET reason = 'other' WHERE seq > 12");
        let found = verify(folder.path(), &keys).await;
        assert_eq!(found.findings.len(), MOST_FINDINGS);
        // Five of the ten stand before row 13. From there to the end each row is one more.
        let all = 5 + 12 + usize::from(keys.key.is_some()) + 1;
        assert_eq!(usize::try_from(found.more_findings).unwrap(), all - MOST_FINDINGS);
        // The rows are read even without the record of the ends.
        sql(folder.path(), "DELETE FROM audit_head");
        let told = self::findings_of(&verify(folder.path(), &keys).await);
        assert!(told[0].starts_with("0 the record of the chain's ends is missing"), "{told:?}");
        assert!(told[1].starts_with("2 was altered") && told[2].starts_with("4 was altered"), "{told:?}");
    }
}

#[tokio::test]
async fn a_damaged_row_hides_no_other_and_says_so() {
    let keys = keys(None, None);
    for damage in ["event = x'00'", "hash = x'00'", "via = 'telepathy'", "reason = CAST(x'ff' AS TEXT)"] {
        let folder = ledger(4, &keys).await;
        sql(folder.path(), &format!("UPDATE audit SET {damage} WHERE seq = 3"));
        beside(folder.path(), &keys, async |store| {
            let rows = store.audited(0, 100, |row| row.seq != 3).await.unwrap();
            let damaged: Vec<_> = rows.iter().map(|row| (row.seq, row.damaged)).collect();
            assert_eq!(damaged, [(4, false), (3, true), (2, false), (1, false)], "{damage}");
            assert_eq!(rows[1].action, "help", "what can be read is there");
        })
        .await;
        assert!(finding(folder.path(), &keys).await.starts_with("3 has content that no row"), "{damage}");
    }
}
