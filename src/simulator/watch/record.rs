//! A record of what happened, with entries numbered from 0. The oldest entries are forgotten, and older ones lose their
//! bodies.

use std::collections::VecDeque;

/// The most entries that are kept.
const MOST_KEPT: usize = 100_000;
/// The most entries whose bodies are kept too.
pub(crate) const MOST_BODIES: usize = 1000;

/// An entry of a record.
pub(crate) trait Recorded: Clone {
    /// The entry with its number.
    fn numbered(self, number: u64) -> Self;
    /// Removes headers and bodies.
    fn forget_bodies(&mut self);
}

/// A record of the latest entries.
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
    /// Adds an entry, and gives its number.
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

    /// How many entries there have been since the start.
    pub(crate) fn count(&self) -> u64 {
        self.forgotten + self.kept.len() as u64
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut T> {
        self.kept.get_mut(usize::try_from(number.checked_sub(self.forgotten)?).ok()?)
    }

    /// The entries from this number on, oldest first.
    pub(crate) fn since(&self, number: u64) -> impl Iterator<Item = &T> {
        self.kept.iter().skip(usize::try_from(number.saturating_sub(self.forgotten)).unwrap_or(usize::MAX))
    }

    /// All entries that are kept, oldest first.
    pub(crate) fn all(&self) -> Vec<T> {
        self.kept.iter().cloned().collect()
    }

    /// The latest entries, newest first.
    pub(crate) fn latest(&self, most: usize) -> Vec<T> {
        self.kept.iter().rev().take(most).cloned().collect()
    }
}
