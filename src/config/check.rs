//! What can be said against settings: they are wrong, or doubtful; and the checks that sections share.

use std::ops::RangeInclusive;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::people::is_person;

pub(super) const DAY: Duration = Duration::from_secs(86_400);

pub(super) const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// The longest duration that means anything: ten years.
pub(super) const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

pub(super) const MILLION: u64 = 1_000_000;

/// What nobody tries through.
const SHORTEST_SECRET: usize = 16;

/// What nobody ever will.
const GOOD_SECRET: usize = 32;

/// Wrong settings: everything that was found, each with where and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl ConfigError {
    pub(crate) fn one(finding: impl Into<String>) -> Self {
        ConfigError(vec![finding.into()])
    }
}

/// Something doubtful, and what to do about it.
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

/// The values that are wrong: the key of each, and a clause that says what is wrong and what to do. Its place is added
/// where the layers are known.
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

    /// The least and the most that means anything.
    pub(super) fn number(&mut self, key: &str, value: impl TryInto<u64>, range: RangeInclusive<u64>) {
        let (least, most) = (range.start(), range.end());
        let value = value.try_into().unwrap_or(u64::MAX);
        let must_be = match value < *least && *most >= MILLION {
            true => format!("must be at least {least}"),
            false => format!("must be from {least} to {most}"),
        };
        self.must(key, range.contains(&value), &must_be);
    }

    /// A duration, and the most that means anything, in whole days.
    pub(super) fn duration(&mut self, key: &str, value: Duration, most: Duration) {
        self.must(key, value >= Duration::from_millis(1), "must be longer than 0");
        self.duration_or_none(key, value, most);
    }

    /// The same where 0 means something too.
    pub(super) fn duration_or_none(&mut self, key: &str, value: Duration, most: Duration) {
        self.must(key, value <= most, &format!("must be at most {}d", most.as_secs() / 86_400));
    }

    /// People who are listed.
    pub(super) fn people(&mut self, key: &str, list: &[String]) {
        for (index, _) in list.iter().enumerate().filter(|(_, entry)| !is_person(entry)) {
            let problem = "names nobody: give an email, a person id, or *@domain for a mail domain";
            self.must(&format!("{key}.{index}"), false, problem);
        }
    }

    /// Secrets that sign or seal: what whoever guesses one can do, and what else there is to do about a short one.
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

    /// Secrets of one line.
    pub(super) fn plain<'a>(&mut self, key: &str, secrets: impl IntoIterator<Item = &'a SecretString>) {
        let is_plain = |secret: &SecretString| !secret.expose_secret().chars().any(char::is_control);
        let problem = "holds a line end or another control character; was more than the value pasted?";
        self.must(key, secrets.into_iter().all(is_plain), problem);
    }
}

/// Blanks around it do not make it longer.
fn length(secret: &SecretString) -> usize {
    secret.expose_secret().trim().chars().count()
}

/// Whether a secret is there that is shorter than it ought to be.
pub(super) fn is_short(secret: Option<&SecretString>) -> bool {
    secret.is_some_and(|secret| length(secret) < GOOD_SECRET)
}

/// An empty secret is none at all, which is said where one is needed.
pub(super) fn not_blank(secret: Option<&SecretString>) -> Option<&SecretString> {
    secret.filter(|secret| length(secret) > 0)
}
