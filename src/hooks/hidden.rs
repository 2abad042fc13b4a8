//! Payloads as people are shown them: without the values that may be secrets, as the presets say.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::presets::{self, ALL};
use super::{Hook, body};
use crate::config::Config;
use crate::store::ChatHook;

/// What is shown in place of a value.
const MASK: &str = "(hidden: it may be a secret)";

impl Hook {
    /// The body with its secrets masked.
    pub(super) fn masked(&self, mut body: Value) -> Value {
        mask(&mut body, self.preset.hidden);
        body
    }
}

/// The payload of a delivery to the hook of this name, as people may see it. Of a hook that is gone it is not known which
/// system posted.
pub fn shown_payload<'a>(
    config: &Config,
    made: &[ChatHook],
    hook: &str,
    (headers, payload): (&BTreeMap<String, String>, &'a [u8]),
) -> Cow<'a, str> {
    let settings = config.hook.iter().find(|known| known.name == hook).map(|known| &known.preset);
    let preset = settings.or(made.iter().find(|known| known.name == hook).map(|known| &known.preset));
    let hidden = match preset.map(|preset| presets::named(preset)) {
        Some(Ok(preset)) => preset.hidden.to_vec(),
        Some(Err(_)) | None => ALL.iter().flat_map(|preset| preset.hidden).copied().collect(),
    };
    let text = String::from_utf8_lossy(payload);
    if hidden.is_empty() {
        return text;
    }
    match body::read(headers, payload) {
        Ok(mut body) => {
            if mask(&mut body, &hidden) {
                body.to_string().into()
            } else {
                text
            }
        }
        Err(_) => format!("({} bytes that cannot be read, and may hold secrets)", payload.len()).into(),
    }
}

/// Masks every value at and below these places, also within each field of the body: XML has its outermost element around
/// all. Whether there is one.
fn mask(body: &mut Value, hidden: &[&str]) -> bool {
    let mut found = mask_at(body, hidden);
    if let Value::Object(fields) = body {
        for field in fields.values_mut() {
            found |= mask_at(field, hidden);
        }
    }
    found
}

fn mask_at(value: &mut Value, hidden: &[&str]) -> bool {
    let mut found = false;
    for pointer in hidden {
        if let Some(value) = value.pointer_mut(pointer) {
            mask_all(value);
            found = true;
        }
    }
    found
}

fn mask_all(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(mask_all),
        Value::Array(items) => items.iter_mut().for_each(mask_all),
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => *value = MASK.into(),
    }
}
