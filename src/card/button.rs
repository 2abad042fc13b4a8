//! What a button does: as the author of a card writes it, and as the token contains it that the seal makes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::finding::CardError;
use crate::access::Sender;
use crate::webex::{Attachment, PersonId};

/// The key of the token in a button's data, and so among the inputs of a click.
pub(crate) const SEAL: &str = "seal";

const SUBMIT: &str = "Action.Submit";

/// A button of one of our cards, as its token contains it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Button {
    /// The card of the button: the id of its message in the ledger.
    #[serde(rename = "c")]
    pub card: Uuid,
    /// The command that made the card.
    #[serde(rename = "m")]
    pub command: String,
    #[serde(rename = "d")]
    pub action: ButtonAction,
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
    /// The only people who may press it. If none, everybody whom the bot answers may.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
    /// Whether it works once.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Until when it works, in milliseconds since 1970.
    #[serde(rename = "u")]
    pub until: i64,
}

/// The one thing a button does.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ButtonAction {
    /// Calls an action of the command that made the card.
    #[serde(rename = "action")]
    Call(String),
    /// Does what the person who presses it would do by typing this text.
    Say(String),
    /// Votes on the approval request that the card is for. Only [`Cards::seal_votes`](super::Cards::seal_votes) makes this:
    /// neither a command's card nor a template can.
    Vote(Vote),
}

/// A vote on a command that waits for approval.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Vote {
    /// The command should run.
    Approve,
    /// It should not run.
    Deny,
    /// The requester takes the request back.
    Withdraw,
}

impl Vote {
    /// The word for the vote. It is also the action of its button before the card is sealed.
    pub fn word(self) -> &'static str {
        match self {
            Vote::Approve => "approve",
            Vote::Deny => "deny",
            Vote::Withdraw => "withdraw",
        }
    }

    /// The vote with this word.
    pub fn from_word(word: &str) -> Option<Vote> {
        [Vote::Approve, Vote::Deny, Vote::Withdraw].into_iter().find(|vote| vote.word() == word)
    }
}

/// Why a button of ours does nothing for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ButtonRefusal {
    /// The button is for others.
    NotTheirs,
    /// The button has expired.
    Expired,
}

impl Button {
    /// Why a person whom the bot answers may not press it now. None if they may.
    pub fn refusal(&self, sender: &Sender, now: i64) -> Option<ButtonRefusal> {
        if self.people.as_ref().is_some_and(|people| !people.iter().any(|who| is_named(who, sender))) {
            return Some(ButtonRefusal::NotTheirs);
        }
        (now >= self.until).then_some(ButtonRefusal::Expired)
    }

    /// Whether the button is for this person and nobody else.
    pub(super) fn is_only_for(&self, sender: &Sender) -> bool {
        matches!(self.people.as_deref(), Some([who]) if is_named(who, sender))
    }
}

/// Whether `who` is this person's email or id.
fn is_named(who: &str, sender: &Sender) -> bool {
    let who = who.trim();
    !who.is_empty() && (who.eq_ignore_ascii_case(&sender.email) || PersonId::from(who) == sender.id)
}

/// The `data` of a button before it is sealed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ButtonSpec {
    action: Option<String>,
    say: Option<String>,
    #[serde(default)]
    pub arguments: BTreeMap<String, String>,
    #[serde(default)]
    pub only: Only,
    #[serde(default)]
    pub repeatable: bool,
}

/// Who may press a button.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Only {
    #[default]
    Anyone,
    Asker,
    People(Vec<String>),
}

impl ButtonSpec {
    /// Reads `data`, and takes out of it what the button does.
    pub fn read(data: &Value) -> Result<(ButtonSpec, ButtonAction), String> {
        const NOTHING: &str = "has to say what the button does: {\"action\": \"name\"} or {\"say\": \"text\"}";
        if !data.is_object() {
            return Err(NOTHING.to_owned());
        }
        let mut spec: ButtonSpec = serde_json::from_value(data.clone()).map_err(|error| error.to_string())?;
        let action = match (spec.action.take(), spec.say.take()) {
            (Some(name), None) => ButtonAction::Call(name),
            (None, Some(text)) => ButtonAction::Say(text),
            (None, None) | (Some(_), Some(_)) => return Err(NOTHING.to_owned()),
        };
        Ok((spec, action))
    }
}

/// Whether a button of one of these cards has this token. Other parts of a card do not count, since they may repeat
/// what somebody typed.
pub(crate) fn carries_button(attachments: &[Attachment], token: &str) -> bool {
    fn carries(value: &Value, token: &str) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| carries(item, token)),
            Value::Object(fields) if is_submit(fields) => fields.get("data").is_some_and(|data| data[SEAL] == token),
            Value::Object(fields) => fields.values().any(|value| carries(value, token)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    attachments.iter().any(|attachment| carries(&attachment.content, token))
}

/// Changes every button that submits. It finds them anywhere, even in places where no button is known to be allowed.
pub(super) fn each_submit(
    value: &mut Value,
    change: &mut impl FnMut(&mut Map<String, Value>) -> Result<(), CardError>,
) -> Result<(), CardError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_submit(item, change)),
        Value::Object(fields) if is_submit(fields) => change(fields),
        Value::Object(fields) => fields.values_mut().try_for_each(|value| each_submit(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn is_submit(fields: &Map<String, Value>) -> bool {
    fields.get("type").is_some_and(|kind| kind == SUBMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_earlier_versions_are_read() {
        let read = |action: &str| {
            let token = format!(r#"{{"c":"11111111-1111-4111-8111-111111111111","m":"deploy","d":{action},"u":1}}"#);
            let button: Button = serde_json::from_str(&token).unwrap();
            assert_eq!(serde_json::to_string(&button).unwrap(), token);
            button.action
        };
        assert_eq!(read(r#"{"action":"go"}"#), ButtonAction::Call("go".to_owned()));
        assert_eq!(read(r#"{"say":"status"}"#), ButtonAction::Say("status".to_owned()));
        assert_eq!(read(r#"{"vote":"withdraw"}"#), ButtonAction::Vote(Vote::Withdraw));
    }
}
