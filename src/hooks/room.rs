//! Whether the ledger has room for another payload.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::store::Store;

/// After finding nothing to drop, how long the ledger is not asked again. Every request would wait for that.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The bytes of payloads that the ledger may hold.
pub(super) struct Room {
    store: Store,
    most: u64,
    /// When nothing more could be dropped.
    full_at: Mutex<Option<Instant>>,
}

impl Room {
    pub(super) fn new(store: Store, most: u64) -> Room {
        Room { store, most, full_at: Mutex::default() }
    }

    /// Whether there is room for so many bytes. If there is none, payloads of what is settled are dropped first.
    pub(super) async fn has(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if self.store.payload_bytes() + bytes <= self.most {
            return true;
        }
        if self.full_at().is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return false;
        }
        // A tenth is left free, so that the next ones find room without that.
        let wanted = (self.most - self.most / 10).saturating_sub(bytes);
        let has_room = match self.store.trim_payloads(wanted).await {
            Ok(left) => left + bytes <= self.most,
            // The put will say so.
            Err(_) => return true,
        };
        *self.full_at() = (!has_room).then(clock::instant);
        has_room
    }

    fn full_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
