//! The connections of an open ledger, and the transaction that a batch is.
//!
//! One connection writes, others read, and a third takes the write-ahead log back into the file, so that neither
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

/// So many bytes of files make the write-ahead log long enough to be taken back at once.
const MANY_BYTES: usize = 16 * 1024 * 1024;

/// The SQLite engine.
pub struct Sqlite {
    pub(super) connection: SqliteConnection,
    pub(super) options: SqliteConnectOptions,
    pub(super) reader: Reader,
    /// How many pages the ledger had before the last commit, if there was one since the last look at the files.
    pub(super) pages: Option<i64>,
    /// Which instance this is, if it is a daemon.
    pub(super) instance: Option<i64>,
    /// SQLite's number for what others have committed.
    pub(super) version: i64,
    /// Bytes of files since the log was last taken back for them.
    pub(super) file_bytes: usize,
    /// The last lane that was looked at for being idle.
    pub(super) last_lane: Vec<u8>,
    pub(super) clock: Clock,
    /// The daemon's. Last, since it is let go of after all else.
    pub(super) care: Option<Care>,
}

/// What a daemon sees to while it has the ledger.
pub(super) struct Care {
    pub(super) log: WriteAheadLog,
    /// With the lock.
    pub(super) presence: Presence,
}

impl Sqlite {
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Runs a statement; how many rows it changed.
    pub(super) async fn run(&mut self, statement: Query<'_, sqlx::Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        Ok(statement.execute(&mut self.connection).await?.rows_affected())
    }

    /// When what may be done at once is due. The steady time is the daemon's own, so a process beside it names no time.
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

    /// Sees that what is committed is in the files that have the ledger's names; [`Presence::check`]. A verb that looks
    /// in beside the daemon does not stay long enough.
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

    /// Stamps the ledger anew; [`Presence::stamp`].
    pub async fn stamp(&mut self) {
        let Some(Care { log, presence }) = &mut self.care else { return };
        match presence.stamp(&mut self.connection).await {
            Ok(()) => log.take_back(),
            Err(error) => tracing::warn!(%error, "the ledger could not be stamped; trying again in an hour"),
        }
    }

    /// After a commit that is in the files: keeps the write-ahead log short.
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

    /// Something is moved and nothing cut off: what is in the log goes into the ledger, under whatever name that now
    /// is, which then needs no log any more; and a log that is left behind holds nothing that could be taken for
    /// another's.
    pub async fn save(&mut self, damage: Damage) {
        if let Damage::Moved(_) = damage {
            let _ = log::cut(&mut self.connection, Duration::ZERO).await;
        }
    }

    /// After a failure: that there is nothing to roll back is as good. A connection that is broken is replaced.
    pub async fn recover(&mut self) {
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        self.pages = None;
        if self.connection.ping().await.is_err()
            && let Ok(connection) = SqliteConnection::connect_with(&self.options).await
        {
            self.connection = connection;
        }
    }

    /// Writes a byte, to see whether it can.
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
