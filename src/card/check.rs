//! What a card has to be: by the schema of Adaptive Cards, which Webex holds a card to, and by rules of our own, which say
//! so. Whatever is wrong is named by its path before anything is sent. Of some things nobody knows what Webex makes of
//! them; these are doubts, and the card is sent.

use std::collections::HashSet;

use serde_json::Value;

use super::fields::{self, needed, text};
use super::finding::{CardError, finding, wrong};
use super::seal::{SEAL, Wish};

/// Bytes of JSON. Webex names no figure; refusals are reported from about 22 KB on, and all is well below this.
const LARGE: usize = 15 * 1024;

/// Buttons in one row, as Webex's documentation has it; seven were seen accepted. A card has a row, and so has each
/// ActionSet.
const BUTTONS_IN_ROW: usize = 5;

/// No card that people make nests deeper, and what looks at one calls itself for each level.
const DEEPEST: usize = 12;

/// Webex's documentation names 1.3 as the newest.
const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

type Checked = Result<(), CardError>;

/// Gives the doubts, but for the size: the buttons grow when they are sealed.
pub(super) fn card(content: &Value) -> Result<Vec<CardError>, CardError> {
    if !content["version"].as_str().is_some_and(|version| VERSIONS.contains(&version)) {
        return wrong("version", "has to be one of 1.0, 1.1, 1.2 and 1.3, in quotes");
    }
    let mut checker = Checker::default();
    checker.card(content, "", 0)?;
    fields::check(content, "", &mut checker.doubts)?;
    Ok(checker.doubts)
}

/// Whether Webex may find it too large.
pub(super) fn size(content: &Value) -> Option<CardError> {
    let bytes = content.to_string().len();
    let problem =
        || format!("has {bytes} bytes of JSON; Webex names no limit, and refusals of large cards are reported");
    (bytes > LARGE).then(|| finding("the card", problem()))
}

#[derive(Default)]
struct Checker {
    inputs: HashSet<String>,
    doubts: Vec<CardError>,
}

impl Checker {
    fn card(&mut self, card: &Value, path: &str, depth: usize) -> Checked {
        if card["type"] != "AdaptiveCard" {
            return wrong(format!("{path}type"), "has to be AdaptiveCard");
        }
        self.list(card, "body", path, depth, Checker::element)?;
        if !card["actions"].is_null() {
            self.actions(card, path, depth)?;
        }
        self.select(card, path, depth)
    }

    fn element(&mut self, element: &Value, path: &str, depth: usize) -> Checked {
        self.fallback(element, path, depth, Checker::element)?;
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
            "Container" => self.list(element, "items", path, depth, Checker::element)?,
            "ColumnSet" => self.list(element, "columns", path, depth, Checker::column)?,
            "ActionSet" => self.actions(element, path, depth)?,
            "Input.Text" | "Input.Number" | "Input.Date" | "Input.Time" => self.input(element, path)?,
            "Input.Toggle" => {
                self.input(element, path)?;
                text(element, "title", path)?;
            }
            "Input.ChoiceSet" => self.choices(element, path, depth)?,
            _ => {
                let problem = format!("{} is no element of Adaptive Cards that Webex shows", element["type"]);
                return wrong(format!("{path}type"), problem);
            }
        }
        self.select(element, path, depth)
    }

    fn choices(&mut self, element: &Value, path: &str, depth: usize) -> Checked {
        self.input(element, path)?;
        let several = element["isMultiSelect"] == true;
        self.each(element, "choices", path, depth, |checker, choice, path, _| {
            text(choice, "title", path)?;
            text(choice, "value", path)?;
            match choice["value"].as_str() {
                Some("") => {
                    let problem = "is empty, which may not be told from nothing chosen";
                    checker.doubts.push(finding(format!("{path}value"), problem));
                    Ok(())
                }
                Some(value) if several && value.contains(',') => {
                    let problem = "holds a comma, by which Webex joins what was chosen: Switchboard could not \
                                   tell it from two choices";
                    wrong(format!("{path}value"), problem)
                }
                Some(_) | None => Ok(()),
            }
        })
    }

    /// A column need not say that it is one.
    fn column(&mut self, column: &Value, path: &str, depth: usize) -> Checked {
        if !column["type"].is_null() && column["type"] != "Column" {
            return wrong(format!("{path}type"), "has to be Column");
        }
        self.fallback(column, path, depth, Checker::column)?;
        self.list(column, "items", path, depth, Checker::element)?;
        self.select(column, path, depth)
    }

    /// What takes the place of a thing where that cannot be shown.
    fn fallback(
        &mut self,
        thing: &Value,
        path: &str,
        depth: usize,
        check: impl Fn(&mut Checker, &Value, &str, usize) -> Checked,
    ) -> Checked {
        let place = format!("{path}fallback");
        match &thing["fallback"] {
            Value::Null => return Ok(()),
            Value::String(word) if word == "drop" => {}
            Value::Object(_) if depth > DEEPEST => return too_deep(place),
            instead @ Value::Object(_) => check(self, instead, &format!("{place}."), depth + 1)?,
            _ => return wrong(place, "has to be \"drop\" or what takes its place"),
        }
        self.doubts.push(finding(place, "is nothing that Webex's documents name"));
        Ok(())
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
            return wrong(
                format!("{path}id"),
                format!("\"{SEAL}\" is what Switchboard calls the seal of a button; choose another"),
            );
        }
        if !self.inputs.insert(id.to_owned()) {
            return wrong(
                format!("{path}id"),
                format!("\"{id}\" is another input's too, and one answer would hide the other"),
            );
        }
        let required = input["isRequired"] == true;
        if required && input["errorMessage"].as_str().is_none_or(str::is_empty) {
            let problem = "is missing, so nobody is told what is wrong where the input, which is required, is empty";
            self.doubts.push(finding(format!("{path}errorMessage"), problem));
        }
        Ok(())
    }

    /// A row of buttons.
    fn actions(&mut self, parent: &Value, path: &str, depth: usize) -> Checked {
        let buttons = parent["actions"].as_array().map_or(0, Vec::len);
        if buttons > BUTTONS_IN_ROW {
            let problem = format!("are {buttons} buttons in one row; Webex's documents allow {BUTTONS_IN_ROW}");
            self.doubts.push(finding(format!("{path}actions"), problem));
        }
        self.each(parent, "actions", path, depth, Checker::action)
    }

    fn action(&mut self, action: &Value, path: &str, depth: usize) -> Checked {
        self.fallback(action, path, depth, Checker::action)?;
        match needed(action, "type", path)? {
            "Action.Submit" => match Wish::of(&action["data"]) {
                Ok(_) => Ok(()),
                Err(problem) => wrong(format!("{path}data"), problem),
            },
            "Action.OpenUrl" => needed(action, "url", path).map(drop),
            "Action.ShowCard" if depth > DEEPEST => too_deep(path.trim_end_matches('.')),
            "Action.ShowCard" => self.card(&action["card"], &format!("{path}card."), depth + 1),
            "Action.ToggleVisibility" => self.each(action, "targetElements", path, depth, |_, _, _, _| Ok(())),
            kind => wrong(format!("{path}type"), format!("{kind:?} is no action of Adaptive Cards that Webex shows")),
        }
    }

    /// A list that may be missing.
    fn list(
        &mut self,
        parent: &Value,
        name: &str,
        path: &str,
        depth: usize,
        check: impl Fn(&mut Checker, &Value, &str, usize) -> Checked,
    ) -> Checked {
        if parent[name].is_null() { Ok(()) } else { self.each(parent, name, path, depth, check) }
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
            return too_deep(format!("{path}{name}"));
        }
        for (nth, item) in items.iter().enumerate() {
            check(self, item, &format!("{path}{name}[{nth}]."), depth + 1)?;
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
