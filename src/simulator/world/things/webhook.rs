//! Webhooks as REST shows them, and when failures switch one off.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::simulator::world::refusal::Refusal;
use crate::simulator::world::time;

/// This many failures within this time switch a webhook off (see Webex's Webhooks Guide).
const MOST_FAILURES: usize = 100;

const FAILURES_COUNT_FOR: Duration = Duration::from_secs(300);

/// A webhook as REST shows it. The secret is part of it there, and never part of a delivery.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Webhook {
    pub id: String,
    pub name: String,
    pub target_url: String,
    pub resource: String,
    pub event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub status: WebhookStatus,
    #[serde(serialize_with = "time::millis")]
    pub created: Timestamp,
    pub owned_by: String,
    pub org_id: String,
    pub created_by: String,
    pub app_id: String,
    /// When recent deliveries failed. This stays when somebody switches the webhook on again: as with Webex, one more
    /// failure in the same five minutes switches it off again.
    #[serde(skip)]
    pub(crate) failures: VecDeque<Instant>,
}

/// Whether events are delivered to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WebhookStatus {
    /// Events are delivered.
    Active,
    /// The webhook was switched off after too many failures, and stays off until a `PUT` says `active`.
    Inactive,
}

impl Webhook {
    /// Records a failure, and says whether it is one too many.
    pub(crate) fn failed(&mut self, now: Instant) -> bool {
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|then| now.duration_since(*then) >= FAILURES_COUNT_FOR) {
            self.failures.pop_front();
        }
        // More failures than the limit need not be remembered.
        if self.failures.len() > MOST_FAILURES {
            self.failures.pop_front();
        }
        self.failures.len() >= MOST_FAILURES
    }
}

pub(crate) fn no_such_webhook() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "Unable to get webhook.")
}
