//! What happened is noted for the webhooks and sockets that tell of it.

use super::change::WorldChange;
use super::event::{Event, EventData};
use super::state::World;
use super::things::{Account, Webhook, WebhookStatus};

impl World {
    /// Notes what happened for the webhooks that tell about it. Who may hear of it is decided as things are now, before
    /// anything else happens.
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

    /// The ids of the webhooks that tell about an event.
    fn audience(&self, event: &Event) -> Vec<String> {
        let tells = |webhook: &&Webhook| {
            webhook.status == WebhookStatus::Active
                && self.people.get(&webhook.created_by).is_some_and(|owner| self.may_hear(owner, webhook, event))
                && webhook.covers(event)
        };
        self.webhooks.iter().filter(tells).map(|webhook| webhook.id.clone()).collect()
    }

    fn may_hear(&self, owner: &Account, webhook: &Webhook, event: &Event) -> bool {
        // Only an administrator can have made it.
        webhook.owned_by == "org" || self.hears(owner, event)
    }
}
