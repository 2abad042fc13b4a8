//! Whether the ledger has room for another payload.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::store::Store;

/// After finding too little to drop, how long the ledger is not asked again. Every request would wait for that.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many steps of dropping a request may make the others wait for. Each takes a few milliseconds.
const STEPS: usize = 16;

/// The bytes of payloads that the ledger may hold.
pub(super) struct Room {
    store: Store,
    most: u64,
    /// Held by the request that makes room.
    making: tokio::sync::Mutex<()>,
    /// When too little could be dropped.
    full_at: Mutex<Option<Instant>>,
}

impl Room {
    pub(super) fn new(store: Store, most: u64) -> Room {
        Room { store, most, making: tokio::sync::Mutex::default(), full_at: Mutex::default() }
    }

    /// Whether there is room for so many bytes. If there is none, payloads of what is settled are dropped first.
    pub(super) async fn has(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        if self.has_now(bytes) {
            return true;
        }
        let _making = self.making.lock().await;
        // Another request may have made room meanwhile, or found none.
        if self.has_now(bytes) {
            return true;
        }
        if self.full_at().is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
            return false;
        }
        let has_room = self.make(bytes).await;
        *self.full_at() = (!has_room).then(clock::instant);
        has_room
    }

    /// Drops payloads until there is room for so many bytes.
    async fn make(&self, bytes: u64) -> bool {
        // A tenth is left free, so that the next ones find room without that.
        let wanted = (self.most - self.most / 10).saturating_sub(bytes);
        for _ in 0..STEPS {
            match self.store.trim_payloads(wanted).await {
                Ok(true) if !self.has_now(bytes) => {}
                Ok(_) => break,
                // The put will say so.
                Err(_) => return true,
            }
        }
        self.has_now(bytes)
    }

    fn has_now(&self, bytes: u64) -> bool {
        self.store.payload_bytes() + bytes <= self.most
    }

    fn full_at(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
