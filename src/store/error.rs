//! Why the store did not do what it was asked.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be opened.
    #[error("cannot open the ledger {place}: {cause}")]
    Open {
        /// The file.
        place: String,
        /// What to do about it, or the engine's words.
        cause: String,
    },
    /// The engine failed; nothing of the request was done.
    #[error("the ledger failed: {0}")]
    Engine(Arc<dyn Error + Send + Sync>),
    /// More writes wait than `store.waiting` allows, or the writer has ended; nothing was done.
    #[error("the ledger is overloaded or closing")]
    Busy,
    /// What would be written would not be kept; nothing is until the files are as they were. The writer has told of it.
    #[error("{0}")]
    Damaged(Damage),
    /// It must not be done with these settings; nothing was.
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    /// The same in words of ours, without places and without the engine's words.
    pub fn in_short(&self) -> String {
        match self {
            StoreError::Damaged(damage) => damage.to_string(),
            StoreError::Busy => self.to_string(),
            StoreError::Open { .. } | StoreError::Engine(_) | StoreError::Refused(_) => {
                "the ledger cannot be written; the log says why".to_owned()
            }
        }
    }

    /// Whether the log has it already, so that one cause is one line.
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
    /// Its name is gone, or names another file.
    Moved(LedgerPart),
    /// It lacks bytes that were written to it.
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
