//! Sends what the outbox holds, in order per space: the only place that posts messages.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Work, backoff, patience};
use crate::config;
use crate::health::Health;
use crate::identity::Identity;
use crate::store::{Claimed, Closing, Queue, Settlement};
use crate::telemetry::Metrics;
use crate::webex::{Client, Error, Fault, Message, NewMessage, RoomType};

/// Newest messages looked at to see whether an uncertain send arrived.
const LOOK_BACK: usize = 30;

/// How far Webex's clock and ours may be apart.
const SKEW: Duration = Duration::from_secs(120);

/// The body of an outbox row.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Letter {
    /// The event it answers.
    pub event: Uuid,
    /// Whether the space can be read back.
    pub room_type: RoomType,
    /// What is posted.
    pub message: NewMessage,
}

/// Sends one row.
pub struct Outbox {
    /// Where to.
    pub webex: Client,
    /// Whose messages to look for after an uncertain send.
    pub identity: Identity,
    /// When to stop trying.
    pub settings: config::Worker,
    /// Counts what was sent.
    pub metrics: Metrics,
    /// Hears of a refused token.
    pub health: Health,
}

impl Work for Outbox {
    const QUEUE: Queue = Queue::Outbox;

    async fn work(&self, row: Claimed) -> Settlement {
        let letter: Letter = match serde_json::from_str(&row.body) {
            Ok(letter) => letter,
            Err(error) => return row.dead(closing("unreadable", error.to_string()), Vec::new()),
        };
        let event = letter.event;
        // Two calls at most, each with its own timeout; the lease bounds both.
        let sending = tokio::time::timeout(self.settings.lease.mul_f64(0.9), self.send(&row, &letter));
        let result = sending.await.unwrap_or_else(|_| {
            Err(Error::Unreachable { endpoint: "messages", cause: "no answer before the lease ends".to_owned() })
        });
        match result {
            Ok(message) => {
                self.health.token(Ok(()));
                self.metrics.reply_sent(row.age());
                tracing::info!(%event, message = %message.id, "reply sent");
                let mark = Some(message.id.to_string());
                row.done(Closing { verdict: "sent", note: mark.clone(), mark, ..Closing::default() }, Vec::new())
            }
            Err(error) => self.settle_failure(row, event, &error),
        }
    }

    /// The post may have arrived: the try stays counted, so that the next one looks first.
    fn put_back(row: Claimed) -> Settlement {
        row.retry(Duration::ZERO, "put back at shutdown".to_owned())
    }
}

impl Outbox {
    async fn send(&self, row: &Claimed, letter: &Letter) -> Result<Message, Error> {
        if row.attempt > 1
            && let Some(arrived) = self.arrived(row, letter).await?
        {
            return Ok(arrived);
        }
        self.webex.create_message(&letter.message).await
    }

    /// After an uncertain send to a direct space: the message, if it is there. A bot cannot read its own messages in a
    /// group space, so there a doubtful message is sent again.
    async fn arrived(&self, row: &Claimed, letter: &Letter) -> Result<Option<Message>, Error> {
        let (RoomType::Direct, Some(room)) = (letter.room_type, &letter.message.room_id) else { return Ok(None) };
        let me = self.identity.known().await;
        let newest = self.webex.messages(room, LOOK_BACK).await?;
        let since = row.accepted_at - i64::try_from(SKEW.as_millis()).unwrap_or_default();
        let is_ours = |message: &Message| {
            message.person_id == me.id
                && message.created.as_millisecond() >= since
                && same_content(message, &letter.message)
        };
        // Sends are in order, so it can only be newer than the last one that is known to have arrived.
        let last = row.mark.as_deref().map(crate::webex::MessageId::from);
        Ok(newest.into_iter().take_while(|message| Some(&message.id) != last.as_ref()).find(is_ours))
    }

    fn settle_failure(&self, row: Claimed, event: Uuid, error: &Error) -> Settlement {
        if error.is_unauthorized() {
            self.health.token(Err(error.to_string()));
        }
        let (attempt, note) = (row.attempt, error.to_string());
        match error.fault() {
            Fault::Wait(pause) => {
                tracing::warn!(%event, pause_seconds = pause.as_secs(), "Webex asks to slow down; the reply waits");
                row.defer(pause, Some(note))
            }
            Fault::Away if row.age() < self.settings.give_up => {
                let pause = patience(&self.settings, row.age());
                tracing::warn!(%event, attempt, %error, pause_ms = pause.as_millis(), "Webex is away; the reply waits");
                row.retry(pause, note)
            }
            Fault::Broken if attempt < self.settings.max_attempts => {
                let pause = backoff(&self.settings, attempt);
                tracing::warn!(%event, attempt, %error, pause_ms = pause.as_millis(), "a reply was not taken; trying again");
                row.retry(pause, note)
            }
            Fault::Away | Fault::Broken | Fault::NotFound | Fault::Final => {
                let tracking_id = error.tracking_id().unwrap_or("none");
                tracing::error!(%event, attempt, %error, tracking_id, "a reply is given up; `switchboard outbox list` shows it");
                row.dead(closing("refused", note), Vec::new())
            }
        }
    }
}

fn closing(verdict: &'static str, note: String) -> Closing {
    Closing { verdict, note: Some(note), ..Closing::default() }
}

/// Webex gives back the markdown or text that was posted, with its edges trimmed.
fn same_content(found: &Message, sent: &NewMessage) -> bool {
    let same = |found: &Option<String>, sent: &Option<String>| match (found, sent) {
        (Some(found), Some(sent)) => found.trim() == sent.trim(),
        _ => false,
    };
    found.parent_id == sent.parent_id
        && if sent.markdown.is_some() { same(&found.markdown, &sent.markdown) } else { same(&found.text, &sent.text) }
}
