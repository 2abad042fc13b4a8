//! Remembers the addresses of people and the types of spaces that Webex gave recently. An envelope has only ids, and
//! with these it can be judged without a call to Webex.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::recent::Recent;
use crate::webex::{PersonId, RoomId, RoomType};

/// How long an address is remembered. Webex may give the person another one.
const ADDRESS_FOR: Duration = Duration::from_secs(600);

/// Addresses of people, and types of spaces.
#[derive(Default)]
pub struct Directory {
    addresses: Mutex<Recent<String, (String, Instant)>>,
    spaces: Mutex<Recent<String, RoomType>>,
}

impl Directory {
    /// Remembers what Webex has just said.
    pub(super) fn learn(&self, person: &PersonId, address: &str, space: &RoomId, kind: RoomType) {
        lock(&self.addresses).insert(person.local(), (address.to_owned(), clock::instant()));
        lock(&self.spaces).insert(space.local(), kind);
    }

    /// The person's address, if it was learned recently.
    pub(super) fn address(&self, person: &PersonId) -> Option<String> {
        let addresses = lock(&self.addresses);
        let (address, learned) = addresses.get(&person.local())?;
        (learned.elapsed() < ADDRESS_FOR).then(|| address.clone())
    }

    /// The type of a space, if it is remembered. It never changes.
    pub(super) fn room_type(&self, space: &RoomId) -> Option<RoomType> {
        lock(&self.spaces).get(&space.local()).copied()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::MOST;

    #[test]
    fn a_crowd_takes_no_more_memory_than_its_bound() {
        let directory = Directory::default();
        for nth in 0..5 * MOST {
            directory.learn(&PersonId::from(nth.to_string()), "a@example.com", &RoomId::from("r"), RoomType::Direct);
        }
        let known = (0..5 * MOST).filter(|nth| directory.address(&PersonId::from(nth.to_string())).is_some());
        assert!(known.count() <= 2 * MOST);
        assert_eq!(directory.address(&PersonId::from("0")), None);
        assert!(directory.address(&PersonId::from((5 * MOST - 1).to_string())).is_some());
        assert_eq!(directory.room_type(&RoomId::from("r")), Some(RoomType::Direct));
    }
}
