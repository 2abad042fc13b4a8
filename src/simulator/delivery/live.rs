//! The world while it lives: each change is told to whoever watches, and delivered to the webhooks that tell of it. In
//! order for one room and one webhook, otherwise at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::courier::{Courier, Lane};
use super::letter::{Sender, letter, post};
use super::manner::Deliveries;
use crate::simulator::watch::deliveries::Delivery;
use crate::simulator::watch::journal::{Happening, Journal};
use crate::simulator::world::things::WebhookStatus;
use crate::simulator::world::{Event, World};

/// What happens within so long is mixed up when the order is to be wrong.
const MIXED: Duration = Duration::from_millis(100);

/// The world, and how what happens in it gets out.
pub(crate) struct Live {
    pub(crate) world: Mutex<World>,
    pub(crate) courier: Courier,
    pub(crate) journal: Journal,
    pub(crate) runtime: Handle,
    pub(crate) stopping: CancellationToken,
    /// Counts the changes of the world.
    pub(crate) revision: watch::Sender<u64>,
}

impl Live {
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every change of the world goes through here: what it made happen is queued before anything else can happen.
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

    /// Hands an event to the lanes of its webhooks. Called with the world locked, so that a room's events are queued in
    /// the order in which they happened.
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
                stopping.run_until_cancelled(self.allowed()).await;
                mixed = courier.shuffle(&lane);
            }
            mixed = mixed.saturating_sub(1);
            let Some(event) = courier.next(&lane) else { return };
            // Once the cloud stops, what is left is not delivered, as when Webex goes away.
            stopping.run_until_cancelled(self.deliver(&lane.1, &event)).await;
            courier.open.send_modify(|open| *open -= 1);
        }
    }

    /// Returns once deliveries are not held back, with the manner of then.
    async fn allowed(&self) -> Deliveries {
        let mut manner = self.courier.manner.subscribe();
        // The sender lives as long as we do, so this cannot fail.
        manner.wait_for(|manner| !manner.held).await.map(|manner| manner.clone()).unwrap_or_default()
    }

    async fn deliver(self: &Arc<Self>, webhook_id: &str, event: &Event) {
        let courier = &self.courier;
        for attempt in 1.. {
            let manner = self.allowed().await;
            let Ok(place) = courier.places.acquire().await else { return };
            // As it is now: it may have been deleted, switched off or given another secret since the event happened.
            let (webhook, sender) = {
                let mut world = self.world();
                let tracking_id = world.mint.tracking_id();
                (world.webhooks.get(webhook_id).cloned(), Sender { tracking_id, at: world.clock.now(), attempt })
            };
            let Some(webhook) = webhook.filter(|webhook| webhook.status == WebhookStatus::Active) else { return };
            let letter = letter(&webhook, event, &manner, &sender);
            let is_lost = manner.lose > 0.0 && courier.dice().f64() < manner.lose;
            let delivery = if is_lost {
                Delivery { error: Some("lost, as a fault says".to_owned()), ..letter }
            } else {
                post(&courier.outward, letter, manner.timeout).await
            };
            let delivery = courier.note(delivery);
            let has_failed = !delivery.status.is_some_and(|status| (200..300).contains(&status));
            self.journal.tell(Happening::Delivered(delivery.into()));
            // What was lost on the way failed nowhere: nobody knows of it.
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
