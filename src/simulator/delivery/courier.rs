//! The queue of deliveries, with one lane for each room and webhook.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, watch};

use super::manner::Deliveries;
use super::outward::Outward;
use crate::simulator::watch::deliveries::Delivery;
use crate::simulator::watch::record::Record;
use crate::simulator::world::Event;

/// The most deliveries that are on their way at once.
const CONCURRENT: usize = 64;

/// A room and a webhook. Within a lane, one delivery is made at a time.
pub(super) type Lane = (String, String);

/// The queue of deliveries.
pub(crate) struct Courier {
    pub(crate) outward: Outward,
    /// The lanes on which a task works now.
    lanes: Mutex<HashMap<Lane, VecDeque<Event>>>,
    pub(super) places: Semaphore,
    /// The number of deliveries that are queued or on their way.
    pub(super) open: watch::Sender<usize>,
    pub(crate) manner: watch::Sender<Deliveries>,
    dice: Mutex<fastrand::Rng>,
    delivered: Mutex<Record<Delivery>>,
}

impl Courier {
    pub(crate) fn new(manner: Deliveries, outward: Outward, dice: fastrand::Rng) -> Courier {
        Courier {
            outward,
            lanes: Mutex::default(),
            places: Semaphore::new(CONCURRENT),
            open: watch::Sender::new(0),
            manner: watch::Sender::new(manner),
            dice: Mutex::new(dice),
            delivered: Mutex::default(),
        }
    }

    /// Puts an event last in its lane. True if no task works on that lane yet.
    pub(super) fn enqueue(&self, lane: &Lane, event: &Event, copies: usize) -> bool {
        self.open.send_modify(|open| *open += copies);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !lanes.contains_key(lane);
        lanes.entry(lane.clone()).or_default().extend(std::iter::repeat_n(event.clone(), copies));
        is_new
    }

    /// The next event of a lane. An empty lane is removed under the same lock, so that no event is put into a lane
    /// without a task.
    pub(super) fn next(&self, lane: &Lane) -> Option<Event> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let event = lanes.get_mut(lane).and_then(VecDeque::pop_front);
        if event.is_none() {
            lanes.remove(lane);
        }
        event
    }

    pub(super) fn dice(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shuffles the events that wait in a lane, and gives their number.
    pub(super) fn shuffle(&self, lane: &Lane) -> usize {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = lanes.get_mut(lane) else { return 0 };
        self.dice().shuffle(waiting.make_contiguous());
        waiting.len()
    }

    pub(crate) async fn settled(&self) {
        // The sender lives as long as we do, so this cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// The record of every attempt.
    pub(crate) fn delivered(&self) -> MutexGuard<'_, Record<Delivery>> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an attempt, and gives it back with its number.
    pub(super) fn note(&self, delivery: Delivery) -> Delivery {
        let number = self.delivered().push(delivery.clone());
        Delivery { number, ..delivery }
    }
}
