//! What to do about a file that does not open, by the reason.

use std::io::{Error, ErrorKind};
use std::path::Path;

use rusqlite::ErrorCode;

/// The hint for the system's error about a file that was to be opened or made.
pub(super) fn of_file(path: &Path, error: &Error) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let what = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory if !folder.is_dir() => {
            format!("there is no folder {}: make it", folder.display())
        }
        _ if path.exists() => {
            "the file is there: may this user read and write it? is it a ledger of this user's?".to_owned()
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            format!("is the folder {} writable for this user?", folder.display())
        }
        _ => "is store.url right?".to_owned(),
    };
    format!("{error}; {what}")
}

/// The hint for SQLite's error about a file that exists.
pub(super) fn of_database(error: &rusqlite::Error) -> String {
    let what = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => "another program has it locked: end that one, or what it does with the ledger",
        Some(ErrorCode::NotADatabase) => "it is the file of another program: is store.url right?",
        Some(ErrorCode::DiskFull) => "is the disk full?",
        Some(ErrorCode::ReadOnly) => "may this user write to the file and its folder?",
        Some(ErrorCode::CannotOpen) => "may this user write to the file, those beside it, and its folder?",
        _ => "is store.url right?",
    };
    format!("{error}; {what}")
}
