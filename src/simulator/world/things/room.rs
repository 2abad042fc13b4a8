//! Rooms and who is in them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::simulator::world::refusal::Refusal;
use crate::simulator::world::time;

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomType {
    /// Two people, one of them possibly a bot.
    Direct,
    /// A space.
    Group,
}

/// A room and what is in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Room {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) kind: RoomType,
    pub(crate) creator_id: String,
    pub(crate) created: Timestamp,
    pub(crate) last_activity: Timestamp,
    #[serde(flatten)]
    pub(crate) traits: SpaceTraits,
    pub(crate) members: Vec<Member>,
    /// The places of its messages on the shelf of messages, oldest first.
    #[serde(skip)]
    pub(crate) messages: Vec<usize>,
}

/// The properties of a space that can be set when it is created or later.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SpaceTraits {
    pub(crate) team_id: Option<String>,
    /// Whether the space is moderated: only moderators add and remove people, and change it.
    pub(crate) is_locked: bool,
    pub(crate) is_public: bool,
    /// Whether only moderators may post.
    pub(crate) is_announcement_only: bool,
    pub(crate) description: Option<String>,
}

/// One person in a room.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Member {
    pub(crate) person_id: String,
    pub(crate) is_moderator: bool,
    #[serde(default)]
    pub(crate) is_hidden: bool,
    pub(crate) created: Timestamp,
}

impl Room {
    pub(crate) fn has(&self, person_id: &str) -> bool {
        self.member(person_id).is_some()
    }

    pub(crate) fn member(&self, person_id: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.person_id == person_id)
    }

    pub(crate) fn is_moderator(&self, person_id: &str) -> bool {
        self.member(person_id).is_some_and(|member| member.is_moderator)
    }

    /// Checks that a person may change the room. In a moderated space only moderators may change its members and its
    /// title.
    pub(crate) fn lets_change(&self, person_id: &str) -> Result<(), Refusal> {
        if !self.traits.is_locked || self.is_moderator(person_id) {
            Ok(())
        } else {
            Err(Refusal::forbidden("Only a moderator can perform this action in a moderated room."))
        }
    }
}

/// A membership as REST and webhooks show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Membership {
    pub(crate) id: String,
    pub(crate) room_id: String,
    pub(crate) room_type: RoomType,
    pub(crate) person_id: String,
    pub(crate) person_email: String,
    pub(crate) person_display_name: String,
    pub(crate) person_org_id: String,
    pub(crate) is_moderator: bool,
    pub(crate) is_monitor: bool,
    pub(crate) is_room_hidden: bool,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
}
