//! Who is answered: `decide(policy, sender, place)`. Pure; nothing is asked and nothing is said here.

use crate::config::{Access, DmPolicy, GroupPolicy};
use crate::webex::PersonId;

const LISTED: &str = "listed in access.allow_from";

/// Webex gives every bot an address here.
const BOTS: &str = "@webex.bot";

/// The settings in the form that is asked.
#[derive(Clone, Debug)]
pub struct Policy {
    direct: DmPolicy,
    group: GroupPolicy,
    allowed: Vec<Entry>,
    group_allowed: Vec<Entry>,
    /// The name of the list that holds for spaces.
    group_list: &'static str,
    admins: Vec<Entry>,
}

/// Where somebody spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Alone with the bot.
    Direct,
    /// In a space.
    Group {
        /// Whether the message mentions the bot by identity.
        mentioned: bool,
    },
}

/// What becomes of a message or click, and by which rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is answered.
    Allow(&'static str),
    /// It is not, and the sender hears nothing.
    Deny(&'static str),
    /// The sender is unknown and may ask to be let in.
    Pair,
}

#[derive(Clone, Debug)]
enum Entry {
    Person(PersonId),
    Email(String),
    /// Everybody of this mail domain, not of its subdomains.
    Domain(String),
}

impl Entry {
    fn parse(text: &str) -> Entry {
        let text = text.trim();
        match text.split_once('@') {
            Some(("*", domain)) => Entry::Domain(domain.to_lowercase()),
            Some(_) => Entry::Email(text.to_lowercase()),
            None => Entry::Person(text.into()),
        }
    }

    fn covers(&self, id: &PersonId, email: &str) -> bool {
        match self {
            Entry::Person(person) => person == id,
            Entry::Email(listed) => *listed == email,
            Entry::Domain(listed) => email.rsplit_once('@').is_some_and(|(_, domain)| domain == listed),
        }
    }
}

impl Policy {
    /// From the checked settings.
    pub fn new(settings: &Access) -> Policy {
        let entries = |list: &[String]| list.iter().map(|entry| Entry::parse(entry)).collect::<Vec<_>>();
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
        }
    }
}

/// Decides for one message or click. `email` may be empty when it is not known; then only ids match.
pub fn decide(policy: &Policy, id: &PersonId, email: &str, place: Place) -> Decision {
    let email = email.trim().to_lowercase();
    let on = |list: &[Entry]| list.iter().any(|entry| entry.covers(id, &email));
    let disabled = match place {
        Place::Direct => policy.direct == DmPolicy::Disabled,
        Place::Group { .. } => policy.group == GroupPolicy::Disabled,
    };
    if disabled {
        return Decision::Deny("the policy is \"disabled\"");
    }
    if on(&policy.admins) {
        return Decision::Allow("listed in access.admins");
    }
    let (list, rule) = match place {
        Place::Direct => (&policy.allowed, LISTED),
        Place::Group { .. } => (&policy.group_allowed, policy.group_list),
    };
    if on(list) {
        return Decision::Allow(rule);
    }
    // Two bots that answer each other never stop.
    if email.ends_with(BOTS) {
        return Decision::Deny("another bot, and not listed by name");
    }
    match place {
        Place::Direct => match policy.direct {
            DmPolicy::Open => Decision::Allow("access.dm_policy is \"open\""),
            DmPolicy::Pairing => Decision::Pair,
            DmPolicy::Allowlist => Decision::Deny("not listed in access.allow_from"),
            DmPolicy::Disabled => Decision::Deny("the policy is \"disabled\""),
        },
        Place::Group { mentioned } => match policy.group {
            GroupPolicy::Open => Decision::Allow("access.group_policy is \"open\""),
            GroupPolicy::Mention if mentioned => Decision::Allow("access.group_policy is \"mention\""),
            GroupPolicy::Mention => Decision::Deny("the bot is not mentioned"),
            GroupPolicy::Allowlist => Decision::Deny("not listed in access.group_allow_from or access.allow_from"),
            GroupPolicy::Disabled => Decision::Deny("the policy is \"disabled\""),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALICE: &str = "11111111-1111-4111-8111-111111111111";

    fn policy(direct: DmPolicy, group: GroupPolicy, allow: &[&str], group_allow: &[&str], admins: &[&str]) -> Policy {
        let list = |entries: &[&str]| entries.iter().map(ToString::to_string).collect();
        Policy::new(&Access {
            dm_policy: direct,
            group_policy: group,
            allow_from: list(allow),
            group_allow_from: list(group_allow),
            admins: list(admins),
        })
    }

    fn answered(policy: &Policy, email: &str, place: Place) -> bool {
        matches!(decide(policy, &ALICE.into(), email, place), Decision::Allow(_))
    }

    #[test]
    fn everything_is_closed_by_default() {
        let defaults = crate::config::Config::from_parts("", &[]).unwrap();
        let policy = Policy::new(&defaults.access);
        assert_eq!(decide(&policy, &ALICE.into(), "alice@example.org", Place::Direct), Decision::Pair);
        assert!(!answered(&policy, "alice@example.org", Place::Group { mentioned: true }));
    }

    #[test]
    fn lists_take_ids_emails_and_domains() {
        let place = Place::Direct;
        for (entry, email, expected) in [
            ("Alice@Example.org", "ALICE@example.ORG", true),
            ("*@example.org", "alice@example.org", true),
            ("*@example.org", "alice@eu.example.org", false),
            ("*@example.org", "alice@badexample.org", false),
            ("alice@example.org", "bob@example.org", false),
            (ALICE, "", true),
            ("22222222-2222-4222-8222-222222222222", "alice@example.org", false),
            // base64 of ciscospark://us/PEOPLE/ and Alice's uuid
            ("Y2lzY29zcGFyazovL3VzL1BFT1BMRS8xMTExMTExMS0xMTExLTQxMTEtODExMS0xMTExMTExMTExMTE", "", true),
        ] {
            let policy = policy(DmPolicy::Allowlist, GroupPolicy::Allowlist, &[entry], &[], &[]);
            assert_eq!(answered(&policy, email, place), expected, "{entry} {email}");
        }
    }

    #[test]
    fn an_empty_group_list_means_the_other_one() {
        let place = Place::Group { mentioned: true };
        let shared = policy(DmPolicy::Allowlist, GroupPolicy::Allowlist, &["alice@example.org"], &[], &[]);
        assert!(answered(&shared, "alice@example.org", place));
        let own =
            policy(DmPolicy::Allowlist, GroupPolicy::Allowlist, &["alice@example.org"], &["bob@example.org"], &[]);
        assert!(!answered(&own, "alice@example.org", place));
        assert!(answered(&own, "bob@example.org", place));
        assert!(!answered(&own, "bob@example.org", Place::Direct));
    }

    #[test]
    fn disabled_beats_every_list() {
        let all = ["alice@example.org"];
        let policy = policy(DmPolicy::Disabled, GroupPolicy::Disabled, &all, &all, &all);
        assert!(!answered(&policy, "alice@example.org", Place::Direct));
        assert!(!answered(&policy, "alice@example.org", Place::Group { mentioned: true }));
    }

    #[test]
    fn an_open_bot_does_not_talk_to_bots() {
        let open = policy(DmPolicy::Open, GroupPolicy::Mention, &[], &[], &[]);
        assert!(answered(&open, "alice@example.org", Place::Direct));
        assert!(answered(&open, "alice@example.org", Place::Group { mentioned: true }));
        assert!(!answered(&open, "alice@example.org", Place::Group { mentioned: false }));
        assert!(!answered(&open, "other@webex.bot", Place::Direct));
    }
}
