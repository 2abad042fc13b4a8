//! What a handler says elsewhere, beside its answer.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Reply, Result};
use crate::outbox::Destination;

/// Collects what a handler says elsewhere while it runs. All clones share one list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere(Arc<Mutex<Vec<(Destination, Reply)>>>);

impl Elsewhere {
    pub(super) fn push(&self, to: Destination, reply: Reply) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((to, reply));
    }

    /// Takes everything that was said, in order.
    pub fn take(&self) -> Vec<(Destination, Reply)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds everything that was said to the answer. A failed answer stays as it is.
    pub(super) fn beside(&self, answer: Result<Reply>) -> Result<Reply> {
        answer.map(|answer| answer.and_elsewhere(self.take()))
    }
}
