//! Reads the body of a delivery as one value, in whatever way it is written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The field of a form that holds the payload, as GitHub sends it unless it is told otherwise.
const PAYLOAD: &str = "payload";

/// The most fields of a form that are read.
const MOST_FIELDS: usize = 1000;

/// The value of a body. It is JSON; or a form with JSON in its field `payload`; or another form, whose fields are texts.
/// JSON may be called a form, as curl does with `-d`.
///
/// # Errors
/// What is wrong with it, without a word of it.
pub(super) fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Value, String> {
    let Some(first) = body.trim_ascii().first() else { return Err("the body is empty".to_owned()) };
    let is_form = content_type
        .is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
    if !is_form || matches!(first, b'{' | b'[') {
        return json(body);
    }
    let fields: Map<String, Value> = url::form_urlencoded::parse(body)
        .take(MOST_FIELDS)
        .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
        .collect();
    match fields.get(PAYLOAD).and_then(Value::as_str) {
        Some(payload) => json(payload.as_bytes()),
        None => Ok(Value::Object(fields)),
    }
}

/// The type that a request says its body has.
pub(super) fn content_type(headers: &BTreeMap<String, String>) -> Option<&str> {
    headers.get("content-type").map(String::as_str)
}

fn json(body: &[u8]) -> Result<Value, String> {
    let place =
        |error: serde_json::Error| format!("it is not JSON at line {}, column {}", error.line(), error.column());
    serde_json::from_slice(body).map_err(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_with_json_are_read() {
        let form = Some("application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(parse(None, br#"{"a":1}"#).unwrap()["a"], 1);
        assert_eq!(parse(form, b"payload=%7B%22a%22%3A1%7D").unwrap()["a"], 1);
        assert_eq!(parse(form, br#" {"a":1}"#).unwrap()["a"], 1);
        assert_eq!(parse(form, b"a=1&b=two+words").unwrap(), serde_json::json!({"a": "1", "b": "two words"}));
        for (kind, body, says) in
            [(None, &b" \n"[..], "empty"), (None, b"{\"a\":\n}", "line 2"), (form, b"payload=x", "not JSON")]
        {
            let error = parse(kind, body).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(None, deep.as_bytes()).is_err(), "the depth is bounded");
    }
}
