//! What was seen of people and spaces a short while ago, so that an envelope, which names ids alone, can be judged without
//! a call.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::webex::{PersonId, RoomId, RoomType};

/// How long somebody's address counts as theirs: Webex may give them another.
const ADDRESS_FOR: Duration = Duration::from_secs(600);

/// So many are remembered in each of two halves: the older half is dropped when the newer one is full.
const MOST: usize = 4096;

/// Addresses of people and types of spaces.
#[derive(Default)]
pub struct Known {
    addresses: Mutex<Recent<(String, Instant)>>,
    spaces: Mutex<Recent<RoomType>>,
}

impl Known {
    /// Webex has just said so.
    pub(super) fn learn(&self, person: &PersonId, address: &str, space: &RoomId, kind: RoomType) {
        lock(&self.addresses).insert(person.local(), (address.to_owned(), clock::instant()));
        lock(&self.spaces).insert(space.local(), kind);
    }

    /// The address of somebody, if it was learned a short while ago.
    pub(super) fn address(&self, person: &PersonId) -> Option<String> {
        let addresses = lock(&self.addresses);
        let (address, learned) = addresses.get(&person.local())?;
        (learned.elapsed() < ADDRESS_FOR).then(|| address.clone())
    }

    /// Whether a space is direct, which never changes.
    pub(super) fn kind(&self, space: &RoomId) -> Option<RoomType> {
        lock(&self.spaces).get(&space.local()).copied()
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Recent<T> {
    newer: HashMap<String, T>,
    older: HashMap<String, T>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Recent { newer: HashMap::new(), older: HashMap::new() }
    }
}

impl<T> Recent<T> {
    fn insert(&mut self, key: String, value: T) {
        if self.newer.len() >= MOST && !self.newer.contains_key(&key) {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(key, value);
    }

    fn get(&self, key: &str) -> Option<&T> {
        self.newer.get(key).or_else(|| self.older.get(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_takes_no_more_memory_than_its_bound() {
        let known = Known::default();
        for nth in 0..5 * MOST {
            known.learn(&PersonId::from(nth.to_string()), "a@example.com", &RoomId::from("r"), RoomType::Direct);
        }
        let addresses = lock(&known.addresses);
        assert!(addresses.newer.len() + addresses.older.len() <= 2 * MOST);
        drop(addresses);
        assert_eq!(known.address(&PersonId::from("0")), None);
        assert!(known.address(&PersonId::from((5 * MOST - 1).to_string())).is_some());
        assert_eq!(known.kind(&RoomId::from("r")), Some(RoomType::Direct));
    }
}
