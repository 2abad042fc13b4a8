//! Stores the exact bytes that rows were made from, and bounds those of payloads.

use std::sync::atomic::Ordering;

use rusqlite::Params;
use uuid::Uuid;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{Statements, column};
use crate::store::{RowState, StoreError};

/// How many settled rows one step of dropping payloads looks at. It takes a few milliseconds.
const STEP: i64 = 2000;

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
    fn count_payloads(&mut self) -> Result<u64, StoreError> {
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

    /// Drops payloads of settled rows, those settled first before others, until there are at most so many bytes or one
    /// step is done. What waits, and dead letters, keep theirs. Gives how many bytes there are.
    pub fn trim_payloads(&mut self, most: u64) -> Result<u64, StoreError> {
        let mut bytes = self.count_payloads()?;
        if bytes <= most {
            return Ok(bytes);
        }
        let sql = "SELECT seq, settled_at, state, size FROM ledger LEFT JOIN raw ON raw.row = ledger.seq
             WHERE settled_at IS NOT NULL AND (settled_at > ?1 OR settled_at = ?1 AND seq > ?2)
             ORDER BY settled_at, seq LIMIT ?3";
        let (at, seq) = self.payloads.looked_at;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        let rows: Vec<(i64, i64, i64, Option<i64>)> = self.connection.all(sql, (at, seq, STEP), read)?;
        for (seq, settled_at, state, size) in rows {
            self.payloads.looked_at = (settled_at, seq);
            if size.is_none() || RowState::of(state) != RowState::Done {
                continue;
            }
            self.run("DELETE FROM raw WHERE row = ?1", [seq])?;
            self.note_dropped(size);
            bytes = self.count_payloads()?;
            if bytes <= most {
                break;
            }
        }
        Ok(bytes)
    }
}

impl Reader {
    /// The bytes of all payloads, as the writer of this process counts them.
    pub fn payload_bytes(&self) -> u64 {
        self.payloads.load(Ordering::Acquire)
    }
}
