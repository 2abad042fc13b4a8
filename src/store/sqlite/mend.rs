//! Changes a row by an operator's hand: has it tried again, or drops it.

use rusqlite::Row;
use uuid::Uuid;

use super::database::Sqlite;
use super::statements::Statements;
use super::unindexed::Place;
use crate::store::{Due, StoreError};

impl Sqlite {
    pub fn make_all_due(&mut self, due: &mut Due) -> Result<u64, StoreError> {
        *due = Due::all();
        self.run("UPDATE lane SET due_at = ?1 WHERE leased = 0 AND due_at > ?1", [self.at_once()])
    }

    /// Opens a dead letter again, or makes an open row due now. The row gets all its tries again. If an earlier try may
    /// have had its effect, that stays uncertain.
    pub fn reopen(&mut self, id: Uuid, due: &mut Due) -> Result<bool, StoreError> {
        let Some(seq) = self.seq_of(id)? else { return Ok(false) };
        let sql = "UPDATE ledger SET state = 0, attempts = 0, deaths = 0, failing_at = NULL, settled_at = NULL, verdict = NULL
             WHERE seq = ?1 AND state IN (0, 2)
             RETURNING lane, happened_at, seq, queue";
        let opened = self.connection.first(sql, [seq], |row| Ok((place(row)?, row.get("queue")?)))?;
        let Some((place, queue)) = opened else { return Ok(false) };
        self.note_opened(place, queue)?;
        self.run("UPDATE lane SET due_at = ?2 WHERE id = ?1 AND leased = 0", (place.lane, self.at_once()))?;
        *due = Due::all();
        Ok(true)
    }

    /// Closes a row unfinished. If its lane is working on this row, the fence moves on, so that the worker can settle
    /// nothing. Work on another row of the lane is not disturbed.
    pub fn discard(&mut self, id: Uuid, due: &mut Due) -> Result<bool, StoreError> {
        let Some(seq) = self.seq_of(id)? else { return Ok(false) };
        let sql = "UPDATE ledger SET state = 1, settled_at = ?2, verdict = 'dropped'
             WHERE seq = ?1 AND state IN (0, 2)
             RETURNING lane, happened_at, seq";
        let closed = self.connection.first(sql, (seq, self.clock.wall_ms()), place)?;
        let Some(place) = closed else { return Ok(false) };
        self.note_closed(place)?;
        let sql = "UPDATE lane SET fence = fence + 1, leased = 0, due_at = ?3 WHERE id = ?1 AND head = ?2 AND due_at IS NOT NULL";
        self.run(sql, (place.lane, place.seq, self.at_once()))?;
        self.drop_file(place.seq)?;
        *due = Due::all();
        Ok(true)
    }
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { lane: row.get("lane")?, happened_at: row.get("happened_at")?, seq: row.get("seq")? })
}
