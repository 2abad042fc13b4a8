//! Checks which program a database belongs to, and that its tables are those of this version.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::hints;
use super::log::BUSY;
use super::migrations::{self, LATEST};

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
pub(super) async fn origin_of(path: &Path) -> Result<LedgerOrigin, String> {
    // No journal mode is set, since that would be written to the file.
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY).disable_statement_logging();
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(|error| error.to_string())?;
    let origin = origin(&mut connection).await;
    let _ = connection.close().await;
    match origin {
        Ok(Some(origin)) => Ok(origin),
        Ok(None) => Err("it is the database of another program, and nothing of it was changed; is store.url right? \
                         Switchboard needs a file of its own"
            .to_owned()),
        Err(error) => Err(hints::of_database(&error)),
    }
}

async fn origin(connection: &mut SqliteConnection) -> Result<Option<LedgerOrigin>, sqlx::Error> {
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'")
            .fetch_all(&mut *connection)
            .await?;
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
    let first: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations ORDER BY version LIMIT 1")
            .fetch_all(connection)
            .await?;
    let is_ours = migrations::migrator().iter().next().is_some_and(|ours| {
        first.first().is_some_and(|(version, checksum)| *version == ours.version && *checksum == *ours.checksum)
    });
    Ok(match (is_ours, first.is_empty() && names.len() == 1) {
        (true, _) => Some(LedgerOrigin::Ledger),
        // The file was being made, and that stopped before the first version.
        (false, true) => Some(LedgerOrigin::Nothing),
        (false, false) => None,
    })
}

/// Checks that this program knows every version of the tables, and with the same content. Gives the newest of them.
/// None if there are no tables yet.
pub(super) async fn look_at_versions(connection: &mut SqliteConnection) -> Result<Option<i64>, String> {
    let cannot_read = |error: sqlx::Error| format!("its tables cannot be read: {error}");
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut *connection).await.map_err(cannot_read)?;
    if tables == 0 {
        return Ok(None);
    }
    let versions = "SELECT version, checksum, success FROM _sqlx_migrations ORDER BY version";
    let found: Vec<(i64, Vec<u8>, bool)> =
        sqlx::query_as(versions).fetch_all(&mut *connection).await.map_err(cannot_read)?;
    let newest = found.last().map(|(version, ..)| *version);
    if let Some(newest) = newest.filter(|newest| *newest > LATEST) {
        return Err(format!(
            "a newer switchboard has worked with it: its tables are of version {newest}, and this program's of {LATEST}; \
             run the newer one, or {COPY}"
        ));
    }
    let ours = migrations::migrator();
    for (version, checksum, is_whole) in found {
        let known = ours.iter().find(|ours| ours.version == version);
        if !is_whole {
            return Err(format!("version {version} of its tables was made in part only; {COPY}"));
        }
        if known.is_none_or(|known| *known.checksum != *checksum) {
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
pub(super) async fn migrate(connection: &mut SqliteConnection, is_daemon: bool) -> Result<bool, String> {
    let found = look_at_versions(&mut *connection).await?;
    if is_daemon {
        migrations::migrator().run(&mut *connection).await.map_err(|error| error.to_string())?;
        mark(connection).await.map_err(|error| error.to_string())?;
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

async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    if application != APPLICATION_ID {
        let pragma = format!("PRAGMA application_id = {APPLICATION_ID}");
        sqlx::query(sqlx::AssertSqlSafe(pragma)).execute(connection).await?;
    }
    Ok(())
}
