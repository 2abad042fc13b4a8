//! Addresses of people and types of spaces, as Webex said them lately. An envelope has only ids, and is judged with these
//! without a call to Webex.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::webex::{PersonId, RoomId, RoomType};

/// How long an address counts as somebody's: Webex may give them another.
const ADDRESS_FOR: Duration = Duration::from_secs(600);

/// The most that each of two halves remembers: when the newer half is full, the older one is dropped.
const MOST: usize = 4096;

/// Addresses of people, and types of spaces.
#[derive(Default)]
pub struct Directory {
    addresses: Mutex<Recent<(String, Instant)>>,
    spaces: Mutex<Recent<RoomType>>,
}

impl Directory {
    /// Remembers what Webex has just said.
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
    pub(super) fn room_type(&self, space: &RoomId) -> Option<RoomType> {
        lock(&self.spaces).get(&space.local()).copied()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
        let directory = Directory::default();
        for nth in 0..5 * MOST {
            directory.learn(&PersonId::from(nth.to_string()), "a@example.com", &RoomId::from("r"), RoomType::Direct);
        }
        let addresses = lock(&directory.addresses);
        assert!(addresses.newer.len() + addresses.older.len() <= 2 * MOST);
        drop(addresses);
        assert_eq!(directory.address(&PersonId::from("0")), None);
        assert!(directory.address(&PersonId::from((5 * MOST - 1).to_string())).is_some());
        assert_eq!(directory.room_type(&RoomId::from("r")), Some(RoomType::Direct));
    }
}
