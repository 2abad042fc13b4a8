//! Stores files beside the rows of the outbox. They are stored in the transaction that adds the row, and dropped in the
//! one that closes it.

use bytes::Bytes;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{Statements, column};
use crate::store::StoreError;

impl Sqlite {
    /// Stores the file of a row that was just added.
    pub(super) fn keep_file(&mut self, seq: i64, bytes: &[u8]) -> Result<(), StoreError> {
        self.run("INSERT INTO file (row, bytes) VALUES (?1, ?2)", (seq, bytes))?;
        self.file_bytes += bytes.len();
        Ok(())
    }

    /// Drops the file of this row.
    pub(super) fn drop_file(&mut self, seq: i64) -> Result<(), StoreError> {
        self.run("DELETE FROM file WHERE row = ?1", [seq]).map(drop)
    }

    /// Drops the files of rows that pruning has emptied.
    pub(super) fn prune_files(&mut self) -> Result<(), StoreError> {
        let sql = "DELETE FROM file WHERE coalesce((SELECT state FROM ledger WHERE seq = file.row), 3) = 3";
        self.run(sql, ()).map(drop)
    }
}

impl Reader {
    pub async fn file(&self, row: i64) -> Result<Option<Bytes>, StoreError> {
        let read = move |ledger: &rusqlite::Connection| {
            ledger.first("SELECT bytes FROM file WHERE row = ?1", [row], column::<Vec<u8>>)
        };
        Ok(self.read(read).await?.map(Bytes::from))
    }

    pub async fn size_of_files(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(length(bytes)), 0) FROM file";
        let size: i64 = self.read(|ledger| ledger.value(sql, ())).await?;
        Ok(size.unsigned_abs())
    }
}
