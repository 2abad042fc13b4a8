//! Arbitrary bytes as bodies: nothing panics, and what is said of them is not long.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::body;
use super::super::presets::ALL;

/// The longest that is said by default of any body, in bytes.
const LONGEST: usize = 10_000;

fn kinds() -> impl Strategy<Value = String> {
    let kinds = [
        "application/json",
        "application/xml",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "application/cloudevents+json",
        "application/cloudevents-batch+json",
        "",
    ];
    prop_oneof![select(kinds.map(str::to_owned).to_vec()), "\\PC{0,40}"]
}

/// Pieces that are nearly JSON, XML or a form, and bytes that are nothing.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        "null",
        "1e999",
        "-0",
        "\"a\":",
        "\\ud800",
        "<",
        ">",
        "</",
        "/>",
        "<a>",
        "</a>",
        "<a b='c'>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?",
        "<!DOCTYPE a [",
        "&amp;",
        "&#0;",
        "xmlns:a='b' ",
        "--b\r\n",
        "--b--",
        "content-disposition: form-data; name=\"data\"\r\n\r\n",
        "payload=%7B",
        "&",
        "%",
        "=",
        "é",
        " ",
        "\"alerts\":[",
        "\"status\":\"firing\"",
        "\"pull_request\":",
        "\"commits\":[null,",
    ];
    let pieces = vec(select(pieces.to_vec()), 0..40).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![pieces, vec(any::<u8>(), 0..300)]
}

/// Values in the places where the presets look.
fn values() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let names = "alerts|labels|status|data|event|build|action|commits|repository|incident|heartbeat|monitor|resource|url|id|\
                 severity|alertname|summary|title|name|object_kind|object_attributes|pull_request|workflow_run|release|push|changes";
    let names: Vec<&str> = names.split('|').collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,300}".prop_map(Value::from),
        select(vec!["firing", "<@all>", "```", "https://evil.example.org/)", "2026-11-27T09:30:00Z", "\u{202e}"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        let fields = vec((select(names.clone()), inner.clone()), 0..8);
        let object =
            fields.prop_map(|fields| fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        prop_oneof![vec(inner, 0..8).prop_map(Value::Array), object.prop_map(Value::Object)]
    })
}

fn read_by_all(headers: &BTreeMap<String, String>, value: &serde_json::Value) {
    for preset in ALL {
        let says = preset.signal(headers, value).says.unwrap_or_default();
        assert!(says.len() <= LONGEST, "{} says {} bytes", preset.name, says.len());
    }
}

proptest! {
    #[test]
    fn a_body_of_any_bytes_and_any_type_is_read_or_refused(kind in kinds(), is_event: bool, body in bodies()) {
        let version = is_event.then(|| ("ce-specversion".to_owned(), "1.0".to_owned()));
        let headers = BTreeMap::from_iter([("content-type".to_owned(), kind)].into_iter().chain(version));
        if let Ok(value) = body::read(&headers, &body) {
            read_by_all(&headers, &value);
        }
    }

    #[test]
    fn a_value_of_any_form_is_told_shortly_or_not(event in "[a-z_]{0,20}|pull_request|push|issue", value in values()) {
        let headers = ["x-github-event", "x-gitlab-event", "x-event-key", "sentry-hook-resource"];
        read_by_all(&headers.map(|name| (name.to_owned(), event.clone())).into(), &value);
    }
}
