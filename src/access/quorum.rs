//! The approvals that a command needs before it runs: how many, of whom, and within which time.

use std::time::Duration;

use jiff::SignedDuration;

use super::{ListEntry, Permission, Policy, fold_case, is_listed};
use crate::config::{ADMINS, GroupPolicy, approve_problem, is_person};
use crate::webex::PersonId;

/// The most names that people read. For further ones they read the number.
const MOST_NAMED: usize = 8;

/// How many of which people have to approve a command before it runs.
#[derive(Clone, Debug)]
pub struct Quorum {
    by: Vec<ListEntry>,
    /// Whether the people of `access.admins` are among them.
    admins: bool,
    needed: u32,
    within: Duration,
    wrong: Option<String>,
}

impl Quorum {
    /// A quorum of `needed` approvals by these people, within this time.
    pub fn new(by: impl IntoIterator<Item = impl AsRef<str>>, needed: u32, within: Duration) -> Quorum {
        let by: Vec<_> = by.into_iter().map(|entry| entry.as_ref().trim().to_owned()).collect();
        Quorum {
            by: by.iter().filter(|entry| is_person(entry)).map(|entry| ListEntry::parse(entry)).collect(),
            admins: by.iter().any(|entry| entry == ADMINS),
            needed,
            within,
            wrong: approve_problem(&by, needed, within, None),
        }
    }

    /// Why the quorum can never be reached. None if it can.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// The number of people who have to approve.
    pub fn needed(&self) -> usize {
        self.needed as usize
    }

    /// How long they have to approve.
    pub fn within(&self) -> Duration {
        self.within
    }

    /// How long they have to approve, as people read it.
    pub fn time(&self) -> String {
        SignedDuration::try_from(self.within).map_or_else(|_| String::new(), |within| format!("{within:#}"))
    }

    /// The people, in plain text.
    pub fn whom(&self) -> String {
        let named = |entry: &ListEntry| match entry {
            ListEntry::Person(_) => "somebody listed by id".to_owned(),
            ListEntry::Email(email) => email.clone(),
            ListEntry::Domain(domain) => format!("anybody at {domain}"),
        };
        let mut names: Vec<_> = self.by.iter().map(named).collect();
        names.extend(self.admins.then(|| "an admin".to_owned()));
        let more = names.len().saturating_sub(MOST_NAMED);
        names.truncate(MOST_NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, first)) => format!("{} or {last}", first.join(", ")),
            None => String::new(),
        }
    }
}

impl Policy {
    /// Whether a person whom the bot answers may approve. An admin may only if they are listed, by name or as "admins".
    /// That they may do everything does not make them a second pair of eyes.
    pub fn approves(&self, quorum: &Quorum, id: &PersonId, email: &str) -> bool {
        is_listed(&quorum.by, id, email) || (quorum.admins && self.is_admin(id, email))
    }

    /// Whether there are enough people who may approve besides this one.
    pub fn can_do_without(&self, quorum: &Quorum, id: &PersonId, email: &str) -> bool {
        let email = fold_case(email);
        self.has_enough(quorum, |entry| !entry.covers(id, &email))
    }

    /// Why a command with this quorum can never run, or never for some people, as far as the settings show that.
    pub fn unmet(&self, quorum: &Quorum, permission: &Permission) -> Option<&'static str> {
        let is_answered = |entry: &ListEntry| self.may_be_answered(entry);
        let cannot_ask_alone = |asker: &ListEntry| !self.has_enough(quorum, |entry| entry != asker);
        let is_closed = |askers: &[ListEntry]| !askers.is_empty() && !askers.iter().any(is_domain);
        let askers: Option<Vec<_>> =
            permission.people().map(|people| people.iter().chain(&self.admins).cloned().collect());
        if self.group == GroupPolicy::Disabled {
            Some("it can be approved only in a space, and access.group_policy is \"disabled\"")
        } else if permission.is_direct_only() {
            Some("it can be approved only in a space, and its rooms are only direct messages")
        } else if !self.has_enough(quorum, |_| true) {
            Some("approve.by is fewer people than it takes: name more, in access.admins where it says admins")
        } else if !self.has_enough(quorum, is_answered) {
            Some("access.group_policy is \"allowlist\", and too few of approve.by are listed to be answered in spaces")
        } else if askers.is_some_and(|askers| is_closed(&askers) && askers.iter().all(cannot_ask_alone)) {
            Some(
                "each person who may give it would have to approve it too, which does not count: list more in approve.by",
            )
        } else {
            None
        }
    }

    /// Whether the entries that fulfil `holds` may be enough people.
    fn has_enough(&self, quorum: &Quorum, holds: impl Fn(&ListEntry) -> bool) -> bool {
        let admins = if quorum.admins { self.admins.as_slice() } else { &[] };
        let mut people: Vec<&ListEntry> = Vec::new();
        for entry in quorum.by.iter().chain(admins).filter(|entry| is_domain(entry) || holds(entry)) {
            if !people.contains(&entry) {
                people.push(entry);
            }
        }
        people.iter().copied().any(is_domain) || people.len() >= quorum.needed()
    }

    /// Whether a person of this entry may be answered in spaces. An id and an address may belong to the same person.
    fn may_be_answered(&self, entry: &ListEntry) -> bool {
        let listed = || self.group_allowed.iter().chain(&self.admins);
        self.group != GroupPolicy::Allowlist
            || match entry {
                ListEntry::Email(email) => listed().any(|known| known.covers(&PersonId::from(""), email)),
                ListEntry::Person(_) | ListEntry::Domain(_) => true,
            }
            || listed().any(|known| matches!(known, ListEntry::Person(_)))
    }
}

/// Whether an entry is a mail domain, which may be any number of people.
fn is_domain(entry: &ListEntry) -> bool {
    matches!(entry, ListEntry::Domain(_))
}
