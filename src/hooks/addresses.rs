//! Finds where the messages about a delivery go.

use std::collections::HashMap;

use crate::outbox::Destination;
use crate::places::{Place, PlaceError, Places, Unplaced};

/// The destinations of messages, as far as there are such.
#[derive(Default)]
pub(super) struct Addresses {
    /// By title.
    spaces: HashMap<String, Destination>,
    /// The titles that mean no space.
    unplaced: Vec<Unplaced>,
}

impl Addresses {
    /// Finds the spaces of all titles among these places.
    ///
    /// # Errors
    /// Webex or the ledger does not answer. Try again.
    pub(super) async fn find(places: &Places, named: Vec<&Place>) -> Result<Addresses, PlaceError> {
        let mut addresses = Addresses::default();
        for place in named {
            let Some(title) = place.title() else { continue };
            if addresses.spaces.contains_key(title) {
                continue;
            }
            match places.resolve(place).await {
                Ok(space) => drop(addresses.spaces.insert(title.to_owned(), space)),
                Err(PlaceError::Unplaced(why)) if addresses.unplaced.contains(&why) => {}
                Err(PlaceError::Unplaced(why)) => addresses.unplaced.push(why),
                Err(error) => return Err(error),
            }
        }
        Ok(addresses)
    }

    /// The destination that a place means. None for a title that means no space.
    pub(super) fn of<'a>(&'a self, place: &'a Place) -> Option<&'a Destination> {
        match place {
            Place::Known(destination) => Some(destination),
            Place::Titled(title) => self.spaces.get(title),
        }
    }

    /// Why some messages go nowhere.
    pub(super) fn wrong(&self) -> Vec<String> {
        self.unplaced.iter().map(ToString::to_string).collect()
    }
}
