//! Stores the exact bytes that rows were made from.

use sqlx::query::QueryScalar;
use sqlx::sqlite::{Sqlite as Driver, SqliteArguments};

use super::database::Sqlite;
use super::values::json;
use crate::store::StoreError;

/// A statement that gives the numbers of rows.
type Seqs<'q> = QueryScalar<'q, Driver, i64, SqliteArguments>;

impl Sqlite {
    /// Stores these bytes beside their rows. The bytes of all rows are bound as one value, and each row cuts its own
    /// part out of it.
    pub(super) async fn keep_raw(&mut self, rows: &[(i64, &[u8])]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut all = Vec::with_capacity(rows.iter().map(|(_, bytes)| bytes.len()).sum());
        let mut spans = Vec::with_capacity(rows.len());
        for (seq, bytes) in rows {
            spans.push((seq, all.len() + 1, bytes.len()));
            all.extend_from_slice(bytes);
        }
        let sql = "INSERT OR REPLACE INTO raw (row, bytes) SELECT value->>0, substr(?2, value->>1, value->>2) FROM json_each(?1)";
        self.run(sqlx::query(sql).bind(json(&spans)?).bind(all)).await.map(drop)
    }

    /// Runs a statement that empties or deletes rows and gives them, and drops their bytes. Gives the number of these
    /// rows.
    pub(super) async fn drop_raw(&mut self, gone: Seqs<'_>) -> Result<u64, StoreError> {
        let seqs = gone.fetch_all(&mut self.connection).await?;
        if !seqs.is_empty() {
            let sql = "DELETE FROM raw WHERE row IN (SELECT value FROM json_each(?1))";
            self.run(sqlx::query(sql).bind(json(&seqs)?)).await?;
        }
        Ok(seqs.len() as u64)
    }
}
