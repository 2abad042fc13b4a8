//! Whose approval a command needs before it runs: so many of these people, within a time.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Entry, Policy, covered};
use crate::config::{ADMINS, approve_problem, is_person};
use crate::webex::PersonId;

/// So many are named to people; of more there is only the number.
const MOST_NAMED: usize = 8;

/// How many of whom have to approve a command before it runs.
#[derive(Clone, Debug)]
pub struct Quorum {
    by: Vec<Entry>,
    /// Whether whoever is listed in `access.admins` is one of them.
    admins: bool,
    needed: u32,
    within: Duration,
    wrong: Option<String>,
}

impl Quorum {
    /// So many of these people, within this time.
    pub fn new(by: impl IntoIterator<Item = impl AsRef<str>>, needed: u32, within: Duration) -> Quorum {
        let by: Vec<_> = by.into_iter().map(|entry| entry.as_ref().trim().to_owned()).collect();
        Quorum {
            by: by.iter().filter(|entry| is_person(entry)).map(|entry| Entry::parse(entry)).collect(),
            admins: by.iter().any(|entry| entry == ADMINS),
            needed,
            within,
            wrong: approve_problem(&by, needed, within, None),
        }
    }

    /// Why it can never be met, if it cannot.
    pub fn wrong(&self) -> Option<&str> {
        self.wrong.as_deref()
    }

    /// How many people.
    pub fn needed(&self) -> usize {
        self.needed as usize
    }

    /// How long they have.
    pub fn within(&self) -> Duration {
        self.within
    }

    /// The same as people read it.
    pub fn time(&self) -> String {
        SignedDuration::try_from(self.within).map_or_else(|_| String::new(), |within| format!("{within:#}"))
    }

    /// Whether there may be enough people besides this one.
    pub fn can_do_without(&self, id: &PersonId, email: &str) -> bool {
        let email = email.trim().to_lowercase();
        let others = self.by.iter().filter(|entry| !entry.covers(id, &email));
        let is_domain = |entry: &Entry| matches!(entry, Entry::Domain(_));
        self.admins || self.by.iter().any(is_domain) || others.count() >= self.needed()
    }

    /// Who, as people read it: plain text.
    pub fn whom(&self) -> String {
        let named = |entry: &Entry| match entry {
            Entry::Person(_) => "somebody listed by id".to_owned(),
            Entry::Email(email) => email.clone(),
            Entry::Domain(domain) => format!("anybody at {domain}"),
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
    /// Whether somebody whom the bot answers may approve. Admins may only if they are listed, by name or as "admins":
    /// who may do everything is not for that reason a second pair of eyes.
    pub fn approves(&self, quorum: &Quorum, id: &PersonId, email: &str) -> bool {
        covered(&quorum.by, id, email) || (quorum.admins && self.is_admin(id, email))
    }
}
