//! The ledger's file: its path, its lock, its settings, the version of its tables, and the way its write-ahead log is
//! taken back.

use std::cmp::Ordering;
use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Row as _};
use tokio::sync::mpsc;

use super::StoreError;
use super::migrations::{self, LATEST};
use crate::config;

/// A write-ahead log of more pages than this is cut, which makes the writer wait for a moment.
const MOST_LOG_PAGES: i64 = 65_536;

/// What one sees of a ledger without opening it for work.
#[derive(Clone, Debug)]
pub struct Look {
    /// Where it is, and whether it can be written to or made.
    pub says: String,
    /// Whether it is there.
    pub exists: bool,
    /// Whether a daemon holds it.
    pub daemon: bool,
}

/// `synchronous=FULL`: a commit that returned survives a power cut. Checkpoints are the checkpointer's.
pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .pragma("wal_autocheckpoint", "0")
        .pragma("cache_size", "-16384")
        .optimize_on_close(false, None)
        .disable_statement_logging()
}

/// See [`super::Store::look`].
pub(super) async fn look(settings: &config::Store) -> Result<Look, StoreError> {
    let path = path(settings);
    let place = path.display().to_string();
    let cannot = |cause: String| StoreError::Open { place: place.clone(), cause };
    if path.exists() {
        let cannot_write = |error: sqlx::Error| cannot(format!("{error}; may this user write to it?"));
        let mut connection = SqliteConnection::connect_with(&options(&path)).await.map_err(cannot_write)?;
        // A lock that is taken for writing and given back.
        for statement in ["BEGIN IMMEDIATE", "ROLLBACK"] {
            sqlx::query(statement).execute(&mut connection).await.map_err(cannot_write)?;
        }
        let daemon = is_locked(&path);
        return Ok(Look { says: format!("{place} can be written to"), exists: true, daemon });
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(Look { says: format!("{place} is not there yet and can be made"), exists: false, daemon: false }),
        Err(error) => Err(cannot(format!("it is not there and cannot be made in {}: {error}", folder.display()))),
    }
}

/// The path in `sqlite:PATH`, `sqlite://PATH` or `sqlite:///PATH`.
pub(super) fn path(settings: &config::Store) -> PathBuf {
    let url = settings.url.expose_secret();
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

/// Sees that the tables are those of this program; the daemon makes them so, a verb beside it does not. Whether there were
/// none before.
pub(super) async fn migrate(connection: &mut SqliteConnection, is_daemon: bool) -> Result<bool, String> {
    let cannot_read = |error: sqlx::Error| format!("its tables cannot be read: {error}");
    let tables = "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'";
    let tables: i64 = sqlx::query_scalar(tables).fetch_one(&mut *connection).await.map_err(cannot_read)?;
    let found: Option<i64> = match tables {
        0 => None,
        _ => sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut *connection)
            .await
            .map_err(cannot_read)?,
    };
    match (found.map(|found| (found, found.cmp(&LATEST))), is_daemon) {
        (Some((found, Ordering::Greater)), _) => Err(format!(
            "a newer switchboard has worked with it: its tables are of version {found}, and this program's of {LATEST}; run \
             the newer one, or take a copy of the ledger from before the update"
        )),
        (_, true) => {
            migrations::migrator().run(connection).await.map_err(|error| error.to_string())?;
            Ok(found.is_none())
        }
        (Some((_, Ordering::Equal)), false) => Ok(false),
        (Some((found, Ordering::Less)), false) => Err(format!(
            "an older switchboard made it: its tables are of version {found}, and this program's of {LATEST}; start the daemon \
             of this version once, which brings them up to date"
        )),
        (None, false) => {
            Err("it has no tables of switchboard; is store.url right? The daemon makes them when it first runs"
                .to_owned())
        }
    }
}

/// Two daemons on one file would both answer. The lock is a file of its own, since SQLite locks the ledger itself. A
/// daemon that is just ending is waited for, and so is a process that was forked from it and has not yet let go.
pub(super) async fn lock(path: &Path) -> Result<File, String> {
    const LOOKS: u32 = 20;
    const BETWEEN: Duration = Duration::from_millis(50);
    let file = File::options()
        .create(true)
        .append(true)
        .open(lock_of(path))
        .map_err(|error| format!("{error}; is the folder there and writable?"))?;
    for _ in 0..LOOKS {
        match file.try_lock() {
            Ok(()) => return make_private(path).map(|()| file),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(BETWEEN).await,
            Err(TryLockError::Error(error)) => return Err(format!("cannot lock it: {error}")),
        }
    }
    Err("another switchboard daemon is using it; stop that one first".to_owned())
}

/// Whether a daemon holds the lock. A daemon that starts at this very instant waits for this look to end.
fn is_locked(path: &Path) -> bool {
    File::open(lock_of(path)).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)))
}

fn lock_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The ledger holds who said what to the bot, and replies that repeat it: nobody else on the machine is to read it.
/// SQLite gives the files beside it the same mode.
fn make_private(path: &Path) -> Result<(), String> {
    if path.is_dir() {
        return Err("it is a folder; name a file in it".to_owned());
    }
    let made = File::options().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| format!("{error}; is the folder there and writable?"))
}

/// Takes the write-ahead log back into the file whenever it is asked, on a connection of its own. Passive: it never
/// makes the writer wait, but a log that has grown large is also cut, which does for a moment.
pub(super) fn checkpointer(options: SqliteConnectOptions) -> mpsc::Sender<()> {
    let (sender, mut asked) = mpsc::channel(1);
    tokio::spawn(async move {
        let mut connection = None;
        while asked.recv().await.is_some() {
            if let Err(error) = checkpoint(&options, &mut connection).await {
                tracing::warn!(%error, "the write-ahead log could not be taken back; it grows until the next try");
            }
        }
    });
    sender
}

async fn checkpoint(options: &SqliteConnectOptions, held: &mut Option<SqliteConnection>) -> Result<(), sqlx::Error> {
    let connection = match held {
        Some(connection) => connection,
        None => held.insert(SqliteConnection::connect_with(&options.clone().busy_timeout(Duration::ZERO)).await?),
    };
    let pages: i64 = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *connection).await?.try_get(1)?;
    if pages > MOST_LOG_PAGES {
        // With no busy timeout it gives way at once to whoever is reading, and is tried again later.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    }
    Ok(())
}
