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

    #[test]
    fn what_was_learned_last_is_known() {
        let directory = Directory::default();
        directory.learn(&PersonId::from("a"), "a@example.com", &RoomId::from("r"), RoomType::Direct);
        assert_eq!(directory.address(&PersonId::from("a")).as_deref(), Some("a@example.com"));
        assert_eq!(directory.address(&PersonId::from("b")), None);
        assert_eq!(directory.room_type(&RoomId::from("r")), Some(RoomType::Direct));
    }
}
