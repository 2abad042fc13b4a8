//! How statements are run: each is prepared once for a connection, and its values are bound row by row.

use rusqlite::types::FromSql;
use rusqlite::{Connection, Params, Result, Row};

/// The rows that one step of pruning may touch or look at, so that it never holds up the acknowledgements for long.
pub(super) const PRUNE_STEP: i64 = 500;

/// Running statements on a connection, or in a transaction.
pub(super) trait Statements {
    /// Runs a statement that gives no rows. Gives the number of rows it changed.
    fn run(&self, sql: &str, values: impl Params) -> Result<u64>;

    /// Reads the first row, if there is one.
    fn first<T>(&self, sql: &str, values: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>>;

    /// Reads every row.
    fn all<T>(&self, sql: &str, values: impl Params, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>>;

    /// Reads the first value of a row that there always is.
    fn value<T: FromSql>(&self, sql: &str, values: impl Params) -> Result<T>;
}

impl Statements for Connection {
    fn run(&self, sql: &str, values: impl Params) -> Result<u64> {
        Ok(self.prepare_cached(sql)?.execute(values)? as u64)
    }

    fn first<T>(&self, sql: &str, values: impl Params, read: impl FnOnce(&Row<'_>) -> Result<T>) -> Result<Option<T>> {
        let mut statement = self.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        rows.next()?.map(read).transpose()
    }

    fn all<T>(&self, sql: &str, values: impl Params, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        self.prepare_cached(sql)?.query_map(values, read)?.collect()
    }

    fn value<T: FromSql>(&self, sql: &str, values: impl Params) -> Result<T> {
        self.prepare_cached(sql)?.query_row(values, |row| row.get(0))
    }
}

/// Reads the first column of a row.
pub(super) fn column<T: FromSql>(row: &Row<'_>) -> Result<T> {
    row.get(0)
}
