//! The canary: a message the bot posts to a space of its own choice, to see whether it comes back by the way in.

use std::sync::Arc;

use tokio::sync::Notify;

use super::shared::Shared;
use crate::clock;
use crate::config::{Delivery, Mode};
use crate::event;
use crate::webex::{Client, Error, MessageId, NewMessage, Priority, RoomId};

/// What people read for a moment, or for good where the bot could not delete it.
const TEXT: &str = "Canary: I am testing whether messages reach me, and delete this one at once.";

/// What the canary needs, and whom it tells.
pub(super) struct Canary {
    pub delivery: Delivery,
    pub shared: Shared,
    /// Asks for a look at what was missed.
    pub nudge: Arc<Notify>,
}

impl Canary {
    /// Sends one now and then, for as long as the daemon runs.
    pub async fn run(self) {
        let Some(room) = self.delivery.canary.as_deref().map(RoomId::from) else { return std::future::pending().await };
        if self.delivery.mode == Mode::Polling {
            tracing::warn!(
                "delivery.canary is of no use in delivery.mode \"polling\": each look at Webex proves the way in"
            );
            return std::future::pending().await;
        }
        // Before the webhooks are registered nothing can come back.
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

    /// Nobody waits for a canary.
    fn webex(&self) -> Client {
        self.shared.services.webex.at(Priority::Notify)
    }

    async fn remove(&self, id: &MessageId) {
        if let Err(error) = self.webex().delete_message(id).await {
            tracing::info!(%error, "the canary could not be deleted");
        }
    }
}
