//! Remembers how things stood when a hook was last told of them.

use std::time::Duration;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{PRUNE_STEP, Statements, column};
use crate::clock::millis;
use crate::store::StoreError;

impl Sqlite {
    /// Remembers the state by the event of this row, over that by an event before it. Events of one subject may be
    /// settled in any order. The number of a row that is gone says nothing, since a ledger without rows counts anew.
    pub(super) fn keep_hook_state(&mut self, seq: i64, key: &str, state: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO hook_state (key, state, at, event) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET state = excluded.state, at = excluded.at, event = excluded.event
             WHERE excluded.event >= event OR NOT EXISTS (SELECT 1 FROM ledger WHERE seq = hook_state.event)";
        self.run(sql, (key, state, self.clock.wall_ms(), seq)).map(drop)
    }

    /// Forgets states that are older than this. Returns how many.
    pub(super) fn prune_hook_states(&mut self, retention: Duration) -> Result<u64, StoreError> {
        let sql = "DELETE FROM hook_state WHERE key IN (SELECT key FROM hook_state WHERE at <= ?1 LIMIT ?2)";
        self.run(sql, (self.clock.wall_ms() - millis(retention), PRUNE_STEP))
    }
}

impl Reader {
    pub async fn hook_state(&self, key: &str) -> Result<Option<String>, StoreError> {
        let key = key.to_owned();
        self.read(move |ledger| ledger.first("SELECT state FROM hook_state WHERE key = ?1", [key], column)).await
    }
}
