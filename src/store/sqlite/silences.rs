//! Stores since when nothing has come to hooks that expect something.

use std::time::Duration;

use rusqlite::Row;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::Statements;
use crate::clock::millis;
use crate::store::{ExpectedHook, StoreError};

impl Sqlite {
    /// Notes that a delivery to a hook was accepted now.
    pub(super) fn hear(&mut self, hook: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO expected (hook, heard_at, counts_from, watched_at) VALUES (?1, ?2, ?2, ?2)
             ON CONFLICT DO UPDATE SET heard_at = max(coalesce(heard_at, 0), excluded.heard_at)";
        self.run(sql, (hook, self.clock.wall_ms())).map(drop)
    }

    /// Notes that a daemon takes deliveries to these hooks. If it has begun to do so just now, and none did for the time
    /// that is given with a hook, the silence of that hook counts from now.
    pub fn watch_hooks(&mut self, hooks: &[(String, Duration)], begins: bool) -> Result<u64, StoreError> {
        let sql = "INSERT INTO expected (hook, counts_from, watched_at) VALUES (?1, ?2, ?2)
             ON CONFLICT DO UPDATE SET watched_at = ?2,
                 counts_from = iif(?3 AND ?2 - watched_at > ?4, ?2, counts_from)";
        let now = self.clock.wall_ms();
        for (hook, away) in hooks {
            self.run(sql, (hook, now, begins, millis(*away)))?;
        }
        Ok(hooks.len() as u64)
    }

    /// Notes that a silence was told which began at this time, or with none that the end of one was told.
    pub(super) fn note_silence(&mut self, hook: &str, since: Option<i64>) -> Result<(), StoreError> {
        self.run("UPDATE expected SET silent_since = ?2 WHERE hook = ?1", (hook, since)).map(drop)
    }
}

impl Reader {
    pub async fn expected_hooks(&self) -> Result<Vec<ExpectedHook>, StoreError> {
        self.read(|ledger| ledger.all("SELECT * FROM expected", (), expected)).await
    }

    pub async fn expected_hook(&self, hook: &str) -> Result<Option<ExpectedHook>, StoreError> {
        let hook = hook.to_owned();
        self.read(move |ledger| ledger.first("SELECT * FROM expected WHERE hook = ?1", [hook], expected)).await
    }
}

fn expected(row: &Row<'_>) -> rusqlite::Result<ExpectedHook> {
    Ok(ExpectedHook {
        hook: row.get("hook")?,
        heard_at: row.get("heard_at")?,
        counts_from: row.get("counts_from")?,
        silent_since: row.get("silent_since")?,
    })
}
