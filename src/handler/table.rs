//! The table of commands: checked when it is built, and exchanged while the bot runs.

use std::sync::{Arc, PoisonError, RwLock};

use super::spec::Catalogue;
use super::{Around, Command, CommandSpec};
use crate::access::Policy;
use crate::config::{Approve, CommandRule, ConfigError};
use crate::text::{nearest, quoted};

/// The commands as the bot uses them. The settings' rules are applied to them.
#[derive(Debug)]
pub(crate) struct Table {
    commands: Vec<Command>,
    specs: Arc<[CommandSpec]>,
}

/// The current table, which can be exchanged.
#[derive(Clone, Debug)]
pub(crate) struct LiveTable(Arc<RwLock<Arc<Table>>>);

impl Table {
    /// Applies the settings' rules to the commands, and puts the middleware around each command, the first one
    /// outermost.
    ///
    /// # Errors
    /// A command has a wrong declaration, two commands share a word, or a rule is for a command that does not exist.
    /// Each sentence says what to do.
    pub fn build(mut commands: Vec<Command>, rules: &[CommandRule], around: &[Around]) -> anyhow::Result<Table> {
        for (nth, command) in commands.iter().enumerate() {
            command.check_beside(&commands[..nth])?;
        }
        let mut wrong = Vec::new();
        for rule in rules {
            match commands.iter().position(|command| command.name() == rule.name) {
                Some(nth) => commands[nth] = ruled(commands[nth].clone(), rule),
                // It was to be a new command, and what is wrong with it is told.
                None if rule.declares() => {}
                None => wrong.push(stray(rule, &commands)),
            }
        }
        if !wrong.is_empty() {
            return Err(ConfigError(wrong).into());
        }
        let enclose = |command| around.iter().rev().fold(command, |command, around| around.enclose(command));
        let commands: Vec<_> = commands.into_iter().map(enclose).collect();
        let specs = commands.iter().map(|command| command.spec.clone()).collect();
        Ok(Table { commands, specs })
    }

    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The command of this name.
    pub fn find(&self, name: &str) -> Option<&Command> {
        self.commands.iter().find(|command| command.name() == name)
    }

    /// Doubts about commands that need approval, as sentences.
    pub fn doubts(&self, policy: &Policy, buttons: bool) -> Vec<String> {
        let approved = || self.commands.iter().filter_map(|command| Some((command, command.quorum()?)));
        let names: Vec<_> = approved().map(|(command, _)| command.name()).collect();
        let mut doubts = Vec::new();
        if !buttons && !names.is_empty() {
            let names = names.join(", ");
            doubts.push(format!(
                "nobody can approve what has to be approved: {names}; clicks on cards are needed for that: cards.enabled, \
                 and another delivery.mode than polling"
            ));
        }
        for (command, quorum) in approved() {
            let name = command.name();
            if let Some(why) = policy.unmet(quorum, command.permission()) {
                doubts.push(format!("{name} needs approval that nobody can give: {why}"));
            }
            let actions: Vec<_> = command.spec.actions().collect();
            if !actions.is_empty() {
                let actions = actions.join(", ");
                doubts.push(format!(
                    "{name} needs approval, and these actions of it do not, neither by a button nor as the answer to a \
                     question: {actions}"
                ));
            }
        }
        doubts
    }
}

/// The command with the settings' rule for it applied.
fn ruled(mut command: Command, CommandRule { allow, rooms, approve, .. }: &CommandRule) -> Command {
    if let Some(people) = allow {
        command = command.allow(people);
    }
    if let Some(rooms) = rooms {
        command = command.rooms(rooms);
    }
    if let Some(Approve { by, quorum, within }) = approve {
        command = command.approve(by, *quorum, *within);
    }
    command
}

/// The sentence about a rule for a command that does not exist.
fn stray(CommandRule { name, place, .. }: &CommandRule, commands: &[Command]) -> String {
    let names = || commands.iter().map(|command| command.name());
    let hint = match nearest(names(), name) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("known: {}", names().collect::<Vec<_>>().join(", ")),
    };
    format!("{place}: command: no command is called \"{}\"; {hint}", quoted(name))
}

impl LiveTable {
    pub fn new(table: Table) -> LiveTable {
        LiveTable(Arc::new(RwLock::new(Arc::new(table))))
    }

    /// The table as it is now. An event keeps the one that it began with.
    pub fn now(&self) -> Arc<Table> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the table. Events that begin from now on use the new one.
    pub fn exchange(&self, table: Table) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
    }
}

impl Catalogue for LiveTable {
    fn specs(&self) -> Arc<[CommandSpec]> {
        Arc::clone(&self.now().specs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::card::{Card, Submit};
    use crate::handler::{Param, Question, Reply};

    fn command(name: &str) -> Command {
        Command::new(name, "", async |_, _| Ok(Reply::text("")))
    }

    fn commands() -> Vec<Command> {
        ["help", "status", "report", "stats", "secret", "echo"].map(command).into()
    }

    fn refusal(own: Command) -> String {
        let all = commands().into_iter().chain([own]).collect();
        Table::build(all, &[], &[]).map(drop).unwrap_err().to_string()
    }

    #[test]
    fn the_settings_replace_what_a_command_says_and_name_one_that_is_there() {
        let rules = |toml: &str| crate::config::Config::from_parts(toml, &[]).map(|config| config.command);
        let rule = rules("[[command]]\nname = \"status\"\nallow = [\"admins\"]").unwrap();
        let built = Table::build(commands(), &rule, &[]).unwrap();
        assert!(format!("{:?}", built.specs[1].permission()).contains("allow: Some([])"));
        let rule = rules("[[command]]\nname = \"status\"\napprove = { by = [\"*@x.test\", \"b@x.test\"] }").unwrap();
        let quorum = Table::build(commands(), &rule, &[]).unwrap().specs[1].quorum().cloned().unwrap();
        assert_eq!((quorum.needed(), quorum.time().as_str()), (1, "15m"), "the defaults");
        assert_eq!(quorum.whom(), "anybody at x.test or b@x.test");
        for (toml, says) in [
            (
                "name = \"reprot\"",
                "the given settings, line 1: command: no command is called \"reprot\"; did you mean report?",
            ),
            (
                "name = \"x\"",
                "the given settings, line 1: command: no command is called \"x\"; known: help, status, report, stats, secret, echo",
            ),
        ] {
            let error = Table::build(commands(), &rules(&format!("[[command]]\n{toml}")).unwrap(), &[]).unwrap_err();
            assert_eq!(error.to_string(), says);
        }
        for (toml, says) in [
            ("name = \"help\"\nallow = []", "command 1 (help) allows nobody; leave allow out"),
            ("name = \"help\"\nallow = [\"admin\"]", "command 1 (help) has an entry in allow that is no person"),
            ("name = \"help\"\nrooms = []", "command 1 (help) has no rooms"),
            ("name = \"help\"\nrooms = [\"Lab\"]", "command 1 (help) has an entry in rooms that is no space"),
            ("name = \"help\"\napprove = { by = [] }", "command 1 (help) can be approved by nobody"),
            ("name = \"help\"\napprove = { by = [\"a@x.test\"], quorum = 2 }", "command 1 (help) needs 2 approvals"),
            ("name = \"help\"\napprove = { by = [\"admins\"] }", "needs 1 approval, and approve.by has 0 people"),
            ("name = \"help\"\napprove = { by = [\"a@x.test\"], within = \"0s\" }", "not from 1s to 7d"),
            ("name = \"help\"\napprove = { by = [\"a@x.test\"], of = 2 }", "of"),
            ("name = \"help\"\n[[command]]\nname = \"help\"", "command 2 (help) is there twice"),
            ("allow = [\"admins\"]", "name is missing"),
            ("name = \"help\"\nalow = [\"admins\"]", "did you mean allow?"),
        ] {
            let error = rules(&format!("[[command]]\n{toml}")).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("the given settings"), "{toml}: {error}");
        }
        let own = || Command::new("own", "", async |_, _| Ok(Reply::text("")));
        assert!(refusal(own().allow(["Alice"])).contains("that are no person or space: Alice; give emails"));
        let own = own().approve(["a@x.test"], 2, std::time::Duration::from_secs(60));
        assert!(refusal(own).starts_with("the command \"own\" needs 2 approvals"));
    }

    #[test]
    fn a_command_that_does_not_fit_itself_or_the_others_is_refused() {
        let act = async |_, _| Ok(Reply::text(""));
        let own = || command("own").action("go", act);
        let button = |action| Card::new().action(Submit::new("Go", action));
        for (wrong, says) in [
            (own().action("go", act), "two actions of own are called \"go\"; rename one of them"),
            (command("help"), "two commands are called \"help\"; rename one of them"),
            (own().alias("stats"), "two commands are called \"stats\"; rename one of them"),
            (command("own <name>"), "declared with Command::param; this one is \"own <name>\""),
            (command("Own"), "a command is called by one word in lower case"),
            (own().alias("/o"), "this one is \"/o\""),
            (own().alias("\u{200b}"), "a command is called by one word in lower case"),
            (own().param(Param::text("a b")), "the command \"own\" cannot be used: the parameter \"a b\" is not"),
            (own().shows(&button("og")), "a button or question of own names the action \"og\", which it does not have"),
            (own().asks(&Question::new("gone")), "names the action \"gone\", which it does not have; add it"),
        ] {
            let refused = refusal(wrong);
            assert!(refused.contains(says), "{refused}");
        }
        let mut fine = commands();
        fine.push(own().alias("o").shows(&button("go")).asks(&Question::new("go")));
        assert!(Table::build(fine, &[], &[]).is_ok());
    }
}
