//! One delivery: the envelope, its signature, and posting it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use serde::Serialize;

use super::manner::Deliveries;
use super::outward::Outward;
use crate::signature::{self, Signer};
use crate::simulator::watch::deliveries::{Delivery, SignatureCheck};
use crate::simulator::world::refusal::TRACKING_ID;
use crate::simulator::world::things::{Webhook, WebhookStatus};
use crate::simulator::world::{Event, EventData, ids, time};

/// The secret of a forged signature.
const FORGED: &str = "a-secret-that-nobody-gave-out";

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
    /// When the webhook was created, not when the event happened.
    #[serde(serialize_with = "time::millis")]
    created: Timestamp,
    actor_id: &'a str,
    data: &'a EventData,
}

/// The parts of one attempt to deliver that the world decides.
pub(super) struct Attempt {
    pub(super) tracking_id: String,
    pub(super) at: Timestamp,
    pub(super) number: u32,
}

/// Makes the delivery that is about to be sent.
pub(super) fn letter(webhook: &Webhook, event: &Event, manner: &Deliveries, attempt: &Attempt) -> Delivery {
    let body = body(webhook, event, manner);
    let mut headers = vec![
        (CONTENT_TYPE.to_string(), "application/json;charset=UTF-8".to_owned()),
        (USER_AGENT.to_string(), "SparkWebhook/1.0".to_owned()),
        (TRACKING_ID.to_owned(), attempt.tracking_id.clone()),
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
        at: attempt.at,
        webhook_id: webhook.id.clone(),
        webhook_name: webhook.name.clone(),
        target_url: webhook.target_url.clone(),
        resource: event.resource,
        event: event.event,
        data_id: event.data.id().to_owned(),
        room_id: event.room_id.clone(),
        attempt: attempt.number,
        headers,
        body,
        signature,
        status: None,
        error: None,
        latency: Duration::ZERO,
    }
}

fn body(webhook: &Webhook, event: &Event, manner: &Deliveries) -> String {
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
    serde_json::to_string(&envelope).unwrap_or_default()
}

/// Posts a delivery once, and records the answer.
pub(super) async fn post(outward: &Outward, letter: Delivery, timeout: Duration) -> Delivery {
    let mut request = outward.delivering(&letter.target_url).post(&letter.target_url).timeout(timeout);
    for (name, value) in &letter.headers {
        request = request.header(name, value);
    }
    let began = Instant::now();
    let answer = request.body(letter.body.clone()).send().await;
    let latency = began.elapsed();
    match answer {
        Ok(answer) => {
            let status = Some(answer.status().as_u16());
            // The answer is read to its end, so that the connection can be used again.
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
