//! `/meetings`.

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use super::request::{Caller, JsonBody, Query};
use crate::simulator::world::meetings::MeetingDraft;
use crate::simulator::world::sight::may_meet;
use crate::simulator::world::things::Meeting;
use crate::simulator::world::{Refusal, ids};

const MOST: usize = 100;

/// The time zone of the answer, which a header names.
fn zone(headers: &HeaderMap) -> Result<TimeZone, Refusal> {
    match headers.get("timezone").map(|value| value.to_str().unwrap_or_default()) {
        None => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(name).map_err(|_| Refusal::bad_request(format!("timezone {name} is unknown."))),
    }
}

pub(super) async fn create(
    Caller { cloud, me }: Caller,
    headers: HeaderMap,
    JsonBody(draft): JsonBody<MeetingDraft>,
) -> Result<Json<Value>, Refusal> {
    let zone = zone(&headers)?;
    cloud.change(|world| world.create_meeting(&me, draft)).map(|meeting| Json(meeting.shown(&zone)))
}

pub(super) async fn read(
    Caller { cloud, me }: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let zone = zone(&headers)?;
    let world = cloud.world();
    world.meeting_of(&me, &id).map(|meeting| Json(meeting.shown(&zone)))
}

pub(super) async fn replace(
    caller: Caller,
    headers: HeaderMap,
    id: Path<String>,
    draft: JsonBody<MeetingDraft>,
) -> Result<Json<Value>, Refusal> {
    change(caller, &headers, id, draft, true)
}

pub(super) async fn update(
    caller: Caller,
    headers: HeaderMap,
    id: Path<String>,
    draft: JsonBody<MeetingDraft>,
) -> Result<Json<Value>, Refusal> {
    change(caller, &headers, id, draft, false)
}

fn change(
    Caller { cloud, me }: Caller,
    headers: &HeaderMap,
    Path(id): Path<String>,
    JsonBody(draft): JsonBody<MeetingDraft>,
    whole: bool,
) -> Result<Json<Value>, Refusal> {
    let zone = zone(headers)?;
    cloud.change(|world| world.update_meeting(&me, &id, draft, whole)).map(|meeting| Json(meeting.shown(&zone)))
}

pub(super) async fn delete(Caller { cloud, me }: Caller, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    cloud.change(|world| world.delete_meeting(&me, &id)).map(|()| StatusCode::NO_CONTENT)
}

/// Lists meetings by number, link or room, or else by time: by default the next seven days. Ad-hoc meetings are never
/// listed, since Webex lists only their instances, which do not exist here.
pub(super) async fn list(Caller { cloud, me }: Caller, headers: HeaderMap, query: Query) -> Result<Response, Refusal> {
    may_meet(&me)?;
    let zone = zone(&headers)?;
    let keys = ["meetingNumber", "webLink", "roomId"].map(|name| query.get(name));
    if keys.iter().flatten().count() > 1 {
        return Err(Refusal::bad_request("meetingNumber, webLink and roomId are mutually exclusive."));
    }
    let found: Vec<_> = {
        let world = cloud.world();
        let (from, to) = range(&query, world.clock.now())?;
        let kind = query.get("meetingType").unwrap_or("meetingSeries");
        let is_wanted = |meeting: &&Meeting| {
            let may_see = world.meeting_of(&me, &meeting.id).is_ok();
            let by_host = query.get("hostEmail").is_none_or(|email| meeting.host_email.eq_ignore_ascii_case(email));
            let matches = match keys {
                [Some(number), _, _] => meeting.number == number,
                [_, Some(link), _] => meeting.web_link() == link,
                [_, _, Some(room)] => meeting.room_id.as_ref().is_some_and(|its| ids::same(its, room)),
                [None, None, None] => kind != "meeting" && from <= meeting.start && meeting.start < to,
            };
            may_see && by_host && matches && !meeting.is_adhoc
        };
        world.meetings.iter().filter(is_wanted).map(|meeting| meeting.shown(&zone)).collect()
    };
    query.page_of(&cloud, found, 10, MOST)
}

/// The time range, from inclusive and to exclusive. If only one end is given, the other is seven days away.
fn range(query: &Query, now: Timestamp) -> Result<(Timestamp, Timestamp), Refusal> {
    let time = |name: &str| {
        let given = query.get(name).map(|text| {
            text.parse::<Timestamp>().map_err(|_| Refusal::bad_request(format!("{name} is not a time: {text}")))
        });
        given.transpose()
    };
    let days = |time: Timestamp, days: i64| time.checked_add((days * 24).hours()).unwrap_or(time);
    Ok(match (time("from")?, time("to")?) {
        (Some(from), Some(to)) => (from, to),
        (Some(from), None) => (from, days(from, 7)),
        (None, Some(to)) => (days(to, -7), to),
        (None, None) => (now, days(now, 7)),
    })
}
