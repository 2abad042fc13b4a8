//! Makes the letters of a request.

use uuid::Uuid;

use super::answer::Refusal;
use super::keys::ApiKey;
use super::request::ParsedRequest;
use crate::desk::Desk;
use crate::event;
use crate::handler::Outgoing;
use crate::outbox::{ApiRequest, Destination, Edit, Letter, Post, Thread};
use crate::places::Places;
use crate::store::{AuditEntry, Entry, Via};
use crate::verdict::Verdict;
use crate::webex::NewMessage;

/// What the audit calls a post to `/api/messages`.
const ACTION: &str = "api messages";

/// A request, as it goes into the ledger.
pub(super) struct Letters {
    /// The id of the first letter, and of the request.
    pub id: Uuid,
    pub hash: String,
    pub entries: Vec<Entry>,
    pub audit: AuditEntry,
}

impl Letters {
    /// Makes the letters for each destination, as many as the message needs.
    ///
    /// # Errors
    /// A field of the request is wrong, or the key may not post there.
    pub(super) async fn of(
        (desk, places): (&Desk, &Places),
        key: &ApiKey,
        request: ParsedRequest,
    ) -> Result<Letters, Refusal> {
        let ParsedRequest { message, hash } = request;
        let parts = message.parts()?;
        let to = key.destinations(message.named(), places).await?;
        if message.card.is_some() && desk.identity.get().is_none() {
            return Err(Refusal::Unavailable("Webex has not said yet who the bot is, which the buttons of cards need"));
        }
        let id = match &message.idempotency_key {
            Some(own) => request_id(&key.name, own),
            None => Uuid::new_v4(),
        };
        let thread = message.thread.as_ref().map(|thread| format!("api/{}/{}", key.name, event::short_key(thread)));
        let api = ApiRequest { key: key.name.clone(), hash: hash.clone() };
        let mut entries = Vec::new();
        for to in &to {
            let post = Post {
                api: Some(api.clone()),
                thread: thread.clone().map(|key| Thread::Key { key }),
                urgency: message.urgency(),
                ..Post::new(to.clone(), NewMessage::default())
            };
            for (nth, part) in parts.iter().cloned().enumerate() {
                let id = event::part_id(id, u32::try_from(entries.len()).unwrap_or(u32::MAX));
                entries.push(match &thread {
                    Some(key) if message.update && nth == 0 => edit(post.clone(), key, &hash, part).into_entry(id),
                    _ => desk
                        .announcement(id, post.clone(), part)
                        .map_err(|why| Refusal::invalid("card", format!("cannot be sent: {why}")))?,
                });
            }
        }
        Ok(Letters { id, hash, entries, audit: audit(key, id, &to) })
    }
}

/// The change of the message that began the thread. Each request tells another state, so none waits for later ones.
fn edit(Post { api, to, urgency, .. }: Post, thread: &str, hash: &str, part: Outgoing) -> Letter {
    Edit { api, urgency, ..Edit::keeping(to, thread, hash, part.message) }.into()
}

/// The id of the request with this idempotency key. Keys are the API key's own.
fn request_id(name: &str, idempotency_key: &str) -> Uuid {
    const REQUESTS: Uuid = Uuid::from_u128(0x9c2e_77b0_1f6d_4a83_b5d9_40e6_c81f_3a27);
    Uuid::new_v5(&REQUESTS, format!("{name}/{idempotency_key}").as_bytes())
}

fn audit(key: &ApiKey, id: Uuid, to: &[Destination]) -> AuditEntry {
    let (room, place) = match to {
        [Destination::Space(room, _)] => (Some(room.to_string()), Some("group")),
        _ => (None, None),
    };
    AuditEntry {
        via: Via::Api,
        person: Some(format!("API key {}", key.name)),
        room,
        place,
        action: ACTION.to_owned(),
        verdict: Verdict::Done,
        reason: "the key may post there".to_owned(),
        event: Some(id),
        ..AuditEntry::default()
    }
}
