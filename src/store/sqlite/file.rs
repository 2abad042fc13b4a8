//! The ledger's file: its path, and its state as seen from outside.

use std::fs::File;
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;

use super::connection::{Access, connect};
use super::database::Sqlite;
use super::origin::{self, LedgerOrigin};
use super::{hints, lock};
use crate::config;
use crate::store::{LedgerStatus, StoreError};

impl Sqlite {
    /// See [`crate::store::Store::look`].
    pub fn look(settings: &config::Store) -> Result<LedgerStatus, StoreError> {
        let path = Sqlite::place(settings);
        let place = path.display().to_string();
        let cannot = |cause: String| StoreError::Open { place: place.clone(), cause };
        let size = lock::is_file(&path).map_err(cannot)?;
        // Checked before anything else in this process has the file open.
        let daemon = size.is_some() && lock::is_locked(&path);
        let lost = lock::traces(&path);
        if size.is_some_and(|size| size > 0) && origin::origin_of(&path).map_err(cannot)? == LedgerOrigin::Ledger {
            let cannot_write = |error: rusqlite::Error| cannot(format!("{error}; may this user write to it?"));
            let connection = connect(&path, Access::Write).map_err(cannot_write)?;
            // Takes the lock for writing and gives it back.
            connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(cannot_write)?;
            origin::look_at_versions(&connection).map_err(cannot)?;
            return Ok(LedgerStatus { says: format!("{place} can be written to"), exists: true, daemon, lost });
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let there = if size.is_some() { "empty" } else { "not there yet" };
        if size.is_some() {
            File::options().write(true).open(&path).map_err(|error| cannot(hints::of_file(&path, &error)))?;
        }
        match tempfile::tempfile_in(folder) {
            Ok(_) => {
                Ok(LedgerStatus { says: format!("{place} is {there} and can be made"), exists: false, daemon, lost })
            }
            Err(error) => Err(cannot(format!("it is {there} and cannot be made in {}: {error}", folder.display()))),
        }
    }

    /// The absolute path of `sqlite:PATH`, `sqlite://PATH` or `sqlite:///PATH`.
    pub fn place(settings: &config::Store) -> PathBuf {
        let url = settings.url.expose_secret();
        let path = url.strip_prefix("sqlite:").unwrap_or(url);
        let path = Path::new(path.strip_prefix("//").unwrap_or(path));
        // The path is shown to people who may be in another folder than this process.
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    }
}
