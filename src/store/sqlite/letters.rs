//! Stores what remains of letters besides their rows: threads that later letters join, and how often a message was
//! edited.

use std::time::Duration;

use sqlx::Row as _;
use uuid::Uuid;

use super::database::Sqlite;
use super::read::{COLUMNS, Reader, shown};
use super::values::{PRUNE_STEP, hex, json};
use crate::clock::millis;
use crate::store::{Claimed, Row, StoreError, ThreadRoot};

impl Sqlite {
    /// Remembers the root of a thread that a letter began, or that a letter joined the thread.
    pub(super) async fn keep_thread(&mut self, row: &Claimed, key: &str, root: Option<&str>) -> Result<(), StoreError> {
        let sql = match root {
            Some(_) => {
                "INSERT INTO thread (lane, key, used_at, message, letter) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE
                 SET used_at = excluded.used_at, message = excluded.message, letter = excluded.letter"
            }
            None => "UPDATE thread SET used_at = ?3 WHERE lane = ?1 AND key = ?2",
        };
        let mut kept = sqlx::query(sql).bind(row.lane).bind(key).bind(self.clock.wall_ms());
        if let Some(message) = root {
            kept = kept.bind(message).bind(row.id);
        }
        self.run(kept).await.map(drop)
    }

    pub(super) async fn count_edit(&mut self, letter: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE ledger SET edits = edits + 1 WHERE id = ?1";
        self.run(sqlx::query(sql).bind(letter)).await.map(drop)
    }

    /// Forgets threads that no letter has joined for this long. Returns how many.
    pub(super) async fn prune_threads(&mut self, unused: Duration) -> Result<u64, StoreError> {
        let sql = "DELETE FROM thread WHERE (lane, key) IN (SELECT lane, key FROM thread WHERE used_at <= ?1 LIMIT ?2)";
        self.run(sqlx::query(sql).bind(self.clock.wall_ms() - millis(unused)).bind(PRUNE_STEP)).await
    }
}

impl Reader {
    pub async fn thread(&self, lane: Uuid, key: &str) -> Result<Option<ThreadRoot>, StoreError> {
        let sql = "SELECT message, letter FROM thread WHERE lane = ?1 AND key = ?2";
        let found = sqlx::query(sql).bind(lane).bind(key).fetch_optional(&self.pool).await?;
        let root = |row: sqlx::sqlite::SqliteRow| {
            Ok(ThreadRoot { message: row.try_get("message")?, letter: row.try_get("letter")? })
        };
        found.map(root).transpose()
    }

    pub async fn newer_edits(&self, lane: Uuid, seq: i64, target: Uuid) -> Result<Vec<(Uuid, String)>, StoreError> {
        let sql = "SELECT id, body FROM ledger WHERE lane = ?1 AND target = ?2 AND state = 0 AND seq > ?3
             ORDER BY seq DESC LIMIT 10";
        Ok(sqlx::query_as(sql).bind(lane).bind(target).bind(seq).fetch_all(&self.pool).await?)
    }

    pub async fn editing(&self, targets: &[Uuid]) -> Result<Vec<Row>, StoreError> {
        let targets: Vec<_> = targets.iter().map(|target| hex(*target)).collect();
        let sql = format!("{COLUMNS} WHERE target IN (SELECT unhex(value) FROM json_each(?1)) ORDER BY seq LIMIT 100");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(json(&targets)?).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }
}
