//! Shows the hooks, and what one makes of a payload, without posting anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::ends::{HookState, last_day};
use super::pieces::Piece;
use super::rules::Telling;
use super::work::REPEAT;
use super::{Hook, Hooks, chat};
use crate::signature::SecretKey;
use crate::store::ChatHook;
use crate::template::is_name;
use crate::text::day;

/// The most values of a payload that are listed.
const MOST_VALUES: usize = 1000;

/// A hook, for people.
#[derive(Serialize)]
pub struct HookSummary {
    pub name: String,
    pub preset: &'static str,
    pub enabled: bool,
    /// Whether it takes what is posted, or why not.
    pub state: &'static str,
    /// Where it was made: in the settings, or in the chat by whom and when.
    pub origin: String,
    /// Its last day, if it has one.
    pub last_day: Option<String>,
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
    /// The rules that cannot be carried out, each with why. They hold up no other.
    pub wrong: Vec<String>,
    /// The rules that do not hold since they name what is not defined.
    pub undefined: Vec<String>,
    /// Why there are no messages.
    pub silence: Option<&'static str>,
    /// What the delivery is about, and how that stands, if what is said of later deliveries depends on it.
    #[serde(skip)]
    pub stands: Option<(String, String)>,
}

/// A message that would be posted.
#[derive(Serialize)]
pub struct TriedMessage {
    pub rule: Option<String>,
    pub to: Vec<String>,
    pub thread: Option<String>,
    pub markdown: String,
    /// The address of a picture that would be fetched and posted with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// The JSON of its card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub card: Option<Value>,
    /// Whether it takes the place of the first message of its thread.
    pub updates: bool,
    /// The key of its thread in the outbox.
    #[serde(skip)]
    pub thread_key: Option<String>,
    /// The messages that it is posted as.
    #[serde(skip)]
    pub pieces: Vec<Piece>,
}

impl Hooks {
    /// The hooks of the settings by name, and then these, which were made from the chat.
    pub fn summaries(&self, made: &[ChatHook], key: Option<&SecretKey>) -> Vec<HookSummary> {
        let settings = self.0.settings.values().map(|hook| hook.summary(self.now()));
        settings.chain(made.iter().filter_map(|row| self.summary_of_chat(row, key))).collect()
    }

    fn summary_of_chat(&self, row: &ChatHook, key: Option<&SecretKey>) -> Option<HookSummary> {
        // The secret is not shown, so it may be one of another key.
        let hook = chat::settings(row, row.salt.salt, &SecretKey::new(&"shown".into())).ok()?;
        let state = self.state_of(row, key);
        Some(HookSummary {
            enabled: state == HookState::On,
            state: state.words(),
            origin: format!("the chat, by {} on {}", row.email, day(row.made_at)),
            last_day: row.expires_at.map(last_day),
            ..Hook::new(&hook, &self.0.of_all, None).ok()?.summary(self.now())
        })
    }

    /// How a hook stands that was made from the chat.
    pub fn state_of(&self, row: &ChatHook, key: Option<&SecretKey>) -> HookState {
        HookState::of(row, self.is_in_settings(&row.name), key, self.now())
    }

    /// Whether there is a hook of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// What rules can name in a payload with these headers: each name with its value, the variables of the settings
    /// first, then what the preset knows, then every value of the body.
    ///
    /// # Errors
    /// There is no such hook, or the payload cannot be read.
    pub fn variables(
        &self,
        name: &str,
        headers: &BTreeMap<String, String>,
        payload: &[u8],
    ) -> Result<Vec<(String, Value)>, String> {
        let hook = self.named(name)?;
        let (signal, body) = hook.read(headers, payload).map_err(|error| error.to_string())?;
        let body = hook.masked(body);
        let vars = hook
            .rules
            .variables(&body)
            .map(|(name, value)| (format!("vars.{name}"), value.unwrap_or_else(|| "(nothing is there)".into())));
        let known = signal.named().map(|(name, text, _)| (name.to_owned(), Value::String(text)));
        let known = known.into_iter().filter(|(_, value)| value != "");
        let mut found: Vec<_> = vars.chain(known).collect();
        found.extend(headers.iter().map(|(name, value)| (format!("headers['{name}']"), value.as_str().into())));
        each_value("body", &body, &mut found);
        Ok(found)
    }

    pub(super) fn named(&self, name: &str) -> Result<Arc<Hook>, String> {
        self.get(name).ok_or_else(|| format!("there is no hook of this name; there are: {}", self.names()))
    }

    /// What the hook of this name makes of a payload with these headers. `was` says how a subject stood before: what
    /// [`Tried::stands`] said of it, such as `firing` or `ok`, or nothing if that is not known. A replay is never taken for
    /// a repeat.
    ///
    /// # Errors
    /// There is no such hook, or the payload cannot be read.
    pub fn attempt(
        &self,
        name: &str,
        (headers, payload): (&BTreeMap<String, String>, &[u8]),
        was: impl FnOnce(&str) -> Option<String>,
        is_replay: bool,
    ) -> Result<Tried, String> {
        let hook = self.named(name)?;
        let mut is_repeat = false;
        let (mut signal, body) = hook.read(headers, payload).map_err(|error| error.to_string())?;
        if !signal.subject.is_empty() {
            is_repeat = signal.recall(was(&signal.subject).unwrap_or_default()) && !is_replay;
        }
        let telling = if is_repeat { Telling::default() } else { hook.tell(&signal, headers, &body) };
        let Telling { told, wrong, undefined, is_blank } = telling;
        let messages: Vec<_> = told
            .into_iter()
            .map(|told| {
                let pieces = told.pieces();
                TriedMessage {
                    to: told.to.iter().map(ToString::to_string).collect(),
                    picture: pieces.first().and_then(|piece| piece.picture.clone()),
                    updates: told.edits().is_some(),
                    thread_key: told.thread_key(&hook.name),
                    pieces,
                    rule: told.rule,
                    thread: Some(told.thread).filter(|thread| !thread.is_empty()),
                    markdown: told.markdown,
                    card: told.card,
                }
            })
            .collect();
        let silence =
            (messages.is_empty() && wrong.is_empty()).then(|| if is_repeat { REPEAT } else { hook.silence(is_blank) });
        let named = signal.named().map(|(name, text, _)| (name, text)).into_iter();
        // Of a dead letter the ledger keeps no state.
        let memory = signal.memory(!messages.is_empty() && !hook.is_shadow).filter(|_| wrong.is_empty() && !is_replay);
        let stands = memory.map(|state| (signal.subject.clone(), state));
        let knows = named.chain([("delivery", signal.delivery.unwrap_or_default())]);
        let knows = knows.filter(|(_, value)| !value.is_empty()).collect();
        let undefined = undefined.iter().map(ToString::to_string).collect();
        Ok(Tried { knows, messages, wrong, undefined, silence, stands })
    }
}

impl Hook {
    fn summary(&self, now: i64) -> HookSummary {
        let state = self.state(now);
        let signs = match &self.signature {
            Some(signature) if signature.is_required => Some("signature"),
            Some(_) => Some("signature, if there is one"),
            None => None,
        };
        let proof: Vec<_> = self.auth.kind().into_iter().chain(signs).collect();
        HookSummary {
            name: self.name.clone(),
            preset: self.preset.name,
            enabled: state == HookState::On,
            state: state.words(),
            origin: "bot.toml".to_owned(),
            last_day: self.expires.map(last_day),
            proof: if proof.is_empty() { "none".to_owned() } else { proof.join(" and ") },
            to: self.to.iter().map(ToString::to_string).collect(),
            rules: self.rules.len(),
        }
    }
}

/// Adds the values of a body that have no parts, each with the name by which a template finds it.
fn each_value(name: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    if found.len() >= MOST_VALUES {
        return;
    }
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (field, value) in fields {
                let name = if is_name(field) { format!("{name}.{field}") } else { format!("{name}['{field}']") };
                each_value(&name, value, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (nth, value) in items.iter().enumerate() {
                each_value(&format!("{name}[{nth}]"), value, found);
            }
        }
        value => found.push((name.to_owned(), value.clone())),
    }
}
