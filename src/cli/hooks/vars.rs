//! Shows the values that rules can name.

use crate::text::{cut, one_line, table};

/// The most characters of a value that are shown.
const LONGEST: usize = 80;

pub(super) fn shown(found: &[(String, serde_json::Value)]) -> String {
    let rows = found.iter().map(|(name, value)| {
        let value = match value {
            serde_json::Value::String(text) => one_line(text),
            other => one_line(&other.to_string()),
        };
        let end = cut(&value, LONGEST);
        let rest = if end < value.len() { "…" } else { "" };
        [name.clone(), format!("{}{rest}", &value[..end])]
    });
    table(["NAME", "VALUE"], &[], rows)
}
