//! Deliveries: the envelope, its signature, and posting it. In order for one room and one webhook, otherwise at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::manner::{Deliveries, Delivery, SignatureCheck};
use super::outward::Outward;
use crate::signature::{self, Signer};
use crate::simulator::Cloud;
use crate::simulator::watch::journal::Happening;
use crate::simulator::world::event::{Data, Event};
use crate::simulator::world::refusal::TRACKING_ID;
use crate::simulator::world::things::webhook::{Webhook, WebhookStatus};
use crate::simulator::world::{ids, time};

/// So many deliveries are on their way at once.
const CONCURRENT: usize = 64;
/// So many deliveries are remembered.
const MOST_DELIVERED: usize = 100_000;
/// Of so many the headers and bodies too.
const MOST_BODIES: usize = 1000;
/// What happens within so long is mixed up when the order is to be wrong.
const MIXED: Duration = Duration::from_millis(100);
/// What a stranger signs with.
const FORGED: &str = "a-secret-that-nobody-gave-out";

/// One room and one webhook: within it, one delivery at a time.
type Lane = (String, String);

/// What is to be delivered.
pub(crate) struct Courier {
    pub(crate) outward: Outward,
    /// A lane is here as long as a task works on it.
    lanes: Mutex<HashMap<Lane, VecDeque<Event>>>,
    places: Semaphore,
    /// Queued or on their way.
    open: watch::Sender<usize>,
    pub(crate) manner: watch::Sender<Deliveries>,
    dice: Mutex<fastrand::Rng>,
    delivered: Mutex<(VecDeque<Delivery>, u64)>,
}

/// The body of a delivery. Webex sends these fields in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    id: &'a str,
    name: &'a str,
    target_url: &'a str,
    resource: &'a str,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<&'a str>,
    org_id: &'a str,
    created_by: &'a str,
    app_id: &'a str,
    owned_by: &'a str,
    status: WebhookStatus,
    /// When the webhook was made, not when the event happened.
    #[serde(serialize_with = "time::millis")]
    created: Timestamp,
    actor_id: &'a str,
    data: &'a Data,
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

    /// Puts an event last in its lane; true if nobody works on that lane yet.
    fn enqueue(&self, lane: &Lane, event: &Event, copies: usize) -> bool {
        self.open.send_modify(|open| *open += copies);
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = !lanes.contains_key(lane);
        lanes.entry(lane.clone()).or_default().extend(std::iter::repeat_n(event.clone(), copies));
        is_new
    }

    /// The next of a lane. An empty lane goes away under the same lock, so that no event is put into one that nobody
    /// works on.
    fn next(&self, lane: &Lane) -> Option<Event> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let event = lanes.get_mut(lane).and_then(VecDeque::pop_front);
        if event.is_none() {
            lanes.remove(lane);
        }
        event
    }

    fn dice(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mixes up what waits in a lane, and says how much that is.
    fn shuffle(&self, lane: &Lane) -> usize {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = lanes.get_mut(lane) else { return 0 };
        self.dice().shuffle(waiting.make_contiguous());
        waiting.len()
    }

    pub(crate) fn log(&self) -> Vec<Delivery> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).0.iter().cloned().collect()
    }

    /// The latest, newest first.
    pub(crate) fn latest(&self, most: usize) -> Vec<Delivery> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).0.iter().rev().take(most).cloned().collect()
    }

    fn note(&self, delivery: Delivery) -> Delivery {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        let (kept, count) = &mut *delivered;
        if kept.len() == MOST_DELIVERED {
            kept.pop_front();
        }
        let delivery = Delivery { number: *count, ..delivery };
        *count += 1;
        kept.push_back(delivery.clone());
        if let Some(old) = kept.len().checked_sub(MOST_BODIES + 1).and_then(|old| kept.get_mut(old)) {
            (old.headers, old.body) = (Vec::new(), String::new());
        }
        delivery
    }

    pub(crate) async fn settled(&self) {
        // The sender lives as long as we do, so this cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// What is about to be sent.
    fn letter(&self, webhook: &Webhook, event: &Event, manner: &Deliveries, sender: &Sender) -> Delivery {
        let respelled = manner.other_cluster.then(|| event.data.respelled(ids::US));
        let envelope = Envelope {
            id: &webhook.id,
            name: &webhook.name,
            target_url: &webhook.target_url,
            resource: event.resource,
            event: event.event,
            filter: webhook.filter.as_deref(),
            org_id: &webhook.org_id,
            created_by: &webhook.created_by,
            app_id: &webhook.app_id,
            owned_by: &webhook.owned_by,
            status: webhook.status,
            created: webhook.created,
            actor_id: &event.actor_id,
            data: respelled.as_ref().unwrap_or(&event.data),
        };
        // Strings and numbers always serialise.
        let body = serde_json::to_string(&envelope).unwrap_or_default();
        let mut headers = vec![
            (CONTENT_TYPE.to_string(), "application/json;charset=UTF-8".to_owned()),
            (USER_AGENT.to_string(), "SparkWebhook/1.0".to_owned()),
            (TRACKING_ID.to_owned(), sender.tracking_id.clone()),
        ];
        let mut signature = SignatureCheck::None;
        if let Some(secret) = &webhook.secret {
            let secret = if manner.forged { FORGED } else { secret };
            let signed = Signer::new(secret.to_owned().into()).sign(body.as_bytes());
            headers.push((signature::HEADER.to_owned(), signed));
            if manner.webex_signature {
                let signed = signature::newer_signature(secret, body.as_bytes());
                headers.push((signature::NEWER_HEADER.to_owned(), signed));
            }
            signature = if manner.forged { SignatureCheck::Invalid } else { SignatureCheck::Valid };
        }
        Delivery {
            number: 0,
            at: sender.at,
            webhook_id: webhook.id.clone(),
            webhook_name: webhook.name.clone(),
            target_url: webhook.target_url.clone(),
            resource: event.resource,
            event: event.event,
            data_id: event.data.id().to_owned(),
            room_id: event.room_id.clone(),
            attempt: sender.attempt,
            headers,
            body,
            signature,
            status: None,
            error: None,
            latency: Duration::ZERO,
        }
    }

    /// One attempt.
    async fn post(&self, letter: Delivery, timeout: Duration) -> Delivery {
        let mut request = self.outward.delivering(&letter.target_url).post(&letter.target_url).timeout(timeout);
        for (name, value) in &letter.headers {
            request = request.header(name, value);
        }
        let began = Instant::now();
        let answer = request.body(letter.body.clone()).send().await;
        let latency = began.elapsed();
        match answer {
            Ok(answer) => {
                let status = Some(answer.status().as_u16());
                // Read to its end, so that the connection can be used again.
                let _ = answer.bytes().await;
                Delivery { status, latency, ..letter }
            }
            Err(error) => {
                let why = if error.is_timeout() {
                    format!("no answer within {timeout:?}")
                } else if error.is_connect() {
                    "cannot connect".to_owned()
                } else {
                    "the connection broke".to_owned()
                };
                Delivery { error: Some(why), latency, ..letter }
            }
        }
    }
}

/// What the world says of an attempt.
pub(crate) struct Sender {
    tracking_id: String,
    at: Timestamp,
    attempt: u32,
}

impl Cloud {
    /// Hands an event to the lanes of its webhooks. Called with the world locked, so that a room's events are queued in
    /// the order in which they happened.
    pub(crate) fn dispatch(&self, event: &Event, audience: Vec<String>) {
        let copies = self.inner.courier.manner.borrow().copies;
        if copies == 0 {
            return;
        }
        for webhook_id in audience {
            let lane = (event.room_id.clone(), webhook_id);
            if self.inner.courier.enqueue(&lane, event, copies) {
                let cloud = self.clone();
                self.inner.runtime.spawn(async move { cloud.work(lane).await });
            }
        }
    }

    async fn work(&self, lane: Lane) {
        let courier = &self.inner.courier;
        let stopping = &self.inner.stopping;
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
        let mut manner = self.inner.courier.manner.subscribe();
        // The sender lives as long as we do, so this cannot fail.
        manner.wait_for(|manner| !manner.held).await.map(|manner| manner.clone()).unwrap_or_default()
    }

    async fn deliver(&self, webhook_id: &str, event: &Event) {
        let courier = &self.inner.courier;
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
            let letter = courier.letter(&webhook, event, &manner, &sender);
            let is_lost = manner.lose > 0.0 && courier.dice().f64() < manner.lose;
            let delivery = if is_lost {
                Delivery { error: Some("lost, as a fault says".to_owned()), ..letter }
            } else {
                courier.post(letter, manner.timeout).await
            };
            let delivery = courier.note(delivery);
            let has_failed = !delivery.status.is_some_and(|status| (200..300).contains(&status));
            self.inner.journal.tell(Happening::Delivered(delivery.into()));
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
