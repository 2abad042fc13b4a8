//! `[[hook]]`: other systems that post to the bot.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::check::Check;
use super::hook_expect::HookExpect;
use super::hook_expiry::Expiry;
use super::hook_proof::{HookAuth, HookSignature};
use super::hook_rule::HookRule;
use super::people::destination_problem;
use super::values::{one_or_many, some_networks};

/// The largest body that may be allowed, in bytes: GitHub sends none that is larger.
pub(super) const LARGEST_BODY: u64 = 25 * 1024 * 1024;

/// The most destinations of a hook or of one of its rules, and the most rules of a hook. The ids of letters are counted
/// in these numbers.
pub(crate) const MOST_DESTINATIONS: u32 = 1000;
const MOST_RULES: usize = 1000;

/// The longest name of a hook or of a key of the API.
const LONGEST_NAME: usize = 64;

/// `[[hook]]`: a system that posts to `/hooks/NAME`, and what becomes of what it posts.
#[derive(Clone, Debug, Deserialize)]
pub struct Hook {
    /// The last part of its path.
    pub name: String,
    /// The kind of system that posts.
    #[serde(default = "generic")]
    pub preset: String,
    /// How a sender proves itself.
    pub auth: Option<HookAuth>,
    /// How a body is signed.
    pub signature: Option<HookSignature>,
    /// From where deliveries are taken. None: from everywhere.
    #[serde(default, deserialize_with = "some_networks")]
    pub allow_ips: Option<Vec<IpNet>>,
    /// The largest body, in bytes.
    #[serde(default = "mebibyte")]
    pub max_body: usize,
    /// The most deliveries in a time.
    #[serde(default = "thousand_a_second", deserialize_with = "limit")]
    pub limit: HookLimit,
    /// Whether it takes anything.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The last day on which it takes anything.
    pub expires: Option<Expiry>,
    /// Where its messages go: spaces by title or id, and people.
    #[serde(default, deserialize_with = "one_or_many")]
    pub to: Vec<String>,
    /// Values of a payload by names of their own: where each stands.
    #[serde(default)]
    pub vars: BTreeMap<String, String>,
    /// Where the id stands by which a repeat is known: a header or a JSONPath.
    pub dedupe: Option<String>,
    /// Whether everything is done but posting.
    #[serde(default)]
    pub shadow: bool,
    /// How long nothing may come.
    pub expect: Option<HookExpect>,
    /// Which deliveries are told, where and how. Without any, the preset decides.
    #[serde(default)]
    pub rule: Vec<HookRule>,
    /// Where the hook was given, for messages.
    #[serde(skip)]
    pub(crate) place: String,
}

fn generic() -> String {
    "generic".to_owned()
}

fn mebibyte() -> usize {
    1024 * 1024
}

/// So many deliveries in such a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookLimit {
    #[allow(missing_docs)]
    pub most: u32,
    #[allow(missing_docs)]
    pub per: Duration,
}

fn thousand_a_second() -> HookLimit {
    HookLimit { most: 60_000, per: Duration::from_secs(60) }
}

/// Reads `100/s`, `60000/m` or `500/h`.
fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HookLimit, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = text.trim().split_once('/').and_then(|(most, per)| {
        let seconds = match per.trim() {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        let most = most.trim().parse().ok().filter(|most| *most > 0)?;
        Some(HookLimit { most, per: Duration::from_secs(seconds) })
    });
    parsed.ok_or_else(|| D::Error::custom("has a limit that is none: write \"100/s\", \"60000/m\" or \"500/h\""))
}

fn yes() -> bool {
    true
}

/// Whether a name may stand in a path and in a log as it is, as that of a hook does.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(is_plain)
}

/// What a hook has too much of: the setting, and what is wrong with it.
fn excess(hook: &Hook) -> Option<(&'static str, &'static str)> {
    let mut all = [&hook.to].into_iter().chain(hook.rule.iter().map(|rule| &rule.to));
    if all.any(|to| to.len() > MOST_DESTINATIONS as usize) {
        return Some((".to", "names more than 1000 destinations, and a message goes to 1000 at most"));
    }
    let has_many = hook.rule.len() > MOST_RULES;
    has_many.then_some((".rule", "is there more than 1000 times, and a hook has 1000 rules at most"))
}

/// Checks all hooks. `has_room` says whether `webex.room_id` is set.
pub(super) fn check(hooks: &[Hook], has_room: bool, check: &mut Check) {
    for (index, hook) in hooks.iter().enumerate() {
        let key = |of: &str| format!("hook.{index}{of}");
        let Hook { name, auth, signature, allow_ips, max_body, to, expect, rule, .. } = hook;
        let mut wrong = |of: &str, problem: &str| check.must(&key(of), false, &format!("({name}) {problem}"));
        if !is_plain_name(name) {
            wrong(".name", "is no part of a path: use up to 64 small letters, digits, - and _");
        }
        if hooks[..index].iter().any(|other| other.name == *name) {
            wrong("", "is there twice; keep one of them, or give it another name");
        }
        let mut all = to.iter().chain(rule.iter().flat_map(|rule| &rule.to));
        if let Some(problem) = all.find_map(|entry| destination_problem(entry)) {
            wrong(".to", problem);
        }
        if let Some((of, problem)) = excess(hook) {
            wrong(of, problem);
        }
        let every_rule_has_one = !rule.is_empty() && rule.iter().all(|rule| !rule.to.is_empty());
        // A silence belongs to no rule.
        if to.is_empty() && !has_room && (!every_rule_has_one || expect.is_some()) {
            wrong("", "has nowhere to go: give to, or set webex.room_id");
        }
        if allow_ips.as_ref().is_some_and(Vec::is_empty) {
            wrong(".allow_ips", "lets nobody in: give the networks of the sender, or leave it out");
        }
        if !(1..=LARGEST_BODY).contains(&(*max_body as u64)) {
            wrong(".max_body", &format!("must be from 1 to {LARGEST_BODY}"));
        }
        let is_signed = signature.as_ref().is_some_and(|signature| signature.required);
        if auth.is_none() && !is_signed {
            wrong("", "lets everybody in: give auth, or a signature that is required, or write auth = \"none\"");
        }
        if let Some(problem) = expect.as_ref().and_then(HookExpect::problem) {
            wrong(".expect", problem);
        }
        if let Some((key, problem)) = auth.as_ref().and_then(HookAuth::problem) {
            wrong(&format!(".{key}"), problem);
        }
        let no_time = signature.as_ref().and_then(|signature| signature.tolerance).filter(|time| time.as_secs() == 0);
        if no_time.is_some() {
            wrong(
                ".signature.tolerance",
                "lets nobody in: times are whole seconds, so give 1s or more, such as \"5m\"",
            );
        }
        if let Some(problem) = auth.as_ref().and_then(HookAuth::odd_token) {
            wrong(".auth.url_token", problem);
        }
        let kind = auth.as_ref().and_then(HookAuth::kind);
        let secret_key = kind.map_or(".auth".to_owned(), |kind| format!(".{}", kind.key()));
        let can = "can post in the sender's name";
        check.secrets(&key(&secret_key), &auth.iter().flat_map(HookAuth::keys).cloned().collect::<Vec<_>>(), can, "");
        if let Some(HookSignature { secrets, .. }) = signature {
            check.secrets(&key(".signature.secrets"), secrets, can, "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_has_no_more_destinations_and_rules_than_letters_can_be_counted_in() {
        let hook = |to: usize, of_rule: usize, rules: usize| {
            let some = |count: usize| vec!["a@example.com"; count];
            let rule = serde_json::json!({"to": some(of_rule)});
            let hook = serde_json::json!({"name": "ci", "to": some(to), "rule": vec![rule; rules]});
            excess(&serde_json::from_value(hook).unwrap()).map(|(of, _)| of)
        };
        assert_eq!(hook(1000, 1000, 1), None);
        assert_eq!(hook(1, 1, 1000), None);
        assert_eq!(hook(1001, 1, 1), Some(".to"));
        assert_eq!(hook(1, 1001, 1), Some(".to"));
        assert_eq!(hook(1, 1, 1001), Some(".rule"));
    }
}
