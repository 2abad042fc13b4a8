//! The buttons of a card.

use serde_json::{Value, json};

/// A button.
#[derive(Clone, Debug, PartialEq)]
pub struct Action(pub(super) Value);

impl Action {
    /// Opens an https address. The bot does not learn of the click.
    pub fn open_url(title: &str, url: &str) -> Action {
        Action(json!({"type": "Action.OpenUrl", "title": title, "url": url}))
    }

    /// Shows or hides the elements with these names.
    pub fn toggle(title: &str, elements: &[&str]) -> Action {
        Action(json!({"type": "Action.ToggleVisibility", "title": title, "targetElements": elements}))
    }
}

/// A button whose clicks reach the bot. Everything set here is sealed when the card is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Submit(Value);

impl Submit {
    /// Calls an [action](crate::Command::action) of the command that makes the card. Anybody whom the bot answers at
    /// the time of the click may press it. It works once: after a reply of its handler, every such button of the card
    /// is used up. A handler that fails, or returns [`User`](crate::CommandError::User), uses nothing up. Like a
    /// command, it may run twice after a crash.
    pub fn new(title: &str, action: &str) -> Submit {
        Submit(json!({"type": "Action.Submit", "title": title, "data": {"action": action}}))
    }

    /// Does what the person would do by typing this text. The button works any number of times. If the text is a
    /// command it is always taken as one, even if the person was asked a question. Any other text answers the question,
    /// and `cancel` ends it.
    pub fn say(title: &str, text: &str) -> Submit {
        Submit(json!({"type": "Action.Submit", "title": title, "data": {"say": text}}))
    }

    /// Adds a value for the handler, which gets it by [`Inputs::argument`](crate::Inputs::argument), unchanged by
    /// anybody. The value is sealed, not hidden: anybody in the space can read it.
    #[must_use]
    pub fn argument(mut self, name: &str, value: impl Into<String>) -> Submit {
        self.0["data"]["arguments"][name] = value.into().into();
        self
    }

    /// Lets the button work any number of times. Use it for an action that changes nothing.
    #[must_use]
    pub fn repeatable(mut self) -> Submit {
        self.0["data"]["repeatable"] = true.into();
        self
    }

    /// Lets only the person whom the card answers press it.
    #[must_use]
    pub fn for_asker(mut self) -> Submit {
        self.0["data"]["only"] = "asker".into();
        self
    }

    /// Lets only these people press it, given by email or person id. Everybody in the space can read the list.
    #[must_use]
    pub fn for_people(mut self, people: &[&str]) -> Submit {
        self.0["data"]["only"] = json!({ "people": people });
        self
    }

    /// Shows the button in the colour for what should be done.
    #[must_use]
    pub fn positive(mut self) -> Submit {
        self.0["style"] = "positive".into();
        self
    }

    /// Shows the button in the colour for what cannot be undone.
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
