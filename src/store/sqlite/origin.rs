//! Checks which program a database belongs to, and that its tables are those of this version.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connection::plain;
use super::hints;
use super::migrations::{self, LATEST};
use super::statements::{Statements, column};

/// The id in the header of every ledger: "Swbd". It tells `file` and other programs that this is a ledger.
const APPLICATION_ID: i64 = 0x5377_6264;

/// What an existing file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LedgerOrigin {
    /// A ledger, of any version.
    Ledger,
    /// Nothing yet.
    Nothing,
}

/// Distinguishes a ledger from the database of another program. The file is not changed.
pub(super) fn origin_of(path: &Path) -> Result<LedgerOrigin, String> {
    let connection = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| error.to_string())?;
    match origin(&connection) {
        Ok(Some(origin)) => Ok(origin),
        Ok(None) => Err("it is the database of another program, and nothing of it was changed; is store.url right? \
                         Switchboard needs a file of its own"
            .to_owned()),
        Err(error) => Err(hints::of_database(&error)),
    }
}

fn origin(connection: &Connection) -> rusqlite::Result<Option<LedgerOrigin>> {
    let application: i64 = connection.value("PRAGMA application_id", ())?;
    let names = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'";
    let names: Vec<String> = connection.all(names, (), column)?;
    match application {
        0 | APPLICATION_ID if names.is_empty() => return Ok(Some(LedgerOrigin::Nothing)),
        APPLICATION_ID => return Ok(Some(LedgerOrigin::Ledger)),
        0 => {}
        _ => return Ok(None),
    }
    // Ledgers older than the id are recognised by their first version.
    if !names.iter().any(|name| name == "_sqlx_migrations") {
        return Ok(None);
    }
    let first = "SELECT version, checksum FROM _sqlx_migrations ORDER BY version LIMIT 1";
    let first: Option<(i64, Vec<u8>)> = connection.first(first, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(match &first {
        Some(first) => {
            migrations::checksums().next().is_some_and(|ours| ours == *first).then_some(LedgerOrigin::Ledger)
        }
        // The file was being made, and that stopped before the first version.
        None if names.len() == 1 => Some(LedgerOrigin::Nothing),
        None => None,
    })
}

/// Checks that this program knows every version of the tables, and with the same content. Gives the newest of them.
/// None if there are no tables yet.
pub(super) fn look_at_versions(connection: &Connection) -> Result<Option<i64>, String> {
    let cannot_read = |error: rusqlite::Error| format!("its tables cannot be read: {error}");
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let tables: i64 = connection.value(tables, ()).map_err(cannot_read)?;
    if tables == 0 {
        return Ok(None);
    }
    let versions = "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version";
    let found: Vec<(i64, Vec<u8>, bool)> =
        connection.all(versions, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).map_err(cannot_read)?;
    let newest = found.last().map(|(version, ..)| *version);
    if let Some(newest) = newest.filter(|newest| *newest > LATEST) {
        return Err(format!(
            "a newer switchboard has worked with it: its tables are of version {newest}, and this program's of {LATEST}; \
             run the newer one, or {COPY}"
        ));
    }
    let ours: HashMap<i64, Vec<u8>> = migrations::checksums().collect();
    for (version, checksum, is_whole) in found {
        if !is_whole {
            return Err(format!("version {version} of its tables was made in part only; {COPY}"));
        }
        if ours.get(&version).is_none_or(|known| *known != checksum) {
            return Err(format!(
                "version {version} of its tables is another than this program's: another build of switchboard made it, or \
                 somebody changed it; run that build, or {COPY}"
            ));
        }
    }
    Ok(newest)
}

const COPY: &str = "take a copy of the ledger from before the update";

/// Checks that the tables are those of this version. The daemon migrates them; a verb beside it does not. Gives whether
/// there were no tables before.
pub(super) fn migrate(connection: &mut Connection, is_daemon: bool) -> Result<bool, String> {
    let found = look_at_versions(connection)?;
    if is_daemon {
        migrations::migrate(connection).and_then(|()| mark(connection)).map_err(|error| error.to_string())?;
        return Ok(found.is_none());
    }
    match found {
        Some(LATEST) => Ok(false),
        Some(found) => Err(format!(
            "an older switchboard made it: its tables are of version {found}, and this program's of {LATEST}; start the daemon \
             of this version once, which brings them up to date"
        )),
        None => Err(NO_TABLES.to_owned()),
    }
}

/// The error of a verb if the file has no tables.
pub(super) const NO_TABLES: &str =
    "it has no tables of switchboard; is store.url right? The daemon makes them when it first runs";

fn mark(connection: &Connection) -> rusqlite::Result<()> {
    match connection.value::<i64>("PRAGMA application_id", ())? {
        APPLICATION_ID => Ok(()),
        _ => connection.pragma_update(None, "application_id", APPLICATION_ID),
    }
}
