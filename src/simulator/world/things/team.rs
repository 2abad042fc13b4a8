//! Teams: a name, people, and a general room that has the uuid of the team.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::simulator::world::refusal::Refusal;
use crate::simulator::world::{ids, time};

/// A team as REST shows it, and who is in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Team {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) creator_id: String,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
}

/// A membership of a team, as REST shows it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TeamMembership {
    pub(crate) id: String,
    pub(crate) team_id: String,
    pub(crate) person_id: String,
    pub(crate) person_email: String,
    pub(crate) person_display_name: String,
    pub(crate) person_org_id: String,
    pub(crate) is_moderator: bool,
    #[serde(serialize_with = "time::millis")]
    pub(crate) created: Timestamp,
}

/// The id of a team's general room, which has the uuid of the team.
pub(crate) fn general_room(team_id: &str) -> String {
    ids::respelled(team_id, ids::HOME, "ROOM")
}

pub(crate) fn no_such_team() -> Refusal {
    Refusal::not_found("Could not find a team with provided ID.")
}
