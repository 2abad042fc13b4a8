//! The buttons of a card.

use serde_json::{Value, json};

/// A button.
#[derive(Clone, Debug, PartialEq)]
pub struct Action(pub(super) Value);

impl Action {
    /// Opens an https address. The bot does not hear of it.
    pub fn open_url(title: &str, url: &str) -> Action {
        Action(json!({"type": "Action.OpenUrl", "title": title, "url": url}))
    }

    /// Shows or hides the elements of these names.
    pub fn toggle(title: &str, elements: &[&str]) -> Action {
        Action(json!({"type": "Action.ToggleVisibility", "title": title, "targetElements": elements}))
    }
}

/// A button that the bot hears of. It is sealed with everything said here when the card is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Submit(Value);

impl Submit {
    /// Calls an [action](crate::Command::action) of the command that makes the card. Whoever the bot answers at the time
    /// of the click may press it, and it works once: with a reply of its handler, every such button of the card is used.
    /// A handler that fails, or returns [`User`](crate::CommandError::User), uses nothing up, and as with a command it may
    /// run twice after a crash.
    pub fn new(title: &str, action: &str) -> Submit {
        Submit(json!({"type": "Action.Submit", "title": title, "data": {"action": action}}))
    }

    /// Does what this text does when the person who presses the button types it; again and again. A command stays a command
    /// even where they were asked a question. Any other text answers the question, and `cancel` ends it.
    pub fn say(title: &str, text: &str) -> Submit {
        Submit(json!({"type": "Action.Submit", "title": title, "data": {"say": text}}))
    }

    /// A value that [`Inputs::argument`](crate::Inputs::argument) has again, unchanged by anybody. It is sealed, not
    /// hidden: whoever is in the space can read it.
    #[must_use]
    pub fn argument(mut self, name: &str, value: impl Into<String>) -> Submit {
        self.0["data"]["arguments"][name] = value.into().into();
        self
    }

    /// Works again and again: for what changes nothing.
    #[must_use]
    pub fn repeatable(mut self) -> Submit {
        self.0["data"]["repeatable"] = true.into();
        self
    }

    /// Only the person whom the card answers may press it.
    #[must_use]
    pub fn for_asker(mut self) -> Submit {
        self.0["data"]["only"] = "asker".into();
        self
    }

    /// Only these people may press it, by email or person id, which everybody in the space can read.
    #[must_use]
    pub fn for_people(mut self, people: &[&str]) -> Submit {
        self.0["data"]["only"] = json!({ "people": people });
        self
    }

    /// In the colour of what should be done.
    #[must_use]
    pub fn positive(mut self) -> Submit {
        self.0["style"] = "positive".into();
        self
    }

    /// In the colour of what cannot be undone.
    #[must_use]
    pub fn destructive(mut self) -> Submit {
        self.0["style"] = "destructive".into();
        self
    }
}

impl From<Submit> for Action {
    fn from(submit: Submit) -> Self {
        Action(submit.0)
    }
}
