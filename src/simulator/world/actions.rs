//! Clicks on cards, which Webex calls attachment actions.

use serde_json::Value;

use super::event::Event;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, Action};
use super::written::shown;

impl World {
    /// Submits the card of a message.
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
        let pressed = card.attachments.first().and_then(|card| shown::pressed(card.get("content")?, &inputs));
        let action = Action {
            id: self.mint.id("ATTACHMENT_ACTION"),
            kind: "submit".to_owned(),
            message_id: card.id.clone(),
            inputs,
            person_id: actor.id.clone(),
            room_id: card.room_id.clone(),
            created: self.clock.now(),
            after: self.messages.places(),
            pressed,
        };
        let event = Event::action(&action, &card);
        self.actions.push(&action.id, action.clone());
        self.tell(event);
        Ok(action)
    }
}
