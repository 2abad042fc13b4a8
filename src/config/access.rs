//! Settings of who is answered, how much, and what each may do.

use std::time::Duration;

use serde::Deserialize;

use super::{Approve, duration};

/// `[access]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// Who is answered in direct messages.
    pub dm_policy: DmPolicy,
    /// Who is answered in spaces.
    pub group_policy: GroupPolicy,
    /// The people of both lists' policies.
    pub allow_from: Vec<String>,
    /// The people for spaces; empty means `allow_from`.
    pub group_allow_from: Vec<String>,
    /// People who may do everything.
    pub admins: Vec<String>,
    /// What people hear who may not do what they asked for.
    pub on_deny: OnDeny,
}

/// What people hear who may not do what they asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnDeny {
    /// Nothing.
    Silent,
    /// That they may not.
    Spoken,
}

/// `[pairing]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pairing {
    /// How long a code is good.
    #[serde(deserialize_with = "duration")]
    pub expires: Duration,
    /// How many strangers get a code within an hour.
    pub per_hour: u32,
    /// How long somebody who was denied gets no new code.
    #[serde(deserialize_with = "duration")]
    pub quiet: Duration,
}

/// `[flood]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flood {
    /// Messages a minute of one person; 0 is no limit.
    pub person: u32,
    /// Messages a minute of all people in a space; 0 is no limit.
    pub space: u32,
    /// How many minutes' worth may come at once.
    pub burst: u32,
}

/// `[[command]]`: who may give a command, where, and with whose approval, above what the command says itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRule {
    /// The word that calls it.
    pub name: String,
    /// People as in the lists of `[access]`, and `admins`.
    pub allow: Option<Vec<String>>,
    /// Ids of spaces, and `direct`.
    pub rooms: Option<Vec<String>>,
    /// Whose approval it needs before it runs.
    pub approve: Option<Approve>,
    /// The file that says so, for messages.
    #[serde(skip)]
    pub(crate) place: String,
}

/// Who is answered in direct messages.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DmPolicy {
    /// Listed people; others may ask to be let in.
    Pairing,
    /// Listed people only.
    Allowlist,
    /// Everybody on Webex.
    Open,
    /// Nobody.
    Disabled,
}

/// Who is answered in spaces.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum GroupPolicy {
    /// Listed people only.
    Allowlist,
    /// Whoever mentions the bot.
    Mention,
    /// Everybody whose message the bot can see.
    Open,
    /// Nobody.
    Disabled,
}
