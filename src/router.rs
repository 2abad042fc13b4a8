//! Finds the command in a message: strips the mention, finds the name, cuts the arguments. Pure.

mod html;
mod mention;

pub use mention::{addressed_text, mentions};

use crate::handler::{Args, CommandError, CommandSpec};
use crate::text::{after_slash, find_called, is_blank, is_invisible, nearest, quoted, unwrapped};

/// The meaning of a text.
#[derive(Debug)]
pub enum Route<'a, C> {
    /// Nothing: the message has only the mention, or a file.
    Empty,
    /// A command of the table, and its arguments.
    Command(&'a C, Result<Args, CommandError>),
    /// A command that this person may not give at this place.
    Forbidden(&'a C),
    /// No command has this name.
    Unknown {
        /// The most similar name, if one is similar enough.
        near: Option<&'a str>,
    },
}

/// Finds the command that a text names. The name is matched as a whole. Case, surrounding blanks, a leading `/`,
/// invisible characters, and marks that emphasise a word or end a sentence are ignored. If `may` says that the person
/// may not give a command, that command is not suggested either.
pub fn route<'a, C: AsRef<CommandSpec>>(
    commands: &'a [C],
    may: impl Fn(&CommandSpec) -> bool,
    text: &str,
) -> Route<'a, C> {
    let (word, rest) = first_word(text);
    if after_slash(word).is_empty() {
        return Route::Empty;
    }
    let words = commands.iter().flat_map(|command| command.as_ref().words().map(move |word| (word, command)));
    // A name that is itself spelled with such marks comes first.
    let spelt = words.clone().find(|(known, _)| *known == word);
    let (word, rest) = if spelt.is_some() { (word, rest) } else { first_word(unwrapped(text)) };
    match spelt.or_else(|| find_called(word, words, |(known, _)| known)) {
        Some((_, command)) if may(command.as_ref()) => {
            Route::Command(command, Args::read(command.as_ref().params(), rest))
        }
        Some((_, command)) => Route::Forbidden(command),
        None => {
            let theirs = commands.iter().map(C::as_ref).filter(|command| may(command));
            Route::Unknown { near: nearest(theirs.flat_map(CommandSpec::words), word) }
        }
    }
}

/// The first word, and the exact text after it.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches(|c| is_blank(c) || is_invisible(c)).trim_end_matches(is_blank);
    text.split_at(text.find(is_blank).unwrap_or(text.len()))
}

/// The reply to a text that names no command. It is plain text, so the words it repeats stay harmless.
pub fn unknown(text: &str, near: Option<&str>) -> String {
    let said = quoted(text);
    match near {
        Some(near) => {
            format!("You said: \"{said}\". I don't know that; did you mean {near}? Say help to see what I can do.")
        }
        None => format!("You said: \"{said}\". I don't know that. Say help to see what I can do."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::{Command, Param, Reply};

    fn table() -> Vec<Command> {
        let command = |name| Command::new(name, "", async |_, _| Ok(Reply::text("")));
        let optional = |name| Param::text(name).optional();
        vec![
            command("help").param(optional("command")).alias("man"),
            command("status"),
            command("report").param(optional("period")),
            command("stats"),
            command("secret"),
            command("echo").param(optional("text").rest()),
        ]
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
        assert_eq!(check("/Man report"), "help [report]");
        assert_eq!(check("mann"), "unknown, near Some(\"man\")");
        assert_eq!(check("xyzzy"), "unknown, near None");
    }

    #[test]
    fn what_is_forbidden_is_not_suggested() {
        assert_eq!(check("Secret plans"), "forbidden secret");
        assert_eq!(check("secrets"), "unknown, near None");
        assert_eq!(check("secrt"), "unknown, near None");
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
    fn what_is_repeated_is_short_and_on_one_line() {
        let text = unknown(&"é\n".repeat(500), None);
        assert!(text.len() < 300 && !text.contains('\n'), "{text}");
    }
}
