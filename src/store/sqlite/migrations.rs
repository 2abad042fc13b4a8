//! The versions of the ledger's tables: one SQL file for each, in order. A file that was released is never changed,
//! since every ledger remembers its checksum.

use rusqlite::Connection;
use sha2::{Digest as _, Sha384};

use super::statements::{Statements, column};

/// The name of each version from 1 on, and the SQL that brings the tables to it.
const VERSIONS: [(&str, &str); 27] = [
    ("ledger", include_str!("migrations/0001_ledger.sql")),
    ("coverage", include_str!("migrations/0002_coverage.sql")),
    ("files", include_str!("migrations/0003_files.sql")),
    ("audit", include_str!("migrations/0004_audit.sql")),
    ("pairing", include_str!("migrations/0005_pairing.sql")),
    ("cards", include_str!("migrations/0006_cards.sql")),
    ("approvals", include_str!("migrations/0007_approvals.sql")),
    ("conversations", include_str!("migrations/0008_conversations.sql")),
    ("answers", include_str!("migrations/0009_answers.sql")),
    ("approvals", include_str!("migrations/0010_approvals.sql")),
    ("clock", include_str!("migrations/0011_clock.sql")),
    ("identity", include_str!("migrations/0012_identity.sql")),
    ("begun", include_str!("migrations/0013_begun.sql")),
    ("unhandled", include_str!("migrations/0014_unhandled.sql")),
    ("instances", include_str!("migrations/0015_instances.sql")),
    ("letters", include_str!("migrations/0016_letters.sql")),
    ("raw", include_str!("migrations/0017_raw.sql")),
    ("raw_apart", include_str!("migrations/0018_raw_apart.sql")),
    ("late_indexes", include_str!("migrations/0019_late_indexes.sql")),
    ("thread_text", include_str!("migrations/0020_thread_text.sql")),
    ("payloads", include_str!("migrations/0021_payloads.sql")),
    ("cause", include_str!("migrations/0022_cause.sql")),
    ("hook_states", include_str!("migrations/0023_hook_states.sql")),
    ("places", include_str!("migrations/0024_places.sql")),
    ("silences", include_str!("migrations/0025_silences.sql")),
    ("chat_hooks", include_str!("migrations/0026_chat_hooks.sql")),
    ("hook_state_order", include_str!("migrations/0027_hook_state_order.sql")),
];

/// The version of the tables that this program works with.
pub(super) const LATEST: i64 = VERSIONS.len() as i64;

/// The table of the versions that a ledger has. Its form is that of sqlx, with which the first versions were made.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
    version        BIGINT    PRIMARY KEY,
    description    TEXT      NOT NULL,
    installed_on   TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success        BOOLEAN   NOT NULL,
    checksum       BLOB      NOT NULL,
    execution_time BIGINT    NOT NULL
)";

/// The number and the checksum of each version.
pub(super) fn checksums() -> impl Iterator<Item = (i64, Vec<u8>)> {
    (1..).zip(VERSIONS).map(|(version, (_, sql))| (version, Sha384::digest(sql).to_vec()))
}

/// Brings the tables of any earlier version to the latest one, in one transaction.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLE)?;
    let made: Vec<i64> = transaction.all("SELECT version FROM _sqlx_migrations", (), column)?;
    for ((name, sql), (version, checksum)) in VERSIONS.iter().zip(checksums()) {
        if made.contains(&version) {
            continue;
        }
        transaction.execute_batch(sql)?;
        let note = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (?1, ?2, TRUE, ?3, 0)";
        transaction.run(note, (version, name, checksum))?;
    }
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{VERSIONS, checksums};

    /// Every ledger remembers these checksums, and is not opened if one differs.
    #[test]
    fn what_was_released_is_never_changed() {
        let checksums: Vec<_> = checksums().map(|(_, checksum)| hex::encode(&checksum[..4])).collect();
        let released = [
            "fa7f48db", "f30dfcad", "948f6a7e", "7140b55a", "07359ba5", "91c5fc78", "fd956023", "1a3f40c8", "c20ec450",
            "480d7550", "4cbfe459", "a83dd7d4", "25eb2cd0", "c5b82bb5", "c6e63469", "3188ed86", "ea49d403", "853b18ce",
            "08f6ee46", "9b9553cd", "6039112f", "81e7153b", "cf55c400", "49b4fcc1", "6a735d66", "f4ace597", "28ed6fb2",
        ];
        assert_eq!(checksums, released);
    }

    #[test]
    fn every_file_of_the_folder_is_a_version() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/sqlite/migrations");
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = entries.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect();
        files.sort();
        assert_eq!(files.len(), VERSIONS.len());
        for ((path, text), ((name, sql), version)) in files.iter().zip(VERSIONS.iter().zip(1..)) {
            assert_eq!(path, &folder.join(format!("{version:04}_{name}.sql")));
            assert_eq!(text, sql, "{}", path.display());
        }
    }
}
