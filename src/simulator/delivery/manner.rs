//! How webhooks are delivered, and the record of an attempt.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::simulator::world::time;

/// More copies of one event test nothing more.
const MOST_COPIES: usize = 100;
/// How the cloud delivers, where Webex promises nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deliveries {
    /// How often each event is delivered to each webhook: 1 normally, 2 for duplicates, 0 to lose it.
    pub copies: usize,
    /// Holds everything back until it is false again.
    pub held: bool,
    /// Spells the ids of rooms, messages and clicks as another cluster does, unlike the REST API.
    pub other_cluster: bool,
    /// Mixes up the order of what a room has to tell: what is held, or comes within a tenth of a second.
    pub reorder: bool,
    /// Loses a delivery with this probability, from 0 to 1.
    pub lose: f64,
    /// Signs with a secret that nobody gave out, as a stranger would.
    pub forged: bool,
    /// Adds `X-Webex-Signature` with HMACs of SHA-256 and SHA-512, which one of Cisco's samples describes.
    pub webex_signature: bool,
    /// How often a failed delivery is tried again. Webex documents no retry, so normally never.
    pub retries: u32,
    /// The pause before each retry.
    #[serde(rename = "retryPauseMs", with = "time::millis_of")]
    pub retry_pause: Duration,
    /// A target that takes longer has failed. Webex documents no figure; 10 s is what people observe.
    #[serde(rename = "timeoutMs", with = "time::millis_of")]
    pub timeout: Duration,
}

impl Default for Deliveries {
    fn default() -> Self {
        Deliveries {
            copies: 1,
            held: false,
            other_cluster: false,
            reorder: false,
            lose: 0.0,
            forged: false,
            webex_signature: false,
            retries: 0,
            retry_pause: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
        }
    }
}

impl Deliveries {
    /// What is wrong with a manner that somebody wrote by hand.
    pub(crate) fn problem(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.lose) {
            return Some(format!("lose is {}, but a probability is from 0 to 1", self.lose));
        }
        (self.copies > MOST_COPIES).then(|| format!("copies is {}, but at most {MOST_COPIES}", self.copies))
    }
}

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
