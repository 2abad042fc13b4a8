//! By what a repeat of a delivery is known, if the settings say so.

use std::collections::BTreeMap;

use serde_json::Value;

use super::paths::Path;

/// Where the id of a delivery stands, which is the same in a repeat.
pub(super) enum Dedupe {
    /// In this header, in small letters.
    Header(String),
    Body(Path),
}

impl Dedupe {
    /// # Errors
    /// It is neither a header nor a path.
    pub(super) fn new(place: &str) -> Result<Dedupe, String> {
        let place = place.trim();
        if place.starts_with(['$', '/']) {
            return Path::new(place).map(Dedupe::Body);
        }
        let is_header =
            !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let header = is_header.then(|| Dedupe::Header(place.to_ascii_lowercase()));
        header.ok_or_else(|| format!("{place:?} is no header; a JSONPath begins with $, an XPath with /"))
    }

    /// The header that holds the id, if one does.
    pub(super) fn header(&self) -> Option<&str> {
        match self {
            Dedupe::Header(name) => Some(name),
            Dedupe::Body(_) => None,
        }
    }

    /// The id of a delivery. None if it has none.
    pub(super) fn id(&self, headers: &BTreeMap<String, String>, body: &Value) -> Option<String> {
        let id = match self {
            Dedupe::Header(name) => headers.get(name).cloned()?,
            Dedupe::Body(path) => match path.value(body)?.as_ref() {
                Value::Null => return None,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            },
        };
        Some(id).filter(|id| !id.trim().is_empty())
    }
}
