//! Why the store did not do what it was asked.

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
    Engine(Arc<sqlx::Error>),
    /// More writes wait than `store.waiting` allows, or the writer has ended; nothing was done.
    #[error("the ledger is overloaded or closing")]
    Busy,
    /// It must not be done with these settings; nothing was.
    #[error("{0}")]
    Refused(String),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Configuration(refusal) => StoreError::Refused(refusal.to_string()),
            error => StoreError::Engine(Arc::new(error)),
        }
    }
}
