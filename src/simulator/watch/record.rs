//! A record of what happened, numbered from 0: the oldest are forgotten, and of the older ones what is long.

use std::collections::VecDeque;

/// The most entries that are kept.
const MOST_KEPT: usize = 100_000;
/// The most entries whose bodies are kept too.
pub(crate) const MOST_BODIES: usize = 1000;

/// What is kept of it.
pub(crate) trait Recorded: Clone {
    /// Takes its number.
    fn numbered(self, number: u64) -> Self;
    /// Forgets headers and bodies.
    fn forget_bodies(&mut self);
}

/// The latest entries.
pub(crate) struct Record<T> {
    kept: VecDeque<T>,
    forgotten: u64,
}

impl<T> Default for Record<T> {
    fn default() -> Self {
        Record { kept: VecDeque::new(), forgotten: 0 }
    }
}

impl<T: Recorded> Record<T> {
    /// Notes one more and gives its number.
    pub(crate) fn push(&mut self, entry: T) -> u64 {
        if self.kept.len() == MOST_KEPT {
            self.kept.pop_front();
            self.forgotten += 1;
        }
        let number = self.count();
        self.kept.push_back(entry.numbered(number));
        if let Some(old) = self.kept.len().checked_sub(MOST_BODIES + 1).and_then(|old| self.kept.get_mut(old)) {
            old.forget_bodies();
        }
        number
    }

    /// How many there ever were.
    pub(crate) fn count(&self) -> u64 {
        self.forgotten + self.kept.len() as u64
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.kept.get_mut(usize::try_from(number.checked_sub(self.forgotten)?).ok()?)
    }

    /// Those from this number on, oldest first.
    pub(crate) fn since(&self, number: u64) -> impl Iterator<Item = &T> {
        self.kept.iter().skip(usize::try_from(number.saturating_sub(self.forgotten)).unwrap_or(usize::MAX))
    }

    /// All of them, oldest first.
    pub(crate) fn all(&self) -> Vec<T> {
        self.kept.iter().cloned().collect()
    }

    /// The latest, newest first.
    pub(crate) fn latest(&self, most: usize) -> Vec<T> {
        self.kept.iter().rev().take(most).cloned().collect()
    }
}
