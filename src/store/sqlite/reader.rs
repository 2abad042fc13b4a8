//! Connections that only read, and never hold up the writer. A read runs on a thread where it may block.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::connection::{Access, connect};
use crate::clock;
use crate::store::blocking::blocking;
use crate::store::error::StoreError;

/// How many reads run at a time. Others wait for their turn.
const MOST_READS: usize = 2;

/// Reads the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    connections: Arc<Connections>,
    /// Whether somebody may have been asked something. The last claim of this process sets it, and so does a question
    /// that this process asked since. Most bots never ask; then no question is looked up for what people say.
    pub(super) asks: Arc<AtomicBool>,
    /// The bytes of payloads of other systems that the ledger holds.
    pub(super) payloads: Arc<AtomicU64>,
}

/// The connections are kept, since one opened later might open another file of that name.
struct Connections {
    path: PathBuf,
    turns: Arc<Semaphore>,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Connection>,
    busy: usize,
}

/// A connection that is in use. Dropping it gives it back.
struct Borrowed<'a> {
    connections: &'a Connections,
    connection: Option<Connection>,
}

impl Reader {
    /// Nothing is opened before the first read.
    pub(super) fn new(path: PathBuf) -> Reader {
        let connections = Connections {
            path,
            turns: Arc::new(Semaphore::new(MOST_READS)),
            state: Mutex::default(),
            returned: Condvar::new(),
        };
        Reader { connections: Arc::new(connections), asks: Arc::new(AtomicBool::new(true)), payloads: Arc::default() }
    }

    /// Runs this read. All its statements see the ledger as of the same commit. If nobody waits for it any more, it has
    /// its turn until it ends by itself.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connections = Arc::clone(&self.connections);
        let turn = Arc::clone(&connections.turns).acquire_owned().await.map_err(|_| StoreError::Busy)?;
        blocking(move || {
            let _turn = turn;
            let mut borrowed = connections.borrow();
            let snapshot = borrowed.connection()?.unchecked_transaction()?;
            Ok(read(&snapshot)?)
        })
        .await
    }

    /// Lets nobody read any more, and closes the connections. Waits this long for reads that are under way.
    pub(super) fn close(&self, wait: Duration) {
        self.connections.turns.close();
        let began = clock::instant();
        let mut state = self.connections.state();
        while state.busy > 0
            && let Some(left) = wait.checked_sub(began.elapsed())
        {
            let waited = self.connections.returned.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        state.idle.clear();
    }
}

impl Connections {
    fn borrow(&self) -> Borrowed<'_> {
        let mut state = self.state();
        state.busy += 1;
        Borrowed { connections: self, connection: state.idle.pop() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Borrowed<'_> {
    fn connection(&mut self) -> rusqlite::Result<&Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.connections.path, Access::Read)?,
        };
        Ok(self.connection.insert(connection))
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut state = self.connections.state();
        state.busy -= 1;
        state.idle.extend(self.connection.take().filter(|_| !self.connections.turns.is_closed()));
        self.connections.returned.notify_all();
    }
}
