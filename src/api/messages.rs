//! `POST /api/messages`.

use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;

use super::answer::{Accepted, Invalid, Refusal, Refused, accepted};
use super::keys::ApiKey;
use super::letters::Letters;
use super::request::{MessageRequest, ParsedRequest};
use crate::config::Sources;
use crate::desk::Desk;
use crate::instance::Gate;
use crate::outbox::Letter;
use crate::places::Places;
use crate::sources::check_literal;

/// Who posts, and what it takes to.
pub(super) struct Posting<'a> {
    pub desk: &'a Desk,
    pub places: &'a Places,
    pub gate: &'a Gate,
    pub sources: &'a Sources,
    pub key: &'a ApiKey,
}

/// Posts a message.
///
/// When this answers 202, the message is on disk, and it is posted in its turn even if the process is killed.
#[utoipa::path(
    post,
    path = "/api/messages",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same as the field idempotency_key.")),
    request_body(
        content = MessageRequest,
        examples(
            ("text" = (summary = "A text", value = json!({
                "to": "ops@example.org", "text": "The backup is done.", "idempotency_key": "backup/2026-11-27"
            }))),
            ("thread" = (summary = "A message that changes", value = json!({
                "markdown": "**Running** job 7", "thread": "job 7", "update": true, "priority": "high"
            }))),
            ("card" = (summary = "A card", value = json!({
                "to": ["ops@example.org"],
                "card": {"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "Disk full"}]}
            }))),
            ("file" = (summary = "A file", value = json!({
                "text": "Last night", "file_url": "https://reports.example.org/night.pdf"
            })))
        )
    ),
    responses(
        (status = 202, description = "The message is on disk. A repeat with the same idempotency key gets this too, with the same id.", body = Accepted),
        (status = 400, description = "The body is no JSON, or there are two headers Idempotency-Key.", body = Refused),
        (status = 401, description = "The request shows no key, or none of the settings.", body = Refused),
        (status = 403, description = "The key may not post there, or may not post messages at all.", body = Refused),
        (status = 413, description = "The body is larger than server.api_body_limit.", body = Refused),
        (status = 422, description = "A field is unknown, wrong, or contradicts another; or the idempotency key was used for another message.", body = Invalid),
        (status = 503, description = "It was not accepted, or not in time; repeat it with the same idempotency key after the seconds in Retry-After.", body = Refused)
    ),
    security(("key" = []))
)]
pub(super) async fn post_message(
    Posting { desk, places, gate, sources, key }: Posting<'_>,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let request = ParsedRequest::read(headers, &body)?;
    let file = request.message.file_url.as_deref().map_or(Ok(()), |url| check_literal(url, sources));
    file.map_err(|error| Refusal::invalid("file_url", format!("cannot be fetched: {error}")))?;
    let Letters { id, hash, entries, audit } = Letters::of((desk, places), key, request).await?;
    if !gate.takes() {
        return Err(Refusal::Unavailable("another daemon answers for this bot, or may"));
    }
    let (store, letters) = (&desk.services.store, entries.len());
    if store.put_audited(entries, audit).await.map_err(Refusal::NotStored)? {
        tracing::info!(event = %id, key = key.name, letters, "a message of the API is in the outbox");
        return Ok(accepted(id));
    }
    // The first letter has the hash of the request that made it, as long as its body is kept.
    let row = store.row(id).await.map_err(Refusal::NotStored)?;
    let letter = row.and_then(|row| Letter::read(row.body.as_deref()?).ok());
    if letter.is_some_and(|letter| letter.api().is_some_and(|api| api.hash != hash)) {
        let says = "was used for another message; give each message a key of its own";
        return Err(Refusal::invalid("idempotency_key", says));
    }
    Ok(accepted(id))
}
