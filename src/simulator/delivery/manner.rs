//! How webhooks are delivered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::simulator::world::{Refusal, time};

/// The most copies of one event.
const MOST_COPIES: usize = 100;
/// How the cloud delivers events, in ways that Webex does not rule out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deliveries {
    /// How many times each event is delivered to each webhook: 1 normally, 2 for duplicates, 0 to lose it.
    pub copies: usize,
    /// Holds all deliveries back until it is false again.
    pub held: bool,
    /// Spells the ids of rooms, messages and clicks as another cluster does. The REST API does not.
    pub other_cluster: bool,
    /// Shuffles the events of a room that are held back, or that happen within a tenth of a second.
    pub reorder: bool,
    /// Loses a delivery with this probability, from 0 to 1.
    pub lose: f64,
    /// Signs with a wrong secret, as an attacker would.
    pub forged: bool,
    /// Adds the header `X-Webex-Signature` with HMACs of SHA-256 and SHA-512, which one of Cisco's samples describes.
    pub webex_signature: bool,
    /// How many times a failed delivery is tried again. Webex documents no retries, so it is 0 normally.
    pub retries: u32,
    /// The pause before each retry.
    #[serde(rename = "retryPauseMs", with = "time::millis_of")]
    pub retry_pause: Duration,
    /// How long a target may take to answer. Webex documents no figure; people observe 10 s.
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
    /// Checks the values, which may have been written by hand.
    pub(crate) fn checked(self) -> Result<Deliveries, Refusal> {
        if !(0.0..=1.0).contains(&self.lose) {
            let problem = format!("lose is {}, but a probability is from 0 to 1", self.lose);
            return Err(Refusal::bad_request(problem));
        }
        if self.copies > MOST_COPIES {
            return Err(Refusal::bad_request(format!("copies is {}, but at most {MOST_COPIES}", self.copies)));
        }
        Ok(self)
    }
}
