//! The write-ahead log: how it is taken back into the ledger.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row as _};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long a transaction waits for the lock of another process.
pub(super) const BUSY: Duration = Duration::from_secs(5);

/// So many small commits ask for a passive checkpoint.
const MANY_COMMITS: u64 = 256;

/// What keeps the log short.
pub(super) struct Log {
    asking: mpsc::Sender<()>,
    task: JoinHandle<()>,
    commits: u64,
}

impl Log {
    /// Starts the task.
    pub(super) async fn keep(options: &SqliteConnectOptions) -> Result<Log, sqlx::Error> {
        let mut connection = SqliteConnection::connect_with(&options.clone().busy_timeout(Duration::ZERO)).await?;
        let (asking, mut asked) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            while asked.recv().await.is_some() {
                if let Err(error) = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)").fetch_one(&mut connection).await {
                    tracing::warn!(%error, "the write-ahead log could not be taken back; it grows until the next try");
                }
            }
            // Whoever closes a ledger last removes the log.
            let _ = connection.close().await;
        });
        Ok(Log { asking, task, commits: 0 })
    }

    /// Called after each commit: `much` is whether it was a large one.
    pub(super) fn committed(&mut self, much: bool) {
        self.commits += 1;
        if much || self.commits.is_multiple_of(MANY_COMMITS) {
            // A request that finds one waiting is not needed.
            let _ = self.asking.try_send(());
        }
    }

    /// Ends the task.
    pub(super) async fn close(self) {
        drop(self.asking);
        let _ = self.task.await;
    }
}

/// Copies all pages into the ledger and cuts the log to nothing, unless somebody reads it for longer than that.
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
