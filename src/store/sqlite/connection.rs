//! How the connections to a ledger are made.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How long a transaction waits for the lock of another process.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// How many statements of a connection stay prepared. The engine has fewer.
const STATEMENTS: usize = 256;

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Write,
    Read,
}

impl Access {
    /// The most memory for pages of the ledger. What a reader holds is of no use after the next commit.
    fn cache_kilobytes(self) -> i64 {
        match self {
            Access::Write => 16 * 1024,
            Access::Read => 2 * 1024,
        }
    }
}

/// Connects to a ledger, which must be there.
///
/// `synchronous=FULL`: a commit that returned survives a power cut. `temp_store=MEMORY`: a statement over many rows
/// needs no file for its journal, which is useless after a crash. Checkpoints are made by `log`.
pub(super) fn connect(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let connection = match access {
        Access::Write => plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?,
        Access::Read => plain(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?,
    };
    if access == Access::Write {
        connection.pragma_update(None, "journal_mode", "WAL")?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "cache_size", -access.cache_kilobytes())?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Without this, a statement whose plan may depend on a value is prepared anew for each value.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Connects to a database that need not be a ledger, and changes nothing of it.
pub(super) fn plain(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}
