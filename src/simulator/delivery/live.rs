//! The running world. Each change is shown to watchers, and delivered to the webhooks that subscribe to it. Deliveries
//! of one room to one webhook are made in order, all others at the same time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::courier::{Courier, Lane};
use super::letter::{Attempt, letter, post};
use super::manner::Deliveries;
use crate::simulator::watch::deliveries::Delivery;
use crate::simulator::watch::journal::{Happening, Journal};
use crate::simulator::world::things::WebhookStatus;
use crate::simulator::world::{Event, World};

/// Events within this time are shuffled when the order is set to be wrong.
const MIXED: Duration = Duration::from_millis(100);

/// The running world, with its watchers and its deliveries.
pub(crate) struct LiveWorld {
    pub(crate) world: Mutex<World>,
    pub(crate) courier: Courier,
    pub(crate) journal: Journal,
    pub(crate) runtime: Handle,
    pub(crate) stopping: CancellationToken,
    /// Counts the changes of the world.
    pub(crate) revision: watch::Sender<u64>,
}

impl LiveWorld {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the world. Every change goes through here, so that its events are queued before the next change.
    pub(crate) fn change<T>(self: &Arc<Self>, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.world();
        let webhooks = world.webhooks.revision();
        let outcome = act(&mut world);
        for (event, audience) in std::mem::take(&mut world.happened) {
            self.dispatch(&event, audience);
        }
        for change in std::mem::take(&mut world.changes) {
            self.journal.changed(change);
        }
        self.revision.send_modify(|revision| *revision += 1);
        if webhooks != world.webhooks.revision() {
            self.journal.tell(Happening::State);
        }
        outcome
    }

    /// Puts an event into the lanes of its webhooks. The world is locked meanwhile, so that a room's events are queued
    /// in the order in which they happened.
    fn dispatch(self: &Arc<Self>, event: &Event, audience: Vec<String>) {
        let copies = self.courier.manner.borrow().copies;
        if copies == 0 {
            return;
        }
        for webhook_id in audience {
            let lane = (event.room_id.clone(), webhook_id);
            if self.courier.enqueue(&lane, event, copies) {
                let live = Arc::clone(self);
                self.runtime.spawn(async move { live.work(lane).await });
            }
        }
    }

    async fn work(self: &Arc<Self>, lane: Lane) {
        let courier = &self.courier;
        let stopping = &self.stopping;
        let mut mixed: usize = 0;
        loop {
            if mixed == 0 && courier.manner.borrow().reorder {
                stopping.run_until_cancelled(tokio::time::sleep(MIXED)).await;
                stopping.run_until_cancelled(self.wait_while_held()).await;
                mixed = courier.shuffle(&lane);
            }
            mixed = mixed.saturating_sub(1);
            let Some(event) = courier.next(&lane) else { return };
            // Once the cloud stops, the rest is not delivered, as when Webex is down.
            stopping.run_until_cancelled(self.deliver(&lane.1, &event)).await;
            courier.open.send_modify(|open| *open -= 1);
        }
    }

    /// Waits until deliveries are not held back, and gives the settings that apply then.
    async fn wait_while_held(&self) -> Deliveries {
        let mut manner = self.courier.manner.subscribe();
        // The sender lives as long as we do, so this cannot fail.
        manner.wait_for(|manner| !manner.held).await.map(|manner| manner.clone()).unwrap_or_default()
    }

    async fn deliver(self: &Arc<Self>, webhook_id: &str, event: &Event) {
        let courier = &self.courier;
        for attempt in 1.. {
            let manner = self.wait_while_held().await;
            let Ok(place) = courier.places.acquire().await else { return };
            // The webhook as it is now: it may have been deleted, switched off or given another secret since the event.
            let (webhook, attempted) = {
                let mut world = self.world();
                let tracking_id = world.mint.tracking_id();
                (
                    world.webhooks.get(webhook_id).cloned(),
                    Attempt { tracking_id, at: world.clock.now(), number: attempt },
                )
            };
            let Some(webhook) = webhook.filter(|webhook| webhook.status == WebhookStatus::Active) else { return };
            let letter = letter(&webhook, event, &manner, &attempted);
            let is_lost = manner.lose > 0.0 && courier.dice().f64() < manner.lose;
            let delivery = if is_lost {
                Delivery { error: Some("lost by a fault".to_owned()), ..letter }
            } else {
                post(&courier.outward, letter, manner.timeout).await
            };
            let delivery = courier.note(delivery);
            let has_failed = !delivery.status.is_some_and(|status| (200..300).contains(&status));
            self.journal.tell(Happening::Delivered(delivery.into()));
            // A lost delivery does not count as a failure, since nobody knows about it.
            if !has_failed || is_lost {
                return;
            }
            if self.change(|world| world.delivery_failed(webhook_id, Instant::now())) {
                tracing::warn!(webhook = webhook.name, "the simulated cloud switched a webhook off after 100 failures");
            }
            if attempt > manner.retries {
                return;
            }
            drop(place);
            tokio::time::sleep(manner.retry_pause).await;
        }
    }
}
