//! Checks Adaptive Cards as Webex does: it accepts version 1.3 and the elements that it shows. Everything else is
//! refused with its path.

use serde_json::Value;

const CARD: &str = "application/vnd.microsoft.card.adaptive";
/// The most bytes of JSON. Webex names no figure; people report refusals from about this size on.
const LARGEST: usize = 22 * 1024;
/// How deep elements can be nested. No real card nests deeper.
const DEEPEST: usize = 16;

/// Each element with its required fields, and the fields that are lists.
const ELEMENTS: [(&str, &[&str], &[&str]); 16] = [
    ("TextBlock", &["text"], &[]),
    ("RichTextBlock", &["inlines"], &[]),
    ("Image", &["url"], &[]),
    ("ImageSet", &["images"], &["images"]),
    ("FactSet", &["facts"], &[]),
    ("Container", &[], &["items"]),
    ("ColumnSet", &[], &["columns"]),
    ("Column", &[], &["items"]),
    ("ActionSet", &["actions"], &["actions"]),
    ("Input.Text", &["id"], &[]),
    ("Input.Number", &["id"], &[]),
    ("Input.Date", &["id"], &[]),
    ("Input.Time", &["id"], &[]),
    ("Input.Toggle", &["id", "title"], &[]),
    ("Input.ChoiceSet", &["id", "choices"], &[]),
    ("TextRun", &["text"], &[]),
];
const ACTIONS: [(&str, &[&str]); 4] = [
    ("Action.Submit", &[]),
    ("Action.OpenUrl", &["url"]),
    ("Action.ShowCard", &["card"]),
    ("Action.ToggleVisibility", &["targetElements"]),
];

/// Fields that have to be `true` or `false`. Some of Webex's apps do not show a card in which one is a text.
///
/// This is a copy of the list in `card/fields.rs` on purpose: the simulator must not rely on the bot's own check.
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

/// The most buttons in one row. The card itself has a row, and each ActionSet has one.
pub(crate) fn longest_row(value: &Value) -> usize {
    let inner = match value {
        Value::Array(items) => items.iter().map(longest_row).max(),
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "data").map(|(_, field)| longest_row(field)).max()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    };
    inner.unwrap_or(0).max(value["actions"].as_array().map_or(0, Vec::len))
}

/// What is wrong with the one attachment of a message.
pub(crate) fn problem(attachment: &Value) -> Option<String> {
    if attachment["contentType"] != CARD {
        return Some(format!("contentType is not {CARD}"));
    }
    let card = &attachment["content"];
    if card.to_string().len() > LARGEST {
        return Some(format!("it is larger than {LARGEST} bytes"));
    }
    match card["version"].as_str() {
        Some("1.0" | "1.1" | "1.2" | "1.3") => {}
        Some(other) => return Some(format!("version {other} is not one of 1.0 to 1.3")),
        None => return Some("version is missing".to_owned()),
    }
    of_card(card, "", 0)
}

fn of_card(card: &Value, path: &str, depth: usize) -> Option<String> {
    if card["type"] != "AdaptiveCard" {
        return Some(format!("{path}type is not AdaptiveCard"));
    }
    of_list(card, "body", path, depth, of_element).or_else(|| of_list(card, "actions", path, depth, of_action))
}

fn of_list(
    parent: &Value,
    name: &str,
    path: &str,
    depth: usize,
    of_item: fn(&Value, &str, usize) -> Option<String>,
) -> Option<String> {
    match &parent[name] {
        Value::Null => None,
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| of_item(item, &format!("{path}{name}[{index}]."), depth + 1)),
        _ => Some(format!("{path}{name} is not a list")),
    }
}

fn of_element(element: &Value, path: &str, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return Some(format!("{path} is nested deeper than {DEEPEST} levels"));
    }
    // A column need not say that it is one.
    let kind = match element["type"].as_str() {
        Some(kind) => kind,
        None if path.contains("columns[") && path.ends_with("].") => "Column",
        None => return Some(format!("{path}type is missing")),
    };
    let Some((_, needed, lists)) = ELEMENTS.iter().find(|(known, ..)| *known == kind) else {
        return unknown(element, path, depth, of_element);
    };
    let wrong = fields(element, needed, path);
    let in_lists = || {
        lists.iter().find_map(|list| {
            of_list(element, list, path, depth, if *list == "actions" { of_action } else { of_element })
        })
    };
    let of_select = || match &element["selectAction"] {
        Value::Null => None,
        action => of_action(action, &format!("{path}selectAction."), depth + 1),
    };
    wrong.or_else(in_lists).or_else(of_select)
}

fn of_action(action: &Value, path: &str, depth: usize) -> Option<String> {
    let Some(kind) = action["type"].as_str() else { return Some(format!("{path}type is missing")) };
    let Some((_, needed)) = ACTIONS.iter().find(|(known, _)| *known == kind) else {
        return unknown(action, path, depth, of_action);
    };
    fields(action, needed, path).or_else(|| match kind {
        "Action.ShowCard" if depth > DEEPEST => Some(format!("{path} is nested deeper than {DEEPEST} levels")),
        "Action.ShowCard" => of_card(&action["card"], &format!("{path}card."), depth + 1),
        _ => None,
    })
}

/// Checks an unknown element, which has to have a fallback.
fn unknown(
    thing: &Value,
    path: &str,
    depth: usize,
    of_item: fn(&Value, &str, usize) -> Option<String>,
) -> Option<String> {
    match &thing["fallback"] {
        Value::String(drop) if drop == "drop" => None,
        Value::Object(_) => of_item(&thing["fallback"], &format!("{path}fallback."), depth + 1),
        _ => Some(format!("{path}type {} is not supported", thing["type"])),
    }
}

fn fields(thing: &Value, needed: &[&str], path: &str) -> Option<String> {
    let missing = needed.iter().find(|name| thing[**name].is_null()).map(|name| format!("{path}{name} is missing"));
    missing.or_else(|| {
        let is_odd = |name: &&&str| !matches!(thing[**name], Value::Null | Value::Bool(_));
        BOOLEANS.iter().find(is_odd).map(|name| format!("{path}{name} is neither true nor false"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(body: Value, actions: Value) -> Option<String> {
        let content = json!({"type": "AdaptiveCard", "version": "1.3", "body": body, "actions": actions});
        problem(&json!({"contentType": CARD, "content": content}))
    }

    #[test]
    fn what_webex_shows_passes() {
        let body = json!([
            {"type": "TextBlock", "text": "hello"},
            {"type": "ColumnSet", "columns": [{"items": [{"type": "Image", "url": "https://x.test/a.png"}]}]},
            {"type": "Input.Toggle", "id": "a", "title": "b", "value": "true", "separator": true},
            {"type": "Container"},
            {"type": "Table", "fallback": "drop"},
            {"type": "Carousel", "fallback": {"type": "TextBlock", "text": "instead"}},
        ]);
        let inner = json!({"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "c"}]});
        let actions = json!([{"type": "Action.Submit"}, {"type": "Action.ShowCard", "title": "more", "card": inner}]);
        assert_eq!(of(body, actions), None);
    }

    #[test]
    fn what_it_does_not_is_named_by_its_path() {
        for (body, actions, about) in [
            (json!([{"type": "TextBlock"}]), json!([]), "body[0].text is missing"),
            (json!([{"type": "Media"}]), json!([]), "body[0].type \"Media\" is not supported"),
            (json!([{"text": "hello"}]), json!([]), "body[0].type is missing"),
            (json!({}), json!([]), "body is not a list"),
            (
                json!([{"type": "Container", "items": [{"type": "Image"}]}]),
                json!([]),
                "body[0].items[0].url is missing",
            ),
            (
                json!([{"type": "Container", "items": [{"type": "TextBlock", "text": "a", "wrap": "True"}]}]),
                json!([]),
                "body[0].items[0].wrap is neither true nor false",
            ),
            (json!([]), json!([{"type": "Action.Execute"}]), "actions[0].type \"Action.Execute\" is not supported"),
            (json!([]), json!([{"type": "Action.OpenUrl"}]), "actions[0].url is missing"),
            (
                json!([{"type": "Container", "items": [], "selectAction": {"type": "Action.Run"}}]),
                json!([]),
                "body[0].selectAction.type \"Action.Run\" is not supported",
            ),
            (
                json!([]),
                json!([{"type": "Action.ShowCard", "card": {"type": "AdaptiveCard", "body": [{"type": "Input.Text"}]}}]),
                "actions[0].card.body[0].id is missing",
            ),
        ] {
            assert_eq!(of(body, actions).as_deref(), Some(about));
        }
    }

    #[test]
    fn version_size_and_depth_have_limits() {
        let card = |content: Value| problem(&json!({"contentType": CARD, "content": content})).unwrap();
        assert_eq!(card(json!({"type": "AdaptiveCard"})), "version is missing");
        assert!(card(json!({"type": "AdaptiveCard", "version": "1.5"})).contains("1.5"));
        assert!(
            card(json!({"type": "AdaptiveCard", "version": "1.3", "speak": "a".repeat(LARGEST)})).contains("larger")
        );
        assert!(problem(&json!({"contentType": "text/plain"})).unwrap().contains("contentType"));
        let deep = (0..20)
            .fold(json!({"type": "TextBlock", "text": "x"}), |inner, _| json!({"type": "Container", "items": [inner]}));
        assert!(of(json!([deep]), json!([])).unwrap().contains("deeper"));
    }
}
