//! `[[hook.rule]]`: which deliveries to a hook are told, where and how.

use serde::Deserialize;

use super::values::one_or_many;

/// A rule. Those of a hook are asked in order.
#[derive(Clone, Debug, Deserialize)]
pub struct HookRule {
    /// What `explain` calls it; otherwise its number.
    pub name: Option<String>,
    /// An expression that has to be true.
    pub when: Option<String>,
    /// Where its messages go, if not where those of the hook go.
    #[serde(default, deserialize_with = "one_or_many")]
    pub to: Vec<String>,
    /// A template of the key of the thread.
    pub thread: Option<String>,
    /// A template of the message.
    pub template: Option<String>,
    /// Whether the rules after it are not asked if it holds.
    #[serde(default)]
    pub stop: bool,
}
