//! What a handler says elsewhere than in answer.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Reply, Result};
use crate::outbox::Destination;

/// Collects what is said while a handler runs. All clones collect into one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elsewhere(Arc<Mutex<Vec<(Destination, Reply)>>>);

impl Elsewhere {
    pub(super) fn push(&self, to: Destination, reply: Reply) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((to, reply));
    }

    /// All of it, in order.
    pub fn take(&self) -> Vec<(Destination, Reply)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The answer with all of it; a failure takes nothing along.
    pub(super) fn beside(&self, answer: Result<Reply>) -> Result<Reply> {
        answer.map(|answer| answer.and_elsewhere(self.take()))
    }
}
