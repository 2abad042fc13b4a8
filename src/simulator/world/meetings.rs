//! Meetings, as far as scheduling goes; nobody can join one here. Rules and defaults are those of Webex's Meetings API.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Deserialize;

use super::event::Event;
use super::refusal::Refusal;
use super::sight::may_meet;
use super::state::World;
use super::things::{Account, Invitee, Meeting, digits};

const LONGEST_TITLE: usize = 128;
const LONGEST_AGENDA: usize = 1300;
const MOST_INVITEES: usize = 1000;
const SHORTEST: SignedDuration = SignedDuration::from_mins(10);
const LONGEST: SignedDuration = SignedDuration::from_mins(24 * 60 - 1);
const FARTHEST: SignedDuration = SignedDuration::from_hours(24 * 3650);

/// The body of `POST`, `PUT` and `PATCH`, with the fields that the simulator uses.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct MeetingDraft {
    title: Option<String>,
    start: Option<String>,
    end: Option<String>,
    timezone: Option<String>,
    agenda: Option<String>,
    password: Option<String>,
    recurrence: Option<String>,
    invitees: Option<Vec<Invitee>>,
    send_email: Option<bool>,
    host_email: Option<String>,
    room_id: Option<String>,
    adhoc: bool,
}

impl World {
    pub(crate) fn create_meeting(&mut self, actor: &Account, draft: MeetingDraft) -> Result<Meeting, Refusal> {
        let host = self.host(actor, draft.host_email.as_deref().filter(|_| draft.room_id.is_none()))?;
        let room = draft.room_id.as_deref().map(|room| self.room_of(actor, room)).transpose()?;
        let room_id = room.map(|room| room.id.clone());
        let invited = room.into_iter().flat_map(|room| &room.members).filter(|member| member.person_id != host.id);
        let invited: Vec<_> = invited
            .filter_map(|member| self.people.get(&member.person_id))
            .map(|person| Invitee { email: person.email.clone(), display_name: None, co_host: true })
            .collect();
        if draft.adhoc {
            let Some(room_id) = room_id.clone() else {
                return Err(Refusal::bad_request("roomId is required for adhoc"));
            };
            let running = |meeting: &&Meeting| meeting.is_adhoc && meeting.room_id.as_ref() == Some(&room_id);
            if let Some(running) = self.meetings.iter().find(running) {
                return Ok(running.clone());
            }
        }
        let mut meeting = self.instant_meeting(host, room_id, invited, draft.adhoc);
        if !draft.adhoc {
            for (name, value) in [("title", &draft.title), ("start", &draft.start), ("end", &draft.end)] {
                if value.as_deref().is_none_or(str::is_empty) {
                    return Err(Refusal::bad_request(format!("{name} is required.")));
                }
            }
            let now = meeting.created;
            apply(&mut meeting, draft, now)?;
        }
        self.meetings.push(&meeting.id, meeting.clone());
        self.tell(Event::meeting("created", &meeting));
        Ok(meeting)
    }

    /// A meeting that begins in five minutes.
    fn instant_meeting(
        &mut self,
        host: Account,
        room_id: Option<String>,
        invitees: Vec<Invitee>,
        is_adhoc: bool,
    ) -> Meeting {
        let now = self.clock.now();
        let number = digits(&self.mint.hex(), 11);
        let id = self.mint.hex();
        Meeting {
            password: format!("Pw{}", digits(&id, 6)),
            id,
            number,
            title: host.display_name.clone(),
            agenda: None,
            timezone: "UTC".to_owned(),
            start: now.checked_add(5.minutes()).unwrap_or(now),
            end: now.checked_add(20.minutes()).unwrap_or(now),
            recurrence: None,
            host_id: host.id,
            host_name: host.display_name,
            host_email: host.email,
            room_id,
            is_adhoc,
            invitees,
            send_email: !is_adhoc,
            created: now,
        }
    }

    pub(crate) fn update_meeting(
        &mut self,
        actor: &Account,
        id: &str,
        draft: MeetingDraft,
        whole: bool,
    ) -> Result<Meeting, Refusal> {
        let known = self.meeting_of(actor, id)?.clone();
        if known.is_adhoc {
            return Err(Refusal::bad_request("An ad-hoc meeting cannot be updated."));
        }
        if whole && [&draft.title, &draft.start, &draft.end, &draft.password].iter().any(|field| field.is_none()) {
            return Err(Refusal::bad_request("title, start, end and password are required."));
        }
        let mut changed = known;
        apply(&mut changed, draft, self.clock.now())?;
        if let Some(meeting) = self.meetings.get_mut(id) {
            *meeting = changed.clone();
        }
        self.tell(Event::meeting("updated", &changed));
        Ok(changed)
    }

    pub(crate) fn delete_meeting(&mut self, actor: &Account, id: &str) -> Result<(), Refusal> {
        let meeting = self.meeting_of(actor, id)?.clone();
        if meeting.is_adhoc {
            return Err(Refusal::bad_request("An ad-hoc meeting cannot be deleted."));
        }
        self.meetings.remove(id);
        self.tell(Event::meeting("deleted", &meeting));
        Ok(())
    }

    /// The host of a meeting: the caller, or for an administrator the person who is named.
    fn host(&self, actor: &Account, host_email: Option<&str>) -> Result<Account, Refusal> {
        may_meet(actor)?;
        match host_email {
            None => Ok(actor.clone()),
            Some(_) if !actor.is_admin => Err(Refusal::forbidden("hostEmail is for administrators.")),
            Some(email) => self.by_email(email).cloned().ok_or_else(|| Refusal::bad_request("hostEmail is unknown.")),
        }
    }
}

/// Applies the given fields to a meeting, if the result keeps the rules.
fn apply(meeting: &mut Meeting, draft: MeetingDraft, now: Timestamp) -> Result<(), Refusal> {
    if let Some(name) = draft.timezone {
        TimeZone::get(&name).map_err(|_| Refusal::bad_request(format!("timezone {name} is unknown.")))?;
        meeting.timezone = name;
    }
    if let Some(title) = draft.title {
        limited("title", &title, LONGEST_TITLE)?;
        meeting.title = title;
    }
    if let Some(agenda) = draft.agenda {
        limited("agenda", &agenda, LONGEST_AGENDA)?;
        meeting.agenda = Some(agenda);
    }
    if let Some(invitees) = draft.invitees {
        if invitees.len() > MOST_INVITEES {
            return Err(Refusal::bad_request(format!("At most {MOST_INVITEES} invitees.")));
        }
        if let Some(wrong) = invitees.iter().find(|invitee| !invitee.email.contains('@')) {
            return Err(Refusal::bad_request(format!("{} is not an email address.", wrong.email)));
        }
        meeting.invitees = invitees;
    }
    meeting.password = draft.password.unwrap_or(std::mem::take(&mut meeting.password));
    meeting.recurrence = draft.recurrence.or(meeting.recurrence.take());
    meeting.send_email = draft.send_email.unwrap_or(meeting.send_email);
    let moved = draft.start.is_some() || draft.end.is_some();
    if let Some(start) = draft.start {
        meeting.start = time("start", &start, &meeting.timezone)?;
        // A start within the current minute becomes the next minute.
        if meeting.start == to_the_minute(now) {
            meeting.start = meeting.start.checked_add(1.minute()).unwrap_or(now);
        }
    }
    if let Some(end) = draft.end {
        meeting.end = time("end", &end, &meeting.timezone)?;
    }
    if moved { check_times(meeting.start, meeting.end, now) } else { Ok(()) }
}

fn check_times(start: Timestamp, end: Timestamp, now: Timestamp) -> Result<(), Refusal> {
    let length = end.duration_since(start);
    if start < now {
        return Err(Refusal::bad_request("The start and end time must be in the future"));
    }
    if start.duration_since(now) >= FARTHEST {
        return Err(Refusal::bad_request("The start time must be less than ten years ahead."));
    }
    if length < SHORTEST || length > LONGEST {
        return Err(Refusal::bad_request("A meeting lasts from 10 minutes to 23 hours and 59 minutes."));
    }
    Ok(())
}

/// Reads ISO 8601 with an offset, or `yyyy-MM-dd HH:mm:ss` in the meeting's zone. Seconds are cut off.
fn time(field: &str, text: &str, zone: &str) -> Result<Timestamp, Refusal> {
    let wrong = || Refusal::bad_request(format!("{field} is not a time: {text}"));
    let zone = TimeZone::get(zone).map_err(|_| wrong())?;
    let time = match text.parse::<Timestamp>() {
        Ok(time) => time,
        Err(_) => text.parse::<DateTime>().map_err(|_| wrong())?.to_zoned(zone).map_err(|_| wrong())?.timestamp(),
    };
    Ok(to_the_minute(time))
}

fn to_the_minute(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second().div_euclid(60) * 60).unwrap_or(time)
}

fn limited(field: &str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.chars().count() > most {
        return Err(Refusal::bad_request(format!("{field} is longer than {most} characters.")));
    }
    Ok(())
}
