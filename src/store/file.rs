//! The ledger's file: its path, its lock, its settings, and the way its write-ahead log is taken back.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection, Row as _};
use tokio::sync::mpsc;

use super::StoreError;
use crate::config;

/// A write-ahead log of more pages than this is cut, which makes the writer wait for a moment.
const MOST_LOG_PAGES: i64 = 65_536;

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
}

/// See [`super::Store::look`].
pub(super) async fn look(settings: &config::Store) -> Result<String, StoreError> {
    let path = path(settings);
    let place = path.display().to_string();
    let cannot = |cause: String| StoreError::Open { place: place.clone(), cause };
    if path.exists() {
        let options = SqliteConnectOptions::new().filename(&path).read_only(true);
        let mut connection =
            SqliteConnection::connect_with(&options).await.map_err(|error| cannot(error.to_string()))?;
        let check = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
        return match check.map_err(|error| cannot(error.to_string()))?.as_str() {
            "ok" => Ok(format!("{place} is sound")),
            problem => Err(cannot(format!("it is damaged ({problem}); restore a backup"))),
        };
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match tempfile::tempfile_in(folder) {
        Ok(_) => Ok(format!("{place} is not there yet and can be made")),
        Err(error) => Err(cannot(format!("it is not there and cannot be made in {}: {error}", folder.display()))),
    }
}

/// The path in `sqlite:PATH`, `sqlite://PATH` or `sqlite:///PATH`.
pub(super) fn path(settings: &config::Store) -> PathBuf {
    let url = settings.url.expose_secret();
    let path = url.strip_prefix("sqlite:").unwrap_or(url);
    PathBuf::from(path.strip_prefix("//").unwrap_or(path))
}

/// Two daemons on one file would both answer. The lock is a file of its own, since SQLite locks the ledger itself.
pub(super) fn lock(path: &Path) -> Result<File, String> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = File::options()
        .create(true)
        .append(true)
        .open(&name)
        .map_err(|error| format!("{error}; is the folder there and writable?"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err("another switchboard daemon is using it; stop that one first".to_owned()),
        Err(TryLockError::Error(error)) => Err(format!("cannot lock it: {error}")),
    }
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
        None => held.insert(SqliteConnection::connect_with(options).await?),
    };
    let pages: i64 = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut *connection).await?.try_get(1)?;
    if pages > MOST_LOG_PAGES {
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;
    }
    Ok(())
}
