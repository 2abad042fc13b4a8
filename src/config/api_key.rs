//! `[[api_key]]`: scripts that use the bearer API.

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::check::{Check, SettingDoubt};
use super::hook::is_plain_name;
use super::people::destination_problem;
use super::values::one_or_many;

/// `[[api_key]]`: who may call `/api`, and for what.
#[derive(Clone, Debug, Deserialize)]
pub struct ApiKey {
    /// How the log, the audit and `explain` call it. It is no secret.
    pub name: String,
    /// What a caller shows as `Authorization: Bearer`.
    pub key: SecretString,
    /// Where its messages may go: spaces by title or id, and people.
    #[serde(default, deserialize_with = "one_or_many")]
    pub to: Vec<String>,
    /// What it may do.
    #[serde(default)]
    pub may: Vec<ApiRight>,
}

/// Something that a key of the API may do.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum ApiRight {
    Messages,
    Meetings,
    Hooks,
}

impl ApiKey {
    /// The doubt that it has a right of which nothing makes use yet.
    pub(super) fn doubt(&self) -> Option<SettingDoubt> {
        let unused = self.may.iter().find_map(|right| match right {
            ApiRight::Messages => None,
            ApiRight::Meetings => Some("meetings"),
            ApiRight::Hooks => Some("hooks"),
        })?;
        let says = format!("may of the api_key {} has \"{unused}\", and nothing uses this right yet", self.name);
        Some(SettingDoubt::new(says, "take it out, so that the key gets no new power with a new version"))
    }
}

/// Checks all keys. `has_room` says whether `webex.room_id` is set.
pub(super) fn check(keys: &[ApiKey], has_room: bool, check: &mut Check) {
    for (index, ApiKey { name, key, to, may }) in keys.iter().enumerate() {
        let at = |of: &str| format!("api_key.{index}{of}");
        let mut wrong = |of: &str, problem: &str| check.must(&at(of), false, &format!("({name}) {problem}"));
        if !is_plain_name(name) {
            wrong(".name", "is no name: give up to 64 small letters, digits, - and _");
        }
        let before = &keys[..index];
        if before.iter().any(|other| other.name == *name) {
            wrong("", "is there twice; keep one of them, or give it another name");
        }
        if before.iter().any(|other| other.key.expose_secret() == key.expose_secret()) {
            wrong(".key", "is the key of another name too; make one with `openssl rand -hex 32`");
        }
        if let Some(problem) = to.iter().find_map(|entry| destination_problem(entry)) {
            wrong(".to", problem);
        }
        if to.is_empty() && !has_room && may.contains(&ApiRight::Messages) {
            wrong("", "has nowhere to post: give to, or set webex.room_id");
        }
        check.secrets(&at(".key"), [key], "can post in the bot's name", "");
    }
}
