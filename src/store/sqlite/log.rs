//! The write-ahead log: how it is copied back into the ledger, and what bounds its size.
//!
//! A thread beside the writer copies pages back without holding up the writer (a passive checkpoint). That alone does not
//! bound the log. SQLite starts the log over only once all of it is copied, and while the writer writes without a
//! pause, its last page never is. So the writer itself copies the rest between two transactions. The log then begins
//! anew in the same file, since writing over bytes that are there costs half of adding bytes to a file. The file is cut
//! only if it became long because somebody was reading.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::{Access, BUSY, connect};
use super::statements::Statements;
use crate::clock;
use crate::telemetry::Seldom;

/// The number of small commits after which a passive checkpoint is requested.
const MANY_COMMITS: u64 = 256;

/// How long the writer waits for readers when the log is near its limit.
const READERS: Duration = Duration::from_secs(1);

/// The bytes of a page in the log before the page itself.
pub(super) const FRAME_HEAD: u64 = 24;

/// The pause after a reader was in the way, or was waited for.
const AGAIN: Duration = Duration::from_millis(100);
const AGAIN_AFTER_WAIT: Duration = Duration::from_secs(5);

/// Keeps the write-ahead log short.
pub(super) struct WriteAheadLog {
    limit: u64,
    asking: SyncSender<()>,
    thread: JoinHandle<()>,
    /// Held while pages are copied, since SQLite refuses a second copy at the same time.
    turn: Arc<Mutex<()>>,
    commits: u64,
    /// The bytes of one page in the log.
    frame: u64,
    /// How much of the log was in use at the last passive checkpoint, in bytes.
    asked_at: u64,
    again_at: Option<Instant>,
    too_long: Seldom,
}

impl WriteAheadLog {
    /// Starts the thread. `limit` is in bytes.
    pub(super) fn keep(path: &Path, limit: u64) -> rusqlite::Result<WriteAheadLog> {
        let connection = connect(path, Access::Write)?;
        connection.busy_timeout(Duration::ZERO)?;
        let page: i64 = connection.value("PRAGMA page_size", ())?;
        let (asking, asked) = sync_channel(1);
        let turn = Arc::new(Mutex::new(()));
        let turns = Arc::clone(&turn);
        // The last connection to close a ledger removes the log, so this one is closed before the writer's.
        let thread = thread::spawn(move || {
            let failed = Seldom::default();
            while asked.recv().is_ok() {
                let _turn = turns.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(error) = connection.value::<i64>("PRAGMA wal_checkpoint(PASSIVE)", ())
                    && let Some(count) = failed.count()
                {
                    tracing::warn!(%error, count, "the write-ahead log could not be taken back; it grows until the next try");
                }
            }
        });
        Ok(WriteAheadLog {
            limit,
            asking,
            thread,
            turn,
            commits: 0,
            frame: page.unsigned_abs() + FRAME_HEAD,
            asked_at: 0,
            again_at: None,
            too_long: Seldom::default(),
        })
    }

    /// Notes a commit. `size` is the size of the log's file in bytes, and `much` says whether the commit was a large one.
    pub(super) fn committed(&mut self, connection: &Connection, size: u64, much: bool) -> rusqlite::Result<()> {
        self.commits += 1;
        let used = frames(connection)? * self.frame;
        self.asked_at = self.asked_at.min(used);
        let may_begin_anew = self.again_at.is_none_or(|at| at <= clock::instant());
        if size > self.limit / 2 && may_begin_anew {
            return self.cut_down(connection, size);
        }
        // The thread has just copied most of it, or does so now.
        if self.asked_at > self.limit / 16 && may_begin_anew {
            return self.begin_anew(connection);
        }
        if much || self.commits.is_multiple_of(MANY_COMMITS) || used - self.asked_at > self.limit / 32 {
            self.asked_at = used;
            self.take_back();
        }
        Ok(())
    }

    /// Copies the rest, so that the log begins anew in its file, unless a reader is in the way.
    fn begin_anew(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        // While the thread copies, the writer goes on.
        let Ok(_turn) = self.turn.try_lock() else { return Ok(()) };
        let is_done = checkpoint(connection, "PRAGMA wal_checkpoint(RESTART)", Duration::ZERO)?;
        self.again_at = if is_done { None } else { Some(clock::instant() + AGAIN) };
        Ok(())
    }

    /// Requests a passive checkpoint. If a request waits already, another is not needed.
    pub(super) fn take_back(&self) {
        let _ = self.asking.try_send(());
    }

    /// Copies the rest and cuts the log. Nothing is written meanwhile. Readers have priority until the log is near its
    /// limit.
    fn cut_down(&mut self, connection: &Connection, size: u64) -> rusqlite::Result<()> {
        let near = size > self.limit / 4 * 3;
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if cut(connection, if near { READERS } else { Duration::ZERO })? {
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

    /// Ends the thread.
    pub(super) fn close(self) {
        drop(self.asking);
        let _ = self.thread.join();
    }
}

/// Copies all pages into the ledger and cuts the log to nothing, unless a reader needs it for longer than `wait`.
pub(super) fn cut(connection: &Connection, wait: Duration) -> rusqlite::Result<bool> {
    checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)", wait)
}

/// Makes a checkpoint. `false` if another connection was in the way for longer than `wait`.
fn checkpoint(connection: &Connection, pragma: &str, wait: Duration) -> rusqlite::Result<bool> {
    connection.busy_timeout(wait)?;
    let is_in_the_way = connection.value::<i64>(pragma, ());
    connection.busy_timeout(BUSY)?;
    Ok(is_in_the_way? == 0)
}

/// How many pages are in the log. This changes nothing.
pub(super) fn frames(connection: &Connection) -> rusqlite::Result<u64> {
    let frames = connection.first("PRAGMA wal_checkpoint(NOOP)", (), |row| row.get::<_, i64>(1))?;
    Ok(frames.unwrap_or_default().unsigned_abs())
}
