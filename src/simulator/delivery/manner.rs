//! How webhooks are delivered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::simulator::world::{Refusal, time};

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
    /// The manner, unless it is wrong, as one that somebody wrote by hand may be.
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
