//! Remembers lists that this Webex does not have, as its answers showed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Error;
use crate::clock;

/// How long a missing list is not asked for again. The caller uses another way, or asks later.
const ABSENT_FOR: Duration = Duration::from_secs(60);

/// Lists that recently answered 405 or 501, by endpoint. Shared by all clones of a client.
#[derive(Default)]
pub(super) struct Absent(Mutex<HashMap<&'static str, (Instant, Error)>>);

impl Absent {
    pub(super) fn get(&self, endpoint: &'static str) -> Option<Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(endpoint).filter(|(at, _)| at.elapsed() < ABSENT_FOR).map(|(_, error)| error.clone())
    }

    pub(super) fn remember(&self, endpoint: &'static str, error: &Error) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(endpoint, (clock::instant(), error.clone()));
    }
}
