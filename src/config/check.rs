//! Wrong settings, doubtful settings, and the checks that the sections share.

use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::people::is_person;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// The longest duration a setting may have: ten years.
pub(super) const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

pub(super) const MILLION: u64 = 1_000_000;

/// The fewest characters a secret may have, since shorter ones can be guessed.
const SHORTEST_SECRET: usize = 16;

/// The fewest characters a secret should have. A shorter one is reported as doubtful.
const GOOD_SECRET: usize = 32;

/// Everything that is wrong with the settings. Each entry says what is wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl ConfigError {
    pub(crate) fn one(finding: impl Into<String>) -> Self {
        ConfigError(vec![finding.into()])
    }
}

/// A setting that is allowed but probably not meant, and what to do about it.
#[derive(Clone, Debug)]
pub(crate) struct SettingDoubt {
    pub says: String,
    pub hint: String,
}

impl SettingDoubt {
    pub(crate) fn new(says: impl Into<String>, hint: impl Into<String>) -> SettingDoubt {
        SettingDoubt { says: says.into(), hint: hint.into() }
    }
}

/// Collects the wrong values: the key of each, and a clause that says what is wrong and what to do. `layers` adds the
/// file and line, or the variable, that gave the value.
#[derive(Default)]
pub(super) struct Check {
    pub wrong: Vec<(String, String)>,
}

impl Check {
    pub(super) fn must(&mut self, key: &str, holds: bool, problem: &str) {
        if !holds {
            self.wrong.push((key.to_owned(), problem.to_owned()));
        }
    }

    /// Checks that a number lies in a range.
    pub(super) fn number(&mut self, key: &str, value: impl TryInto<u64>, range: RangeInclusive<u64>) {
        let (least, most) = (range.start(), range.end());
        let value = value.try_into().unwrap_or(u64::MAX);
        let must_be = match value < *least && *most >= MILLION {
            true => format!("must be at least {least}"),
            false => format!("must be from {least} to {most}"),
        };
        self.must(key, range.contains(&value), &must_be);
    }

    /// Checks that a duration is longer than 0 and at most `most`, which is whole days.
    pub(super) fn duration(&mut self, key: &str, value: Duration, most: Duration) {
        self.must(key, value >= Duration::from_millis(1), "must be longer than 0");
        self.duration_or_none(key, value, most);
    }

    /// Like [`Check::duration`], for a setting that may be 0.
    pub(super) fn duration_or_none(&mut self, key: &str, value: Duration, most: Duration) {
        self.must(key, value <= most, &format!("must be at most {}d", most.as_secs() / 86_400));
    }

    /// Checks that each entry of a list names a person or a mail domain.
    pub(super) fn people(&mut self, key: &str, list: &[String]) {
        for (index, _) in list.iter().enumerate().filter(|(_, entry)| !is_person(entry)) {
            let problem = "names nobody: give an email, a person id, or *@domain for a mail domain";
            self.must(&format!("{key}.{index}"), false, problem);
        }
    }

    /// Checks the length of secrets that sign or seal. `can` says what somebody who guesses one can do, and `or` what
    /// else the operator can do about a short one.
    pub(super) fn secrets<'a, S>(&mut self, key: &str, secrets: S, can: &str, or: &str)
    where
        S: IntoIterator<Item = &'a SecretString> + Copy,
    {
        let problem = format!(
            "must be {SHORTEST_SECRET} characters or more (make one with `openssl rand -hex 32`{or}): whoever guesses it \
             {can}"
        );
        self.must(key, secrets.into_iter().all(|secret| length(secret) >= SHORTEST_SECRET), &problem);
        self.plain(key, secrets);
    }

    /// Checks that secrets hold no line end and no other control character.
    pub(super) fn plain<'a>(&mut self, key: &str, secrets: impl IntoIterator<Item = &'a SecretString>) {
        let is_plain = |secret: &SecretString| !secret.expose_secret().chars().any(char::is_control);
        let problem = "holds a line end or another control character; was more than the value pasted?";
        self.must(key, secrets.into_iter().all(is_plain), problem);
    }
}

/// The length of a secret in characters, without the blanks around it.
fn length(secret: &SecretString) -> usize {
    secret.expose_secret().trim().chars().count()
}

/// Whether a secret is set but shorter than it should be.
pub(super) fn is_short(secret: Option<&SecretString>) -> bool {
    secret.is_some_and(|secret| length(secret) < GOOD_SECRET)
}

/// The secret, unless it is blank. A blank one counts as missing.
pub(super) fn not_blank(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| length(secret) > 0)
}
