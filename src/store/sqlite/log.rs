//! The write-ahead log: how it is copied back into the ledger, and what bounds its size.
//!
//! A task beside the writer copies pages back without holding up the writer (a passive checkpoint). That alone does not
//! bound the log. SQLite starts the log over only once all of it is copied, and while the writer writes without a
//! pause, its last page never is. So the writer itself copies the rest between two transactions, and cuts the log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row as _};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::clock;
use crate::telemetry::Seldom;

/// How long a transaction waits for the lock of another process.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// The number of small commits after which a passive checkpoint is requested.
const MANY_COMMITS: u64 = 256;

/// How long the writer waits for readers when the log is near its limit.
const READERS: Duration = Duration::from_secs(1);

/// The pause after a reader was in the way, or was waited for.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_AFTER_WAIT: Duration = Duration::from_secs(5);

/// Keeps the write-ahead log short.
pub(super) struct WriteAheadLog {
    limit: u64,
    asking: mpsc::Sender<()>,
    task: JoinHandle<()>,
    /// Held while pages are copied, since SQLite refuses a second copy at the same time.
    turn: Arc<Mutex<()>>,
    commits: u64,
    /// The log's size at the last passive checkpoint.
    asked_at: u64,
    again_at: Option<Instant>,
    too_long: Seldom,
}

impl WriteAheadLog {
    /// Starts the task. `limit` is in bytes.
    pub(super) async fn keep(options: &SqliteConnectOptions, limit: u64) -> Result<WriteAheadLog, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(&options.clone().busy_timeout(Duration::ZERO)).await?;
        let (asking, mut asked) = mpsc::channel(1);
        let turn = Arc::new(Mutex::new(()));
        let turns = Arc::clone(&turn);
        let task = tokio::spawn(async move {
            let failed = Seldom::default();
            while asked.recv().await.is_some() {
                let _turn = turns.lock().await;
                if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut connection).await
                    && let Some(count) = failed.count()
                {
                    tracing::warn!(%error, count, "the write-ahead log could not be taken back; it grows until the next try");
                }
            }
            // The last process to close a ledger removes the log.
            let _ = connection.close().await;
        });
        Ok(WriteAheadLog {
            limit,
            asking,
            task,
            turn,
            commits: 0,
            asked_at: 0,
            again_at: None,
            too_long: Seldom::default(),
        })
    }

    /// Notes a commit. `size` is the size of the log in bytes, and `much` says whether the commit was a large one.
    pub(super) async fn committed(
        &mut self,
        connection: &mut SqliteConnection,
        size: u64,
        much: bool,
    ) -> Result<(), sqlx::Error> {
        self.commits += 1;
        if size < self.asked_at {
            self.asked_at = 0;
        }
        if size > self.limit / 2 && self.again_at.is_none_or(|at| at <= clock::instant()) {
            return self.cut_down(connection, size).await;
        }
        if much || self.commits.is_multiple_of(MANY_COMMITS) || size - self.asked_at > self.limit / 16 {
            self.asked_at = size;
            self.take_back();
        }
        Ok(())
    }

    /// Requests a passive checkpoint. If a request waits already, another is not needed.
    pub(super) fn take_back(&self) {
        let _ = self.asking.try_send(());
    }

    /// Copies the rest and cuts the log. Nothing is written meanwhile. Readers have priority until the log is near its
    /// limit.
    async fn cut_down(&mut self, connection: &mut SqliteConnection, size: u64) -> Result<(), sqlx::Error> {
        let near = size > self.limit / 4 * 3;
        let _turn = self.turn.lock().await;
        if cut(connection, if near { READERS } else { Duration::ZERO }).await? {
            (self.asked_at, self.again_at) = (0, None);
            return Ok(());
        }
        self.again_at = Some(clock::instant() + if near { AGAIN_AFTER_WAIT } else { AGAIN });
        if size > self.limit
            && let Some(count) = self.too_long.count()
        {
            tracing::warn!(
                count,
                bytes = size,
                limit = self.limit,
                "the write-ahead log is longer than store.log_limit and cannot be cut: something reads the ledger all this \
                 time; is there a backup, or a shell with an open transaction?"
            );
        }
        Ok(())
    }

    /// Ends the task.
    pub(super) async fn close(self) {
        drop(self.asking);
        let _ = self.task.await;
    }
}

/// Copies all pages into the ledger and cuts the log to nothing, unless a reader needs it for longer than `wait`.
pub(super) async fn cut(connection: &mut SqliteConnection, wait: Duration) -> Result<bool, sqlx::Error> {
    let waits = async |connection: &mut SqliteConnection, wait: Duration| {
        let pragma = format!("PRAGMA busy_timeout = {}", wait.as_millis());
        sqlx::query(sqlx::AssertSqlSafe(pragma)).execute(connection).await.map(drop)
    };
    waits(connection, wait).await?;
    let cut = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
    waits(connection, BUSY).await?;
    Ok(cut?.try_get::<i64, _>(0)? == 0)
}
