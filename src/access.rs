//! Decides who is answered: `decide(policy, sender, place, act)`. Also decides which commands each person may give, and
//! how many messages of each are answered. Pure: nothing is read or sent here.

mod flood;
mod permission;
mod quorum;
mod sender;

pub use flood::{Flood, Pace};
pub use permission::Permission;
pub use quorum::Quorum;
pub use sender::Sender;

use crate::config::{Access, DmPolicy, GroupPolicy, OnDeny};
use crate::webex::{PersonId, RoomType};

const LISTED: &str = "listed in access.allow_from";
const UNLISTED: &str = "not listed in access.group_allow_from or access.allow_from";
const DISABLED: &str = "the policy is \"disabled\"";

/// The reason when a stranger waits for an admin's decision.
pub const WAITS: &str = "has asked to be let in, and waits for a decision";

/// The reason when an admin has denied a stranger.
pub const WAS_DENIED: &str = "has asked to be let in, and was denied";

/// The mail domain of every bot at Webex.
const BOTS: &str = "@webex.bot";

/// The settings of `access`, with their lists parsed.
#[derive(Clone, Debug)]
pub struct Policy {
    direct: DmPolicy,
    group: GroupPolicy,
    allowed: Vec<ListEntry>,
    group_allowed: Vec<ListEntry>,
    /// The rule that lets in the people of the list for spaces.
    group_list: &'static str,
    admins: Vec<ListEntry>,
    on_deny: OnDeny,
}

/// Where somebody wrote or clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventPlace {
    /// A direct message, alone with the bot.
    Direct,
    /// In a space.
    Group {
        /// Whether the message mentions the bot by identity.
        mentioned: bool,
    },
}

impl EventPlace {
    /// The place of an event in a space of this type.
    pub fn of(kind: RoomType, mentioned: bool) -> EventPlace {
        match kind {
            RoomType::Direct => EventPlace::Direct,
            RoomType::Group => EventPlace::Group { mentioned },
        }
    }
}

/// What the person did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Wrote a message.
    Text,
    /// Clicked on a card. The card is the bot's own, so the click needs no mention.
    Click,
}

/// The decision on a message or click. The text is the rule that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The bot did it itself, so it is not answered.
    Own,
    /// It is answered.
    Allow(&'static str),
    /// It is not answered. With `access.on_deny = "spoken"` the sender of a message is told that they may not.
    Deny(&'static str),
    /// It is not answered, and nobody is told so.
    Ignore(&'static str),
    /// The sender is on no list, so their pairing decides; see [`paired`].
    Pair,
}

/// The pairing of a person who is on no list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingStatus {
    /// They made no pairing request, or it has lapsed.
    Unknown,
    /// Their request waits for a decision.
    Pending,
    /// An admin let them in.
    Approved,
    /// An admin denied them.
    Denied,
}

/// A person whom the bot can write to first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// By their id.
    Person(PersonId),
    /// By their address, in lower case.
    Email(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ListEntry {
    Person(PersonId),
    Email(String),
    /// Everybody with this mail domain, but not with its subdomains.
    Domain(String),
}

impl ListEntry {
    fn parse(text: &str) -> ListEntry {
        let text = text.trim();
        match text.split_once('@') {
            Some(("*", domain)) => ListEntry::Domain(fold_case(domain)),
            Some(_) => ListEntry::Email(fold_case(text)),
            None => ListEntry::Person(text.into()),
        }
    }

    fn covers(&self, id: &PersonId, email: &str) -> bool {
        match self {
            ListEntry::Person(person) => person == id,
            ListEntry::Email(listed) => *listed == email,
            ListEntry::Domain(listed) => email.rsplit_once('@').is_some_and(|(_, domain)| domain == listed),
        }
    }
}

impl Policy {
    /// Makes the policy from settings that were checked.
    pub fn new(settings: &Access) -> Policy {
        let entries = |list: &[String]| list.iter().map(|entry| ListEntry::parse(entry)).collect::<Vec<_>>();
        let allowed = entries(&settings.allow_from);
        let (group_allowed, group_list) = match settings.group_allow_from.as_slice() {
            [] => (allowed.clone(), LISTED),
            list => (entries(list), "listed in access.group_allow_from"),
        };
        Policy {
            direct: settings.dm_policy,
            group: settings.group_policy,
            allowed,
            group_allowed,
            group_list,
            admins: entries(&settings.admins),
            on_deny: settings.on_deny,
        }
    }

    /// Whether people who are denied are told so.
    pub fn is_spoken(&self) -> bool {
        self.on_deny == OnDeny::Spoken
    }

    /// Whether this person is an admin, and so may do everything.
    pub fn is_admin(&self, id: &PersonId, email: &str) -> bool {
        is_listed(&self.admins, id, email)
    }

    /// The admins that the bot can write to. An entry that is only a mail domain names no single person, so it is left
    /// out.
    pub fn admins(&self) -> Vec<Addressee> {
        let addressee = |entry: &ListEntry| match entry {
            ListEntry::Person(id) => Some(Addressee::Person(id.clone())),
            ListEntry::Email(email) => Some(Addressee::Email(email.clone())),
            ListEntry::Domain(_) => None,
        };
        self.admins.iter().filter_map(addressee).collect()
    }
}

/// An address for comparison. Only ASCII letters lose their case. A Kelvin sign is no `k`, and two addresses that look
/// alike may belong to two people.
fn fold_case(email: &str) -> String {
    email.to_ascii_lowercase()
}

fn is_listed(list: &[ListEntry], id: &PersonId, email: &str) -> bool {
    let email = fold_case(email);
    list.iter().any(|entry| entry.covers(id, &email))
}

/// Decides on one message or click. If the address is not known, `email` is empty; then only ids match.
pub fn decide(policy: &Policy, me: &PersonId, id: &PersonId, email: &str, place: EventPlace, act: Act) -> Decision {
    if id == me {
        return Decision::Own;
    }
    let disabled = match place {
        EventPlace::Direct => policy.direct == DmPolicy::Disabled,
        EventPlace::Group { .. } => policy.group == GroupPolicy::Disabled,
    };
    if disabled {
        return Decision::Ignore(DISABLED);
    }
    if policy.is_admin(id, email) {
        return Decision::Allow("listed in access.admins");
    }
    let (list, rule) = match place {
        EventPlace::Direct => (&policy.allowed, LISTED),
        EventPlace::Group { .. } => (&policy.group_allowed, policy.group_list),
    };
    if is_listed(list, id, email) {
        return Decision::Allow(rule);
    }
    // Two bots that answer each other would never stop.
    if fold_case(email).ends_with(BOTS) {
        return Decision::Ignore("another bot, and not listed by name");
    }
    match place {
        EventPlace::Direct => match policy.direct {
            DmPolicy::Open => Decision::Allow("access.dm_policy is \"open\""),
            DmPolicy::Pairing => Decision::Pair,
            DmPolicy::Allowlist => Decision::Deny("not listed in access.allow_from"),
            DmPolicy::Disabled => Decision::Ignore(DISABLED),
        },
        EventPlace::Group { mentioned } => {
            let addressed = mentioned || act == Act::Click;
            match policy.group {
                GroupPolicy::Open => Decision::Allow("access.group_policy is \"open\""),
                GroupPolicy::Mention if addressed => Decision::Allow("access.group_policy is \"mention\""),
                GroupPolicy::Mention => Decision::Ignore("the bot is not mentioned"),
                GroupPolicy::Allowlist if addressed => Decision::Deny(UNLISTED),
                GroupPolicy::Allowlist => Decision::Ignore(UNLISTED),
                GroupPolicy::Disabled => Decision::Ignore(DISABLED),
            }
        }
    }
}

/// Decides on a person for whom [`decide`] gives [`Decision::Pair`]. An admin's approval is valid for direct messages,
/// as long as the policy for these is "pairing".
pub fn paired(status: PairingStatus, act: Act) -> Decision {
    match (status, act) {
        (PairingStatus::Approved, Act::Text | Act::Click) => Decision::Allow("let in by pairing"),
        (PairingStatus::Pending, Act::Text | Act::Click) => Decision::Ignore(WAITS),
        (PairingStatus::Denied, Act::Text | Act::Click) => Decision::Ignore(WAS_DENIED),
        (PairingStatus::Unknown, Act::Text) => Decision::Pair,
        (PairingStatus::Unknown, Act::Click) => {
            Decision::Ignore("unknown person, and a click does not ask to be let in")
        }
    }
}

#[cfg(test)]
mod tests;
