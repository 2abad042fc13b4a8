//! Checks a card before it is sent: by the schema of Adaptive Cards, which Webex applies, and by rules of our own,
//! whose errors say that they are ours. An error names its path. If nobody knows what Webex makes of something, it is a
//! doubt, and the card is sent.

use std::collections::HashSet;

use serde_json::Value;

use super::button::{ButtonSpec, SEAL};
use super::fields::{self, needed, text};
use super::finding::{CardError, finding, wrong};

/// The size in bytes of JSON at which there is a doubt. Webex names no limit; refusals are reported from about 22 KB
/// on.
const LARGE: usize = 15 * 1024;

/// The most buttons in one row of a card or an ActionSet, by Webex's documentation; it was seen to accept seven.
const BUTTONS_IN_ROW: usize = 5;

/// The deepest nesting of a card. Cards that people make are less deep, and the checker calls itself for each level.
const DEEPEST: usize = 12;

/// The versions that Webex accepts. Its documentation names 1.3 as the newest.
const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

type Checked = Result<(), CardError>;

/// Checks a card and gives its doubts. The size is not among them, since sealed buttons are larger.
pub(super) fn card(content: &Value) -> Result<Vec<CardError>, CardError> {
    if !content["version"].as_str().is_some_and(|version| VERSIONS.contains(&version)) {
        return wrong("version", "has to be one of 1.0, 1.1, 1.2 and 1.3, in quotes");
    }
    let mut checker = Checker::default();
    checker.card(Part { json: content, path: "", depth: 0 })?;
    fields::check(content, "", &mut checker.doubts)?;
    Ok(checker.doubts)
}

/// The doubt about the size, if the card is large.
pub(super) fn size(content: &Value) -> Option<CardError> {
    let bytes = content.to_string().len();
    let problem =
        || format!("has {bytes} bytes of JSON; Webex names no limit, and refusals of large cards are reported");
    (bytes > LARGE).then(|| finding("the card", problem()))
}

/// A part of a card: its JSON, its path, and its depth.
#[derive(Clone, Copy)]
struct Part<'a> {
    json: &'a Value,
    path: &'a str,
    depth: usize,
}

impl Part<'_> {
    fn has_type(&self, name: &str) -> bool {
        self.json["type"] == name
    }

    fn needed(&self, name: &str) -> Result<&str, CardError> {
        needed(self.json, name, self.path)
    }

    fn text(&self, name: &str) -> Checked {
        text(self.json, name, self.path)
    }

    fn wrong(&self, name: &str, problem: impl Into<String>) -> Checked {
        wrong(format!("{}{name}", self.path), problem)
    }

    fn doubt(&self, name: &str, problem: impl Into<String>) -> CardError {
        finding(format!("{}{name}", self.path), problem)
    }
}

#[derive(Default)]
struct Checker {
    inputs: HashSet<String>,
    doubts: Vec<CardError>,
}

impl Checker {
    fn card(&mut self, card: Part<'_>) -> Checked {
        if !card.has_type("AdaptiveCard") {
            return card.wrong("type", "has to be AdaptiveCard");
        }
        self.list(card, "body", Checker::element)?;
        if !card.json["actions"].is_null() {
            self.actions(card)?;
        }
        self.select(card)
    }

    fn element(&mut self, element: Part<'_>) -> Checked {
        self.fallback(element, Checker::element)?;
        match element.needed("type")? {
            "TextBlock" => element.text("text")?,
            "RichTextBlock" => self.each(element, "inlines", |checker, inline| match &inline.json["type"] {
                Value::Null if inline.json.is_string() => Ok(()),
                kind if kind == "TextRun" => inline.text("text").and_then(|()| checker.select(inline)),
                _ => inline.wrong("type", "has to be TextRun"),
            })?,
            "Image" => element.needed("url").map(drop)?,
            "ImageSet" => self.each(element, "images", |checker, image| match image.has_type("Image") {
                true => checker.element(image),
                false => image.wrong("type", "has to be Image"),
            })?,
            "FactSet" => {
                self.each(element, "facts", |_, fact| fact.text("title").and_then(|()| fact.text("value")))?;
            }
            "Container" => self.list(element, "items", Checker::element)?,
            "ColumnSet" => self.list(element, "columns", Checker::column)?,
            "ActionSet" => self.actions(element)?,
            "Input.Text" | "Input.Number" | "Input.Date" | "Input.Time" => self.input(element)?,
            "Input.Toggle" => {
                self.input(element)?;
                element.text("title")?;
            }
            "Input.ChoiceSet" => {
                self.input(element)?;
                let several = element.json["isMultiSelect"] == true;
                self.each(element, "choices", |checker, choice| checker.choice(choice, several))?;
            }
            _ => {
                let problem = format!("{} is no element of Adaptive Cards that Webex shows", element.json["type"]);
                return element.wrong("type", problem);
            }
        }
        self.select(element)
    }

    /// Checks a choice of an input that takes one or several.
    fn choice(&mut self, choice: Part<'_>, several: bool) -> Checked {
        choice.text("title")?;
        choice.text("value")?;
        match choice.json["value"].as_str() {
            Some("") => {
                self.doubts.push(choice.doubt("value", "is empty, which may not be told from nothing chosen"));
                Ok(())
            }
            Some(value) if several && value.contains(',') => {
                let problem = "holds a comma, by which Webex joins what was chosen: Switchboard could not tell it from two \
                               choices";
                choice.wrong("value", problem)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Checks a column, which need not name its type.
    fn column(&mut self, column: Part<'_>) -> Checked {
        if !column.json["type"].is_null() && !column.has_type("Column") {
            return column.wrong("type", "has to be Column");
        }
        self.fallback(column, Checker::column)?;
        self.list(column, "items", Checker::element)?;
        self.select(column)
    }

    /// Checks the replacement for a part that cannot be shown.
    fn fallback(&mut self, thing: Part<'_>, check: impl Fn(&mut Checker, Part<'_>) -> Checked) -> Checked {
        let (path, depth) = (format!("{}fallback", thing.path), thing.depth);
        match &thing.json["fallback"] {
            Value::Null => return Ok(()),
            Value::String(word) if word == "drop" => {}
            Value::Object(_) if depth > DEEPEST => return too_deep(path),
            json @ Value::Object(_) => check(self, Part { json, path: &format!("{path}."), depth: depth + 1 })?,
            _ => return wrong(path, "has to be \"drop\" or what takes its place"),
        }
        self.doubts.push(finding(path, "is nothing that Webex's documents name"));
        Ok(())
    }

    fn select(&mut self, element: Part<'_>) -> Checked {
        match &element.json["selectAction"] {
            Value::Null => Ok(()),
            action if action["type"] == "Action.ShowCard" => {
                element.wrong("selectAction.type", "Action.ShowCard has to be a button")
            }
            json => {
                let path = format!("{}selectAction.", element.path);
                self.action(Part { json, path: &path, depth: element.depth + 1 })
            }
        }
    }

    fn input(&mut self, input: Part<'_>) -> Checked {
        let id = input.needed("id")?;
        if id == SEAL {
            let problem = format!("\"{SEAL}\" is what Switchboard calls the seal of a button; choose another");
            return input.wrong("id", problem);
        }
        if !self.inputs.insert(id.to_owned()) {
            let problem = format!("\"{id}\" is another input's too, and one answer would hide the other");
            return input.wrong("id", problem);
        }
        if input.json["isRequired"] == true && input.json["errorMessage"].as_str().is_none_or(str::is_empty) {
            let problem = "is missing, so nobody is told what is wrong where the input, which is required, is empty";
            self.doubts.push(input.doubt("errorMessage", problem));
        }
        Ok(())
    }

    /// Checks a row of buttons.
    fn actions(&mut self, parent: Part<'_>) -> Checked {
        let buttons = parent.json["actions"].as_array().map_or(0, Vec::len);
        if buttons > BUTTONS_IN_ROW {
            let problem = format!("are {buttons} buttons in one row; Webex's documents allow {BUTTONS_IN_ROW}");
            self.doubts.push(parent.doubt("actions", problem));
        }
        self.each(parent, "actions", Checker::action)
    }

    fn action(&mut self, action: Part<'_>) -> Checked {
        self.fallback(action, Checker::action)?;
        match action.needed("type")? {
            "Action.Submit" => match ButtonSpec::read(&action.json["data"]) {
                Ok(_) => Ok(()),
                Err(problem) => action.wrong("data", problem),
            },
            "Action.OpenUrl" => action.needed("url").map(drop),
            "Action.ShowCard" if action.depth > DEEPEST => too_deep(action.path.trim_end_matches('.')),
            "Action.ShowCard" => {
                let path = format!("{}card.", action.path);
                self.card(Part { json: &action.json["card"], path: &path, depth: action.depth + 1 })
            }
            "Action.ToggleVisibility" => self.each(action, "targetElements", |_, _| Ok(())),
            kind => action.wrong("type", format!("{kind:?} is no action of Adaptive Cards that Webex shows")),
        }
    }

    /// Checks a list that may be missing.
    fn list(&mut self, parent: Part<'_>, name: &str, check: impl Fn(&mut Checker, Part<'_>) -> Checked) -> Checked {
        if parent.json[name].is_null() { Ok(()) } else { self.each(parent, name, check) }
    }

    fn each(&mut self, parent: Part<'_>, name: &str, check: impl Fn(&mut Checker, Part<'_>) -> Checked) -> Checked {
        let Some(items) = parent.json[name].as_array() else { return parent.wrong(name, "has to be a list") };
        let Part { path, depth, .. } = parent;
        if depth > DEEPEST {
            return too_deep(format!("{path}{name}"));
        }
        for (nth, json) in items.iter().enumerate() {
            check(self, Part { json, path: &format!("{path}{name}[{nth}]."), depth: depth + 1 })?;
        }
        Ok(())
    }
}

fn too_deep(path: impl Into<String>) -> Checked {
    wrong(path, format!("is nested too deeply: Switchboard looks at {DEEPEST} levels"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The doubts.
    fn of(body: Value, actions: Value) -> Result<Vec<String>, String> {
        let content = json!({"type": "AdaptiveCard", "version": "1.3", "body": body, "actions": actions});
        let told = |doubts: Vec<CardError>| doubts.iter().map(CardError::to_string).collect();
        card(&content).map(told).map_err(|error| error.to_string())
    }

    fn buttons(count: usize) -> Vec<Value> {
        vec![json!({"type": "Action.OpenUrl", "url": "https://x.test"}); count]
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
            {"type": "Container"},
            {"type": "ColumnSet"},
            {"type": "ActionSet", "actions": buttons(5)},
            {"type": "ActionSet", "actions": buttons(5)},
        ]);
        let inner = json!({"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "c"}]});
        let actions = json!([
            {"type": "Action.Submit", "data": {"action": "go", "arguments": {"url": "http://is.data"}}},
            {"type": "Action.ShowCard", "title": "more", "card": inner},
            {"type": "Action.ToggleVisibility", "targetElements": ["a"]},
            {"type": "Action.OpenUrl", "url": "https://x.test"},
        ]);
        assert_eq!(of(body, actions), Ok(Vec::new()));
    }

    #[test]
    fn what_it_does_not_show_is_named_by_its_path() {
        let text = |text: &str| json!({"type": "TextBlock", "text": text});
        for (body, actions, about) in [
            (json!([{"type": "TextBlock"}]), json!([]), "body[0].text: has to be a text"),
            (
                json!([text("a"), text("b"), {"type": "Container", "items": [{"type": "Media"}]}]),
                json!([]),
                "body[2].items[0].type: \"Media\" is no element of Adaptive Cards that Webex shows",
            ),
            (json!([{"text": "hello"}]), json!([]), "body[0].type: has to be a text"),
            (json!({}), json!([]), "body: has to be a list"),
            (json!([]), json!([{"type": "Action.Execute"}]), "actions[0].type: \"Action.Execute\" is no action"),
            (json!([{"type": "Image", "url": "a.png"}]), json!([]), "body[0].url: has to be a whole address"),
            (
                json!([{"type": "TextBlock", "text": "a", "wrap": "True"}]),
                json!([]),
                "body[0].wrap: has to be true or false",
            ),
            (json!([{"type": "Container", "items": {}}]), json!([]), "body[0].items: has to be a list"),
            (json!([{"type": "Container", "fallback": "keep"}]), json!([]), "body[0].fallback: has to be \"drop\""),
            (
                json!([{"type": "Container", "fallback": {"type": "Media"}}]),
                json!([]),
                "body[0].fallback.type: \"Media\" is no element",
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
            (
                json!([{"type": "Input.Text", "id": "seal"}]),
                json!([]),
                "body[0].id: \"seal\" is what Switchboard calls",
            ),
            (
                json!([{"type": "Input.ChoiceSet", "id": "a", "isMultiSelect": true, "choices": [{"title": "a", "value": "b,c"}]}]),
                json!([]),
                "body[0].choices[0].value: holds a comma",
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
    }

    #[test]
    fn what_nobody_knows_of_is_a_doubt_and_no_mistake() {
        for (body, actions, about) in [
            (json!([]), json!(buttons(7)), "actions: are 7 buttons in one row; Webex's documents allow 5"),
            (json!([{"type": "ActionSet", "actions": buttons(6)}]), json!([]), "body[0].actions: are 6 buttons"),
            (
                json!([{"type": "Input.ChoiceSet", "id": "a", "choices": [{"title": "None", "value": ""}]}]),
                json!([]),
                "body[0].choices[0].value: is empty",
            ),
            (
                json!([{"type": "Image", "url": "data:image/png;base64,aa"}]),
                json!([]),
                "body[0].url: is a data: address",
            ),
            (json!([{"type": "Input.Text", "id": "a", "isRequired": true}]), json!([]), "body[0].errorMessage: "),
            (json!([{"type": "Container", "fallback": "drop"}]), json!([]), "body[0].fallback: is nothing that"),
            (
                json!([]),
                json!([{"type": "Action.OpenUrl", "url": "https://x.test", "fallback": {"type": "Action.Submit",
                    "data": {"say": "status"}}}]),
                "actions[0].fallback: is nothing that",
            ),
        ] {
            let doubts = of(body, actions).unwrap();
            assert!(
                matches!(&doubts[..], [doubt] if doubt.starts_with(about)),
                "{doubts:?}, where {about} is expected"
            );
        }
    }

    #[test]
    fn version_size_and_depth_have_limits() {
        let error = |content: Value| card(&content).unwrap_err().to_string();
        assert!(error(json!({"type": "AdaptiveCard"})).starts_with("version: "));
        assert!(error(json!({"type": "AdaptiveCard", "version": "1.5"})).starts_with("version: "));
        assert!(error(json!({"type": "Card", "version": "1.3"})).starts_with("type: "));
        let large = json!({"type": "AdaptiveCard", "version": "1.3", "speak": "a".repeat(LARGE)});
        assert_eq!(card(&large), Ok(Vec::new()));
        assert!(size(&large).unwrap().to_string().starts_with("the card: has 154"));
        assert_eq!(size(&json!({"speak": "a".repeat(LARGE - 12)})), None);
        assert!(error(json!([])).starts_with("version: "));
        let deep = (0..20)
            .fold(json!({"type": "TextBlock", "text": "x"}), |inner, _| json!({"type": "Container", "items": [inner]}));
        assert!(of(json!([deep]), json!([])).unwrap_err().contains("nested too deeply"));
        let deep =
            (0..20).fold(json!({"type": "Container"}), |inner, _| json!({"type": "Container", "fallback": inner}));
        assert!(of(json!([deep]), json!([])).unwrap_err().contains("nested too deeply"));
    }
}
