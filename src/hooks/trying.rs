//! Shows the hooks, and what one makes of a payload, without posting anything.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rules::Telling;
use super::{Hook, Hooks, body};

/// A hook, for people.
#[derive(Serialize)]
pub struct HookSummary {
    pub name: String,
    pub preset: &'static str,
    pub enabled: bool,
    /// How a sender proves itself: what it shows, and whether it signs.
    pub proof: String,
    pub to: Vec<String>,
    pub rules: usize,
}

/// What a hook makes of a payload.
#[derive(Serialize)]
pub struct Tried {
    /// What the preset knows of it, by name.
    pub knows: BTreeMap<&'static str, String>,
    pub messages: Vec<TriedMessage>,
    /// Why there are no messages.
    pub silence: Option<&'static str>,
}

/// A message that would be posted.
#[derive(Serialize)]
pub struct TriedMessage {
    pub rule: Option<String>,
    pub to: Vec<String>,
    pub thread: Option<String>,
    pub markdown: String,
}

impl Hooks {
    /// All hooks, by name.
    pub fn summaries(&self) -> Vec<HookSummary> {
        self.0.values().map(Hook::summary).collect()
    }

    /// What the hook of this name makes of a payload with these headers.
    ///
    /// # Errors
    /// There is no such hook, the payload cannot be read, or a rule cannot be carried out.
    pub fn attempt(&self, name: &str, headers: &BTreeMap<String, String>, payload: &[u8]) -> Result<Tried, String> {
        let hook =
            self.0.get(name).ok_or_else(|| format!("there is no hook of this name; there are: {}", self.names()))?;
        let body = body::read(headers, payload).map_err(|error| error.to_string())?;
        let signal = hook.preset.signal(headers, &body);
        let Telling { told, wrong } = hook.tell(&signal, headers, &body);
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let messages: Vec<_> = told
            .into_iter()
            .map(|told| TriedMessage {
                rule: told.rule.map(str::to_owned),
                to: told.to.iter().map(ToString::to_string).collect(),
                thread: Some(told.thread).filter(|thread| !thread.is_empty()),
                markdown: told.markdown,
            })
            .collect();
        let silence = messages.is_empty().then(|| hook.silence());
        let named = signal.named().map(|(name, text, _)| (name, text)).into_iter();
        let knows = named.chain([("delivery", signal.delivery.unwrap_or_default())]);
        let knows = knows.filter(|(_, value)| !value.is_empty()).collect();
        Ok(Tried { knows, messages, silence })
    }
}

impl Hook {
    fn summary(&self) -> HookSummary {
        let signs = match &self.signature {
            Some(signature) if signature.is_required => Some("signature"),
            Some(_) => Some("signature, if there is one"),
            None => None,
        };
        let proof: Vec<_> = self.auth.kind().into_iter().chain(signs).collect();
        HookSummary {
            name: self.name.clone(),
            preset: self.preset.name,
            enabled: self.enabled,
            proof: if proof.is_empty() { "none".to_owned() } else { proof.join(" and ") },
            to: self.to.iter().map(ToString::to_string).collect(),
            rules: self.rules.len(),
        }
    }
}
