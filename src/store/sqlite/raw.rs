//! Stores the exact bytes that rows were made from.

use rusqlite::Params;

use super::database::Sqlite;
use super::statements::{Statements, column};
use crate::store::StoreError;

impl Sqlite {
    /// Stores the bytes that a row was made from.
    pub(super) fn keep_raw(&mut self, seq: i64, bytes: &[u8]) -> Result<(), StoreError> {
        self.run("INSERT OR REPLACE INTO raw (row, bytes) VALUES (?1, ?2)", (seq, bytes)).map(drop)
    }

    /// Runs a statement that empties or deletes rows and gives their numbers, and drops their bytes. Gives the number of
    /// these rows.
    pub(super) fn drop_raw(&mut self, gone: &str, values: impl Params) -> Result<u64, StoreError> {
        let seqs: Vec<i64> = self.connection.all(gone, values, column)?;
        for seq in &seqs {
            self.run("DELETE FROM raw WHERE row = ?1", [seq])?;
        }
        Ok(seqs.len() as u64)
    }
}
