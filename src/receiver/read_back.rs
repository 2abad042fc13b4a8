//! The settings and the results of reading back what was said.

use std::time::Duration;

use crate::store::{Gap, StoreError};
use crate::webex::Error;

/// How far back and how much is read, and how long errors are endured.
#[derive(Clone, Copy, Debug)]
pub struct ReadBackSettings {
    /// How far back it reads. Earlier messages are reported as a gap.
    pub reach: Duration,
    /// How long Webex may take to show a message.
    pub lag: Duration,
    /// The most messages that it fetches of one space.
    pub most: usize,
    /// How many spaces are read at one time.
    pub concurrency: usize,
    /// How long one space may answer with errors until it is passed over.
    pub give_up: Duration,
}

/// The result of one read-back.
#[derive(Debug, Default)]
pub struct ReadBack {
    /// Spaces that were read.
    pub read: usize,
    /// Messages that were not in the ledger.
    pub missed: usize,
    /// The times whose messages are missing for good.
    pub gaps: Vec<Gap>,
}

/// Why a read-back stopped early. What it found before is kept.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// Webex did not answer, or refused.
    #[error(transparent)]
    Webex(#[from] Error),
    /// The ledger did not take a message.
    #[error(transparent)]
    Store(#[from] StoreError),
}
