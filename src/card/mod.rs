//! Adaptive Cards: built from typed parts or taken as JSON, checked before they are sent, and their buttons sealed.
//!
//! ```
//! use switchboard::card::{Input, Submit, Text};
//! use switchboard::{Args, Card, Command, Context, Inputs, Param, Reply, Result};
//!
//! async fn deploy(_: Context, mut args: Args) -> Result<Reply> {
//!     let service = args.required("service")?;
//!     args.finish()?;
//!     let card = Card::new()
//!         .with(Text::foreign(&format!("Deploy {service}?")).large())
//!         .with(Input::choice("where", &[("Staging", "staging"), ("Production", "production")]).label("Where").required())
//!         .action(Submit::new("Deploy", "go").argument("service", service).for_asker());
//!     Ok(Reply::card(card))
//! }
//!
//! async fn go(context: Context, inputs: Inputs) -> Result<Reply> {
//!     let place = inputs.one_of("where", &["staging", "production"])?.unwrap_or("staging");
//!     // The argument was sealed when the card was made; nobody can have changed it.
//!     let service = inputs.argument("service").unwrap_or_default();
//!     Ok(Reply::text(format!("{} deploys {service} to {place}.", context.sender().email)))
//! }
//!
//! let command = Command::new("deploy", "Deploys a service", deploy).param(Param::text("service")).action("go", go);
//! # assert_eq!(command.name(), "deploy");
//! ```
//!
//! What people put into a card's inputs is theirs to choose, and anybody in the space may send any inputs to any card
//! through Webex's API. What a button does is not: it stands in the button under a seal, with the card, the bot and the
//! space, and who may press it until when. A button works once, unless it says otherwise.

mod actions;
mod check;
mod elements;
mod fields;
mod finding;
mod seal;

use std::time::Duration;

use serde_json::{Value, json};

pub use actions::{Action, Submit};
pub use elements::{Column, Element, Input, Text};
pub use finding::CardError;
pub(crate) use seal::{Button, Cards, Deed, Refusal, SEAL, Sealing, Venue, Vote, carries};

/// An Adaptive Card of version 1.3, for a [`Reply`](crate::Reply).
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    content: Value,
    lives: Option<Duration>,
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
        Card { content, lives: None }
    }

    /// From the JSON of a template. An `Action.Submit` in it says what it does by its `data`:
    /// `{"action": "go", "arguments": {"service": "api"}}` or `{"say": "status"}`, and if need be `"only": "asker"`,
    /// `"only": {"people": ["alice@example.com"]}` and `"repeatable": true`; all of it is sealed.
    ///
    /// # Errors
    /// What is wrong with it, by its path.
    pub fn from_json(content: Value) -> Result<Card, CardError> {
        let card = Card { content, lives: None };
        card.check()?;
        Ok(card)
    }

    /// From JSON that somebody else wrote: each button calls this action of the command that answers, again and again,
    /// whatever it would have done.
    ///
    /// # Errors
    /// What is wrong with it, by its path.
    pub fn from_foreign(mut content: Value, action: &str) -> Result<Card, CardError> {
        seal::each_submit(&mut content, &mut |submit| {
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

    /// Adds a button below the card. Webex's documents allow five.
    #[must_use]
    pub fn action(self, action: impl Into<Action>) -> Card {
        self.push("actions", action.into().0)
    }

    /// How long its buttons work; without it, as long as `cards.expire` says, which is also the most.
    #[must_use]
    pub fn lives(mut self, lives: Duration) -> Card {
        self.lives = Some(lives);
        self
    }

    /// Whether it is a card that Webex shows, and every button says what it does. It is asked again before the card is
    /// sent, and then each action that a button calls has to be one of the command's; a card that fails then is logged,
    /// and its text sent alone.
    ///
    /// # Errors
    /// What is wrong with it, by its path.
    pub fn check(&self) -> Result<(), CardError> {
        check::card(&self.content).map(drop)
    }

    /// What of it Webex may refuse or not show, as far as anybody knows: more than five buttons in a row, an address
    /// that is not https, more than 15 KB. Such a card is sent, and the log warns.
    ///
    /// # Errors
    /// As with [`Card::check`].
    pub fn doubts(&self) -> Result<Vec<CardError>, CardError> {
        let mut doubts = check::card(&self.content)?;
        doubts.extend(check::size(&self.content));
        Ok(doubts)
    }

    /// The actions that its buttons name.
    pub(crate) fn actions(&self) -> Vec<String> {
        let mut named = Vec::new();
        let each = seal::each_submit(&mut self.content.clone(), &mut |submit| {
            named.extend(submit.get("data").and_then(|data| data["action"].as_str()).map(str::to_owned));
            Ok(())
        });
        // A card that is wrong is told of when it is checked.
        drop(each);
        named
    }

    /// What takes its place where cards are not shown: its texts, as markdown.
    pub(super) fn fallback(&self) -> String {
        let mut said = Vec::new();
        read(&self.content, &mut said);
        if said.is_empty() { "A card.".to_owned() } else { said.join("\n\n") }
    }

    fn push(mut self, list: &str, item: Value) -> Card {
        if let Some(list) = self.content[list].as_array_mut() {
            list.push(item);
        }
        self
    }
}

/// The texts of a card in the order in which they stand.
fn read(value: &Value, said: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| read(item, said)),
        // What a card does not show, its words do not tell.
        Value::Object(fields) if fields.get("isVisible") == Some(&Value::Bool(false)) => {}
        Value::Object(fields) => {
            let field = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
            match field("type") {
                Some("TextBlock") => said.extend(field("text").map(str::to_owned)),
                Some("TextRun") => said.extend(field("text").map(crate::text::escape)),
                Some(kind) if kind.starts_with("Input.") => said.extend(field("label").map(crate::text::escape)),
                Some(_) | None => {}
            }
            // A fact is the only thing here that has both and no type.
            if let (Some(title), Some(value), None) = (field("title"), field("value"), field("type")) {
                said.push(format!("**{title}** {value}"));
            }
            for list in ["items", "columns", "facts", "inlines", "body"] {
                fields.get(list).into_iter().for_each(|list| read(list, said));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
