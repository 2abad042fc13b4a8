//! What a look at Webex is given, and what it comes to.

use std::time::Duration;

use crate::store::{Gap, StoreError};
use crate::webex::Error;

/// How far back, how much, and how patiently.
#[derive(Clone, Copy, Debug)]
pub struct ReadBackSettings {
    /// The longest time that a look reaches back; what is older is named as a gap.
    pub reach: Duration,
    /// How long Webex may take until it shows what was said.
    pub lag: Duration,
    /// The most messages of one space that a look fetches.
    pub most: usize,
    /// How many spaces are read at one time.
    pub concurrency: usize,
    /// How long one space may answer with errors until it is passed over.
    pub give_up: Duration,
}

/// What one look came to.
#[derive(Debug, Default)]
pub struct ReadBack {
    /// Spaces that were read.
    pub read: usize,
    /// Messages that were not in the ledger.
    pub missed: usize,
    /// What is missing for good.
    pub gaps: Vec<Gap>,
}

/// Why a look did not get to its end; what it has found until then is kept.
#[derive(Debug, thiserror::Error)]
pub enum ReadBackError {
    /// Webex did not answer, or refused.
    #[error(transparent)]
    Webex(#[from] Error),
    /// The ledger did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
