//! What a button does, under a seal that nobody else can make: `data` of each `Action.Submit` is one token.
//!
//! The token holds the card's id, the command, the action and its arguments, who may press it and until when. The bot and
//! the space are not in it but are sealed with it, so in any other place the seal is wrong. That it stands in the card
//! that was clicked, and whether it was used, is for the caller to see.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Card, CardError, check};
use crate::handler::Sender;
use crate::signature::Seal;
use crate::webex::{Attachment, PersonId, RoomId};

/// The key of a token, in a button's data and thus among the inputs of a click.
pub(crate) const SEAL: &str = "seal";

const SUBMIT: &str = "Action.Submit";

/// What a button in a card of ours does.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Button {
    /// The card it stands in: the id of the message in the ledger.
    #[serde(rename = "c")]
    pub card: Uuid,
    /// The command that made the card.
    #[serde(rename = "m")]
    pub command: String,
    #[serde(rename = "d")]
    pub deed: Deed,
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
    /// The only people who may press it; without them, everybody who is answered.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
    /// Whether it works once.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Until when, in milliseconds since 1970.
    #[serde(rename = "u")]
    pub until: i64,
}

/// The one thing a button does.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    /// Calls an action of the command that made the card.
    Action(String),
    /// What this text does, typed by whoever presses it.
    Say(String),
}

/// Why a button of ours does nothing for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is for others.
    NotTheirs,
    /// It is too late.
    Expired,
}

impl Button {
    /// Whether somebody the bot answers may press it now.
    pub fn refuses(&self, sender: &Sender, now: i64) -> Option<Refusal> {
        let is_sender = |who: &String| {
            let who = who.trim();
            !who.is_empty() && (who.eq_ignore_ascii_case(&sender.email) || PersonId::from(who) == sender.id)
        };
        if self.people.as_ref().is_some_and(|people| !people.iter().any(is_sender)) {
            return Some(Refusal::NotTheirs);
        }
        (now >= self.until).then_some(Refusal::Expired)
    }
}

/// What `data` says before it is sealed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    action: Option<String>,
    say: Option<String>,
    #[serde(default)]
    arguments: BTreeMap<String, String>,
    #[serde(default)]
    only: Only,
    #[serde(default)]
    repeatable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    #[default]
    Anyone,
    Asker,
    People(Vec<String>),
}

impl Wish {
    pub(super) fn of(data: &Value) -> Result<(Wish, Deed), String> {
        const NOTHING: &str = "has to say what the button does: {\"action\": \"name\"} or {\"say\": \"text\"}";
        if !data.is_object() {
            return Err(NOTHING.to_owned());
        }
        let mut wish: Wish = serde_json::from_value(data.clone()).map_err(|error| error.to_string())?;
        let deed = match (wish.action.take(), wish.say.take()) {
            (Some(action), None) => Deed::Action(action),
            (None, Some(text)) => Deed::Say(text),
            (None, None) | (Some(_), Some(_)) => return Err(NOTHING.to_owned()),
        };
        Ok((wish, deed))
    }
}

/// Where a card goes, and why.
pub(crate) struct Origin<'a> {
    pub bot: &'a PersonId,
    pub room: &'a RoomId,
    pub card: Uuid,
    pub command: &'a str,
    pub asker: &'a PersonId,
    pub now: i64,
}

/// Seals cards and opens what comes back.
pub(crate) struct Cards {
    seal: Seal,
    longest: Duration,
    clicks_arrive: bool,
}

impl Cards {
    /// `longest` is how long a button works at most; `clicks_arrive` whether Webex tells of clicks at all.
    pub fn new(seal: Seal, longest: Duration, clicks_arrive: bool) -> Cards {
        Cards { seal, longest, clicks_arrive }
    }

    /// The card as it is sent; none where its buttons would be dead.
    pub fn seal(&self, card: &Card, origin: &Origin<'_>) -> Result<Option<Attachment>, CardError> {
        card.check()?;
        let lives = card.lives.map_or(self.longest, |lives| lives.min(self.longest));
        let until = origin.now.saturating_add(i64::try_from(lives.as_millis()).unwrap_or(i64::MAX));
        let place = place(origin.bot, origin.room);
        let mut content = card.content.clone();
        let mut buttons = 0;
        each_submit(&mut content, &mut |submit| {
            buttons += 1;
            let data = submit.get("data").unwrap_or(&Value::Null);
            let (wish, deed) = Wish::of(data).map_err(|problem| CardError { path: "data".to_owned(), problem })?;
            let button = Button {
                card: origin.card,
                command: origin.command.to_owned(),
                once: !wish.repeatable && matches!(deed, Deed::Action(_)),
                deed,
                arguments: wish.arguments,
                people: match wish.only {
                    Only::Anyone => None,
                    Only::Asker => Some(vec![origin.asker.to_string()]),
                    Only::People(people) => Some(people),
                },
                until,
            };
            let token = self.seal.seal(&place, &serde_json::to_vec(&button).unwrap_or_default());
            submit.insert("data".to_owned(), json!({SEAL: token}));
            Ok(())
        })?;
        check::size(&content)?;
        Ok((buttons == 0 || self.clicks_arrive).then(|| Attachment::adaptive_card(content)))
    }

    /// What the button does that has this token, if this bot sealed it for this space.
    pub fn open(&self, bot: &PersonId, room: &RoomId, token: &str) -> Option<Button> {
        let content = self.seal.open(&place(bot, room), token)?;
        serde_json::from_slice(content.get()).ok()
    }
}

fn place(bot: &PersonId, room: &RoomId) -> String {
    format!("{}/{}", bot.local(), room.local())
}

/// Whether a button with this token stands in one of these cards. Nowhere else does it count: what people type may stand
/// in a card too.
pub(crate) fn carries(attachments: &[Attachment], token: &str) -> bool {
    fn holds(value: &Value, token: &str) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| holds(item, token)),
            Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == SUBMIT) => {
                fields.get("data").is_some_and(|data| data[SEAL] == token)
            }
            Value::Object(fields) => fields.values().any(|value| holds(value, token)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    attachments.iter().any(|attachment| holds(&attachment.content, token))
}

/// Every button that submits, wherever it stands, even where a card is not known to have one.
pub(super) fn each_submit(
    value: &mut Value,
    change: &mut impl FnMut(&mut Map<String, Value>) -> Result<(), CardError>,
) -> Result<(), CardError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_submit(item, change)),
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == SUBMIT) => change(fields),
        Value::Object(fields) => fields.values_mut().try_for_each(|value| each_submit(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}
