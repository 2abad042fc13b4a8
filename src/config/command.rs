//! `[[command]]`: a command that the settings make, or a rule for one that the bot has: who may give it, where, and with
//! whose approval.

use serde::Deserialize;

use super::access::Access;
use super::approve::{self, Approve};
use super::check::Check;
use super::command_argument::CommandArgument;
use super::people::{ADMINS, DIRECT, is_person, is_room};

/// `[[command]]`. With a source, such as `text`, it makes a command. Without one it is a rule for a command that the bot
/// has, and replaces what that declares.
#[derive(Clone, Debug, Deserialize)]
pub struct CommandRule {
    /// The word that calls the command.
    pub name: String,
    /// What a new command does, in one line, for `help`.
    pub about: Option<String>,
    /// Other words that call a new command.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// What people give a new command.
    #[serde(default)]
    pub args: Vec<CommandArgument>,
    /// A source: what the command answers, as a template.
    pub text: Option<String>,
    /// People as in the lists of `[access]`, and `admins`.
    pub allow: Option<Vec<String>>,
    /// Ids of spaces, and `direct`.
    pub rooms: Option<Vec<String>>,
    /// Whose approval the command needs before it runs.
    pub approve: Option<Approve>,
    /// Where the rule was given, for messages.
    #[serde(skip)]
    pub(crate) place: String,
}

impl CommandRule {
    /// Whether it makes a command.
    pub(crate) fn has_source(&self) -> bool {
        self.text.is_some()
    }

    /// Whether it says what only a new command has.
    pub(crate) fn declares(&self) -> bool {
        self.about.is_some() || !self.aliases.is_empty() || !self.args.is_empty()
    }
}

/// Checks all rules. `access` says who the admins are.
pub(super) fn check(rules: &[CommandRule], access: &Access, check: &mut Check) {
    for (index, rule) in rules.iter().enumerate() {
        let CommandRule { name, allow, rooms, approve, .. } = rule;
        let mut wrong = |problem: &str| check.must(&format!("command.{index}"), false, &format!("({name}) {problem}"));
        if rules[..index].iter().any(|other| other.name == *name) {
            wrong("is there twice; keep one of them");
        }
        if !rule.has_source() && rule.declares() {
            wrong(
                "has about, aliases or args, which only a new command can have, and no source that answers; give text, or \
                 take them out",
            );
        }
        if allow.as_ref().is_some_and(Vec::is_empty) {
            wrong("allows nobody; leave allow out for everybody, or give [\"admins\"]");
        }
        if allow.iter().flatten().any(|entry| entry.trim() != ADMINS && !is_person(entry)) {
            wrong("has an entry in allow that is no person: give an email, a person id, *@domain, or admins");
        }
        if rooms.as_ref().is_some_and(Vec::is_empty) {
            wrong("has no rooms; leave rooms out for all, or give their ids");
        }
        if rooms.iter().flatten().any(|room| room.trim() != DIRECT && !is_room(room)) {
            wrong("has an entry in rooms that is no space: give the id of a space (`switchboard rooms`), or direct");
        }
        if let Some(Approve { by, quorum, within }) = approve
            && let Some(problem) = approve::problem(by, *quorum, *within, Some(access))
        {
            wrong(&problem);
        }
    }
}
