//! Changes a row by an operator's hand: has it tried again, or drops it.

use uuid::Uuid;

use super::database::Sqlite;
use super::statements::{Statements, column};
use crate::store::{Due, StoreError};

impl Sqlite {
    pub fn make_all_due(&mut self, due: &mut Due) -> Result<u64, StoreError> {
        *due = Due::all();
        self.run("UPDATE lane SET due_at = ?1 WHERE leased = 0 AND due_at > ?1", [self.at_once()])
    }

    /// Opens a dead letter again, or makes an open row due now. The row gets all its tries again. If an earlier try may
    /// have had its effect, that stays uncertain.
    pub fn reopen(&mut self, id: Uuid, due: &mut Due) -> Result<bool, StoreError> {
        let sql = "UPDATE ledger SET state = 0, attempts = 0, deaths = 0, failing_at = NULL, settled_at = NULL, verdict = NULL
             WHERE id = ?1 AND state IN (0, 2) RETURNING lane";
        let lane: Option<Uuid> = self.connection.first(sql, [id], column)?;
        let Some(lane) = lane else { return Ok(false) };
        self.run("UPDATE lane SET due_at = ?2 WHERE id = ?1 AND leased = 0", (lane, self.at_once()))?;
        *due = Due::all();
        Ok(true)
    }

    /// Closes a row unfinished. If its lane is working on this row, the fence moves on, so that the worker can settle
    /// nothing. Work on another row of the lane is not disturbed.
    pub fn discard(&mut self, id: Uuid, due: &mut Due) -> Result<bool, StoreError> {
        let sql = "UPDATE ledger SET state = 1, settled_at = ?2, verdict = 'dropped'
             WHERE id = ?1 AND state IN (0, 2) RETURNING lane, seq";
        let closed = self.connection.first(sql, (id, self.clock.wall_ms()), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some((lane, seq)): Option<(Uuid, i64)> = closed else { return Ok(false) };
        let sql = "UPDATE lane SET fence = fence + 1, leased = 0, due_at = ?3 WHERE id = ?1 AND head = ?2 AND due_at IS NOT NULL";
        self.run(sql, (lane, seq, self.at_once()))?;
        self.drop_file(seq)?;
        *due = Due::all();
        Ok(true)
    }
}
