//! An Adaptive Card as a value: its parts, the check that Webex accepts it, and the text shown where cards are not.

use std::time::Duration;

use serde_json::{Value, json};

use super::actions::Action;
use super::button::each_submit;
use super::check;
use super::elements::Element;
use super::finding::CardError;

/// An Adaptive Card of version 1.3, for a [`Reply`](crate::Reply).
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    pub(super) content: Value,
    /// How long its buttons work, if the card says so itself.
    pub(super) lives: Option<Duration>,
    /// The command whose actions its buttons call, if the card says so itself.
    pub(super) command: Option<String>,
}

impl Default for Card {
    fn default() -> Self {
        Card::new()
    }
}

impl Card {
    /// An empty card.
    pub fn new() -> Card {
        let content = json!({"type": "AdaptiveCard", "version": "1.3", "body": [], "actions": []});
        Card { content, lives: None, command: None }
    }

    /// Makes a card from the JSON of a template. The `data` of an `Action.Submit` says what the button does:
    /// `{"action": "go", "arguments": {"service": "api"}}` or `{"say": "status"}`. It may add `"only": "asker"`,
    /// `"only": {"people": ["alice@example.com"]}` and `"repeatable": true`. All of it is sealed.
    ///
    /// # Errors
    /// The error names the path of the part that Webex would refuse, or of the button that is wrong. Fix the card.
    pub fn from_json(content: Value) -> Result<Card, CardError> {
        let card = Card { content, lives: None, command: None };
        card.check()?;
        Ok(card)
    }

    /// Makes a card from JSON that somebody else wrote. Each button calls this action of the command that answers, any
    /// number of times, in place of whatever it did before.
    ///
    /// # Errors
    /// The error names the path of the part that Webex would refuse, or of the button that is wrong. Fix the card.
    pub fn from_foreign(mut content: Value, action: &str) -> Result<Card, CardError> {
        each_submit(&mut content, &mut |submit| {
            submit.insert("data".to_owned(), json!({"action": action, "repeatable": true}));
            Ok(())
        })?;
        Card::from_json(content)
    }

    /// Adds an element below the others.
    #[must_use]
    pub fn with(self, element: impl Into<Element>) -> Card {
        self.push("body", element.into().0)
    }

    /// Adds a button below the card. Webex's documentation allows five.
    #[must_use]
    pub fn action(self, action: impl Into<Action>) -> Card {
        self.push("actions", action.into().0)
    }

    /// Sets how long its buttons work. The default and the maximum are `cards.expire`.
    #[must_use]
    pub fn lives(mut self, lives: Duration) -> Card {
        self.lives = Some(lives);
        self
    }

    /// Makes its buttons call actions of this command. The default is the command that shows the card. A card that the
    /// bot shows unasked has no such default.
    #[must_use]
    pub fn calls(mut self, command: &str) -> Card {
        self.command = Some(command.to_owned());
        self
    }

    pub(crate) fn command(&self) -> Option<&str> {
        self.command.as_deref()
    }

    /// Checks that Webex would show the card and that every button says what it does. The card is checked again before
    /// it is sent. Then each action that a button calls must also be one of the command's. If that check fails, it is
    /// logged, and the card's text is sent alone.
    ///
    /// # Errors
    /// The error names the path of the part that Webex would refuse, or of the button that is wrong. Fix the card.
    pub fn check(&self) -> Result<(), CardError> {
        check::card(&self.content).map(drop)
    }

    /// The parts of the card that Webex may refuse or not show, as far as that is known: more than five buttons in a
    /// row, an address that is not https, more than 15 KB. Such a card is sent, and the log warns.
    ///
    /// # Errors
    /// The same errors as [`Card::check`].
    pub fn doubts(&self) -> Result<Vec<CardError>, CardError> {
        let mut doubts = check::card(&self.content)?;
        doubts.extend(check::size(&self.content));
        Ok(doubts)
    }

    /// Whether it has a button that submits something.
    pub(crate) fn has_submit(&self) -> bool {
        let mut has = false;
        let each = each_submit(&mut self.content.clone(), &mut |_| {
            has = true;
            Ok(())
        });
        // The check of the card reports a wrong button.
        drop(each);
        has
    }

    /// The actions that its buttons call.
    pub(crate) fn actions(&self) -> Vec<String> {
        let mut named = Vec::new();
        let each = each_submit(&mut self.content.clone(), &mut |submit| {
            named.extend(submit.get("data").and_then(|data| data["action"].as_str()).map(str::to_owned));
            Ok(())
        });
        // The check of the card reports a wrong button.
        drop(each);
        named
    }

    /// The text shown where cards are not: the texts of the card, as markdown.
    pub(crate) fn fallback(&self) -> String {
        let mut texts = Vec::new();
        collect_texts(&self.content, &mut texts);
        if texts.is_empty() { "A card.".to_owned() } else { texts.join("\n\n") }
    }

    /// Whether a button in this JSON submits, wherever it stands.
    pub(crate) fn submits(content: &Value) -> bool {
        let refuse = |_: &mut _| super::finding::wrong("", "it submits");
        each_submit(&mut content.clone(), &mut { refuse }).is_err()
    }

    /// Its JSON.
    pub(crate) fn into_json(self) -> Value {
        self.content
    }

    fn push(mut self, list: &str, item: Value) -> Card {
        if let Some(list) = self.content[list].as_array_mut() {
            list.push(item);
        }
        self
    }
}

impl Action {
    /// Unfolds another card below this one.
    pub fn show_card(title: &str, card: Card) -> Action {
        Action(json!({"type": "Action.ShowCard", "title": title, "card": card.content}))
    }
}

/// Collects the texts of a card, in order.
fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        // A hidden element is left out.
        Value::Object(fields) if fields.get("isVisible") == Some(&Value::Bool(false)) => {}
        Value::Object(fields) => {
            let field = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            match field("type") {
                Some("TextBlock") => texts.extend(field("text").map(str::to_owned)),
                Some("TextRun") => texts.extend(field("text").map(crate::text::escape)),
                Some(kind) if kind.starts_with("Input.") => texts.extend(field("label").map(crate::text::escape)),
                Some(_) | None => {}
            }
            // Only a fact has a title and a value but no type.
            if let (Some(title), Some(value), None) = (field("title"), field("value"), field("type")) {
                texts.push(format!("**{title}** {value}"));
            }
            for list in ["items", "columns", "facts", "inlines", "body"] {
                fields.get(list).into_iter().for_each(|list| collect_texts(list, texts));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Column, Input, Submit, Text};

    #[test]
    fn a_card_without_text_beside_it_is_told_in_words() {
        let card = Card::new()
            .with(Text::new("**Deploy?**").large())
            .with(Element::facts([("Service", "api"), ("Version", "1.2")]))
            .with(Element::columns([Column::new().with(Text::foreign("a*b")), Column::new()]))
            .with(Input::text("why").label("Why"))
            .action(Submit::new("Go", "go"));
        card.check().unwrap();
        assert_eq!(card.fallback(), "**Deploy?**\n\n**Service** api\n\n**Version** 1.2\n\na\\*b\n\nWhy");
        assert_eq!(Card::new().action(Submit::new("Go", "go")).fallback(), "A card.");
    }

    #[test]
    fn a_foreign_card_cannot_choose_what_its_buttons_do() {
        let foreign = json!({"type": "AdaptiveCard", "version": "1.3",
            "body": [{"type": "Container", "items": [],
                "selectAction": {"type": "Action.Submit", "data": {"action": "other"}}}],
            "actions": [{"type": "Action.Submit", "data": {"seal": "x", "say": "status"}}, {"type": "Action.Submit"}]});
        assert!(Card::from_json(foreign.clone()).is_err());
        let card = Card::from_foreign(foreign, "submitted").unwrap();
        let data = json!({"action": "submitted", "repeatable": true});
        assert_eq!(card.content["body"][0]["selectAction"]["data"], data);
        assert_eq!((&card.content["actions"][0]["data"], &card.content["actions"][1]["data"]), (&data, &data));
    }
}
