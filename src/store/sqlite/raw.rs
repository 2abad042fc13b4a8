//! Stores the exact bytes that rows were made from.

use rusqlite::Params;
use uuid::Uuid;

use super::database::Sqlite;
use super::statements::{Statements, column};
use crate::store::StoreError;

impl Sqlite {
    /// Stores the bytes that a row was made from.
    pub(super) fn keep_raw(&mut self, seq: i64, bytes: &[u8]) -> Result<(), StoreError> {
        self.run("INSERT OR REPLACE INTO raw (row, bytes) VALUES (?1, ?2)", (seq, bytes)).map(drop)
    }

    /// Runs a statement that empties rows and gives their numbers, and drops their bytes. Gives the number of these
    /// rows.
    pub(super) fn drop_raw(&mut self, emptied: &str, values: impl Params) -> Result<u64, StoreError> {
        let seqs: Vec<i64> = self.connection.all(emptied, values, column)?;
        for seq in &seqs {
            self.run("DELETE FROM raw WHERE row = ?1", [seq])?;
        }
        Ok(seqs.len() as u64)
    }

    /// Runs a statement that deletes rows and gives their numbers and ids, and drops what else there is of them. Gives
    /// the number of these rows.
    pub(super) fn delete_rows(&mut self, deleted: &str, values: impl Params) -> Result<u64, StoreError> {
        let rows: Vec<(i64, Uuid)> = self.connection.all(deleted, values, |row| Ok((row.get(0)?, row.get(1)?)))?;
        for (seq, id) in &rows {
            self.run("DELETE FROM raw WHERE row = ?1", [seq])?;
            self.note_deleted(*seq, *id)?;
        }
        Ok(rows.len() as u64)
    }
}
