//! Accounts: people and bots.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::simulator::world::refusal::Refusal;
use crate::simulator::world::time;

/// A person or bot who can call the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The id in the REST API.
    pub id: String,
    /// The email address. Each account has one.
    pub email: String,
    /// The name others see.
    pub display_name: String,
    /// The bearer token that acts as this person.
    pub token: String,
    /// Whether it is a person or a bot. A bot sees less.
    #[serde(rename = "type")]
    pub kind: AccountType,
    /// When the account was created.
    #[serde(serialize_with = "time::millis")]
    pub created: Timestamp,
    /// Whether it may create, change and delete people, and register webhooks for the whole organization.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_admin: bool,
    /// Further fields, which only the REST API shows.
    #[serde(default)]
    pub(crate) profile: Profile,
}

/// The further fields of a person in the REST API.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nick_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) licenses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<Timestamp>,
}

/// The kind of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountType {
    /// Sees what mentions it, what it wrote, and its direct rooms.
    Bot,
    /// Sees everything in the rooms it is in.
    Person,
}

impl Account {
    /// How the name appears in a mention: Webex shows its first word only.
    pub(crate) fn first_name(&self) -> &str {
        self.display_name.split_whitespace().next().unwrap_or(&self.display_name)
    }
}

pub(crate) fn only_administrators(actor: &Account) -> Result<(), Refusal> {
    if actor.is_admin { Ok(()) } else { Err(Refusal::forbidden("Only an administrator can perform this action.")) }
}

/// Refuses bots, which have no scope for this.
pub(crate) fn only_people(actor: &Account, missing: &str) -> Result<(), Refusal> {
    match actor.kind {
        AccountType::Person => Ok(()),
        AccountType::Bot => Err(Refusal::forbidden(missing)),
    }
}

pub(crate) fn no_such_person() -> Refusal {
    Refusal::not_found("Unable to find a person with provided ID.")
}
