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
    /// Whether an operator had it worked on again: then it is no repeat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_replay: bool,
    /// Whether the hook expects something to come. The row itself does not say so.
    #[serde(skip)]
    pub is_expected: bool,
    /// The headers, by their names in small letters, without those that hold a proof.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// The most characters of an event's name, and the longest key that is kept as it is.
const MOST_EVENT: usize = 64;
const LONGEST_KEY: usize = 200;

/// What somebody else wrote as a key, in no more than the limit: a longer one is replaced by its hash.
pub fn short_key(key: &str) -> String {
    if key.len() <= LONGEST_KEY {
        key.to_owned()
    } else {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, key.as_bytes()).to_string()
    }
}

impl HookPost {
    /// A delivery. What its sender wrote as the event becomes a word: other characters than those of names become `_`.
    pub fn new(hook: &str, id: Uuid, key: &str, event: &str, headers: BTreeMap<String, String>) -> HookPost {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
        let event = event.chars().take(MOST_EVENT).map(|c| if is_plain(c) { c } else { '_' }).collect();
        HookPost {
            hook: hook.to_owned(),
            id,
            key: short_key(key),
            event,
            is_replay: false,
            is_expected: false,
            headers,
        }
    }

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
