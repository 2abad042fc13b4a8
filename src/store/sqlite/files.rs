//! Stores files beside the rows of the outbox. They are stored in the transaction that adds the row, and dropped in the
//! one that closes it.

use bytes::Bytes;

use super::database::Sqlite;
use super::read::Reader;
use super::values::json;
use crate::store::{Entry, StoreError};

impl Sqlite {
    /// Stores the files of rows that were just added.
    pub(super) async fn keep_files(&mut self, added: &[&Entry]) -> Result<(), StoreError> {
        for entry in added {
            let Some(bytes) = &entry.file else { continue };
            let sql = "INSERT INTO file (row, bytes) SELECT seq, ?2 FROM ledger WHERE id = ?1";
            self.run(sqlx::query(sql).bind(entry.id).bind(bytes.as_ref())).await?;
            self.file_bytes += bytes.len();
        }
        Ok(())
    }

    /// Drops the files of these rows.
    pub(super) async fn drop_files(&mut self, seqs: &[i64]) -> Result<(), StoreError> {
        if seqs.is_empty() {
            return Ok(());
        }
        let sql = "DELETE FROM file WHERE row IN (SELECT value FROM json_each(?1))";
        self.run(sqlx::query(sql).bind(json(seqs)?)).await.map(drop)
    }

    /// Drops the files of rows that pruning has emptied.
    pub(super) async fn prune_files(&mut self) -> Result<(), StoreError> {
        let sql = "DELETE FROM file WHERE coalesce((SELECT state FROM ledger WHERE seq = file.row), 3) = 3";
        self.run(sqlx::query(sql)).await.map(drop)
    }
}

impl Reader {
    pub async fn file(&self, row: i64) -> Result<Option<Bytes>, StoreError> {
        let sql = "SELECT bytes FROM file WHERE row = ?1";
        let found: Option<Vec<u8>> = sqlx::query_scalar(sql).bind(row).fetch_optional(&self.pool).await?;
        Ok(found.map(Bytes::from))
    }

    pub async fn size_of_files(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(length(bytes)), 0) FROM file";
        let size: i64 = sqlx::query_scalar(sql).fetch_one(&self.pool).await?;
        Ok(size.unsigned_abs())
    }
}
