//! What tests and demonstrations can cause in a cloud, besides what people do.

use super::cloud::Cloud;
use crate::simulator::world::things::{Webhook, WebhookStatus};
use crate::simulator::world::webhooks::WebhookDraft;
use crate::simulator::world::{Event, Refusal};

impl Cloud {
    /// Opens a space with these people, created by the first of them, and then adds the bot. Gives the room's id.
    pub fn space(&self, title: &str, members: &[&str]) -> String {
        let bot = &self.inner.bot;
        self.change(|world| {
            let members: Vec<_> = members.iter().map(|email| world.account(email)).collect();
            let creator = members.first().unwrap_or(bot);
            let room = world.open_space(creator, title);
            for member in members.iter().skip(1).chain([bot]) {
                // Somebody who is named twice, or the bot in its own space, is a member already.
                let _ = world.add_member(creator, &room, member, false);
            }
            room
        })
    }

    /// Moves a space to another region, which gives it another id. Gives that id, or `None` if there is no such space.
    pub fn migrate(&self, room_id: &str) -> Option<String> {
        self.change(|world| world.migrate_room(room_id))
    }

    /// Registers a webhook with the bot's token, as another program that shares the token would.
    ///
    /// # Errors
    /// The [`Refusal`] with which Webex would refuse it.
    pub fn add_webhook(&self, webhook: WebhookDraft) -> Result<Webhook, Refusal> {
        self.change(|world| world.create_webhook(&self.inner.bot, webhook))
    }

    /// Switches a webhook off or on. Webex switches one off after too many failures. False if there is no such webhook.
    pub fn set_webhook_status(&self, id: &str, status: WebhookStatus) -> bool {
        self.change(|world| world.webhooks.get_mut(id).map(|webhook| webhook.status = status).is_some())
    }

    /// Removes the bot from a space.
    ///
    /// # Errors
    /// The bot is not in this space.
    pub fn remove_bot(&self, room_id: &str) -> Result<(), Refusal> {
        let bot = &self.inner.bot;
        self.change(|world| {
            let creator = world.room_of(bot, room_id)?.creator_id.clone();
            let creator = world.people.get(&creator).cloned().ok_or_else(Refusal::no_such_room)?;
            world.remove_member(&creator, room_id, bot)
        })
    }

    /// Delivers `messages/created` for this message once more. False if there is no such message.
    pub fn deliver_again(&self, message_id: &str) -> bool {
        self.change(|world| {
            let event =
                world.messages.get(message_id).map(|message| Event::message("created", &message.person_id, message));
            event.map(|event| world.tell(event)).is_some()
        })
    }
}
