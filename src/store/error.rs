//! The errors of the store.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The ledger cannot be opened. Remove the cause.
    #[error("cannot open the ledger {place}: {cause}")]
    Open {
        /// The file.
        place: String,
        /// What to do about it, or the message of the engine.
        cause: String,
    },
    /// The engine failed, and nothing of the request was done. Try again later.
    #[error("the ledger failed: {0}")]
    Engine(Arc<dyn Error + Send + Sync>),
    /// More writes wait than `store.waiting` allows, or the writer has ended. Nothing was done. Try again later.
    #[error("the ledger is overloaded or closing")]
    Busy,
    /// Files of the ledger are damaged, so a write would not last. Nothing is written until they are as they were. The
    /// writer has logged this.
    #[error("{0}")]
    Damaged(Damage),
    /// The settings forbid this. Nothing was done.
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    /// The error in our own words, without paths and without the message of the engine.
    pub fn in_short(&self) -> String {
        match self {
            StoreError::Damaged(damage) => damage.to_string(),
            StoreError::Busy => self.to_string(),
            StoreError::Open { .. } | StoreError::Engine(_) | StoreError::Refused(_) => {
                "the ledger cannot be written; the log says why".to_owned()
            }
        }
    }

    /// Whether the error was logged already. So one cause is one line in the log.
    pub fn is_told(&self) -> bool {
        matches!(self, StoreError::Damaged(_))
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        StoreError::Damaged(damage)
    }
}

/// What happened to one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The name of the file is gone, or names another file.
    Moved(LedgerPart),
    /// The file lacks bytes that were written to it.
    Truncated(LedgerPart),
}

/// One of the files that a ledger is made of while it is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerPart {
    /// The ledger itself.
    Ledger,
    /// The write-ahead log.
    Log,
    /// The index of the log, which readers share.
    Index,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (part, what) = match self {
            Damage::Moved(part) => (part, "removed, moved or replaced"),
            Damage::Truncated(part) => (part, "truncated or overwritten"),
        };
        let part = match part {
            LedgerPart::Ledger => "",
            LedgerPart::Log => "-wal ",
            LedgerPart::Index => "-shm ",
        };
        write!(f, "the ledger's {part}file was {what} while the daemon runs")
    }
}
