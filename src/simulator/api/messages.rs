//! `/messages`, `/contents` and `/attachment/actions`.

use axum::Json;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::{Actor, InPerson, JsonBody, Query, content_type, is_media_type, page};
use crate::simulator::actions::Action;
use crate::simulator::messages::{Draft, Listing, Message, Upload};
use crate::simulator::refusal::Refusal;
use crate::simulator::world::{Account, World};
use crate::simulator::{Cloud, ids};

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
    /// Addresses that Webex would fetch. The simulated cloud calls nobody: it keeps the name and no content.
    files: Vec<String>,
    attachments: Vec<Value>,
    #[serde(skip)]
    uploads: Vec<Upload>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Edit {
    room_id: String,
    text: Option<String>,
    markdown: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Click {
    message_id: String,
    #[serde(default)]
    inputs: Value,
}

pub(super) async fn create(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    request: Request,
) -> Result<Json<Message>, Refusal> {
    // A Webex app sends html and never markdown.
    let typed = request.extensions().get::<InPerson>().is_some();
    let new = if is_media_type(&content_type(request.headers()), "multipart/form-data") {
        form(Multipart::from_request(request, &cloud).await.map_err(|error| Refusal::bad_request(error.body_text()))?)
            .await?
    } else {
        JsonBody::<NewMessage>::from_request(request, &cloud).await?.0
    };
    let by_url = new.files.iter().map(|url| Upload {
        name: url.rsplit('/').next().unwrap_or(url).to_owned(),
        content_type: "application/octet-stream".to_owned(),
        bytes: Bytes::new(),
    });
    let files: Vec<_> = by_url.chain(new.uploads).collect();
    cloud.change(|world| {
        let room = destination(world, &me, new.room_id, new.to_person_id, new.to_person_email)?;
        let draft = Draft {
            parent_id: new.parent_id,
            text: new.text,
            markdown: new.markdown,
            attachments: new.attachments,
            files,
            typed,
        };
        world.post(&me, &room, draft, &cloud.api_url()).map(Json)
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
            "files" => new.files.push(value),
            _ => {}
        }
    }
    Ok(new)
}

/// The room that a message goes to; a direct one is opened by the first message.
fn destination(
    world: &mut World,
    me: &Account,
    room: Option<String>,
    id: Option<String>,
    email: Option<String>,
) -> Result<String, Refusal> {
    let given = |value: Option<String>| value.filter(|value| !value.is_empty());
    let person = match (given(room), given(id), given(email)) {
        (Some(room), None, None) => return if ids::is_id(&room) { Ok(room) } else { Err(no_id()) },
        (None, Some(id), None) => world
            .people
            .get(&id)
            .cloned()
            .ok_or_else(|| Refusal::not_found("Unable to find a person with provided ID."))?,
        (None, None, Some(email)) if email.contains('@') => world.account(&email),
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

pub(super) async fn list(State(cloud): State<Cloud>, Actor(me): Actor, query: Query) -> Result<Response, Refusal> {
    let room_id = query.get("roomId").ok_or_else(|| Refusal::bad_request("roomId cannot be null"))?.to_owned();
    if !ids::is_id(&room_id) {
        return Err(no_id());
    }
    messages(&cloud, &me, &query, room_id)
}

pub(super) async fn list_direct(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
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
    messages(&cloud, &me, &query, room_id)
}

fn messages(cloud: &Cloud, me: &Account, query: &Query, room_id: String) -> Result<Response, Refusal> {
    let mentioned_people = query.get("mentionedPeople").map(str::to_owned);
    let before = query.get("before").map(str::parse).transpose();
    let listing = Listing {
        room_id,
        parent_id: query.get("parentId").map(str::to_owned),
        before: before.map_err(|_| Refusal::bad_request("before is not an ISO 8601 time"))?,
        before_message: query.get("beforeMessage").map(str::to_owned),
        max: query.max(50, if mentioned_people.is_some() { 100 } else { 1000 })?,
        mentioned_people,
    };
    let world = cloud.world();
    let (found, more) = world.list(me, &listing)?;
    let last = found.last().filter(|_| more);
    let next = last.and_then(|last| query.next(cloud, "beforeMessage", &last.id));
    Ok(page(&found, next))
}

pub(super) async fn read(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<Json<Message>, Refusal> {
    cloud.world().message_for(&me, &id).cloned().map(Json)
}

pub(super) async fn edit(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
    JsonBody(edit): JsonBody<Edit>,
) -> Result<Json<Message>, Refusal> {
    cloud.change(|world| world.edit(&me, &id, &edit.room_id, edit.text, edit.markdown)).map(Json)
}

pub(super) async fn delete(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}

pub(super) async fn download(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let content = cloud.world().content_for(&me, &id)?.clone();
    let name: String = content.name.chars().filter(|letter| !letter.is_control() && *letter != '"').collect();
    let disposition = format!("attachment; filename=\"{name}\"");
    Ok(([(CONTENT_TYPE, content.content_type), (CONTENT_DISPOSITION, disposition)], content.bytes).into_response())
}

/// Webex's specification says 202 here.
pub(super) async fn click(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    JsonBody(click): JsonBody<Click>,
) -> Result<(StatusCode, Json<Action>), Refusal> {
    let action = cloud.change(|world| world.click(&me, &click.message_id, click.inputs))?;
    Ok((StatusCode::ACCEPTED, Json(action)))
}

pub(super) async fn read_action(
    State(cloud): State<Cloud>,
    Actor(me): Actor,
    Path(id): Path<String>,
) -> Result<Json<Action>, Refusal> {
    cloud.world().action_for(&me, &id).cloned().map(Json)
}

fn no_id() -> Refusal {
    Refusal::bad_request("Expect base64 ID or UUID.")
}
