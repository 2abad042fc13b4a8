//! A collection in which the cloud finds things by any spelling of their ids.

use std::collections::HashMap;

use crate::webex::local_part;

/// Things in the order in which they were added, found by id in any cluster's spelling. A removed thing leaves its
/// place empty, so places never shift and can be stored elsewhere.
pub(crate) struct Shelf<T> {
    places: Vec<Option<T>>,
    by_local: HashMap<String, usize>,
    revision: u64,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf { places: Vec::new(), by_local: HashMap::new(), revision: 0 }
    }
}

impl<T> Shelf<T> {
    /// Adds a thing at the end, and gives its place.
    pub(crate) fn push(&mut self, id: &str, thing: T) -> usize {
        let place = self.places.len();
        self.revision += 1;
        self.places.push(Some(thing));
        self.by_local.insert(local_part(id), place);
        place
    }

    /// How many things were ever added.
    pub(crate) fn places(&self) -> usize {
        self.places.len()
    }

    /// The place of the thing with this id, even if it was removed.
    pub(crate) fn place(&self, id: &str) -> Option<usize> {
        self.by_local.get(&local_part(id)).copied()
    }

    pub(crate) fn at(&self, place: usize) -> Option<&T> {
        self.places.get(place)?.as_ref()
    }

    pub(crate) fn get(&self, id: &str) -> Option<&T> {
        self.at(self.place(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        self.revision += 1;
        let place = self.place(id)?;
        self.places.get_mut(place)?.as_mut()
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<T> {
        self.revision += 1;
        let place = self.place(id)?;
        self.places.get_mut(place)?.take()
    }

    /// A number that changes whenever anything on the shelf may have changed.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// All things that were not removed, oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.places.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::world::ids::{Mint, US, respelled};

    #[test]
    fn a_thing_is_found_by_any_clusters_spelling_and_by_its_bare_uuid() {
        let mut mint = Mint::default();
        let id = mint.id("MESSAGE");
        let mut shelf = Shelf::default();
        shelf.push(&id, "hello");
        let padded = format!("{id}{}", "=".repeat((4 - id.len() % 4) % 4));
        for spelling in [id.clone(), respelled(&id, US, "MESSAGE"), padded, local_part(&id)] {
            assert_eq!(shelf.get(&spelling), Some(&"hello"), "{spelling}");
        }
        assert_eq!(shelf.get(&mint.id("MESSAGE")), None);
    }

    #[test]
    fn places_stay_when_something_is_removed() {
        let mut mint = Mint::default();
        let (first, second) = (mint.id("WEBHOOK"), mint.id("WEBHOOK"));
        let mut shelf = Shelf::default();
        shelf.push(&first, 1);
        let place = shelf.push(&second, 2);
        assert_eq!(shelf.remove(&first), Some(1));
        assert_eq!(shelf.at(place), Some(&2));
        assert_eq!(shelf.iter().collect::<Vec<_>>(), [&2]);
    }
}
