//! Clicks on cards, which Webex calls attachment actions.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::events::Event;
use super::people::Account;
use super::refusal::Refusal;
use super::time;
use super::world::World;

/// A click on a card, inputs included.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Action {
    pub(super) id: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) message_id: String,
    pub(super) inputs: Value,
    pub(super) person_id: String,
    pub(super) room_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(super) created: Timestamp,
}

impl World {
    /// Submits a card.
    pub(super) fn click(&mut self, actor: &Account, message_id: &str, inputs: Value) -> Result<Action, Refusal> {
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
    pub(super) fn action_for(&self, actor: &Account, id: &str) -> Result<&Action, Refusal> {
        self.actions
            .get(id)
            .filter(|action| self.rooms.get(&action.room_id).is_some_and(|room| room.has(&actor.id)))
            .ok_or_else(|| Refusal::not_found("Unable to get attachment action."))
    }
}
