//! Sends what the outbox holds, in order per space: the only place that posts messages.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Work, asked, backoff, is_outage, patience, tries};
use crate::config;
use crate::health::Health;
use crate::identity::Identity;
use crate::store::{Again, Claimed, Closing, Queue, Settlement};
use crate::telemetry::Metrics;
use crate::webex::{Client, Error, Fault, Message, NewMessage, RoomType};

/// Newest messages looked at to see whether an uncertain send arrived.
const LOOK_BACK: usize = 100;

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

    fn webex(&self) -> &Client {
        &self.webex
    }

    fn event(row: &Claimed) -> Uuid {
        serde_json::from_str(&row.body).map_or(row.id, |letter: Letter| letter.event)
    }

    async fn work(&self, row: Claimed) -> Settlement {
        let letter: Letter = match serde_json::from_str(&row.body) {
            Ok(letter) => letter,
            Err(error) => return row.dead(closing("unreadable", error.to_string()), Vec::new()),
        };
        // Two calls at most, each with its own timeout; the lease bounds both.
        let sending = tokio::time::timeout(self.settings.lease.mul_f64(0.9), self.send(&row, &letter));
        let result = sending.await.unwrap_or_else(|_| {
            Err(Error::Unreachable { endpoint: "messages", cause: "no answer before the lease ends".to_owned() })
        });
        match result {
            Ok(message) => {
                self.health.token(Ok(()));
                self.metrics.reply_sent(row.age());
                tracing::info!(webex_id = %message.id, "reply sent");
                let mark = Some(message.id.to_string());
                row.done(Closing { verdict: "sent", note: mark.clone(), mark, ..Closing::default() }, Vec::new())
            }
            // It was taken; posting it again would double it.
            Err(error @ Error::Unreadable { .. }) => {
                tracing::warn!(%error, "reply sent, but Webex's answer to it cannot be read");
                row.done(closing("sent", error.to_string()), Vec::new())
            }
            Err(error) => self.settle_failure(row, &error).await,
        }
    }

    fn panicked(&self, row: Claimed, why: String) -> Settlement {
        tracing::error!(why, "sending a reply failed where it must not");
        if tries(&row) + 1 < self.settings.max_attempts {
            let after = backoff(&self.settings, row.attempts + 1);
            row.again(Again { after, spent: true, uncertain: true, note: Some(why) })
        } else {
            row.dead(closing("failed", why), Vec::new())
        }
    }

    /// The post may have arrived: the next try looks first.
    fn put_back(row: Claimed) -> Settlement {
        row.again(Again { uncertain: true, ..Again::default() })
    }
}

impl Outbox {
    async fn send(&self, row: &Claimed, letter: &Letter) -> Result<Message, Error> {
        if row.uncertain
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
                && message.created.is_none_or(|created| created.as_millisecond() >= since)
                && same_content(message, &letter.message)
        };
        // Sends are in order, so it can only be newer than the last one that is known to have arrived.
        let last = row.mark.as_deref().map(crate::webex::MessageId::from);
        Ok(newest.into_iter().take_while(|message| Some(&message.id) != last.as_ref()).find(is_ours))
    }

    async fn settle_failure(&self, row: Claimed, error: &Error) -> Settlement {
        let note = Some(error.to_string());
        match error.fault() {
            Fault::Wait(pause) => {
                let after = asked(pause);
                tracing::warn!(pause_seconds = after.as_secs(), "Webex asks to slow down; the reply waits");
                row.again(Again { after, note, ..Again::default() })
            }
            Fault::Refused if row.failing() < self.settings.give_up => {
                self.health.token(Err(error.to_string()));
                let after = patience(&self.settings, row.failing());
                tracing::error!(%error, hint = error.hint(), "Webex refuses the token; the reply waits");
                row.again(Again { after, note, ..Again::default() })
            }
            Fault::Away if row.failing() < self.settings.give_up => {
                let after = patience(&self.settings, row.failing());
                tracing::warn!(%error, pause_ms = after.as_millis(), "Webex is away; the reply waits");
                row.again(Again { after, uncertain: true, note, ..Again::default() })
            }
            Fault::Broken if tries(&row) + 1 < self.settings.max_attempts => {
                let after = backoff(&self.settings, row.attempts + 1);
                tracing::warn!(%error, pause_ms = after.as_millis(), "a reply was not taken; trying again");
                row.again(Again { after, spent: true, uncertain: true, note })
            }
            Fault::Broken if is_outage(&self.settings, &self.webex, &row).await => {
                let after = patience(&self.settings, row.failing());
                tracing::warn!(%error, pause_ms = after.as_millis(), "Webex answers nothing else either; the reply waits");
                row.again(Again { after, uncertain: true, note, ..Again::default() })
            }
            Fault::Refused | Fault::Away | Fault::Broken | Fault::NotFound | Fault::Final => {
                let tracking_id = error.tracking_id().unwrap_or("none");
                tracing::error!(%error, tracking_id, "a reply is given up; `switchboard outbox list` shows it");
                row.dead(closing("refused", error.to_string()), Vec::new())
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
