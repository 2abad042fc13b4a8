//! `[[hook.rule]]`: which deliveries to a hook are told, where and how.

use std::path::PathBuf;

use serde::Deserialize;

use super::values::one_or_many;

/// A rule. Those of a hook are asked in order.
#[derive(Clone, Debug, Deserialize)]
pub struct HookRule {
    /// What `explain` calls it; otherwise its number.
    pub name: Option<String>,
    /// Where the parts stand into which a delivery is split first.
    pub each: Option<String>,
    /// An expression that has to be true.
    pub when: Option<String>,
    /// Where its messages go, if not where those of the hook go.
    #[serde(default, deserialize_with = "one_or_many")]
    pub to: Vec<String>,
    /// A template of the key of the thread.
    pub thread: Option<String>,
    /// Whether a later message takes the place of the first one of its thread.
    #[serde(default)]
    pub update: bool,
    /// A template of the message.
    pub template: Option<String>,
    /// The file that holds it.
    pub template_file: Option<PathBuf>,
    /// A template of the JSON of a card.
    pub card: Option<String>,
    /// Whether the rules after it are not asked if it holds.
    #[serde(default)]
    pub stop: bool,
    /// Where the rule was given, for messages.
    #[serde(skip)]
    pub(crate) place: String,
}
