//! The lock that keeps a second daemon away from a ledger, and the traces of a ledger that is gone.
//!
//! On Linux the lock is on the ledger itself. It is made by `flock`, which on a local disk ignores the locks that
//! SQLite takes on the same file. So no other file matters. On macOS and the BSDs the two kinds of lock exclude each
//! other, and the lock is on a file beside the ledger. That file is made on Linux too: it keeps away daemons of older
//! versions, and tells a start that there was a ledger. On NFS and SMB the two kinds exclude each other on Linux too,
//! so a start fails there. That is right, since SQLite's write-ahead log needs a local disk.

use std::fs::{File, Metadata, Permissions, TryLockError};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::OpenFlags;

use super::connection::plain;
use super::hints;
use super::statements::Statements;

/// Only the owner can open a file of this mode, and so only the owner can lock it or read it.
const PRIVATE: u32 = 0o600;

/// How often the lock is tried. A daemon may be about to end, or a process forked from it may not have let go yet.
const LOOKS: u32 = 20;
const BETWEEN: Duration = Duration::from_millis(50);

/// The ledger's file, locked. The system releases the lock even after `kill -9`.
pub(super) struct Lock {
    pub(super) ledger: File,
    /// The file beside the ledger.
    mark: Option<File>,
    /// Whether the ledger's file was made for this lock. If the start fails, it is removed again.
    is_new: bool,
}

impl Lock {
    /// Opens and locks the file, which may be empty.
    pub(super) fn take(path: &Path) -> Result<Lock, String> {
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
            // The name may belong to another file by now.
            let named =
                std::fs::metadata(path).is_ok_and(|found| lock.ledger.metadata().is_ok_and(|it| id(&found) == id(&it)));
            if is_ours && named {
                return Ok(lock);
            }
            let_go(lock.ledger);
            std::thread::sleep(BETWEEN);
        }
        Err("another switchboard daemon is using it; stop that one first".to_owned())
    }

    /// Checks that no daemon of an older version uses the ledger. Such a daemon locks only the file beside the ledger.
    /// Anybody who can open that file could lock it too, so the lock alone proves nothing; a daemon also has the ledger
    /// open.
    pub(super) fn look_for_older(&self, path: &Path) -> Result<(), String> {
        for _ in 0..LOOKS {
            let Some(mark) = old_mark(path) else { return Ok(()) };
            if self.mark.is_some() || !matches!(mark.try_lock(), Err(TryLockError::WouldBlock)) || is_alone(path) {
                return Ok(());
            }
            std::thread::sleep(BETWEEN);
        }
        Err("a switchboard daemon of an older version is using it; stop that one first".to_owned())
    }

    /// Makes the ledger readable by its owner alone, once it is known to be a ledger. It contains who said what to the
    /// bot, and anybody who can open it can lock it. SQLite gives the files beside it the same mode.
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

    /// Leaves the mark that there is a ledger here. It makes no difference if somebody else has locked the mark.
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

    /// Removes a file that was made for this lock, unless something was written to it, since the start failed.
    pub(super) fn give_up(self, path: &Path) {
        if self.is_new && self.ledger.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            let _ = std::fs::remove_file(path);
        }
        let_go(self.ledger);
    }
}

/// Whether a daemon holds the lock. A daemon that starts at this very moment waits until this check is over.
pub(super) fn is_locked(path: &Path) -> bool {
    let file = if cfg!(target_os = "linux") { File::open(path).ok() } else { old_mark(path) };
    let Some(file) = file else { return false };
    let is_locked = matches!(file.try_lock(), Err(TryLockError::WouldBlock));
    let_go(file);
    is_locked
}

/// The traces of a ledger that was here, if the ledger itself is missing.
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

/// Moves aside the log of a ledger that is gone. SQLite would take it for the new ledger's, and delete it.
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
    // The index has nothing that is not in the log.
    match std::fs::remove_file(index_of(path)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(cannot(error)),
        Ok(()) | Err(_) => Ok(aside),
    }
}

/// The size of a file. None if there is none. Anything else of that name cannot be a ledger.
pub(super) fn is_file(path: &Path) -> Result<Option<u64>, String> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(metadata) if metadata.is_dir() => Err("it is a folder; name a file in it".to_owned()),
        Ok(_) => Err("it is not a file; name one".to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

/// The part of the metadata that is the same for all names of one file.
pub(super) fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The name that SQLite gives the log. If the ledger's name is a link, the log and its index are beside the file it
/// leads to.
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
    // Nothing but a file is opened, since opening a pipe would block.
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

/// Whether no other process has the ledger open. Only then can an exclusive lock be had.
fn is_alone(path: &Path) -> bool {
    let looking = || {
        let connection = plain(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(Duration::ZERO)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        connection.value::<i64>("SELECT count(*) FROM sqlite_master", ())
    };
    looking().is_ok()
}

/// Unlocks the file but does not close its descriptor. By POSIX, closing any descriptor of the ledger would drop the
/// locks that another connection of this process has on it. A process that is refused the lock usually ends soon
/// anyway.
fn let_go(file: File) {
    let _ = file.unlock();
    std::mem::forget(file);
}
