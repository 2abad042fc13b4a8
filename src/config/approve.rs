//! `approve` of a `[[command]]`: whose approval the command needs before it runs, and the check of that rule.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;

use super::access::Access;
use super::check::WEEK;
use super::people::{ADMINS, is_person};

/// The most approvals a command may need. The card that tells the outcome names each of these people.
const MOST_QUORUM: u32 = 20;

/// The longest time people may have to approve.
const LONGEST: Duration = WEEK;

/// Who has to approve a command before it runs, and how many of them.
#[derive(Clone, Debug, Deserialize)]
pub struct Approve {
    /// People as in the lists of `[access]`, and `admins`.
    pub by: Vec<String>,
    /// How many of them have to approve. The person who asks does not count.
    #[serde(default = "one")]
    pub quorum: u32,
    /// How long they have to approve.
    #[serde(default = "quarter_of_an_hour")]
    pub within: Duration,
}

fn one() -> u32 {
    1
}

fn quarter_of_an_hour() -> Duration {
    Duration::from_secs(900)
}

/// What is wrong with a rule, as a clause to follow the command's name. `access` says who the admins are; it is `None`
/// for a rule that a command declares itself, before the settings are known.
pub(crate) fn problem(by: &[String], quorum: u32, within: Duration, access: Option<&Access>) -> Option<String> {
    let named = |list: &[String]| list.iter().map(|entry| entry.trim().to_ascii_lowercase()).collect::<Vec<_>>();
    let entries = named(by);
    let mut wrong = Vec::new();
    if entries.is_empty() {
        wrong.push("can be approved by nobody; list people in approve.by, or leave approve out".to_owned());
    }
    if by.iter().any(|entry| entry.trim() != ADMINS && !is_person(entry)) {
        let says = "has an entry in approve.by that is no person: give an email, a person id, *@domain, or admins";
        wrong.push(says.to_owned());
    }
    if !(1..=MOST_QUORUM).contains(&quorum) {
        wrong.push(format!("has an approve.quorum that is not from 1 to {MOST_QUORUM}"));
    }
    if within < Duration::from_secs(1) || within > LONGEST {
        wrong.push("has an approve.within that is not from 1s to 7d".to_owned());
    }
    // The number of people is checked only once the rest is right.
    if !wrong.is_empty() {
        return Some(wrong.join("; and it "));
    }
    let admins = match access {
        Some(access) if entries.iter().any(|entry| entry == ADMINS) => named(&access.admins),
        Some(_) | None => Vec::new(),
    };
    let is_open = access.is_none() && entries.iter().any(|entry| entry == ADMINS);
    let people: HashSet<_> = entries.iter().filter(|entry| *entry != ADMINS).chain(&admins).collect();
    let reachable = is_open || people.iter().any(|entry| entry.starts_with("*@")) || people.len() >= quorum as usize;
    (!reachable).then(|| {
        let (count, who) = (people.len(), if people.len() == 1 { "person" } else { "people" });
        let approvals = if quorum == 1 { "approval" } else { "approvals" };
        format!(
            "needs {quorum} {approvals}, and approve.by has {count} {who} (whoever asks does not count); list more, or \
             lower approve.quorum"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_that_nobody_can_meet_is_refused() {
        let minute = Duration::from_secs(60);
        let problem = |by: &[&str], quorum, within| {
            problem(&by.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>(), quorum, within, None)
        };
        assert_eq!(problem(&["a@x.test", "*@y.test"], 20, minute), None);
        assert_eq!(problem(&["k@x.test", "\u{212a}@x.test"], 2, minute), None, "two addresses");
        assert_eq!(problem(&["admins"], 2, minute), None, "who the admins are is not known here");
        for (by, quorum, within, says) in [
            (&[][..], 1, minute, "by nobody"),
            (&["Alice"], 1, minute, "is no person"),
            (&["a@x.test"], 0, minute, "from 1 to 20"),
            (&["*@x.test"], 21, minute, "from 1 to 20"),
            (&["a@x.test", " A@x.test "], 2, minute, "has 1 person"),
            (&["k@x.test", "K@x.test"], 2, minute, "has 1 person"),
            (&["a@x.test", "b@x.test"], 3, minute, "needs 3 approvals, and approve.by has 2 people"),
            (&["a@x.test"], 1, Duration::ZERO, "from 1s to 7d"),
            (&["a@x.test"], 1, LONGEST + minute, "from 1s to 7d"),
        ] {
            let problem = problem(by, quorum, within).unwrap();
            assert!(problem.contains(says), "{by:?}: {problem}");
        }
    }
}
