//! `/messages`, `/contents` and `/attachment/actions`.

use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Path, Request};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::paging::page;
use super::request::{Caller, InPerson, JsonBody, Query, content_type, is_media_type};
use crate::simulator::delivery::fetch::fetch;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::draft::{MessageDraft, Upload};
use crate::simulator::world::listing::MessageListing;
use crate::simulator::world::things::{Account, Action, Message, no_such_person};
use crate::simulator::world::{Refusal, World, ids};

/// The answer to `POST /messages`. No other answer names the addressee.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PostedMessage {
    #[serde(flatten)]
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_person_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_person_email: Option<String>,
}

/// The body of `POST /messages`, as JSON or as the fields of a form.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NewMessage {
    room_id: Option<String>,
    to_person_id: Option<String>,
    to_person_email: Option<String>,
    parent_id: Option<String>,
    text: Option<String>,
    markdown: Option<String>,
    html: Option<String>,
    /// Addresses from which the cloud fetches files.
    files: Vec<String>,
    attachments: Vec<Value>,
    #[serde(skip)]
    uploads: Vec<Upload>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct MessageEdit {
    room_id: String,
    text: Option<String>,
    markdown: Option<String>,
    html: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Click {
    #[serde(rename = "type")]
    kind: String,
    message_id: String,
    inputs: Value,
}

pub(super) async fn create(Caller { cloud, me }: Caller, request: Request) -> Result<Json<PostedMessage>, Refusal> {
    // A Webex app sends HTML and never markdown.
    let typed = request.extensions().get::<InPerson>().is_some();
    let new = if is_media_type(&content_type(request.headers()), "multipart/form-data") {
        form(Multipart::from_request(request, &cloud).await.map_err(|error| Refusal::bad_request(error.body_text()))?)
            .await?
    } else {
        JsonBody::<NewMessage>::from_request(request, &cloud).await?.0
    };
    if new.files.len() + new.uploads.len() > 1 {
        return Err(Refusal::bad_request("Only one file per message is allowed."));
    }
    let mut files = new.uploads;
    for url in &new.files {
        files.push(fetch(&cloud.live.courier.outward, url).await?);
    }
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let (to_person_id, to_person_email) = (given(new.to_person_id), given(new.to_person_email));
    cloud.change(|world| {
        let (id, email) = (to_person_id.as_deref(), to_person_email.as_deref());
        let room = destination(world, &me, given(new.room_id), id, email)?;
        let draft = MessageDraft {
            parent_id: new.parent_id,
            text: new.text,
            markdown: new.markdown,
            html: new.html,
            attachments: new.attachments,
            files,
            typed,
        };
        let message = world.post(&me, &room, draft, &cloud.api_url())?;
        Ok(Json(PostedMessage { message, to_person_id, to_person_email }))
    })
}

async fn form(mut form: Multipart) -> Result<NewMessage, Refusal> {
    let unreadable = |error: MultipartError| Refusal::new(error.status(), error.body_text());
    let mut new = NewMessage::default();
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "files" && field.file_name().is_some() {
            let (name, content_type) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
            new.uploads.push(Upload {
                name: name.unwrap_or_default(),
                content_type: content_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
                bytes: field.bytes().await.map_err(unreadable)?,
                source: None,
            });
            continue;
        }
        let value = field.text().await.map_err(unreadable)?;
        match name.as_str() {
            "roomId" => new.room_id = Some(value),
            "toPersonId" => new.to_person_id = Some(value),
            "toPersonEmail" => new.to_person_email = Some(value),
            "parentId" => new.parent_id = Some(value),
            "text" => new.text = Some(value),
            "markdown" => new.markdown = Some(value),
            "html" => new.html = Some(value),
            "attachments" => return Err(Refusal::bad_request("A form cannot have attachments; send JSON.")),
            "files" => new.files.push(value),
            _ => {}
        }
    }
    Ok(new)
}

/// The room that a message goes to. A direct room is opened by its first message.
fn destination(
    world: &mut World,
    me: &Account,
    room: Option<String>,
    id: Option<&str>,
    email: Option<&str>,
) -> Result<String, Refusal> {
    let person = match (room, id, email) {
        (Some(room), None, None) => return if ids::is_id(&room) { Ok(room) } else { Err(no_id()) },
        (None, Some(id), None) => world.people.get(id).cloned().ok_or_else(no_such_person)?,
        (None, None, Some(email)) if email.contains('@') => world.account(email),
        (None, None, Some(_)) => return Err(Refusal::bad_request("toPersonEmail is not a valid email address.")),
        _ => {
            let message = "Exactly one of the destination fields must not be empty (roomId, toPersonEmail, toPersonId)";
            return Err(Refusal::bad_request(message));
        }
    };
    if person.id == me.id {
        return Err(Refusal::bad_request("Unable to send a direct message to oneself."));
    }
    Ok(world.direct_room(me, &person))
}

pub(super) async fn list(
    Caller { cloud, me }: Caller,
    in_person: Option<Extension<InPerson>>,
    query: Query,
) -> Result<Response, Refusal> {
    let room_id = query.get("roomId").ok_or_else(|| Refusal::bad_request("roomId cannot be null"))?.to_owned();
    if !ids::is_id(&room_id) {
        return Err(no_id());
    }
    messages(&cloud, &me, in_person.is_some(), &query, room_id)
}

pub(super) async fn list_direct(
    Caller { cloud, me }: Caller,
    in_person: Option<Extension<InPerson>>,
    query: Query,
) -> Result<Response, Refusal> {
    let room_id = {
        let world = cloud.world();
        let other = match (query.get("personId"), query.get("personEmail")) {
            (Some(id), None) => world.people.get(id),
            (None, Some(email)) => world.by_email(email),
            _ => return Err(Refusal::bad_request("Exactly one of personId and personEmail must be given.")),
        };
        let room = other.and_then(|other| world.existing_direct_room(&me.id, &other.id));
        room.ok_or_else(Refusal::no_such_room)?.to_owned()
    };
    messages(&cloud, &me, in_person.is_some(), &query, room_id)
}

fn messages(cloud: &Cloud, me: &Account, in_person: bool, query: &Query, room_id: String) -> Result<Response, Refusal> {
    let mentioned_people = query.get("mentionedPeople").map(str::to_owned);
    let before = query.get("before").map(str::parse).transpose();
    let listing = MessageListing {
        room_id,
        parent_id: query.get("parentId").map(str::to_owned),
        before: before.map_err(|_| Refusal::bad_request("before is not an ISO 8601 time"))?,
        before_message: query.get("beforeMessage").map(str::to_owned),
        max: query.max(50, if mentioned_people.is_some() { 100 } else { 1000 })?,
        mentioned_people,
    };
    let world = cloud.world();
    let (mut found, more) = world.list(me, &listing)?;
    // A cursor without effect marks the page after an empty one.
    if world.quirks.empty_pages && query.get("cursor").is_none() {
        return Ok(page::<&Message>(&[], query.next(cloud, "cursor", "0")));
    }
    let last = found.last().filter(|_| more);
    let mut next = last.and_then(|last| query.next(cloud, "beforeMessage", &last.id));
    if let (Some(next), true) = (&mut next, world.quirks.lost_mentions) {
        let kept: Vec<_> = next.query_pairs().into_owned().filter(|(name, _)| name != "mentionedPeople").collect();
        next.query_pairs_mut().clear().extend_pairs(kept);
    }
    found.retain(|message| in_person || !cloud.inner.faults.hides_from_read(&message.id));
    Ok(page(&found, next))
}

pub(super) async fn read(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<Json<Message>, Refusal> {
    cloud.world().message_for(&me, &id).cloned().map(Json)
}

pub(super) async fn edit(
    Caller { cloud, me }: Caller,
    in_person: Option<Extension<InPerson>>,
    Path(id): Path<String>,
    JsonBody(edit): JsonBody<MessageEdit>,
) -> Result<Json<Message>, Refusal> {
    let MessageEdit { room_id, text, markdown, html } = edit;
    let draft = MessageDraft { text, markdown, html, typed: in_person.is_some(), ..MessageDraft::default() };
    cloud.change(|world| world.edit(&me, &id, &room_id, draft)).map(Json)
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}

/// Downloads a file. A Webex app gets what the scan let through; a program has to wait for the scan, or take the risk.
pub(super) async fn download(
    Caller { cloud, me }: Caller,
    in_person: Option<Extension<InPerson>>,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Refusal> {
    let takes_risk = query.get("allow") == Some("unscannable");
    let content = match in_person {
        Some(_) => cloud.world().content_for_app(&me, &id)?.clone(),
        None => cloud.world().content_for_program(&me, &id, takes_risk)?.clone(),
    };
    let name: String = content.name.chars().filter(|letter| !letter.is_control() && *letter != '"').collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    let kind = HeaderValue::try_from(content.content_type);
    let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
    // A page may show an uploaded picture, but never run an uploaded script.
    let headers = [
        (CONTENT_TYPE, kind),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
    ];
    let disposition = HeaderValue::from_bytes(disposition.as_bytes());
    let mut response = (headers, content.bytes).into_response();
    if let Ok(disposition) = disposition {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// Submits a card. Webex's specification says 202 here, but clients such as webexpythonsdk accept only 200.
pub(super) async fn click(
    Caller { cloud, me }: Caller,
    JsonBody(click): JsonBody<Click>,
) -> Result<(StatusCode, Json<Action>), Refusal> {
    if click.kind != "submit" {
        return Err(Refusal::bad_request("type must be submit"));
    }
    if !click.inputs.is_object() {
        return Err(Refusal::bad_request("inputs must be an object"));
    }
    let (action, quirks) =
        cloud.change(|world| world.click(&me, &click.message_id, click.inputs).map(|action| (action, world.quirks)))?;
    let status = if quirks.clicks_accepted { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(action)))
}

pub(super) async fn read_action(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<Json<Action>, Refusal> {
    cloud.world().action_for(&me, &id).cloned().map(Json)
}

fn no_id() -> Refusal {
    Refusal::bad_request("Expect base64 ID or UUID.")
}
