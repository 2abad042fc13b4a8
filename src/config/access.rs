//! `[access]`: who is answered.

use serde::Deserialize;

use super::check::Check;

/// `[access]`
#[derive(Clone, Debug, Deserialize)]
pub struct Access {
    /// Who is answered in direct messages.
    pub dm_policy: DmPolicy,
    /// Who is answered in spaces.
    pub group_policy: GroupPolicy,
    /// The people that the policies `allowlist` and `pairing` answer; in spaces too, if `group_allow_from` is empty.
    pub allow_from: Vec<String>,
    /// The listed people for spaces; if empty, `allow_from` is used.
    pub group_allow_from: Vec<String>,
    /// People who may do everything.
    pub admins: Vec<String>,
    /// What the bot answers people who may not do what they asked for.
    pub on_deny: OnDeny,
}

/// What the bot answers people who may not do what they asked for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum OnDeny {
    /// Nothing.
    Silent,
    /// A sentence that says they may not.
    Spoken,
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
    /// Everybody who mentions the bot.
    Mention,
    /// Everybody whose message the bot can see.
    Open,
    /// Nobody.
    Disabled,
}

impl Access {
    pub(super) fn check(&self, check: &mut Check) {
        check.people("access.allow_from", &self.allow_from);
        check.people("access.group_allow_from", &self.group_allow_from);
        check.people("access.admins", &self.admins);
    }
}
