//! Shows a card as text: what people read, fill in and press, from top to bottom.

use serde_json::{Map, Value};

/// A button with its title.
pub(crate) struct Button<'a> {
    pub(crate) title: &'a str,
    /// What the button sends besides the inputs. None for a button of which the bot gets no click.
    pub(crate) data: Option<Map<String, Value>>,
}

/// A card as lines of text.
pub(crate) fn lines(card: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    for_each(card, 0, &mut |element, depth| {
        if let Some(line) = line(element) {
            lines.push(format!("{}{line}", "  ".repeat(depth)));
        }
    });
    lines
}

/// Every button of a card, including those on cards that a button unfolds.
pub(crate) fn buttons(card: &Value) -> Vec<Button<'_>> {
    let mut buttons = Vec::new();
    for_each(card, 0, &mut |element, _| {
        if kind(element).starts_with("Action.") {
            let data = (kind(element) == "Action.Submit")
                .then(|| element.get("data").and_then(Value::as_object).cloned().unwrap_or_default());
            buttons.push(Button { title: text(element, "title"), data });
        }
    });
    buttons
}

/// Every input of a card.
pub(crate) fn inputs(card: &Value) -> Vec<&Value> {
    let mut inputs = Vec::new();
    for_each(card, 0, &mut |element, _| {
        if kind(element).starts_with("Input.") {
            inputs.push(element);
        }
    });
    inputs
}

/// The title of the button that was pressed, and what was filled in.
pub(crate) fn pressed(card: &Value, sent: &Value) -> Option<String> {
    let sent = sent.as_object()?;
    let sends = |button: &Button<'_>| {
        let data = button.data.as_ref();
        data.is_some_and(|data| data.iter().all(|(key, value)| sent.get(key) == Some(value)))
    };
    let button = buttons(card).into_iter().find(sends)?;
    let is_filled = |key: &str| button.data.as_ref().is_none_or(|data| !data.contains_key(key));
    let filled = sent.iter().filter(|(key, value)| is_filled(key) && **value != "");
    let filled: Vec<_> = filled.map(|(key, value)| format!("{key}={}", plain(value))).collect();
    let filled = if filled.is_empty() { String::new() } else { format!(" ({})", filled.join(", ")) };
    Some(format!("{}{filled}", button.title))
}

/// A value as a person would type it.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Visits each element that is shown, from top to bottom. `depth` counts the cards around it.
fn for_each<'a>(element: &'a Value, depth: usize, see: &mut impl FnMut(&'a Value, usize)) {
    if element.get("isVisible") == Some(&Value::Bool(false)) {
        return;
    }
    see(element, depth);
    for field in ["body", "items", "columns", "images", "actions"] {
        for inner in element.get(field).and_then(Value::as_array).into_iter().flatten() {
            for_each(inner, depth, see);
        }
    }
    if let Some(inner) = element.get("card") {
        for_each(inner, depth + 1, see);
    }
}

/// The line that an element itself shows.
fn line(element: &Value) -> Option<String> {
    let title = || text(element, "title").to_owned();
    let list = |field: &str| element.get(field).and_then(Value::as_array).into_iter().flatten();
    match kind(element) {
        "TextBlock" => Some(text(element, "text").to_owned()),
        "RichTextBlock" => Some(list("inlines").map(|run| run.as_str().unwrap_or_else(|| text(run, "text"))).collect()),
        "FactSet" => {
            let facts = list("facts").map(|fact| format!("{}: {}", text(fact, "title"), text(fact, "value")));
            Some(facts.collect::<Vec<_>>().join("; "))
        }
        "Image" => Some(format!("[image {}]", text(element, "altText"))),
        "Action.OpenUrl" => Some(format!("<{}: {}>", title(), text(element, "url"))),
        action if action.starts_with("Action.") => Some(format!("<{}>", title())),
        input if input.starts_with("Input.") => Some(field(element)),
        _ => None,
    }
}

/// An input as text: its label, its id, its choices, and its value.
fn field(input: &Value) -> String {
    let label = [text(input, "label"), text(input, "title"), text(input, "placeholder")];
    let label = label.into_iter().find(|label| !label.is_empty()).unwrap_or_default();
    let choices: Vec<_> = choices(input).collect();
    let what = if choices.is_empty() { kind(input)["Input.".len()..].to_lowercase() } else { choices.join(" | ") };
    let value = input.get("value").map(|value| format!(" = {}", plain(value))).unwrap_or_default();
    format!("{label} [{}: {what}{value}]", text(input, "id")).trim_start().to_owned()
}

/// The values that can be chosen in an input.
pub(crate) fn choices(input: &Value) -> impl Iterator<Item = &str> {
    input.get("choices").and_then(Value::as_array).into_iter().flatten().map(|choice| text(choice, "value"))
}

/// The type of an element.
pub(crate) fn kind(element: &Value) -> &str {
    text(element, "type")
}

/// The text in a field.
pub(crate) fn text<'a>(element: &'a Value, field: &str) -> &'a str {
    element.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card() -> Value {
        let sizes = json!([{"title": "Large", "value": "large"}, {"title": "Small", "value": "small"}]);
        json!({
            "type": "AdaptiveCard",
            "body": [
                {"type": "TextBlock", "text": "What would you like?"},
                {"type": "ColumnSet", "columns": [{"type": "Column", "items": [
                    {"type": "FactSet", "facts": [{"title": "Today", "value": "pizza"}]},
                ]}]},
                {"type": "Input.ChoiceSet", "id": "size", "label": "Size", "value": "large", "choices": sizes},
                {"type": "TextBlock", "text": "a seal", "isVisible": false},
            ],
            "actions": [
                {"type": "Action.Submit", "title": "Order", "data": {"do": 1}},
                {"type": "Action.ShowCard", "title": "More", "card": {"type": "AdaptiveCard", "body": [
                    {"type": "Input.Text", "id": "note", "placeholder": "A wish"},
                ], "actions": [{"type": "Action.Submit", "title": "Ask", "data": {"do": 2}}]}},
            ],
        })
    }

    #[test]
    fn a_card_is_read_from_the_top_down_without_what_is_hidden() {
        let expected = [
            "What would you like?",
            "Today: pizza",
            "Size [size: large | small = large]",
            "<Order>",
            "<More>",
            "  A wish [note: text]",
            "  <Ask>",
        ];
        assert_eq!(lines(&card()), expected);
    }

    #[test]
    fn a_click_is_told_by_its_button_and_what_was_filled_in() {
        let told = |sent: Value| pressed(&card(), &sent);
        assert_eq!(told(json!({"do": 2, "note": "hot", "size": ""})).as_deref(), Some("Ask (note=hot)"));
        assert_eq!(told(json!({"do": 3})), None);
    }
}
