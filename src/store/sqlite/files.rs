//! Files beside the rows of the outbox: kept in the transaction that adds the row, dropped in the one that closes it.

use bytes::Bytes;

use super::database::{Sqlite, json};
use crate::store::{Claimed, Entry, Store, StoreError};

/// So many bytes make the write-ahead log long enough to be taken back at once.
const MANY_BYTES: usize = 16 * 1024 * 1024;

impl Store {
    /// The file that was put with a row; none when it had none, or the row is done.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn file(&self, row: &Claimed) -> Result<Option<Bytes>, StoreError> {
        let found: Option<Vec<u8>> = sqlx::query_scalar("SELECT bytes FROM file WHERE row = ?1")
            .bind(row.seq)
            .fetch_optional(self.0.reader.pool())
            .await?;
        Ok(found.map(Bytes::from))
    }

    /// How many bytes of files wait, dead letters' included.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn size_of_files(&self) -> Result<u64, StoreError> {
        let size: i64 = sqlx::query_scalar("SELECT coalesce(sum(length(bytes)), 0) FROM file")
            .fetch_one(self.0.reader.pool())
            .await?;
        Ok(size.unsigned_abs())
    }
}

impl Sqlite {
    /// Sees whether there are files from before. Beside a daemon of an older version there is no place for them.
    pub(in crate::store) async fn look_for_files(&mut self) {
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM file)").fetch_one(&mut self.connection).await;
        self.holds_files = found.unwrap_or(false);
    }

    /// Keeps the files of rows that were just added.
    pub(in crate::store) async fn keep_files(&mut self, added: &[&Entry]) -> Result<(), sqlx::Error> {
        for entry in added {
            let Some(bytes) = &entry.file else { continue };
            sqlx::query("INSERT INTO file (row, bytes) SELECT seq, ?2 FROM ledger WHERE id = ?1")
                .bind(entry.id)
                .bind(bytes.as_ref())
                .execute(&mut self.connection)
                .await?;
            self.holds_files = true;
            self.file_bytes += bytes.len();
        }
        Ok(())
    }

    /// Drops the files of these rows.
    pub(in crate::store) async fn drop_files(&mut self, seqs: &[i64]) -> Result<(), sqlx::Error> {
        if !self.holds_files || seqs.is_empty() {
            return Ok(());
        }
        sqlx::query("DELETE FROM file WHERE row IN (SELECT value FROM json_each(?1))")
            .bind(json(seqs)?)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Drops the files of rows that pruning has emptied.
    pub(in crate::store) async fn prune_files(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM file WHERE coalesce((SELECT state FROM ledger WHERE seq = file.row), 3) = 3")
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    /// Whether files have made the write-ahead log long since this was last asked.
    pub(in crate::store) fn wrote_much(&mut self) -> bool {
        let much = self.file_bytes >= MANY_BYTES;
        if much {
            self.file_bytes = 0;
        }
        much
    }
}
