//! Clicks on cards, which Webex calls attachment actions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::simulator::world::time;

/// A click on a card, inputs included.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Action {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) message_id: String,
    pub(crate) inputs: Value,
    pub(crate) person_id: String,
    pub(crate) room_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
    /// How many messages had been posted before the click.
    #[serde(skip)]
    pub(crate) after: usize,
    /// The button and what was filled in, for people.
    #[serde(skip)]
    pub(crate) pressed: Option<String>,
}
