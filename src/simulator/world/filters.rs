//! The `filter` of a webhook: which events of its resource are delivered to it.

use super::event::{Event, EventData};
use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, RoomType, Webhook};

impl World {
    /// Checks that a filter has keys of its resource, and ids of things that its owner can see.
    pub(crate) fn check_filter(&self, owner: &Account, webhook: &Webhook) -> Result<(), Refusal> {
        let keys: &[&str] = match webhook.resource.as_str() {
            "messages" => {
                &["roomId", "roomType", "personId", "personEmail", "mentionedPeople", "hasFiles", "hasAttachments"]
            }
            "memberships" => &["roomId", "personId", "personEmail", "isModerator"],
            "attachmentActions" => &["messageId", "personId", "roomId"],
            "rooms" => &["type", "isLocked"],
            "meetings" => {
                &["id", "meetingNumber", "meetingType", "state", "hostEmail", "hostUserId", "siteUrl", "roomId"]
            }
            _ => &[],
        };
        for (key, value) in clauses(webhook.filter.as_deref()) {
            let is_visible = match key {
                "roomId" => self.room_of(owner, value).is_ok(),
                "messageId" => self.message_for(owner, value).is_ok(),
                "roomType" | "type" => matches!(value, "direct" | "group"),
                "hasFiles" | "hasAttachments" | "isModerator" | "isLocked" => matches!(value, "true" | "false"),
                _ => !value.is_empty(),
            };
            if !keys.contains(&key) || !is_visible {
                return Err(Refusal::bad_request(format!("invalid value for filter: {key}")));
            }
        }
        Ok(())
    }
}

impl Webhook {
    /// Whether the webhook's resource, event and filter match an event.
    pub(crate) fn covers(&self, event: &Event) -> bool {
        // The resource `all` covers three resources, and no clicks on cards.
        let resource = self.resource == event.resource
            || (self.resource == "all" && matches!(event.resource, "messages" | "memberships" | "rooms"));
        resource
            && (self.event == event.event || self.event == "all")
            && clauses(self.filter.as_deref()).all(|(key, value)| matches(key, value, event, &self.created_by))
    }
}

/// The clauses of a filter: `key=value`, joined with `&`. All have to hold.
fn clauses(filter: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    filter
        .unwrap_or_default()
        .split('&')
        .filter(|clause| !clause.is_empty())
        .map(|clause| clause.split_once('=').unwrap_or((clause, "")))
}

pub(crate) fn matches(key: &str, value: &str, event: &Event, owner: &str) -> bool {
    match (key, &event.data) {
        ("roomId", EventData::Message(_) | EventData::Action(_) | EventData::Membership(_) | EventData::Room(_)) => {
            ids::same(value, &event.room_id)
        }
        ("roomType", _) => value == name(event.room_type),
        ("personId", data) => ids::same(value, data.person_id()),
        ("personEmail", EventData::Message(message)) => value.eq_ignore_ascii_case(&message.person_email),
        ("personEmail", EventData::Membership(membership)) => value.eq_ignore_ascii_case(&membership.person_email),
        ("mentionedPeople", EventData::Message(message)) => value.split(',').any(|one| {
            let wanted = if one == "me" { owner } else { one };
            message.mentioned_people.iter().any(|mentioned| ids::same(mentioned, wanted))
        }),
        ("hasFiles", EventData::Message(message)) => value == (!message.files.is_empty()).to_string(),
        ("hasAttachments", EventData::Message(message)) => value == message.has_attachments.to_string(),
        ("isModerator", EventData::Membership(membership)) => value == membership.is_moderator.to_string(),
        ("type", EventData::Room(room)) => value == name(room.kind),
        ("isLocked", EventData::Room(room)) => value == room.is_locked.to_string(),
        ("hostUserId", EventData::Meeting(meeting)) => ids::same(value, &meeting.host_id),
        (field, EventData::Meeting(meeting)) => meeting.meeting[field].as_str() == Some(value),
        ("messageId", EventData::Action(action)) => ids::same(value, &action.message_id),
        _ => false,
    }
}

fn name(kind: RoomType) -> &'static str {
    match kind {
        RoomType::Direct => "direct",
        RoomType::Group => "group",
    }
}
