//! The record of every attempt to deliver.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::record::Recorded;
use crate::simulator::world::time;

/// One attempt to deliver.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// How many attempts came before this one, of all events.
    pub number: u64,
    /// When the attempt was made.
    #[serde(serialize_with = "time::millis")]
    pub at: Timestamp,
    /// The id of the webhook.
    pub webhook_id: String,
    /// The name of the webhook.
    pub webhook_name: String,
    /// The URL it was posted to.
    pub target_url: String,
    /// The resource of the event, such as `messages`.
    pub resource: &'static str,
    /// What happened to the resource, such as `created`.
    pub event: &'static str,
    /// The id of what the event is about, as REST spells it.
    pub data_id: String,
    /// The id of the room in which it happened.
    pub room_id: String,
    /// The number of this attempt for the event, from 1.
    pub attempt: u32,
    /// The headers of the request. They are kept for the latest deliveries only.
    pub headers: Vec<(String, String)>,
    /// The exact body of the request. It is kept for the latest deliveries only.
    pub body: String,
    /// Whether the request's signature is right for its body and the webhook's secret.
    pub signature: SignatureCheck,
    /// The status of the target's answer, if there was one.
    pub status: Option<u16>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// The time until the answer began, or until the attempt failed.
    #[serde(rename = "latencyMs", serialize_with = "time::as_millis")]
    pub latency: Duration,
}

/// The result of checking a delivery's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureCheck {
    /// The signature is right.
    Valid,
    /// The signature is wrong.
    Invalid,
    /// The webhook has no secret.
    None,
}

impl Recorded for Delivery {
    fn numbered(self, number: u64) -> Delivery {
        Delivery { number, ..self }
    }

    fn forget_bodies(&mut self) {
        (self.headers, self.body) = (Vec::new(), String::new());
    }
}
