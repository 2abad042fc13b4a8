//! What a Webex app sends when somebody fills in a card and presses a button.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Map, Value};

use crate::simulator::shown;

/// What a person fills into a card, by the ids of the inputs.
#[derive(Clone, Debug, Default)]
pub struct Filled(Map<String, Value>);

/// No inputs.
impl From<()> for Filled {
    fn from((): ()) -> Filled {
        Filled::default()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Filled {
    fn from(inputs: [(&str, &str); N]) -> Filled {
        Filled(inputs.into_iter().map(|(id, value)| (id.to_owned(), value.into())).collect())
    }
}

/// A JSON object with a value for each input; several choices are a list.
impl From<Value> for Filled {
    fn from(inputs: Value) -> Filled {
        match inputs {
            Value::Object(inputs) => Filled(inputs),
            _ => Filled::default(),
        }
    }
}

/// The data of a click: what the button itself sends, and a value for each input of the card.
pub(super) fn fill(card: &Value, title: &str, Filled(mut filled): Filled) -> anyhow::Result<Value> {
    let buttons = shown::buttons(card);
    let titles = || buttons.iter().map(|button| button.title).collect::<Vec<_>>().join(", ");
    let button = buttons.iter().find(|button| button.title == title);
    let button = button.with_context(|| format!("the card has no button {title}; it has: {}", titles()))?;
    let mut sent = button.data.clone().with_context(|| format!("the bot does not hear of the button {title}"))?;
    let inputs = shown::inputs(card);
    for input in &inputs {
        let id = shown::text(input, "id");
        let value = match filled.remove(id) {
            Some(value) => chosen(input, &value)?,
            None => untouched(input),
        };
        let is_required = input.get("isRequired") == Some(&Value::Bool(true));
        ensure!(!(is_required && value.is_empty()), "the input {id} is required");
        sent.insert(id.to_owned(), value.into());
    }
    if let Some((id, _)) = filled.into_iter().next() {
        let ids: Vec<_> = inputs.iter().map(|input| shown::text(input, "id")).collect();
        bail!("the card has no input {id}; it has: {}", ids.join(", "));
    }
    Ok(Value::Object(sent))
}

/// The value of an input that the person left as it is.
fn untouched(input: &Value) -> String {
    match input.get("value") {
        Some(value) => shown::plain(value),
        None if shown::kind(input) == "Input.Toggle" => {
            input.get("valueOff").map_or_else(|| "false".to_owned(), shown::plain)
        }
        None => String::new(),
    }
}

/// The text that an app sends for a value. Apps send everything as text.
fn chosen(input: &Value, value: &Value) -> anyhow::Result<String> {
    let values = match value {
        Value::Array(values) => values.iter().map(shown::plain).collect(),
        value => vec![shown::plain(value)],
    };
    let choices: Vec<_> = shown::choices(input).collect();
    let is_known = |value: &String| choices.is_empty() || choices.contains(&value.as_str());
    if let Some(unknown) = values.iter().find(|value| !is_known(value)) {
        bail!("{unknown} is no choice of {}; there are: {}", shown::text(input, "id"), choices.join(", "));
    }
    Ok(values.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn card() -> Value {
        json!({"body": [
            {"type": "Input.ChoiceSet", "id": "size", "isRequired": true, "isMultiSelect": true,
             "choices": [{"title": "L", "value": "large"}, {"title": "S", "value": "small"}]},
            {"type": "Input.Toggle", "id": "hot", "title": "Hot"},
            {"type": "Input.Number", "id": "count", "value": 1},
        ], "actions": [
            {"type": "Action.Submit", "title": "Order", "data": {"seal": "x"}},
            {"type": "Action.OpenUrl", "title": "Menu", "url": "https://example.com"},
        ]})
    }

    #[test]
    fn everything_is_sent_as_a_text_with_what_nobody_touched() {
        let sent = fill(&card(), "Order", json!({"size": ["large", "small"], "count": 2}).into()).unwrap();
        assert_eq!(sent, json!({"seal": "x", "size": "large,small", "hot": "false", "count": "2"}));
    }

    #[test]
    fn what_no_app_would_send_is_refused_with_what_there_is() {
        let wrong = |title, inputs: Value| fill(&card(), title, inputs.into()).unwrap_err().to_string();
        assert_eq!(wrong("Buy", json!({})), "the card has no button Buy; it has: Order, Menu");
        assert_eq!(wrong("Menu", json!({})), "the bot does not hear of the button Menu");
        assert_eq!(wrong("Order", json!({})), "the input size is required");
        assert_eq!(wrong("Order", json!({"size": "huge"})), "huge is no choice of size; there are: large, small");
        let unknown = wrong("Order", json!({"size": "large", "colour": "red"}));
        assert_eq!(unknown, "the card has no input colour; it has: size, hot, count");
    }
}
