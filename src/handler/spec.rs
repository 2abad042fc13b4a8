//! The declaration of a command as data, for help and for reading what people type.

use std::sync::Arc;

use super::param::{self, Param};
use crate::access::{Permission, Quorum};
use crate::text::{folded, is_blank, is_invisible};

/// Everything about a [`Command`](super::Command) except the functions that it runs.
#[derive(Clone, Debug, Default)]
pub struct CommandSpec {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) summary: String,
    pub(super) details: String,
    pub(super) params: Vec<Param>,
    pub(super) permission: Permission,
    pub(super) quorum: Option<Quorum>,
    pub(super) actions: Vec<String>,
    /// Actions that the command's declared cards and questions name.
    pub(super) named: Vec<String>,
}

/// Gives the current commands. The table can be exchanged while the bot runs.
pub(crate) trait Catalogue: Send + Sync {
    /// The declarations of all commands, in the order that `help` shows.
    fn specs(&self) -> Arc<[CommandSpec]>;
}

impl CommandSpec {
    /// The word that calls the command.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Other words that call the command.
    pub fn aliases(&self) -> impl Iterator<Item = &str> + Clone {
        self.aliases.iter().map(String::as_str)
    }

    /// Every word that calls the command, the name first.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> + Clone {
        [self.name()].into_iter().chain(self.aliases())
    }

    /// The name and the parameters: `<needed>` and `[optional]`, with three dots for one that takes the rest.
    pub fn usage(&self) -> String {
        let params = self.params.iter().map(Param::usage);
        [self.name.clone()].into_iter().chain(params).collect::<Vec<_>>().join(" ")
    }

    /// What the command does, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What `help NAME` says besides the summary, as markdown.
    pub fn details(&self) -> &str {
        &self.details
    }

    /// The parameters of the command.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// Whether the command needs arguments.
    pub(crate) fn needs_arguments(&self) -> bool {
        self.params.iter().any(Param::is_needed)
    }

    pub(crate) fn permission(&self) -> &Permission {
        &self.permission
    }

    /// The approvals that the command needs before it runs. Most commands need none.
    pub(crate) fn quorum(&self) -> Option<&Quorum> {
        self.quorum.as_ref()
    }

    /// The names of the command's actions, in the order in which they were added.
    pub(crate) fn actions(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(String::as_str)
    }

    /// Checks the declaration. The error says what the author of the command did wrong.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let name = self.name();
        for word in self.words() {
            let is_word =
                !word.is_empty() && word.chars().all(|c| !is_blank(c) && !is_invisible(c)) && !word.starts_with('/');
            anyhow::ensure!(
                is_word && word == word.to_lowercase(),
                "a command is called by one word in lower case, and what it takes is declared with Command::param; this one \
                 is \"{word}\""
            );
        }
        if let Some(wrong) = param::wrong(&self.params) {
            anyhow::bail!("the command \"{name}\" cannot be used: {wrong}");
        }
        for (nth, action) in self.actions.iter().enumerate() {
            let is_new = !self.actions[..nth].contains(action);
            anyhow::ensure!(is_new, "two actions of {name} are called \"{action}\"; rename one of them");
        }
        if let Some(action) = self.named.iter().find(|action| !self.actions.contains(action)) {
            anyhow::bail!(
                "a button or question of {name} names the action \"{action}\", which it does not have; add it with \
                 Command::action"
            );
        }
        anyhow::ensure!(
            self.permission.wrong().is_empty(),
            "the command \"{name}\" allows entries that are no person or space: {}; give emails, person ids, *@domain or \
             admins, and ids of spaces or direct",
            self.permission.wrong().join(", ")
        );
        match self.quorum.as_ref().and_then(Quorum::wrong) {
            Some(wrong) => anyhow::bail!("the command \"{name}\" {wrong}"),
            None => Ok(()),
        }
    }

    /// A word that calls both commands, whatever its case.
    pub(super) fn shared_word<'a>(&'a self, other: &'a CommandSpec) -> Option<&'a str> {
        self.words().find(|word| other.words().any(|theirs| folded(theirs) == folded(word)))
    }
}

impl AsRef<CommandSpec> for CommandSpec {
    fn as_ref(&self) -> &CommandSpec {
        self
    }
}
