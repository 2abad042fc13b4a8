//! The door for letters that belong to no settlement.

use uuid::Uuid;

use super::Letter;
use crate::store::{Store, StoreError};

/// A letter that is in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its row, by which an edit or the command line names it.
    pub id: Uuid,
    /// Whether this call put it there.
    pub is_new: bool,
}

/// Why a letter is not in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Webex would not take it, or it contradicts itself; nothing was written.
    #[error("{0}")]
    Invalid(String),
    /// The ledger did not take it. After [`StoreError::Busy`] it may be there all the same: call again with its key.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a letter into the outbox. It is on disk when this returns. A second letter of the same key is none: that of the
/// first is sent, for as long as the ledger knows its id.
///
/// # Errors
/// A letter that Webex would not take, or a ledger that takes nothing just now.
pub async fn post(store: &Store, key: &str, letter: Letter) -> Result<Posted, PostError> {
    letter.check().map_err(PostError::Invalid)?;
    let id = letter_id(key);
    let is_new = store.put(letter.into_entry(id)).await?;
    Ok(Posted { id, is_new })
}

/// The row of the letter of this key.
pub fn letter_id(key: &str) -> Uuid {
    const LETTERS: Uuid = Uuid::from_u128(0x41f6_9a7e_3c0d_4d2b_b1a8_06e5_d9c3_527f);
    Uuid::new_v5(&LETTERS, key.as_bytes())
}
