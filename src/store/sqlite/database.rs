//! The connections of an open ledger, and the transaction in which a batch is written.
//!
//! One connection writes, others read, and a third copies the write-ahead log back into the file. So neither
//! readers nor checkpoints hold up a commit for long. `synchronous=FULL`: a commit that returned survives a power cut.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection};

use super::log::{self, WriteAheadLog};
use super::presence::Presence;
use super::read::Reader;
use crate::clock::Clock;
use crate::store::error::{Damage, StoreError};

/// After this many bytes of files the write-ahead log is copied back at once.
const MANY_BYTES: usize = 16 * 1024 * 1024;

/// The SQLite engine.
pub struct Sqlite {
    pub(super) connection: SqliteConnection,
    pub(super) options: SqliteConnectOptions,
    pub(super) reader: Reader,
    /// The number of pages the ledger had before the last commit, if there was one since the files were last checked.
    pub(super) pages: Option<i64>,
    /// The number of this instance, if it is a daemon.
    pub(super) instance: Option<i64>,
    /// SQLite's number for the commits of other connections.
    pub(super) version: i64,
    /// The bytes of files written since the log was last copied back for them.
    pub(super) file_bytes: usize,
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
    pub(super) async fn run(&mut self, statement: Query<'_, sqlx::Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        Ok(statement.execute(&mut self.connection).await?.rows_affected())
    }

    /// The due time of work that may be done at once. The steady time belongs to the daemon's process, so a process
    /// beside it gives none.
    pub(super) fn at_once(&self) -> i64 {
        if self.care.is_some() { self.clock.steady_ms() } else { 0 }
    }

    pub async fn begin(&mut self) -> Result<(), StoreError> {
        let begin = sqlx::query_scalar("BEGIN IMMEDIATE; PRAGMA page_count");
        self.pages = Some(begin.fetch_one(&mut self.connection).await?);
        Ok(())
    }

    pub async fn commit(&mut self) -> Result<(), StoreError> {
        self.run(sqlx::query("COMMIT")).await.map(drop)
    }

    /// Checks that commits are in the files with the ledger's names; see [`Presence::check`]. Verbs beside the daemon
    /// do not check, since they end too soon.
    pub async fn check(&mut self) -> Result<(), Damage> {
        let pages = self.pages.take();
        match &mut self.care {
            Some(care) => care.presence.check(&mut self.connection, pages).await,
            None => Ok(()),
        }
    }

    /// Whether another process may have committed something since this was last asked.
    pub async fn changed_beside(&mut self) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar("PRAGMA data_version").fetch_one(&mut self.connection).await?;
        Ok(std::mem::replace(&mut self.version, found) != found)
    }

    /// Gives the ledger a new stamp; see [`Presence::stamp`].
    pub async fn stamp(&mut self) {
        let Some(Care { log, presence }) = &mut self.care else { return };
        match presence.stamp(&mut self.connection).await {
            Ok(()) => log.take_back(),
            Err(error) => tracing::warn!(%error, "the ledger could not be stamped; trying again in an hour"),
        }
    }

    /// Keeps the write-ahead log short. It is called after a commit that is in the files.
    pub async fn keep_log_short(&mut self) {
        let much = self.file_bytes >= MANY_BYTES;
        if much {
            self.file_bytes = 0;
        }
        let Some(Care { log, presence }) = &mut self.care else { return };
        if let Err(error) = log.committed(&mut self.connection, presence.log_size(), much).await {
            tracing::warn!(%error, "the write-ahead log could not be cut; it grows until the next try");
        }
    }

    /// Saves a ledger whose files were moved but not cut off. Everything in the log is copied into the ledger, wherever
    /// the file now is, so that it no longer needs the log. A log that stays behind then holds nothing that could be
    /// taken for another ledger's.
    pub async fn save(&mut self, damage: Damage) {
        if let Damage::Moved(_) = damage {
            let _ = log::cut(&mut self.connection, Duration::ZERO).await;
        }
    }

    /// Rolls back after a failure. It does not matter if there is nothing to roll back. A broken connection is
    /// replaced.
    pub async fn recover(&mut self) {
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        self.pages = None;
        if self.connection.ping().await.is_err()
            && let Ok(connection) = SqliteConnection::connect_with(&self.options).await
        {
            self.connection = connection;
        }
    }

    /// Writes a byte, to find out whether writing works.
    pub async fn beat(&mut self) -> Result<u64, StoreError> {
        let now = self.clock.wall_ms();
        self.run(sqlx::query("INSERT OR REPLACE INTO heartbeat (id, at) VALUES (1, ?1)").bind(now)).await
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Engine(Arc::new(error))
    }
}
