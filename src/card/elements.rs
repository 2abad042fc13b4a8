//! The elements of a card. Each has its own type, so nothing can be put where Webex does not accept it.

use serde_json::{Value, json};

use super::actions::Action;
use crate::text::escape;

/// An element of a card's body.
#[derive(Clone, Debug, PartialEq)]
pub struct Element(pub(super) Value);

impl Element {
    /// A picture at an https address, and the text that is read out in its place.
    pub fn image(url: &str, alt: &str) -> Element {
        Element(json!({"type": "Image", "url": url, "altText": alt}))
    }

    /// Titles with their values. Both are markdown.
    pub fn facts<T: Into<String>, V: Into<String>>(facts: impl IntoIterator<Item = (T, V)>) -> Element {
        let fact = |(title, value): (T, V)| json!({"title": title.into(), "value": value.into()});
        let facts: Vec<_> = facts.into_iter().map(fact).collect();
        Element(json!({"type": "FactSet", "facts": facts}))
    }

    /// Columns side by side.
    pub fn columns(columns: impl IntoIterator<Item = Column>) -> Element {
        let columns: Vec<_> = columns.into_iter().map(|column| column.0).collect();
        Element(json!({"type": "ColumnSet", "columns": columns}))
    }

    /// Elements that belong together.
    pub fn container(items: impl IntoIterator<Item = Element>) -> Element {
        let items: Vec<_> = items.into_iter().map(|item| item.0).collect();
        Element(json!({"type": "Container", "items": items}))
    }

    /// Buttons within the card, in a row of their own. Webex's documentation allows five.
    pub fn actions(actions: impl IntoIterator<Item = Action>) -> Element {
        let actions: Vec<_> = actions.into_iter().map(|action| action.0).collect();
        Element(json!({"type": "ActionSet", "actions": actions}))
    }

    /// Names the element for [`Action::toggle`]. An input has a name already.
    #[must_use]
    pub fn named(mut self, id: &str) -> Element {
        self.0["id"] = id.into();
        self
    }

    /// Hides the element until it is toggled.
    #[must_use]
    pub fn hidden(mut self) -> Element {
        self.0["isVisible"] = false.into();
        self
    }
}

/// A text. Webex renders markdown in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Text(Value);

impl Text {
    /// A text in markdown.
    pub fn new(markdown: impl Into<String>) -> Text {
        Text(json!({"type": "TextBlock", "text": markdown.into(), "wrap": true}))
    }

    /// A text that somebody else wrote. No markdown in it takes effect.
    pub fn foreign(text: &str) -> Text {
        Text::new(escape(text))
    }

    /// Shows the text as a heading.
    #[must_use]
    pub fn large(mut self) -> Text {
        (self.0["size"], self.0["weight"]) = ("Large".into(), "Bolder".into());
        self
    }

    /// Shows the text less prominently than the rest.
    #[must_use]
    pub fn subtle(mut self) -> Text {
        self.0["isSubtle"] = true.into();
        self
    }
}

impl From<Text> for Element {
    fn from(text: Text) -> Self {
        Element(text.0)
    }
}

/// One of the columns of [`Element::columns`].
#[derive(Clone, Debug, PartialEq)]
pub struct Column(Value);

impl Default for Column {
    fn default() -> Self {
        Column::new()
    }
}

impl Column {
    /// A column whose width is its share.
    pub fn new() -> Column {
        Column(json!({"type": "Column", "width": "stretch", "items": []}))
    }

    /// Makes the column only as wide as its content.
    #[must_use]
    pub fn narrow(mut self) -> Column {
        self.0["width"] = "auto".into();
        self
    }

    /// Adds an element below the others.
    #[must_use]
    pub fn with(mut self, element: impl Into<Element>) -> Column {
        if let Some(items) = self.0["items"].as_array_mut() {
            items.push(element.into().0);
        }
        self
    }
}

/// A field that somebody fills in. [`Inputs`](crate::Inputs) has the value by the field's id. Webex checks the rules
/// set here only in its own apps; somebody who clicks through the API can send anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Input(Value);

impl Input {
    /// A line of text.
    pub fn text(id: &str) -> Input {
        Input(json!({"type": "Input.Text", "id": id}))
    }

    /// Several lines of text.
    pub fn lines(id: &str) -> Input {
        Input(json!({"type": "Input.Text", "id": id, "isMultiline": true}))
    }

    /// A number within these limits.
    pub fn number(id: &str, least: f64, most: f64) -> Input {
        Input(json!({"type": "Input.Number", "id": id, "min": least, "max": most}))
    }

    /// A day.
    pub fn date(id: &str) -> Input {
        Input(json!({"type": "Input.Date", "id": id}))
    }

    /// A time of day.
    pub fn time(id: &str) -> Input {
        Input(json!({"type": "Input.Time", "id": id}))
    }

    /// Yes or no.
    pub fn toggle(id: &str, title: &str) -> Input {
        Input(json!({"type": "Input.Toggle", "id": id, "title": title}))
    }

    /// One of these choices. Each is a title and a value.
    pub fn choice(id: &str, choices: &[(&str, &str)]) -> Input {
        let choices: Vec<_> = choices.iter().map(|(title, value)| json!({"title": title, "value": value})).collect();
        Input(json!({"type": "Input.ChoiceSet", "id": id, "choices": choices}))
    }

    /// Any number of these choices. No value may contain a comma.
    pub fn choices(id: &str, choices: &[(&str, &str)]) -> Input {
        let mut input = Input::choice(id, choices);
        input.0["isMultiSelect"] = true.into();
        input
    }

    /// Sets the label above the field.
    #[must_use]
    pub fn label(mut self, label: &str) -> Input {
        self.0["label"] = label.into();
        self
    }

    /// Sets the value that the field has at first.
    #[must_use]
    pub fn value(mut self, value: &str) -> Input {
        self.0["value"] = value.into();
        self
    }

    /// Makes the field one that must be filled in.
    #[must_use]
    pub fn required(mut self) -> Input {
        self.0["isRequired"] = true.into();
        if self.0["errorMessage"].is_null() {
            self.0["errorMessage"] = "This is needed.".into();
        }
        self
    }

    /// Sets the message shown if the field is not filled in correctly.
    #[must_use]
    pub fn error(mut self, message: &str) -> Input {
        self.0["errorMessage"] = message.into();
        self
    }
}

impl From<Input> for Element {
    fn from(input: Input) -> Self {
        Element(input.0)
    }
}
