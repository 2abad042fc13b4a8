//! The canary: a message that the bot posts to a space set by the operator, to see whether its delivery comes back.

use std::sync::Arc;

use tokio::sync::Notify;

use super::shared::Shared;
use crate::clock;
use crate::config::{Delivery, Mode};
use crate::event;
use crate::webex::{Client, Error, MessageId, NewMessage, Priority, RoomId};

/// The text, which people see for a moment, or for good if the bot cannot delete it.
const TEXT: &str = "Canary: I am testing whether messages reach me, and delete this one at once.";

/// Everything the canary needs, and the parts it notifies.
pub(super) struct Canary {
    pub delivery: Delivery,
    pub shared: Shared,
    /// Requests a read-back of missed messages.
    pub nudge: Arc<Notify>,
}

impl Canary {
    /// Sends a canary now and then, as long as the daemon runs.
    pub async fn run(self) {
        let Some(room) = self.delivery.canary.as_deref().map(RoomId::from) else { return std::future::pending().await };
        if self.delivery.mode == Mode::Polling {
            tracing::warn!(
                "delivery.canary is of no use in delivery.mode \"polling\": each look at Webex proves the way in"
            );
            return std::future::pending().await;
        }
        // Nothing can come back before the webhooks are registered.
        self.shared.health.well().await;
        loop {
            self.shared.gate.open().await;
            if let Err(error) = self.fly(&room).await {
                self.shared.services.metrics.canary("unsent", None);
                tracing::warn!(%error, hint = error.hint(), "the canary could not be sent");
            }
            tokio::time::sleep(self.delivery.canary_interval).await;
        }
    }

    async fn fly(&self, room: &RoomId) -> Result<(), Error> {
        let message = NewMessage { room_id: Some(room.clone()), ..NewMessage::text(TEXT) };
        let started = clock::instant();
        let sent = self.webex().create_message(&message).await?;
        let back = self.shared.door.own(event::id(event::MESSAGES, sent.id.as_str()));
        match tokio::time::timeout(self.delivery.canary_within, back).await {
            Ok(()) => {
                let took = started.elapsed();
                self.shared.services.metrics.canary("returned", Some(took));
                tracing::debug!(took_ms = took.as_millis(), "the canary came back");
            }
            Err(_) => {
                self.shared.services.metrics.canary("lost", None);
                tracing::error!(
                    within_seconds = self.delivery.canary_within.as_secs_f64(),
                    "the canary did not come back: Webex takes messages and does not deliver them here; \
                     `switchboard check --deep` looks for the reason, and what is missed is fetched meanwhile"
                );
                self.nudge.notify_one();
            }
        }
        self.remove(&sent.id).await;
        Ok(())
    }

    /// The client for a message that nobody waits for.
    fn webex(&self) -> Client {
        self.shared.services.webex.at(Priority::Notify)
    }

    async fn remove(&self, id: &MessageId) {
        if let Err(error) = self.webex().delete_message(id).await {
            tracing::info!(%error, "the canary could not be deleted");
        }
    }
}
