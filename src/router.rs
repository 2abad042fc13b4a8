//! From a message to a command: strip the mention, find the name, cut the arguments. Pure.

mod html;
mod mention;

pub use mention::{addressed_text, mentions};

use crate::access::{Policy, Quorum};
use crate::config::{Approve, CommandRule, ConfigError};
use crate::handler::{Args, Command, CommandError};
use crate::text::{after_slash, bare, find_called, folded, is_blank, is_invisible, is_only_stops, quoted, unwrapped};

/// What a text asks for.
#[derive(Debug)]
pub enum Route<'a> {
    /// Nothing: only the mention, or a file.
    Empty,
    /// A command of the table, with what follows its name.
    Command(&'a Command, Result<Args, CommandError>),
    /// A command that is not for whoever asks, or not here.
    Forbidden(&'a Command),
    /// No command has this name.
    Unknown {
        /// The nearest name, when one is near.
        near: Option<&'a str>,
    },
}

/// Finds the command that a text names. The name is matched whole; case, surrounding blanks, a leading `/`, what nobody
/// sees and what makes a word stand out or ends a sentence do not matter. What is not for whoever asks, by `may`, is not
/// suggested either.
pub fn route<'a>(commands: &'a [Command], may: impl Fn(&Command) -> bool, text: &str) -> Route<'a> {
    let (word, rest) = first_word(text);
    if after_slash(word).is_empty() {
        return Route::Empty;
    }
    // A name that is spelt with marks comes before what they mean.
    let spelt = commands.iter().find(|command| command.name() == word);
    let (word, rest) = if spelt.is_some() { (word, rest) } else { first_word(unwrapped(text)) };
    match spelt.or_else(|| find_called(word, commands, |command| command.name())) {
        Some(command) if may(command) => Route::Command(command, arguments(command, rest)),
        Some(command) => Route::Forbidden(command),
        None => Route::Unknown { near: nearest(commands.iter().filter(|command| may(command)), word) },
    }
}

/// The first word, and what follows it to the letter.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(|c| is_blank(c) || is_invisible(c)).trim_end_matches(is_blank);
    text.split_at(text.find(is_blank).unwrap_or(text.len()))
}

fn arguments(command: &Command, text: &str) -> Result<Args, CommandError> {
    if command.takes_text() {
        return Ok(Args::whole(text));
    }
    let args = Args::parse(without_end(text, command.takes_arguments()))?;
    if !command.takes_arguments() && !args.is_empty() {
        args.clone().finish()?;
    }
    Ok(args)
}

/// Arguments without what only ends the sentence, as in `report 7d ?`: in some languages there is a blank before it. Alone
/// it may be an argument, where there are any.
fn without_end(text: &str, may_be_alone: bool) -> &str {
    let text = text.trim_matches(is_blank);
    let (before, last) = text.rsplit_once(is_blank).unwrap_or(("", text));
    if is_only_stops(last) && !(may_be_alone && before.trim().is_empty()) { before } else { text }
}

/// The name that a typing error away is what was meant: one edit in a short word, two in a longer one.
pub fn nearest<'a>(commands: impl IntoIterator<Item = &'a Command>, word: &str) -> Option<&'a str> {
    let word = folded(bare(after_slash(word)));
    let most = if word.chars().count() < 6 { 1 } else { 2 };
    commands
        .into_iter()
        .map(|command| (strsim::damerau_levenshtein(&folded(command.name()), &word), command.name()))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, name)| name)
}

/// The answer to a text that names no command. Plain text: what is repeated in it stays harmless.
pub fn unknown(text: &str, near: Option<&str>) -> String {
    let said = quoted(text);
    match near {
        Some(near) => {
            format!("You said: \"{said}\". I don't know that; did you mean {near}? Say help to see what I can do.")
        }
        None => format!("You said: \"{said}\". I don't know that. Say help to see what I can do."),
    }
}

/// The table as it is used: with what the settings say of who may give which command, and where.
///
/// # Errors
/// Each rule for a command that is not there, with what to do.
pub fn permitted(mut commands: Vec<Command>, rules: &[CommandRule]) -> Result<Vec<Command>, ConfigError> {
    let mut wrong = Vec::new();
    for CommandRule { name, allow, rooms, approve, place } in rules {
        let Some(index) = commands.iter().position(|command| command.name() == name) else {
            let hint = match nearest(&commands, name) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("known: {}", commands.iter().map(Command::name).collect::<Vec<_>>().join(", ")),
            };
            wrong.push(format!("{place}: command: no command is called \"{}\"; {hint}", quoted(name)));
            continue;
        };
        let command = &mut commands[index];
        if let Some(people) = allow {
            *command = command.clone().allow(people);
        }
        if let Some(rooms) = rooms {
            *command = command.clone().rooms(rooms);
        }
        if let Some(Approve { by, quorum, within }) = approve {
            *command = command.clone().approve(by, *quorum, *within);
        }
    }
    if wrong.is_empty() { Ok(commands) } else { Err(ConfigError(wrong)) }
}

/// What is doubtful about commands that need approval, as sentences.
pub fn doubts(commands: &[Command], policy: &Policy, buttons: bool) -> Vec<String> {
    let approved = || commands.iter().filter_map(|command| Some((command, command.quorum()?)));
    let names: Vec<_> = approved().map(|(command, _)| command.name()).collect();
    let mut doubts = Vec::new();
    if !buttons && !names.is_empty() {
        let names = names.join(", ");
        doubts.push(format!(
            "nobody can approve what has to be approved: {names}; clicks on cards are needed for that: cards.enabled, and \
             another delivery.mode than polling"
        ));
    }
    for (command, quorum) in approved() {
        let name = command.name();
        if let Some(why) = policy.unmet(quorum, command.permission()) {
            doubts.push(format!("{name} needs approval that nobody can give: {why}"));
        }
        let actions: Vec<_> = command.actions().collect();
        if !actions.is_empty() {
            let actions = actions.join(", ");
            doubts.push(format!(
                "{name} needs approval, and these actions of it do not, neither by a button nor as the answer to a question: \
                 {actions}"
            ));
        }
    }
    doubts
}

/// Two commands of one name would make the answer depend on their order.
///
/// # Errors
/// Names the command that is there twice, or that cannot be called.
pub fn check(commands: &[Command]) -> anyhow::Result<()> {
    for (index, command) in commands.iter().enumerate() {
        let name = command.name();
        anyhow::ensure!(
            !name.is_empty() && name == name.to_lowercase() && !name.starts_with('/'),
            "a command is called by one word in lower case, and its usage line begins with it; this one is \"{}\"",
            command.usage()
        );
        anyhow::ensure!(
            commands[..index].iter().all(|other| folded(other.name()) != folded(name)),
            "two commands are called \"{name}\"; rename one of them"
        );
        let actions: Vec<_> = command.actions().collect();
        for (nth, action) in actions.iter().enumerate() {
            let is_new = !actions[..nth].contains(action);
            anyhow::ensure!(is_new, "two actions of {name} are called \"{action}\"; rename one of them");
        }
        anyhow::ensure!(
            command.permission().wrong().is_empty(),
            "the command \"{name}\" allows somebody or some space that is none: {}; give emails, person ids, *@domain or \
             admins, and ids of spaces or direct",
            command.permission().wrong().join(", ")
        );
        if let Some(wrong) = command.quorum().and_then(Quorum::wrong) {
            anyhow::bail!("the command \"{name}\" {wrong}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Reply;

    fn table() -> Vec<Command> {
        let command = |usage| Command::new(usage, "", async |_, _| Ok(Reply::text("")));
        ["help [command]", "status", "report [period]", "stats", "secret", "echo [text...]"].map(command).into()
    }

    fn check(text: &str) -> String {
        let commands = table();
        match route(&commands, |command| command.name() != "secret", text) {
            Route::Empty => "empty".to_owned(),
            Route::Forbidden(command) => format!("forbidden {}", command.name()),
            Route::Unknown { near } => format!("unknown, near {near:?}"),
            Route::Command(command, Ok(mut args)) => format!("{} [{}]", command.name(), args.rest()),
            Route::Command(command, Err(error)) => format!("{}: {error}", command.name()),
        }
    }

    #[test]
    fn case_blanks_and_a_slash_do_not_matter() {
        for text in ["help", " HELP ", "/help", "\u{a0}Help\u{2003}", "help\n"] {
            assert_eq!(check(text), "help []", "{text:?}");
        }
        assert_eq!(check("Report\u{a0}7D"), "report [7D]");
        for text in [
            "status?",
            "Status.",
            "status ?",
            "`status`",
            "**status**",
            "\"STATUS\"",
            "“status”!",
            "`/status`",
            "```\nstatus\n```",
        ] {
            assert_eq!(check(text), "status []", "{text:?}");
        }
        for text in [
            "s\u{200b}ta\u{ad}tus",
            "\u{feff}status",
            "\u{2066}status\u{2069}",
            "stat\u{fe0f}us\u{e0041}",
            "\u{200b} status",
        ] {
            assert_eq!(check(text), "status []", "{text:?}");
        }
        assert_eq!(check("`report 7d`"), "report [7d]");
        assert_eq!(check("report 7d ?"), "report [7d]");
        assert_eq!(check("help ?"), "help [?]");
        assert_eq!(check("**echo `a`**"), "echo [`a`]");
        assert_eq!(check("`echo` \u{200d}\"❤\u{fe0f}\" ?"), "echo [\u{200d}\"❤\u{fe0f}\" ?]");
        assert_eq!(check("\u{200b}"), "empty");
        assert_eq!(check("help\u{200b}status"), "unknown, near None");
        assert_eq!(check("`statsu`?"), "unknown, near Some(\"stats\")");
        assert_eq!(check(" \u{a0} "), "empty");
        assert_eq!(check("/"), "empty");
    }

    #[test]
    fn the_name_is_matched_whole() {
        assert_eq!(check("helpme"), "unknown, near Some(\"help\")");
        assert_eq!(check("stat"), "unknown, near Some(\"stats\")");
        assert_eq!(check("statu"), "unknown, near Some(\"stats\")");
        assert_eq!(check("xyzzy"), "unknown, near None");
    }

    #[test]
    fn what_is_forbidden_is_not_suggested() {
        assert_eq!(check("Secret plans"), "forbidden secret");
        assert_eq!(check("secrets"), "unknown, near None");
        assert_eq!(check("secrt"), "unknown, near None");
    }

    #[test]
    fn the_settings_replace_what_a_command_says_and_name_one_that_is_there() {
        let rules = |toml: &str| crate::config::Config::from_parts(toml, &[]).map(|config| config.command);
        let rule = rules("[[command]]\nname = \"status\"\nallow = [\"admins\"]").unwrap();
        let commands = permitted(table(), &rule).unwrap();
        assert!(format!("{:?}", commands[1].permission()).contains("allow: Some([])"));
        let rule = rules("[[command]]\nname = \"status\"\napprove = { by = [\"*@x.test\", \"b@x.test\"] }").unwrap();
        let quorum = permitted(table(), &rule).unwrap()[1].quorum().cloned().unwrap();
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
            let error = permitted(table(), &rules(&format!("[[command]]\n{toml}")).unwrap()).unwrap_err();
            assert_eq!(error.to_string(), says);
        }
        for (toml, says) in [
            ("name = \"help\"\nallow = []", "command 1 (help) allows nobody; leave allow out"),
            ("name = \"help\"\nallow = [\"admin\"]", "command 1 (help) allows nobody with one entry"),
            ("name = \"help\"\nrooms = []", "command 1 (help) has no rooms"),
            ("name = \"help\"\nrooms = [\"Lab\"]", "command 1 (help) has a room that is none"),
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
        let own = Command::new("own", "", async |_, _| Ok(Reply::text(""))).allow(["Alice"]);
        assert!(super::check(&[own]).unwrap_err().to_string().contains("none: Alice; give emails"));
        let own = Command::new("own", "", async |_, _| Ok(Reply::text("")));
        let own = own.approve(["a@x.test"], 2, std::time::Duration::from_secs(60));
        assert!(super::check(&[own]).unwrap_err().to_string().starts_with("the command \"own\" needs 2 approvals"));
    }

    #[test]
    fn a_command_without_parameters_takes_none() {
        assert_eq!(check("status now"), "status: I don't know what to do with \"now\" here.");
    }

    #[test]
    fn a_command_that_takes_text_gets_it_as_it_was_typed() {
        assert_eq!(check("echo  it's \"open  {\n} "), "echo [it's \"open  {\n}]");
        assert_eq!(check("echo "), "echo []");
    }

    #[test]
    fn two_actions_of_one_name_are_refused() {
        let act = async |_, _| Ok(Reply::text(""));
        let command = table().remove(0).action("go", act).action("stop", act);
        assert!(super::check(std::slice::from_ref(&command)).is_ok());
        let error = super::check(&[command.action("go", act)]).unwrap_err().to_string();
        assert_eq!(error, "two actions of help are called \"go\"; rename one of them");
    }

    #[test]
    fn two_commands_of_one_name_are_refused() {
        let mut commands = table();
        assert!(super::check(&commands).is_ok());
        commands.push(table().remove(0));
        assert_eq!(
            super::check(&commands).unwrap_err().to_string(),
            "two commands are called \"help\"; rename one of them"
        );
    }

    #[test]
    fn what_is_repeated_is_short_and_on_one_line() {
        let text = unknown(&"é\n".repeat(500), None);
        assert!(text.len() < 300 && !text.contains('\n'), "{text}");
    }
}
