//! What to do about a file that does not open, by the reason.

use std::io::{Error, ErrorKind};
use std::path::Path;

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
pub(super) fn of_database(error: &sqlx::Error) -> String {
    const BUSY: u32 = 5;
    let code = error.as_database_error().and_then(|error| error.code());
    let what = match code.as_deref() {
        // The low byte of a code says its kind.
        Some(code) if code.parse::<u32>().is_ok_and(|code| code & 0xff == BUSY) => {
            "another program has it locked: end that one, or what it does with the ledger"
        }
        Some("26") => "it is the file of another program: is store.url right?",
        Some("13") => "is the disk full?",
        Some("8") => "may this user write to the file and its folder?",
        Some("14") => "may this user write to the file, those beside it, and its folder?",
        _ => "is store.url right?",
    };
    format!("{error}; {what}")
}
