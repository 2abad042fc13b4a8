//! Hands events to the webhooks and sockets that get them.

use super::change::WorldChange;
use super::event::{Event, EventData};
use super::state::World;
use super::things::{Account, Webhook, WebhookStatus};

impl World {
    /// Hands an event to sockets, and notes it for webhooks. Who gets it is decided at once, before anything else
    /// changes.
    pub(crate) fn tell(&mut self, event: Event) {
        match event.data {
            EventData::Message(_) if event.event == "deleted" => {
                self.changes.push(WorldChange::deleted(&event.room_id, event.data.id()));
            }
            EventData::Message(_) | EventData::Action(_) => {}
            EventData::Membership(_) | EventData::Room(_) => {
                self.changes.push(WorldChange::Room(event.room_id.clone()))
            }
            EventData::Meeting(_) => {}
        }
        self.tell_sockets(&event);
        let audience = self.audience(&event);
        if !audience.is_empty() {
            self.happened.push((event, audience));
        }
    }

    /// The ids of the webhooks that get an event.
    fn audience(&self, event: &Event) -> Vec<String> {
        let tells = |webhook: &&Webhook| {
            webhook.status == WebhookStatus::Active
                && self.people.get(&webhook.created_by).is_some_and(|owner| self.may_hear(owner, webhook, event))
                && webhook.covers(event)
        };
        self.webhooks.iter().filter(tells).map(|webhook| webhook.id.clone()).collect()
    }

    fn may_hear(&self, owner: &Account, webhook: &Webhook, event: &Event) -> bool {
        // Only an administrator can have created such a webhook.
        webhook.owned_by == "org" || self.hears(owner, event)
    }
}
