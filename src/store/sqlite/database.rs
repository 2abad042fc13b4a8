//! The connections of an open ledger.
//!
//! One connection writes, others read, and a third copies the write-ahead log back into the file. So neither
//! readers nor checkpoints hold up a commit for long. The one that writes belongs to the writer's thread.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Params};

use super::log::{self, WriteAheadLog};
use super::payloads::Payloads;
use super::presence::Presence;
use super::reader::Reader;
use super::statements::Statements;
use super::unindexed::Indexes;
use crate::clock::Clock;
use crate::store::error::{Damage, StoreError};

/// After this many bytes of files the write-ahead log is copied back at once.
const MANY_BYTES: usize = 16 * 1024 * 1024;

/// The SQLite engine.
pub struct Sqlite {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) reader: Reader,
    /// The number of pages the ledger had before the last commit, if there was one since the files were last checked.
    pub(super) pages: Option<i64>,
    /// The number of this instance, if it is a daemon.
    pub(super) instance: Option<i64>,
    /// SQLite's number for the commits of other connections.
    pub(super) version: i64,
    /// The bytes of files written since the log was last copied back for them.
    pub(super) file_bytes: usize,
    pub(super) indexes: Indexes,
    pub(super) payloads: Payloads,
    /// The last lane that was checked for being idle.
    pub(super) last_lane: Vec<u8>,
    pub(super) clock: Clock,
    /// Only a daemon has this. It comes last, so that it is dropped after everything else.
    pub(super) care: Option<Care>,
}

/// What a daemon maintains while it has the ledger open.
pub(super) struct Care {
    pub(super) log: WriteAheadLog,
    /// Includes the lock.
    pub(super) presence: Presence,
}

impl Sqlite {
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Runs a statement. Gives the number of rows it changed.
    pub(super) fn run(&self, sql: &str, values: impl Params) -> Result<u64, StoreError> {
        Ok(self.connection.run(sql, values)?)
    }

    /// The due time of work that may be done at once. The steady time belongs to the daemon's process, so a process
    /// beside it gives none.
    pub(super) fn at_once(&self) -> i64 {
        if self.care.is_some() { self.clock.steady_ms() } else { 0 }
    }

    /// Checks that commits are in the files with the ledger's names; see [`Presence::check`]. Verbs beside the daemon
    /// do not check, since they end too soon.
    pub fn check(&mut self) -> Result<(), Damage> {
        let pages = self.pages.take();
        match &mut self.care {
            Some(care) => care.presence.check(&self.connection, pages),
            None => Ok(()),
        }
    }

    /// Whether another process may have committed something since this was last asked.
    pub fn changed_beside(&mut self) -> Result<bool, StoreError> {
        let found = self.connection.value("PRAGMA data_version", ())?;
        Ok(std::mem::replace(&mut self.version, found) != found)
    }

    /// Gives the ledger a new stamp; see [`Presence::stamp`].
    pub fn stamp(&mut self) {
        let Some(Care { log, presence }) = &mut self.care else { return };
        match presence.stamp(&self.connection) {
            Ok(()) => log.take_back(),
            Err(error) => tracing::warn!(%error, "the ledger could not be stamped; trying again in an hour"),
        }
    }

    /// Keeps the write-ahead log short. It is called after a commit that is in the files.
    pub fn keep_log_short(&mut self) {
        let much = self.file_bytes >= MANY_BYTES;
        if much {
            self.file_bytes = 0;
        }
        let Some(Care { log, presence }) = &mut self.care else { return };
        if let Err(error) = log.committed(&self.connection, presence.log_size(), much) {
            tracing::warn!(%error, "the write-ahead log could not be cut; it grows until the next try");
        }
    }

    /// Saves a ledger whose files were moved but not cut off. Everything in the log is copied into the ledger, wherever
    /// the file now is, so that it no longer needs the log. A log that stays behind then holds nothing that could be
    /// taken for another ledger's.
    pub fn save(&mut self, damage: Damage) {
        if let Damage::Moved(_) = damage {
            let _ = log::cut(&self.connection, Duration::ZERO);
        }
    }

    /// Writes a byte, to find out whether writing works.
    pub fn beat(&mut self) -> Result<u64, StoreError> {
        self.run("INSERT OR REPLACE INTO heartbeat (id, at) VALUES (1, ?1)", [self.clock.wall_ms()])
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::Engine(Arc::new(error))
    }
}
