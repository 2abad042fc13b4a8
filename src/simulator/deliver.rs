//! Deliveries: the envelope, its signature, and posting it. In order for one room and one webhook, otherwise at once.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use tokio::sync::{Semaphore, watch};

use super::events::{Data, Event};
use super::refusal::TRACKING_ID;
use super::webhooks::{Webhook, WebhookStatus};
use super::{Cloud, ids, time};
use crate::signature::{self, Signer};

/// So many deliveries are on their way at once.
const CONCURRENT: usize = 64;
/// A target that takes longer has failed. Webex documents no figure.
const TIMEOUT: Duration = Duration::from_secs(10);
/// So many deliveries are remembered.
const MOST_DELIVERED: usize = 100_000;

/// How the cloud delivers, where Webex promises nothing.
#[derive(Clone, Copy, Debug)]
pub struct Deliveries {
    /// How often each event is delivered to each webhook: 1 normally, 2 for duplicates, 0 to lose it.
    pub copies: usize,
    /// Holds everything back until it is false again.
    pub held: bool,
    /// Spells the ids of rooms, messages and clicks as another cluster does, unlike the REST API.
    pub other_cluster: bool,
    /// How often a failed delivery is tried again. Webex documents no retry, so normally never.
    pub retries: u32,
    /// The pause before each retry.
    pub retry_pause: Duration,
}

impl Default for Deliveries {
    fn default() -> Self {
        Deliveries { copies: 1, held: false, other_cluster: false, retries: 0, retry_pause: Duration::from_secs(1) }
    }
}

/// One attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Whose.
    pub webhook_id: String,
    /// Such as `messages`.
    pub resource: &'static str,
    /// Such as `created`.
    pub event: &'static str,
    /// What it was about, as REST spells it.
    pub data_id: String,
    /// What the target answered, if it did.
    pub status: Option<u16>,
}

/// One room and one webhook: within it, one delivery at a time.
type Lane = (String, String);

/// What is to be delivered.
pub(super) struct Courier {
    http: reqwest::Client,
    /// A lane is here as long as a task works on it.
    lanes: Mutex<HashMap<Lane, VecDeque<Event>>>,
    places: Semaphore,
    /// Queued or on their way.
    open: watch::Sender<usize>,
    pub(super) manner: watch::Sender<Deliveries>,
    delivered: Mutex<VecDeque<Delivery>>,
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
    pub(super) fn new(manner: Deliveries) -> io::Result<Courier> {
        // A target is on this machine or reached over plain http as a rule, so no roots are needed to start.
        let builder = || {
            reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TIMEOUT)
                .user_agent("SparkWebhook/1.0")
        };
        let http = builder().build().or_else(|_| builder().tls_certs_only([]).build()).map_err(io::Error::other)?;
        Ok(Courier {
            http,
            lanes: Mutex::default(),
            places: Semaphore::new(CONCURRENT),
            open: watch::Sender::new(0),
            manner: watch::Sender::new(manner),
            delivered: Mutex::default(),
        })
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

    pub(super) fn log(&self) -> Vec<Delivery> {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn note(&self, delivery: Delivery) {
        let mut delivered = self.delivered.lock().unwrap_or_else(PoisonError::into_inner);
        if delivered.len() == MOST_DELIVERED {
            delivered.pop_front();
        }
        delivered.push_back(delivery);
    }

    pub(super) async fn settled(&self) {
        // The sender lives as long as we do, so this cannot fail.
        let _ = self.open.subscribe().wait_for(|open| *open == 0).await;
    }

    /// One attempt; the status of the answer, if there was one.
    async fn post(&self, webhook: &Webhook, event: &Event, data: &Data, tracking_id: &str) -> Option<u16> {
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
            data,
        };
        let body = serde_json::to_vec(&envelope).ok()?;
        let mut request = self
            .http
            .post(&webhook.target_url)
            .header(CONTENT_TYPE, "application/json;charset=UTF-8")
            .header(TRACKING_ID, tracking_id);
        if let Some(secret) = &webhook.secret {
            request = request.header(signature::HEADER, Signer::new(secret.clone().into()).sign(&body));
        }
        let answer = request.body(body).send().await.ok()?;
        let status = answer.status().as_u16();
        // Read to its end, so that the connection can be used again.
        let _ = answer.bytes().await;
        Some(status)
    }
}

impl Cloud {
    /// Hands an event to the lanes of its webhooks. Called with the world locked, so that a room's events are queued in
    /// the order in which they happened.
    pub(super) fn dispatch(&self, event: &Event, audience: Vec<String>) {
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
        while let Some(event) = courier.next(&lane) {
            // Once the cloud stops, what is left is not delivered, as when Webex goes away.
            self.inner.stopping.run_until_cancelled(self.deliver(&lane.1, &event)).await;
            courier.open.send_modify(|open| *open -= 1);
        }
    }

    async fn deliver(&self, webhook_id: &str, event: &Event) {
        let courier = &self.inner.courier;
        let mut attempt = 0;
        loop {
            let manner = match courier.manner.subscribe().wait_for(|manner| !manner.held).await {
                Ok(manner) => *manner,
                Err(_) => return,
            };
            let Ok(place) = courier.places.acquire().await else { return };
            // As it is now: it may have been deleted, switched off or given another secret since the event happened.
            let (webhook, tracking_id) = {
                let mut world = self.world();
                (world.webhooks.get(webhook_id).cloned(), world.mint.tracking_id())
            };
            let Some(webhook) = webhook.filter(|webhook| webhook.status == WebhookStatus::Active) else { return };
            let status = if manner.other_cluster {
                courier.post(&webhook, event, &event.data.respelled(ids::US), &tracking_id).await
            } else {
                courier.post(&webhook, event, &event.data, &tracking_id).await
            };
            courier.note(Delivery {
                webhook_id: webhook.id,
                resource: event.resource,
                event: event.event,
                data_id: event.data.id().to_owned(),
                status,
            });
            if status.is_some_and(|status| (200..300).contains(&status)) {
                return;
            }
            if self.world().delivery_failed(webhook_id, Instant::now()) {
                tracing::warn!(webhook = webhook.name, "the simulated cloud switched a webhook off after 100 failures");
            }
            if attempt >= manner.retries {
                return;
            }
            attempt += 1;
            drop(place);
            tokio::time::sleep(manner.retry_pause).await;
        }
    }
}
