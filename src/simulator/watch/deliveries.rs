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
    /// How many attempts came before it, of whatever event.
    pub number: u64,
    /// When it was made.
    #[serde(serialize_with = "time::millis")]
    pub at: Timestamp,
    /// Whose.
    pub webhook_id: String,
    /// What that webhook is called.
    pub webhook_name: String,
    /// Where it was posted to.
    pub target_url: String,
    /// Such as `messages`.
    pub resource: &'static str,
    /// Such as `created`.
    pub event: &'static str,
    /// What it was about, as REST spells it.
    pub data_id: String,
    /// Where it happened.
    pub room_id: String,
    /// 1 at first.
    pub attempt: u32,
    /// What it was sent with; kept for the latest deliveries only.
    pub headers: Vec<(String, String)>,
    /// The exact body; kept for the latest deliveries only.
    pub body: String,
    /// Whether the signature it carried is the one that its webhook's secret makes of its body.
    pub signature: SignatureCheck,
    /// What the target answered, if it did.
    pub status: Option<u16>,
    /// Why it did not.
    pub error: Option<String>,
    /// Until the answer began, or until there was none.
    #[serde(rename = "latencyMs", serialize_with = "time::as_millis")]
    pub latency: Duration,
}

/// What a check of a delivery's signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureCheck {
    /// It is right.
    Valid,
    /// It is not.
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
