//! What another system posted to a hook.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A delivery to a hook. Its body is stored beside the row.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct HookPost {
    /// The name of the hook.
    pub hook: String,
    /// The id of the row: the same for a repeat, if repeats can be told.
    pub id: Uuid,
    /// What it is about. Deliveries to a hook with the same key are worked on in order.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// What happened, as the sender names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub event: String,
    /// The headers, by their names in small letters, without those that hold a proof.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl HookPost {
    pub(super) fn lane(&self) -> String {
        format!("hooks/{}/{}", self.hook, self.key)
    }

    /// The hook and the event, as one word that fits into a path.
    pub fn kind(&self) -> String {
        if self.event.is_empty() {
            format!("hooks/{}", self.hook)
        } else {
            format!("hooks/{}/{}", self.hook, self.event)
        }
    }
}
