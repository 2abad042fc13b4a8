//! The transaction in which a batch is written.

use super::connection::{Access, connect};
use super::database::Sqlite;
use super::statements::Statements;
use crate::store::StoreError;

impl Sqlite {
    pub fn begin(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE", ())?;
        self.pages = Some(self.connection.value("PRAGMA page_count", ())?);
        self.read_unindexed()
    }

    pub fn commit(&mut self) -> Result<(), StoreError> {
        self.write_entries()?;
        self.run("COMMIT", ()).map(drop)
    }

    /// Rolls back after a failure. It does not matter if there is nothing to roll back. A broken connection is
    /// replaced.
    pub fn recover(&mut self) {
        let _ = self.connection.execute_batch("ROLLBACK");
        self.pages = None;
        self.indexes.version = None;
        self.payloads.forget();
        if self.connection.value::<i64>("SELECT 1", ()).is_err()
            && let Ok(connection) = connect(&self.path, Access::Write)
        {
            self.connection = connection;
        }
    }
}
