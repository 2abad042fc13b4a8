//! The handle by which every room uses the ledger, and how it is opened.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};

use super::blocking::blocking;
use super::{
    AuditEntry, AuditKeys, Chain, Claim, Claimed, Engine, Entry, LedgerChange, LedgerStatus, Op, OpAnswer, Queue,
    Reader, Settlement, StoreError, Writer,
};
use crate::clock::{self, Clock};
use crate::config;

/// How long a put may take. The sender who waits for an acknowledgement gives up after about ten seconds.
const LONGEST_PUT: Duration = Duration::from_secs(5);

/// The ledger. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    ops: mpsc::Sender<Op>,
    reader: Reader,
    keys: AuditKeys,
    /// Wakes the task that ends requests for approval.
    approvals: Arc<Notify>,
    commits: watch::Receiver<u64>,
    lease: Duration,
    last_beat: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Store {
    /// Opens the ledger for the daemon: locks it against a second daemon, brings its tables up to date and takes back
    /// the leases of a killed process. Fails if another process holds the ledger.
    pub async fn open(
        settings: &config::Store,
        audit: &config::Audit,
        lease: Duration,
        clock: Clock,
    ) -> Result<(Store, Writer), StoreError> {
        Store::start(settings, audit, lease, clock, true).await
    }

    /// Opens an existing ledger for a verb, beside a running daemon. Fails if there is none.
    pub async fn open_beside(settings: &config::Store, audit: &config::Audit) -> Result<(Store, Writer), StoreError> {
        Store::start(settings, audit, Duration::from_secs(60), Clock::of_system(), false).await
    }

    /// Finds out whether the ledger is there and usable, and whether a daemon uses it. Changes nothing. Fails if the
    /// ledger cannot be opened, or could not be made.
    pub async fn look(settings: &config::Store) -> Result<LedgerStatus, StoreError> {
        let settings = settings.clone();
        blocking(move || Engine::look(&settings)).await
    }

    /// The absolute path of the ledger.
    pub fn place(settings: &config::Store) -> std::path::PathBuf {
        Engine::place(settings)
    }

    async fn start(
        settings: &config::Store,
        audit: &config::Audit,
        lease: Duration,
        clock: Clock,
        exclusive: bool,
    ) -> Result<(Store, Writer), StoreError> {
        let (keys, settings) = (AuditKeys::new(audit), settings.clone());
        let (waiting, missing_for) = (settings.waiting, settings.missing_for);
        let mut chain = Chain::new(keys.clone(), exclusive);
        let opening = move || {
            let (mut engine, is_new) = Engine::open(&settings, clock, exclusive)?;
            if is_new {
                chain.seal_new(&mut engine)?;
            }
            chain.look(&mut engine)?;
            Ok((engine, chain))
        };
        let (engine, chain) = blocking(opening).await?;
        let reader = engine.reader();
        let (ops, waiting) = mpsc::channel(waiting);
        let (committed, commits) = watch::channel(0);
        let approvals = Arc::new(Notify::new());
        let writer =
            Writer::new((engine, chain), (ops.downgrade(), waiting), Arc::clone(&approvals), committed, missing_for);
        let last_beat = Mutex::default();
        Ok((Store(Arc::new(Inner { ops, reader, keys, approvals, commits, lease, last_beat })), writer))
    }

    /// Adds a row. When this returns, the row is on disk. `true` if it is new, `false` if its id was known.
    ///
    /// # Errors
    /// [`StoreError::Busy`] at once if too many writes wait, or after some seconds if the disk does not answer. The
    /// same call may succeed later.
    pub async fn put(&self, entry: Entry) -> Result<bool, StoreError> {
        self.try_submit(|answer| Op::Put(entry, answer)).await
    }

    /// Submits an operation unless the queue is full, and waits for a limited time, because a caller outside waits for
    /// the answer.
    async fn try_submit<T>(&self, op: impl FnOnce(OpAnswer<T>) -> Op) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        self.0.ops.try_send(op(answer)).map_err(|_| StoreError::Busy)?;
        match tokio::time::timeout(LONGEST_PUT, result).await {
            Ok(Ok(result)) => result,
            // The row may still be written. Then the sender's repeat is recognised.
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
    }

    /// Reserves the next row of up to `most` lanes that are due. Up to `most_back` of them may come back after a pause.
    /// `now_there` gives the time by the other side's clock, in milliseconds since 1970, if it is known. An error means
    /// that nothing was reserved.
    ///
    /// If no row is due, the claim stands for the time of `patience`. It then gets a row in the commit that makes the row
    /// due, without another commit. The caller may stop waiting for it: rows that it got meanwhile are put back.
    pub async fn claim(
        &self,
        queue: Queue,
        [most, most_back]: [usize; 2],
        now_there: impl Fn() -> Option<i64> + Send + 'static,
        patience: Duration,
    ) -> Result<Vec<Claimed>, StoreError> {
        let claim = Claim {
            queue,
            most,
            most_back,
            lease: self.0.lease,
            now_there: Box::new(now_there),
            made: clock::instant(),
            patience,
        };
        Ok(self.submit(|answer| Op::Claim(claim, answer)).await?.take())
    }

    /// Settles a claimed row. `false` means that the lease was lost and nothing was changed. After an error the row
    /// stays reserved until its lease ends, and is then claimed again.
    pub async fn settle(&self, settlement: Settlement) -> Result<bool, StoreError> {
        self.submit(|answer| Op::Settle(Box::new(settlement), answer)).await
    }

    /// Tries whether the disk takes a write. The result is kept for a second. An error says why it does not.
    pub async fn beat(&self) -> Result<(), StoreError> {
        const FRESH: Duration = Duration::from_secs(1);
        let mut last = self.0.last_beat.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < FRESH
        {
            return result.clone();
        }
        let beating = tokio::time::timeout(LONGEST_PUT, self.change(LedgerChange::Beat)).await;
        let result = beating.unwrap_or(Err(StoreError::Busy)).map(drop);
        *last = Some((clock::instant(), result.clone()));
        result
    }

    async fn submit<T>(&self, op: impl FnOnce(OpAnswer<T>) -> Op) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        self.0.ops.send(op(answer)).await.map_err(|_| StoreError::Busy)?;
        result.await.map_err(|_| StoreError::Busy)?
    }

    /// The number of commits so far. Those of another process are counted within a second.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.clone()
    }

    /// Waits until a request for approval may have been made. A wake-up that comes before the wait is not lost.
    pub async fn approval_asked(&self) {
        self.0.approvals.notified().await;
    }

    pub(super) async fn change(&self, change: LedgerChange) -> Result<u64, StoreError> {
        self.submit(|answer| Op::Change((change, None), answer)).await
    }

    /// Makes a change, unless too many writes wait. `audit` is written if it changes anything.
    pub(super) async fn try_change(&self, change: LedgerChange, audit: Option<AuditEntry>) -> Result<u64, StoreError> {
        self.try_submit(|answer| Op::Change((change, audit), answer)).await
    }

    /// Makes a change, and audits it if it changes anything. Returns whether it did.
    pub(super) async fn audited_change(&self, change: LedgerChange, audit: AuditEntry) -> Result<bool, StoreError> {
        self.submit(|answer| Op::Change((change, Some(audit)), answer)).await.map(|changed| changed > 0)
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.0.reader
    }

    pub(super) fn audit_keys(&self) -> &AuditKeys {
        &self.0.keys
    }
}
