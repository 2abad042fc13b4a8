//! Clicks on cards, which Webex calls attachment actions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::Event;
use super::people::Account;
use super::refusal::Refusal;
use super::state::World;
use super::time;

/// A click on a card, inputs included.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Action {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) message_id: String,
    pub(crate) inputs: Value,
    pub(crate) person_id: String,
    pub(crate) room_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
}

impl World {
    /// Submits a card.
    pub(crate) fn click(&mut self, actor: &Account, message_id: &str, inputs: Value) -> Result<Action, Refusal> {
        let refused = |why: &str| Refusal::bad_request(format!("Unable to post attachment action: \"{why}\""));
        let card = self.message_for(actor, message_id)?;
        if card.attachments.is_empty() {
            return Err(refused("MessageId should point to an activity with cards"));
        }
        if card.person_id == actor.id {
            return Err(refused("Author of a card cannot submit a cardAction on that card"));
        }
        let card = card.clone();
        let action = Action {
            id: self.mint.id("ATTACHMENT_ACTION"),
            kind: "submit".to_owned(),
            message_id: card.id.clone(),
            inputs,
            person_id: actor.id.clone(),
            room_id: card.room_id.clone(),
            created: self.clock.now(),
        };
        let event = Event::action(&action, &card);
        self.actions.push(&action.id, action.clone());
        self.tell(event);
        Ok(action)
    }

    /// A click, if this account is in its room.
    pub(crate) fn action_for(&self, actor: &Account, id: &str) -> Result<&Action, Refusal> {
        self.actions
            .get(id)
            .filter(|action| self.rooms.get(&action.room_id).is_some_and(|room| room.has(&actor.id)))
            .ok_or_else(|| Refusal::not_found("Unable to get attachment action."))
    }
}
