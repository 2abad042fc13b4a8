//! What Webex takes for a card, and what we hold to besides: the path of what is wrong is named before anything is sent.

use std::collections::HashSet;

use serde_json::Value;

use super::seal::{SEAL, Wish};

/// Webex names no figure; refusals are reported from about 22 KB on, and all is well below this.
const LARGEST: usize = 15 * 1024;

/// Buttons of one card, as Webex's documentation has it. A card that unfolds has its own.
const MOST_BUTTONS: usize = 5;

/// No card that people make nests deeper.
const DEEPEST: usize = 12;

const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

/// What is wrong with a card.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct CardError {
    /// Where: `body[2].items[0].type`.
    pub path: String,
    /// What, and what would be right.
    pub problem: String,
}

type Checked = Result<(), CardError>;

pub(super) fn card(content: &Value) -> Checked {
    size(content)?;
    if !content["version"].as_str().is_some_and(|version| VERSIONS.contains(&version)) {
        return wrong("version", "has to be one of 1.0, 1.1, 1.2 and 1.3, in quotes");
    }
    urls(content, "")?;
    let mut checker = Checker::default();
    checker.card(content, "", 0)
}

/// Asked again once the buttons are sealed, which makes them longer.
pub(super) fn size(content: &Value) -> Checked {
    let bytes = content.to_string().len();
    if bytes > LARGEST {
        return wrong("the card", format!("has {bytes} bytes of JSON, and {LARGEST} are the most"));
    }
    Ok(())
}

/// Each gets a seal of some hundred bytes.
const MOST_SUBMITS: usize = 25;

#[derive(Default)]
struct Checker {
    inputs: HashSet<String>,
    /// Of the card that is looked at.
    buttons: usize,
    /// Of all cards in one another, in buttons or not.
    submits: usize,
}

impl Checker {
    fn card(&mut self, card: &Value, path: &str, depth: usize) -> Checked {
        if card["type"] != "AdaptiveCard" {
            return wrong(format!("{path}type"), "has to be AdaptiveCard");
        }
        let outer = std::mem::take(&mut self.buttons);
        if !card["body"].is_null() {
            self.each(card, "body", path, depth, Checker::element)?;
        }
        if !card["actions"].is_null() {
            self.actions(card, path, depth)?;
        }
        self.buttons = outer;
        Ok(())
    }

    fn element(&mut self, element: &Value, path: &str, depth: usize) -> Checked {
        if !element["fallback"].is_null() {
            return wrong(format!("{path}fallback"), "is not taken: nothing here is of a later version");
        }
        match needed(element, "type", path)? {
            "TextBlock" => text(element, "text", path)?,
            "RichTextBlock" => {
                self.each(element, "inlines", path, depth, |checker, inline, path, depth| match &inline["type"] {
                    Value::Null if inline.is_string() => Ok(()),
                    kind if kind == "TextRun" => {
                        text(inline, "text", path).and_then(|()| checker.select(inline, path, depth))
                    }
                    _ => wrong(format!("{path}type"), "has to be TextRun"),
                })?
            }
            "Image" => needed(element, "url", path).map(drop)?,
            "ImageSet" => self.each(element, "images", path, depth, |checker, image, path, depth| {
                if image["type"] != "Image" {
                    return wrong(format!("{path}type"), "has to be Image");
                }
                checker.element(image, path, depth)
            })?,
            "FactSet" => self.each(element, "facts", path, depth, |_, fact, path, _| {
                text(fact, "title", path)?;
                text(fact, "value", path)
            })?,
            "Container" => self.each(element, "items", path, depth, Checker::element)?,
            "ColumnSet" => self.each(element, "columns", path, depth, Checker::column)?,
            "ActionSet" => self.actions(element, path, depth)?,
            "Input.Text" | "Input.Number" | "Input.Date" | "Input.Time" => self.input(element, path)?,
            "Input.Toggle" => {
                self.input(element, path)?;
                text(element, "title", path)?;
            }
            "Input.ChoiceSet" => {
                self.input(element, path)?;
                let several = element["isMultiSelect"] == true;
                self.each(element, "choices", path, depth, |_, choice, path, _| {
                    needed(choice, "title", path)?;
                    let value = needed(choice, "value", path)?;
                    if several && value.contains(',') {
                        return wrong(format!("{path}value"), "holds a comma, by which Webex joins what was chosen");
                    }
                    Ok(())
                })?;
            }
            _ => {
                let problem = format!("{} is no element that Webex shows", element["type"]);
                return wrong(format!("{path}type"), problem);
            }
        }
        self.select(element, path, depth)
    }

    /// A column need not say that it is one.
    fn column(&mut self, column: &Value, path: &str, depth: usize) -> Checked {
        if !column["type"].is_null() && column["type"] != "Column" {
            return wrong(format!("{path}type"), "has to be Column");
        }
        if !column["items"].is_null() {
            self.each(column, "items", path, depth, Checker::element)?;
        }
        self.select(column, path, depth)
    }

    fn select(&mut self, element: &Value, path: &str, depth: usize) -> Checked {
        match &element["selectAction"] {
            Value::Null => Ok(()),
            action if action["type"] == "Action.ShowCard" => {
                wrong(format!("{path}selectAction.type"), "Action.ShowCard has to be a button")
            }
            action => self.action(action, &format!("{path}selectAction."), depth + 1),
        }
    }

    fn input(&mut self, input: &Value, path: &str) -> Checked {
        let id = needed(input, "id", path)?;
        if id == SEAL {
            return wrong(format!("{path}id"), format!("\"{SEAL}\" is taken; choose another"));
        }
        if !self.inputs.insert(id.to_owned()) {
            return wrong(format!("{path}id"), format!("\"{id}\" is another input's too"));
        }
        let required = input["isRequired"] == true;
        if required && input["errorMessage"].as_str().is_none_or(str::is_empty) {
            return wrong(format!("{path}errorMessage"), "has to say what is missing, since the input is required");
        }
        Ok(())
    }

    fn actions(&mut self, parent: &Value, path: &str, depth: usize) -> Checked {
        self.each(parent, "actions", path, depth, |checker, action, path, depth| {
            checker.buttons += 1;
            if checker.buttons > MOST_BUTTONS {
                let place = path.trim_end_matches('.');
                return wrong(place, format!("is a button too many; a card has {MOST_BUTTONS} at most"));
            }
            checker.action(action, path, depth)
        })
    }

    fn action(&mut self, action: &Value, path: &str, depth: usize) -> Checked {
        match needed(action, "type", path)? {
            "Action.Submit" if self.submits == MOST_SUBMITS => {
                wrong(path.trim_end_matches('.'), format!("is one submit too many; a card has {MOST_SUBMITS} at most"))
            }
            "Action.Submit" => match Wish::of(&action["data"]) {
                Ok(_) => {
                    self.submits += 1;
                    Ok(())
                }
                Err(problem) => wrong(format!("{path}data"), problem),
            },
            "Action.OpenUrl" => needed(action, "url", path).map(drop),
            "Action.ShowCard" if depth > DEEPEST => wrong(path, "is nested too deeply"),
            "Action.ShowCard" => self.card(&action["card"], &format!("{path}card."), depth + 1),
            "Action.ToggleVisibility" => self.each(action, "targetElements", path, depth, |_, _, _, _| Ok(())),
            _ => wrong(format!("{path}type"), format!("{} is no action that Webex knows", action["type"])),
        }
    }

    fn each(
        &mut self,
        parent: &Value,
        name: &str,
        path: &str,
        depth: usize,
        check: impl Fn(&mut Checker, &Value, &str, usize) -> Checked,
    ) -> Checked {
        let Some(items) = parent[name].as_array() else { return wrong(format!("{path}{name}"), "has to be a list") };
        if depth > DEEPEST {
            return wrong(format!("{path}{name}"), "is nested too deeply");
        }
        for (nth, item) in items.iter().enumerate() {
            check(self, item, &format!("{path}{name}[{nth}]."), depth + 1)?;
        }
        Ok(())
    }
}

/// A text, which may be empty: what it says may come from elsewhere.
fn text(thing: &Value, name: &str, path: &str) -> Checked {
    if thing[name].is_string() { Ok(()) } else { wrong(format!("{path}{name}"), "has to be a text") }
}

fn needed<'a>(thing: &'a Value, name: &str, path: &str) -> Result<&'a str, CardError> {
    let text = thing[name].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| CardError { path: format!("{path}{name}"), problem: "has to be a text".to_owned() })
}

/// What is fetched or opened is so by https, wherever in the card it stands.
fn urls(value: &Value, path: &str) -> Checked {
    match value {
        Value::Array(items) => {
            let path = path.trim_end_matches('.');
            items.iter().enumerate().try_for_each(|(nth, item)| urls(item, &format!("{path}[{nth}].")))
        }
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "data").try_for_each(|(name, value)| {
                match (name.as_str(), value.as_str()) {
                    ("url" | "iconUrl" | "backgroundImage" | "poster", Some(url)) if !is_https(url) => {
                        wrong(format!("{path}{name}"), "has to be a whole https address")
                    }
                    _ => urls(value, &format!("{path}{name}.")),
                }
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn is_https(address: &str) -> bool {
    url::Url::parse(address).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

fn wrong<T>(path: impl Into<String>, problem: impl Into<String>) -> Result<T, CardError> {
    Err(CardError { path: path.into(), problem: problem.into() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(body: Value, actions: Value) -> Result<(), String> {
        let content = json!({"type": "AdaptiveCard", "version": "1.3", "body": body, "actions": actions});
        card(&content).map_err(|error| error.to_string())
    }

    #[test]
    fn what_webex_shows_passes() {
        let body = json!([
            {"type": "TextBlock", "text": "hello"},
            {"type": "RichTextBlock", "inlines": ["a", {"type": "TextRun", "text": "b"}]},
            {"type": "ColumnSet", "columns": [{"items": [{"type": "Image", "url": "https://x.test/a.png"}]}]},
            {"type": "FactSet", "facts": [{"title": "a", "value": "b"}]},
            {"type": "Input.Toggle", "id": "a", "title": "b", "isRequired": true, "errorMessage": "c"},
            {"type": "Input.ChoiceSet", "id": "b", "choices": [{"title": "a", "value": "b,c"}]},
        ]);
        let inner = json!({"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "c"}]});
        let actions = json!([
            {"type": "Action.Submit", "data": {"action": "go", "arguments": {"url": "http://is.data"}}},
            {"type": "Action.ShowCard", "title": "more", "card": inner},
            {"type": "Action.ToggleVisibility", "targetElements": ["a"]},
            {"type": "Action.OpenUrl", "url": "https://x.test"},
        ]);
        assert_eq!(of(body, actions), Ok(()));
    }

    #[test]
    fn what_it_does_not_show_is_named_by_its_path() {
        let text = |text: &str| json!({"type": "TextBlock", "text": text});
        let buttons = |count: usize| vec![json!({"type": "Action.OpenUrl", "url": "https://x.test"}); count];
        for (body, actions, about) in [
            (json!([{"type": "TextBlock"}]), json!([]), "body[0].text: has to be a text"),
            (
                json!([text("a"), text("b"), {"type": "Container", "items": [{"type": "Media"}]}]),
                json!([]),
                "body[2].items[0].type: \"Media\" is no element that Webex shows",
            ),
            (json!([{"text": "hello"}]), json!([]), "body[0].type: has to be a text"),
            (json!({}), json!([]), "body: has to be a list"),
            (json!([]), json!([{"type": "Action.Execute"}]), "actions[0].type: \"Action.Execute\" is no action"),
            (
                json!([]),
                json!([{"type": "Action.OpenUrl", "url": "http://x.test"}]),
                "actions[0].url: has to be a whole",
            ),
            (
                json!([{"type": "Image", "url": "data:image/png;base64,aa"}]),
                json!([]),
                "body[0].url: has to be a whole",
            ),
            (
                json!([{"type": "Container", "items": [], "backgroundImage": {"url": "//x.test"}}]),
                json!([]),
                "body[0].backgroundImage.url: has",
            ),
            (
                json!([{"type": "Container", "items": [], "selectAction": {"type": "Action.ShowCard"}}]),
                json!([]),
                "body[0].selectAction.type: ",
            ),
            (
                json!([{"type": "Input.Text", "id": "a"}, {"type": "Input.Date", "id": "a"}]),
                json!([]),
                "body[1].id: \"a\" is another",
            ),
            (json!([{"type": "Input.Text", "id": "seal"}]), json!([]), "body[0].id: \"seal\" is taken"),
            (json!([{"type": "Input.Text", "id": "a", "isRequired": true}]), json!([]), "body[0].errorMessage: "),
            (
                json!([{"type": "Input.ChoiceSet", "id": "a", "isMultiSelect": true, "choices": [{"title": "a", "value": "b,c"}]}]),
                json!([]),
                "body[0].choices[0].value: holds a comma",
            ),
            (json!([]), json!(buttons(6)), "actions[5]: is a button too many"),
            (
                json!([{"type": "ActionSet", "actions": buttons(3)}]),
                json!(buttons(3)),
                "actions[2]: is a button too many",
            ),
            (json!([]), json!([{"type": "Action.Submit"}]), "actions[0].data: "),
            (
                json!([]),
                json!([{"type": "Action.Submit", "data": {"action": "a", "argument": {}}}]),
                "actions[0].data: unknown field `argument`",
            ),
            (json!([]), json!([{"type": "Action.Submit", "data": {"action": "a", "say": "b"}}]), "actions[0].data: "),
        ] {
            let error = of(body, actions).unwrap_err();
            assert!(error.starts_with(about), "{error}, where {about} is expected");
        }
        let inner = json!({"type": "AdaptiveCard", "actions": buttons(5)});
        assert_eq!(of(json!([]), json!([{"type": "Action.ShowCard", "card": inner}])), Ok(()), "it has its own five");
    }

    #[test]
    fn version_size_and_depth_have_limits() {
        let error = |content: Value| card(&content).unwrap_err().to_string();
        assert!(error(json!({"type": "AdaptiveCard"})).starts_with("version: "));
        assert!(error(json!({"type": "AdaptiveCard", "version": "1.5"})).starts_with("version: "));
        assert!(error(json!({"type": "Card", "version": "1.3"})).starts_with("type: "));
        assert!(error(json!({"version": "1.3", "speak": "a".repeat(LARGEST)})).starts_with("the card: has "));
        assert!(error(json!([])).starts_with("version: "));
        let deep = (0..20)
            .fold(json!({"type": "TextBlock", "text": "x"}), |inner, _| json!({"type": "Container", "items": [inner]}));
        assert!(of(json!([deep]), json!([])).unwrap_err().contains("nested too deeply"));
    }
}
