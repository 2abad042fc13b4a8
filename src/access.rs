//! Who is answered: `decide(policy, sender, place, act)`; what each may do, and how much of it. Pure: nothing is asked
//! and nothing is said here.

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

/// Why somebody is not answered who waits for an admin.
pub const WAITS: &str = "has asked to be let in, and waits for a decision";

/// Why somebody is not answered whom an admin has denied.
pub const WAS_DENIED: &str = "has asked to be let in, and was denied";

/// Webex gives every bot an address here.
const BOTS: &str = "@webex.bot";

/// The settings in the form that is asked.
#[derive(Clone, Debug)]
pub struct Policy {
    direct: DmPolicy,
    group: GroupPolicy,
    allowed: Vec<ListEntry>,
    group_allowed: Vec<ListEntry>,
    /// The name of the list that holds for spaces.
    group_list: &'static str,
    admins: Vec<ListEntry>,
    on_deny: OnDeny,
}

/// Where somebody spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventPlace {
    /// Alone with the bot.
    Direct,
    /// In a space.
    Group {
        /// Whether the message mentions the bot by identity.
        mentioned: bool,
    },
}

impl EventPlace {
    /// A space of this kind, in which the bot is mentioned or not.
    pub fn of(kind: RoomType, mentioned: bool) -> EventPlace {
        match kind {
            RoomType::Direct => EventPlace::Direct,
            RoomType::Group => EventPlace::Group { mentioned },
        }
    }
}

/// What somebody did there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Wrote a message.
    Text,
    /// Clicked on a card, which is the bot's own: it needs no mention.
    Click,
}

/// What becomes of a message or click, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The bot did it itself.
    Own,
    /// It is answered.
    Allow(&'static str),
    /// It is not; with `access.on_deny = "spoken"` a message is answered that its sender may not.
    Deny(&'static str),
    /// It is not, and nobody ever hears of it.
    Ignore(&'static str),
    /// The sender is on no list: what counts is how they stand with pairing, see [`paired`].
    Pair,
}

/// How somebody whom no list has stands with pairing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingStatus {
    /// Has not asked to be let in, or so long ago that it counts no more.
    Unknown,
    /// Has asked, and waits.
    Pending,
    /// Was let in.
    Approved,
    /// Was not.
    Denied,
}

/// Somebody whom the bot can write to first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addressee {
    /// By id.
    Person(PersonId),
    /// By address, in lower case.
    Email(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum ListEntry {
    Person(PersonId),
    Email(String),
    /// Everybody of this mail domain, not of its subdomains.
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
    /// From the checked settings.
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

    /// Whether those who may not are told so.
    pub fn is_spoken(&self) -> bool {
        self.on_deny == OnDeny::Spoken
    }

    /// Whether somebody may do everything.
    pub fn is_admin(&self, id: &PersonId, email: &str) -> bool {
        is_listed(&self.admins, id, email)
    }

    /// The admins who can be written to: nobody knows who they are behind a mail domain.
    pub fn admins(&self) -> Vec<Addressee> {
        let addressee = |entry: &ListEntry| match entry {
            ListEntry::Person(id) => Some(Addressee::Person(id.clone())),
            ListEntry::Email(email) => Some(Addressee::Email(email.clone())),
            ListEntry::Domain(_) => None,
        };
        self.admins.iter().filter_map(addressee).collect()
    }
}

/// An address for comparison: only ASCII has a case there. A Kelvin sign is no `k`, and nothing is left out, since two
/// addresses that look alike may be two people's.
fn fold_case(email: &str) -> String {
    email.to_ascii_lowercase()
}

fn is_listed(list: &[ListEntry], id: &PersonId, email: &str) -> bool {
    let email = fold_case(email);
    list.iter().any(|entry| entry.covers(id, &email))
}

/// Decides for one message or click. `email` may be empty when it is not known; then only ids match.
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
    // Two bots that answer each other never stop.
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

/// Decides for somebody for whom [`decide`] says [`Decision::Pair`]: what an admin approved holds for direct messages,
/// for as long as the policy there is "pairing".
pub fn paired(standing: PairingStatus, act: Act) -> Decision {
    match (standing, act) {
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
