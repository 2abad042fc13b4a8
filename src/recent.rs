//! A bounded memory of what was seen recently, by key.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

/// The most values in each of two halves. When the newer half is full, the older one is dropped. So a crowd takes no
/// more memory.
pub const MOST: usize = 4096;

/// The values that were inserted last.
pub struct Recent<K, V> {
    newer: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Recent { newer: HashMap::new(), older: HashMap::new() }
    }
}

impl<K: Eq + Hash, V> Recent<K, V> {
    /// Remembers this value.
    pub fn insert(&mut self, key: K, value: V) {
        if self.newer.len() >= MOST && !self.newer.contains_key(&key) {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(key, value);
    }

    /// The value of this key, if it is still remembered.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.newer.get(key).or_else(|| self.older.get(key))
    }

    /// Removes the value of this key and gives it.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let older = self.older.remove(key);
        self.newer.remove(key).or(older)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_takes_no_more_memory_than_its_bound() {
        let mut recent = Recent::default();
        for nth in 0..5 * MOST {
            recent.insert(nth, ());
            recent.insert(nth, ());
        }
        assert!(recent.newer.len() + recent.older.len() <= 2 * MOST);
        assert_eq!((recent.get(&0), recent.get(&(5 * MOST - 1))), (None, Some(&())));
        assert_eq!((recent.remove(&(5 * MOST - 1)), recent.remove(&(5 * MOST - 1))), (Some(()), None));
    }
}
