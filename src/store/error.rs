//! Why the store did not do what it was asked.

use std::sync::Arc;

use super::sqlite::presence::Damage;

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
    Engine(Arc<sqlx::Error>),
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

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(refusal) => StoreError::Refused(refusal.to_string()),
            error => StoreError::Engine(Arc::new(error)),
        }
    }
}
