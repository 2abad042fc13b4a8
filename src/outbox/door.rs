//! Puts letters that belong to no settlement into the outbox.

use uuid::Uuid;

use super::Letter;
use crate::store::{Store, StoreError};

/// A letter that is in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The id of its row, by which an edit or the command line names it.
    pub id: Uuid,
    /// Whether this call put it there. If not, an earlier call with the same key did.
    pub is_new: bool,
}

/// Why a letter is not in the outbox.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Webex would refuse the letter, or it contradicts itself. Nothing was written. Change the letter.
    #[error("{0}")]
    Invalid(String),
    /// The ledger did not take the letter. After [`StoreError::Busy`] it may be there all the same: call again with the
    /// same key.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a letter into the outbox. When this returns it is on disk. A second letter with the same key is ignored as long
/// as the ledger knows the id of the first: only the first is sent.
///
/// # Errors
/// Webex would refuse the letter: change it. Or the ledger does not take it now: call again with the same key.
pub async fn post(store: &Store, key: &str, letter: Letter) -> Result<Posted, PostError> {
    letter.check().map_err(PostError::Invalid)?;
    let id = letter_id(key);
    let is_new = store.put(letter.into_entry(id)).await?;
    Ok(Posted { id, is_new })
}

/// The id of the row of the letter with this key.
pub fn letter_id(key: &str) -> Uuid {
    const LETTERS: Uuid = Uuid::from_u128(0x41f6_9a7e_3c0d_4d2b_b1a8_06e5_d9c3_527f);
    Uuid::new_v5(&LETTERS, key.as_bytes())
}
