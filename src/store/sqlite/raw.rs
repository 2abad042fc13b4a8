//! Stores the exact bytes that rows were made from, and bounds those of payloads.

use std::sync::atomic::Ordering;

use rusqlite::Params;
use uuid::Uuid;

use super::database::Sqlite;
use super::payloads::Pass;
use super::reader::Reader;
use super::statements::{Statements, column};
use crate::store::{RowState, StoreError};

/// How many payloads one step of dropping some looks at. It takes a few milliseconds.
const STEP: u32 = 2000;

impl Sqlite {
    /// Stores the bytes that a row was made from. Those of a payload are counted.
    pub(super) fn keep_raw(&mut self, seq: i64, bytes: &[u8], is_payload: bool) -> Result<(), StoreError> {
        let size = is_payload.then_some(bytes.len() as u64);
        if let Some(size) = size {
            self.note_payload(size)?;
        }
        // A long log of large bodies is copied back sooner.
        self.file_bytes += size.map_or(0, |_| bytes.len());
        let size = size.map(u64::cast_signed);
        self.run("INSERT OR REPLACE INTO raw (row, bytes, size) VALUES (?1, ?2, ?3)", (seq, bytes, size)).map(drop)
    }

    fn delete_raw(&mut self, seq: i64) -> Result<(), StoreError> {
        let size: Option<Option<i64>> =
            self.connection.first("DELETE FROM raw WHERE row = ?1 RETURNING size", [seq], column)?;
        self.note_dropped(size.flatten());
        Ok(())
    }

    /// Runs a statement that empties rows and gives their numbers, and drops their bytes. Gives the number of these
    /// rows.
    pub(super) fn drop_raw(&mut self, emptied: &str, values: impl Params) -> Result<u64, StoreError> {
        let seqs: Vec<i64> = self.connection.all(emptied, values, column)?;
        for seq in &seqs {
            self.delete_raw(*seq)?;
        }
        Ok(seqs.len() as u64)
    }

    /// Runs a statement that deletes rows and gives their numbers and ids, and drops what else there is of them. Gives
    /// the number of these rows.
    pub(super) fn delete_rows(&mut self, deleted: &str, values: impl Params) -> Result<u64, StoreError> {
        let rows: Vec<(i64, Uuid)> = self.connection.all(deleted, values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (seq, id) in &rows {
            self.delete_raw(*seq)?;
            self.note_deleted(*seq, *id)?;
        }
        Ok(rows.len() as u64)
    }
}

/// The limit of payloads.
impl Sqlite {
    /// Counts the bytes, unless they are counted.
    pub(super) fn count_payloads(&mut self) -> Result<u64, StoreError> {
        if let Some(bytes) = self.payloads.bytes {
            return Ok(bytes);
        }
        let sql = "SELECT coalesce(sum(size), 0) FROM raw WHERE size IS NOT NULL";
        let bytes: i64 = self.connection.value(sql, ())?;
        self.publish(bytes.unsigned_abs());
        Ok(bytes.unsigned_abs())
    }

    fn note_payload(&mut self, size: u64) -> Result<(), StoreError> {
        let bytes = self.count_payloads()?;
        self.publish(bytes + size);
        Ok(())
    }

    fn note_dropped(&mut self, size: Option<i64>) {
        if let (Some(size), Some(bytes)) = (size, self.payloads.bytes) {
            self.publish(bytes.saturating_sub(size.unsigned_abs()));
        }
    }

    fn publish(&mut self, bytes: u64) {
        self.payloads.bytes = Some(bytes);
        self.reader.payloads.store(bytes, Ordering::Release);
    }

    /// Drops payloads until there are at most so many bytes, or one step is done: first those of rows that are done, then
    /// those of dead letters. What waits keeps its own. Says whether another step may drop more.
    pub fn trim_payloads(&mut self, most: u64) -> Result<bool, StoreError> {
        if self.count_payloads()? <= most {
            return Ok(false);
        }
        // Without the index, SQLite would read the pages that have the bytes.
        let sql = "SELECT raw.row, ledger.state FROM raw INDEXED BY raw_size LEFT JOIN ledger ON ledger.seq = raw.row
             WHERE raw.size IS NOT NULL AND raw.row > ?1
             ORDER BY raw.row LIMIT ?2";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let rows: Vec<(i64, Option<i64>)> = self.connection.all(sql, (self.payloads.looked_at, STEP), read)?;
        let is_end = rows.len() < STEP as usize;
        let mut given_up = 0;
        for (seq, state) in rows {
            self.payloads.looked_at = seq;
            match state.map(RowState::of) {
                Some(RowState::Open) => continue,
                Some(RowState::Dead) if self.payloads.pass != Pass::Dead => continue,
                Some(RowState::Dead) => given_up += 1,
                Some(RowState::Done | RowState::Forgotten) | None => {}
            }
            self.delete_raw(seq)?;
            if self.count_payloads()? <= most {
                self.payloads.pass = Pass::Rest;
                break;
            }
        }
        self.payloads.given_up.add(given_up);
        let is_enough = self.count_payloads()? <= most;
        let was_last = is_end && self.payloads.pass == Pass::Dead;
        if is_end && !is_enough {
            self.payloads.begin_next_pass();
        }
        Ok(!is_enough && !was_last)
    }
}

impl Reader {
    /// The bytes of all payloads, as the writer of this process counts them.
    pub fn payload_bytes(&self) -> u64 {
        self.payloads.load(Ordering::Acquire)
    }
}
