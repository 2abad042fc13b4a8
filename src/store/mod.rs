//! The ledger: an inbox of events, an outbox of messages, in order per lane (a lane is a space).
//!
//! The store knows no Webex type: rows hold text, numbers and opaque JSON. Every write goes through one writer task
//! that puts whatever waits into one transaction and one commit, so being durable costs latency, not throughput.
//! SQLite is the engine; PostgreSQL will be the second one of the same operations and the same tests.

mod approvals;
mod audit;
mod claimed;
mod conversations;
mod coverage;
mod error;
mod identity;
mod pairing;
mod read;
mod settle;
mod sqlite;
mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use uuid::Uuid;

pub use approvals::{Approval, ApprovalRequest, ApprovalState, ApprovalStep, Approver, Overdue};
pub use audit::{AuditEntry, AuditRow, Finding, Seal, Verification, Via};
use claimed::Claim;
pub use claimed::{Claimed, Claims, Doubt};
pub use conversations::{Conversation, Shown};
pub use coverage::{Beginning, Coverage, Gap, Progress};
pub use error::StoreError;
pub use identity::LedgerId;
pub use pairing::{Asked, Pairing, PairingState, Request, Who};
pub use read::{Activity, Filter, Group, Row, State};
pub use sqlite::file::Look;
pub use sqlite::unhandled::UNHANDLED;
use writer::Op;
pub use writer::Writer;

use crate::clock::{self, Clock};
use crate::config;

/// Whoever waits for an acknowledgement gives up in about ten seconds.
const LONGEST_PUT: Duration = Duration::from_secs(5);

/// The place, after those of the two queues, of whom a new request for approval wakes.
const ASKED: usize = 2;

/// Which of the two queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// What arrived and is to be handled.
    Inbox,
    /// What is to be sent.
    Outbox,
}

impl Queue {
    fn number(self) -> i64 {
        self as i64
    }

    fn of(number: i64) -> Queue {
        if number == Queue::Inbox.number() { Queue::Inbox } else { Queue::Outbox }
    }
}

/// A row to be added.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The dedupe key: a second entry of the same id is not added, even long after the first was settled.
    pub id: Uuid,
    /// Where it goes.
    pub queue: Queue,
    /// The lane's name; rows of one lane are worked on one at a time, in order.
    pub lane: String,
    /// When the event that this is about was accepted, in milliseconds since 1970.
    pub accepted_at: i64,
    /// Rows of a lane are worked on by this number, and by arrival where it is the same.
    pub happened_at: i64,
    /// Opaque to the store.
    pub body: String,
    /// Who it is about, when that is known.
    pub subject: Option<String>,
    /// What it is about, when that is known.
    pub label: Option<String>,
    /// What goes with the body and is too large for it; dropped once the row is done.
    pub file: Option<Bytes>,
}

/// What becomes of a claimed row. It takes effect only while the lease is still held.
#[derive(Clone, Debug)]
pub struct Settlement {
    row: Claimed,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    Close {
        state: State,
        closing: Closing,
        entries: Vec<Entry>,
    },
    Again(Again),
    /// It belongs to this lane, which its body then says: it takes its place there.
    Move {
        queue: Queue,
        lane: String,
        body: String,
    },
}

/// A row that stays open.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// The pause of its lane: nothing overtakes it.
    pub after: Duration,
    /// Whether the try counts.
    pub spent: bool,
    /// Whether the try may have had its effect.
    pub uncertain: bool,
    /// Why, for whoever looks.
    pub note: Option<String>,
}

/// What a closed row tells whoever asks later.
#[derive(Clone, Debug, Default)]
pub struct Closing {
    /// One word: why it ended so.
    pub verdict: &'static str,
    /// Who it was about.
    pub subject: Option<String>,
    /// What it was about.
    pub label: Option<String>,
    /// A sentence, or the id of what was made.
    pub note: Option<String>,
    /// Left on the lane for the next claim.
    pub mark: Option<String>,
    /// The event whose question it answers.
    pub answers: Option<Uuid>,
    /// What is audited of it, of this event where none is named.
    pub audit: Vec<AuditEntry>,
    /// What else is changed with it, in the same transaction: [`Settlement::with`].
    pub effects: Vec<Effect>,
}

/// What a closed row changes besides itself, or does not if its lease was lost.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The one use of a card is spent, which is remembered until then, in milliseconds since 1970.
    Use {
        /// The card.
        card: Uuid,
        /// Until when.
        until: i64,
        /// What it was spent on, by the action's name.
        action: Option<String>,
    },
    /// Somebody is asked something, and nothing else any more in that space.
    Ask(Conversation),
    /// The message that asks somebody something is in the space: their time begins.
    Shown {
        /// Where.
        room: String,
        /// Who.
        person: String,
        /// The event whose reply asks.
        event: Uuid,
        /// When by Webex's clock, in milliseconds since 1970.
        at: i64,
        /// Webex's id of the message.
        message: String,
    },
    /// What somebody was asked is over, unless they were asked something else meanwhile.
    End {
        /// Where.
        room: String,
        /// Who.
        person: String,
        /// The event whose reply asked.
        event: Uuid,
    },
    /// Somebody asks for the approval of others, gives theirs, or ends it.
    Approval(ApprovalStep),
}

/// The ledger. Cheap to clone.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    ops: mpsc::Sender<Op>,
    reader: read::Reader,
    keys: audit::Keys,
    wakers: Arc<[Notify; 3]>,
    /// Whether somebody may have been asked something.
    asks: Arc<AtomicBool>,
    commits: watch::Receiver<u64>,
    lease: Duration,
    last_beat: Mutex<Option<(Instant, Result<(), StoreError>)>>,
}

impl Store {
    /// Opens the ledger for the daemon: locks it against a second daemon, brings its tables up to date and takes back
    /// the leases that a killed process left.
    ///
    /// # Errors
    /// When the file cannot be opened or another process holds it.
    pub async fn open(
        settings: &config::Store,
        audit: &config::Audit,
        lease: Duration,
        clock: Clock,
    ) -> Result<(Store, Writer), StoreError> {
        Store::start(settings, audit, lease, clock, true).await
    }

    /// Opens an existing ledger beside a running daemon, for the verbs that look or mend.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn open_beside(settings: &config::Store, audit: &config::Audit) -> Result<(Store, Writer), StoreError> {
        Store::start(settings, audit, Duration::from_secs(60), Clock::of_system(), false).await
    }

    /// Says whether the ledger is there and can be used, and whether a daemon uses it; nothing of it is changed.
    ///
    /// # Errors
    /// When it cannot be opened, or could not be made.
    pub async fn look(settings: &config::Store) -> Result<Look, StoreError> {
        sqlite::file::look(settings).await
    }

    /// The absolute path of the ledger.
    pub fn place(settings: &config::Store) -> std::path::PathBuf {
        sqlite::file::path(settings)
    }

    async fn start(
        settings: &config::Store,
        audit: &config::Audit,
        lease: Duration,
        clock: Clock,
        exclusive: bool,
    ) -> Result<(Store, Writer), StoreError> {
        let keys = audit::Keys::new(audit);
        let engine = sqlite::database::Sqlite::open(settings, &keys, clock, exclusive).await?;
        let (reader, asks) = (engine.reader(), engine.asks());
        let (ops, waiting) = mpsc::channel(settings.waiting);
        let (committed, commits) = watch::channel(0);
        let wakers = Arc::new([Notify::new(), Notify::new(), Notify::new()]);
        let writer = Writer::new(engine, waiting, Arc::clone(&wakers), committed, settings.missing_for);
        let last_beat = Mutex::default();
        let store = Store(Arc::new(Inner { ops, reader, keys, wakers, asks, commits, lease, last_beat }));
        Ok((store, writer))
    }

    /// Adds a row. On disk when this returns: `true` when it is new, `false` when its id was known.
    ///
    /// # Errors
    /// [`StoreError::Busy`] at once when too many writes wait, or after seconds on a disk that does not answer.
    pub async fn put(&self, entry: Entry) -> Result<bool, StoreError> {
        self.take(|answer| Op::Put(entry, answer)).await
    }

    /// Asks without waiting for a place, and not for long: somebody outside waits for the answer.
    async fn take(&self, op: impl FnOnce(oneshot::Sender<Result<bool, StoreError>>) -> Op) -> Result<bool, StoreError> {
        let (answer, result) = oneshot::channel();
        self.0.ops.try_send(op(answer)).map_err(|_| StoreError::Busy)?;
        match tokio::time::timeout(LONGEST_PUT, result).await {
            Ok(Ok(result)) => result,
            // It may still be written; then the sender's repeat is known.
            Ok(Err(_)) | Err(_) => Err(StoreError::Busy),
        }
    }

    /// Reserves the oldest row of up to `most` lanes that are due; of these, up to `most_back` come back after a pause. `at` is the time by the clock of whoever the work is
    /// done at, in milliseconds since 1970, if it is known.
    ///
    /// # Errors
    /// When the engine fails; nothing was reserved.
    pub async fn claim(
        &self,
        queue: Queue,
        most: usize,
        most_back: usize,
        at: Option<i64>,
    ) -> Result<Claims, StoreError> {
        let claim = Claim { queue, most, most_back, lease: self.0.lease, at };
        self.ask(|answer| Op::Claim(claim, answer)).await
    }

    /// Settles a claimed row; `false` when the lease was lost meanwhile and nothing was changed.
    ///
    /// # Errors
    /// When the engine fails; the row stays reserved until its lease ends, and is then claimed again.
    pub async fn settle(&self, settlement: Settlement) -> Result<bool, StoreError> {
        self.ask(|answer| Op::Settle(Box::new(settlement), answer)).await
    }

    /// Writes a byte to the disk and says whether that worked. Asked often, it answers from the last second.
    ///
    /// # Errors
    /// Why the ledger takes nothing just now.
    pub async fn beat(&self) -> Result<(), StoreError> {
        const FRESH: Duration = Duration::from_secs(1);
        let mut last = self.0.last_beat.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < FRESH
        {
            return result.clone();
        }
        let beating = tokio::time::timeout(LONGEST_PUT, self.ask(Op::Beat)).await;
        let result = beating.unwrap_or(Err(StoreError::Busy));
        *last = Some((clock::instant(), result.clone()));
        result
    }

    async fn ask<T>(&self, op: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Op) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        self.0.ops.send(op(answer)).await.map_err(|_| StoreError::Busy)?;
        result.await.map_err(|_| StoreError::Busy)?
    }

    /// Ends when something in the queue may have fallen due. A call that comes before the wait is not lost.
    pub async fn woken(&self, queue: Queue) {
        self.0.wakers[queue as usize].notified().await;
    }

    /// Counts commits, for those who wait until nothing is open.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.clone()
    }
}

#[cfg(test)]
mod tests;
