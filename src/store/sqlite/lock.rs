//! The lock that keeps a second daemon from a ledger, and the traces of a ledger that is gone.
//!
//! On Linux the lock is on the ledger itself (flock, which on a local disk knows nothing of the locks that SQLite takes
//! on the same file), so that no file beside it matters. On macOS and the BSDs the two kinds exclude each other, and
//! the lock is on a file beside it. That file is made on Linux too: it holds off daemons of older versions, and tells a
//! start that there was a ledger. On NFS and SMB the two kinds exclude each other on Linux too, so that a start fails
//! there, and rightly: SQLite's write-ahead log needs a local disk.

use std::fs::{File, Metadata, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::hints;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteLockingMode};
use sqlx::{ConnectOptions, Connection};

/// Nobody else can open a file of this mode, and so nobody else can lock it or read it.
const PRIVATE: u32 = 0o600;

/// A daemon that is just ending is waited for, and so is a process that was forked from it and has not yet let go.
const LOOKS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// The ledger's file, locked. The system lets go of it even after `kill -9`.
pub(super) struct Lock {
    pub(super) ledger: File,
    /// The file beside it.
    mark: Option<File>,
    /// Whether the file was made for this, so that it is taken away again when nothing comes of it.
    is_new: bool,
}

impl Lock {
    /// Opens and locks the file, which may be empty.
    pub(super) async fn take(path: &Path) -> Result<Lock, String> {
        for _ in 0..LOOKS {
            let is_new = is_file(path)?.is_none();
            let ledger = File::options()
                .create(true)
                .read(true)
                .write(true)
                .truncate(false)
                .mode(PRIVATE)
                .open(path)
                .map_err(|error| hints::of_file(path, &error))?;
            let mut lock = Lock { ledger, mark: None, is_new };
            if !cfg!(target_os = "linux") {
                lock.mark =
                    Some(open_mark(path).map_err(|error| format!("cannot make the file of its lock: {error}"))?);
            }
            let is_ours = match lock.mark.as_ref().unwrap_or(&lock.ledger).try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(error)) => {
                    lock.give_up(path);
                    return Err(format!("cannot lock it: {error}"));
                }
            };
            // The name may have been given to another file meanwhile.
            let named =
                std::fs::metadata(path).is_ok_and(|found| lock.ledger.metadata().is_ok_and(|it| id(&found) == id(&it)));
            if is_ours && named {
                return Ok(lock);
            }
            let_go(lock.ledger);
            tokio::time::sleep(BETWEEN).await;
        }
        Err("another switchboard daemon is using it; stop that one first".to_owned())
    }

    /// An older version locks only the file beside the ledger. So could anybody who may open it, so that this alone
    /// says nothing: a daemon has the ledger open too.
    pub(super) async fn look_for_older(&self, path: &Path) -> Result<(), String> {
        for _ in 0..LOOKS {
            let Some(mark) = old_mark(path) else { return Ok(()) };
            if self.mark.is_some() || !matches!(mark.try_lock(), Err(TryLockError::WouldBlock)) || is_alone(path).await
            {
                return Ok(());
            }
            tokio::time::sleep(BETWEEN).await;
        }
        Err("a switchboard daemon of an older version is using it; stop that one first".to_owned())
    }

    /// Takes the ledger from everybody but its owner, now that it is known to be one. It holds who said what to the
    /// bot, and whoever can open it can lock it. SQLite gives the files beside it the same mode.
    pub(super) fn make_private(&self, path: &Path) {
        let make_private = |file: &File| match file.metadata()?.permissions().mode() & 0o777 {
            PRIVATE => Ok(()),
            _ => file.set_permissions(Permissions::from_mode(PRIVATE)),
        };
        let log = File::open(log_of(path)).ok();
        if let Err(error) = make_private(&self.ledger).and_then(|()| log.as_ref().map_or(Ok(()), make_private)) {
            tracing::warn!(
                %error,
                "the ledger could not be made private (mode 0600): whoever can open it can read it, and stop the next start"
            );
        }
    }

    /// Leaves the mark that there is a ledger here. Where somebody else has it locked, that changes nothing.
    pub(super) fn leave_mark(&mut self, path: &Path) {
        if self.mark.is_some() {
            return;
        }
        match open_mark(path) {
            Ok(mark) => {
                let _ = mark.try_lock();
                self.mark = Some(mark);
            }
            Err(error) => tracing::warn!(
                %error,
                "the mark beside the ledger could not be made: a start does not notice when the ledger is gone"
            ),
        }
    }

    /// Nothing came of it: a file that was made is taken away, unless something was written to it.
    pub(super) fn give_up(self, path: &Path) {
        if self.is_new && self.ledger.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = std::fs::remove_file(path);
        }
        let_go(self.ledger);
    }
}

/// Whether a daemon holds the lock. A daemon that starts at this very instant waits for this look to end.
pub(super) fn is_locked(path: &Path) -> bool {
    let file = if cfg!(target_os = "linux") { File::open(path).ok() } else { old_mark(path) };
    let Some(file) = file else { return false };
    let is_locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    let_go(file);
    is_locked
}

/// What tells that there was a ledger here, where there is none.
pub(super) fn traces(path: &Path) -> Option<String> {
    if is_file(path).is_ok_and(|size| size.is_some_and(|size| size > 0)) {
        return None;
    }
    let size = |name: &Path| std::fs::metadata(name).ok().filter(Metadata::is_file).map(|metadata| metadata.len());
    let (log, mark) = (log_of(path), path_beside(path, ".lock"));
    let trace = match (size(&log), size(&mark)) {
        (Some(1..), _) => log,
        (_, Some(_)) => mark,
        (_, None) => return None,
    };
    Some(format!("{} is still there", trace.display()))
}

/// Puts aside what a ledger that is gone has left. SQLite would take it for the new one's, and delete it.
pub(super) fn put_aside(path: &Path, now_ms: i64) -> Result<Option<String>, String> {
    let cannot = |error: std::io::Error| format!("cannot put aside what a ledger that is gone has left: {error}");
    let log = log_of(path);
    let aside = match std::fs::metadata(&log) {
        Ok(metadata) if metadata.len() > 0 => {
            let aside = path_beside(&log, &format!(".{now_ms}"));
            std::fs::rename(&log, &aside).map_err(cannot)?;
            Some(aside.display().to_string())
        }
        Ok(_) | Err(_) => None,
    };
    // It holds nothing that is not in the log.
    match std::fs::remove_file(index_of(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot(error)),
        Ok(()) | Err(_) => Ok(aside),
    }
}

/// The size of a file; none where there is none. Whatever else has the name cannot be a ledger.
pub(super) fn is_file(path: &Path) -> Result<Option<u64>, String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(metadata) if metadata.is_dir() => Err("it is a folder; name a file in it".to_owned()),
        Ok(_) => Err("it is not a file; name one".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// What is the same of two names of one file.
pub(super) fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// SQLite's names for the log and its index. They are beside the file itself, where the ledger's name is a link to it.
pub(super) fn log_of(path: &Path) -> PathBuf {
    path_beside(&real(path), "-wal")
}

pub(super) fn index_of(path: &Path) -> PathBuf {
    path_beside(&real(path), "-shm")
}

fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn path_beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn old_mark(path: &Path) -> Option<File> {
    let name = path_beside(path, ".lock");
    // Nothing else that has the name is opened: a pipe would be waited at.
    std::fs::symlink_metadata(&name).is_ok_and(|metadata| metadata.is_file()).then(|| File::open(&name).ok())?
}

fn open_mark(path: &Path) -> std::io::Result<File> {
    let name = path_beside(path, ".lock");
    if std::fs::symlink_metadata(&name).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(std::io::Error::other(format!("{} is no file", name.display())));
    }
    let mark = File::options().create(true).append(true).mode(PRIVATE).open(name)?;
    mark.set_permissions(Permissions::from_mode(PRIVATE))?;
    Ok(mark)
}

/// Whether no other process has the ledger open: only then is there an exclusive lock to be had.
async fn is_alone(path: &Path) -> bool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .locking_mode(SqliteLockingMode::Exclusive)
        .busy_timeout(Duration::ZERO)
        .disable_statement_logging();
    let Ok(mut connection) = SqliteConnection::connect_with(&options).await else { return false };
    let looked = sqlx::query("SELECT count(*) FROM sqlite_master").fetch_one(&mut connection).await;
    let _ = connection.close().await;
    looked.is_ok()
}

/// Unlocks the file and keeps the descriptor: to close any of a ledger's takes away the locks that another connection
/// of this process has on it, which is how POSIX has it. One that is refused mostly ends anyway.
fn let_go(file: File) {
    let _ = file.unlock();
    std::mem::forget(file);
}
