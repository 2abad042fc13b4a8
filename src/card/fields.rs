//! Checks single fields of a card, wherever they are: addresses, texts, and values that must be true or false.

use serde_json::Value;
use url::Url;

use super::finding::{CardError, finding, wrong};

const ADDRESSES: [&str; 4] = ["url", "iconUrl", "backgroundImage", "poster"];

/// The fields that must be `true` or `false`. The simulator has its own copy on purpose, so that it does not judge by
/// this check.
const BOOLEANS: [&str; 12] = [
    "bleed",
    "highlight",
    "isMultiSelect",
    "isMultiline",
    "isRequired",
    "isSubtle",
    "isVisible",
    "italic",
    "separator",
    "strikethrough",
    "underline",
    "wrap",
];

/// Schemes whose addresses run a program, or open a file of the person who clicks.
const HARMFUL: [&str; 4] = ["javascript", "vbscript", "file", "blob"];

/// Checks every field, and adds the doubts. The `data` of a button is skipped.
pub(super) fn check(value: &Value, path: &str, doubts: &mut Vec<CardError>) -> Result<(), CardError> {
    match value {
        Value::Array(items) => {
            let path = path.trim_end_matches('.');
            let mut items = items.iter().enumerate();
            items.try_for_each(|(nth, item)| check(item, &format!("{path}[{nth}]."), doubts))
        }
        Value::Object(fields) => fields.iter().filter(|(name, _)| *name != "data").try_for_each(|(name, value)| {
            let place = format!("{path}{name}");
            match value {
                Value::String(address) if ADDRESSES.contains(&name.as_str()) => {
                    let opens = fields.get("type").is_some_and(|kind| kind == "Action.OpenUrl");
                    doubts.extend(self::address(address, opens, place)?);
                    Ok(())
                }
                Value::Bool(_) | Value::Null => Ok(()),
                _ if BOOLEANS.contains(&name.as_str()) => {
                    wrong(place, "has to be true or false, without quotes; else Webex does not show the card")
                }
                value => check(value, &format!("{place}."), doubts),
            }
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

/// The doubt about an address that Webex may not fetch or open.
fn address(address: &str, opens: bool, place: String) -> Result<Option<CardError>, CardError> {
    let Ok(url) = Url::parse(address) else { return wrong(place, "has to be a whole address, such as https://...") };
    match url.scheme() {
        "https" if url.has_host() => Ok(None),
        harmful if HARMFUL.contains(&harmful) || (opens && harmful == "data") => {
            wrong(place, format!("is a {harmful}: address, which Switchboard puts into no card"))
        }
        "data" => Ok(Some(finding(place, "is a data: address, of which Webex's documents say nothing"))),
        other => Ok(Some(finding(place, format!("is a {other}: address; https is what Webex is known to take")))),
    }
}

/// Checks that the field is a text. It may be empty, since it may come from somewhere else.
pub(super) fn text(thing: &Value, name: &str, path: &str) -> Result<(), CardError> {
    if thing[name].is_string() { Ok(()) } else { wrong(format!("{path}{name}"), "has to be a text") }
}

pub(super) fn needed<'a>(thing: &'a Value, name: &str, path: &str) -> Result<&'a str, CardError> {
    let text = thing[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| finding(format!("{path}{name}"), "has to be a text that is not empty"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_address_is_fine_doubtful_or_none_of_ours() {
        let about = |field: Value| {
            let mut doubts = Vec::new();
            match check(&json!([field]), "body", &mut doubts) {
                Ok(()) => doubts.pop().map_or_else(|| "fine".to_owned(), |doubt| format!("doubt {doubt}")),
                Err(error) => error.to_string(),
            }
        };
        for (field, expected) in [
            (json!({"url": "https://x.test"}), "fine"),
            (json!({"data": {"url": "anything"}}), "fine"),
            (json!({"url": "data:image/png;base64,aa"}), "doubt body[0].url: is a data: address"),
            (json!({"url": "http://x.test"}), "doubt body[0].url: is a http: address"),
            (json!({"type": "Action.OpenUrl", "url": "mailto:a@x.test"}), "doubt body[0].url: is a mailto: address"),
            (json!({"type": "Action.OpenUrl", "url": "data:text/html,a"}), "body[0].url: is a data: address, which"),
            (json!({"url": "JavaScript:alert(1)"}), "body[0].url: is a javascript: address, which"),
            (json!({"url": "//x.test"}), "body[0].url: has to be a whole address"),
            (json!({"backgroundImage": {"url": "a.png"}}), "body[0].backgroundImage.url: has to be a whole address"),
            (json!({"backgroundImage": "a.png"}), "body[0].backgroundImage: has to be a whole address"),
        ] {
            let found = about(field);
            assert!(found.starts_with(expected), "{found}, where {expected} is expected");
        }
    }

    #[test]
    fn what_is_true_or_false_is_so_without_quotes() {
        for value in [json!("True"), json!("true"), json!(1), json!({}), json!(["true"])] {
            for name in BOOLEANS {
                let error = check(&json!({"items": [{name: value}]}), "", &mut Vec::new()).unwrap_err();
                assert!(error.path == format!("items[0].{name}") && error.problem.starts_with("has to be true or"));
            }
        }
        let fine = json!({"wrap": true, "isVisible": null, "value": "true", "data": {"wrap": "True"}});
        assert_eq!(check(&fine, "", &mut Vec::new()), Ok(()));
    }
}
