//! The command line, with one file for each verb. Exit codes: 0 done, 1 failed, 2 wrong use or wrong settings.

mod approvals;
mod audit;
mod check;
mod event_matches;
mod explain;
mod hooks;
mod ledger;
mod output;
mod pairing;
mod questions;
mod queue;
mod run;
mod send;
mod simulate;
mod story;
mod webex;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::builder::{Resettable, StyledStr};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use crate::app::Parts;
use crate::config::{Config, ConfigError, Loaded};
use crate::handler::{HandlerThreads, Table};
use crate::program::Program;

/// A Webex bot daemon: signed webhooks in, answers out, nothing lost between.
///
/// Try it without a Webex account: `switchboard simulate`.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, propagate_version = true)]
struct Cli {
    /// Settings file; by default ./bot.toml if it exists (simulate reads none by default)
    #[arg(long, global = true, value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the daemon until SIGTERM or SIGINT
    Run,
    /// Chat with the bot against a Webex cloud inside this program; no account needed
    Simulate(simulate::SimulateOptions),
    /// Check settings, token, store and webhooks, and say what to do about what is wrong
    Check(check::CheckOptions),
    /// Send a message now, to a space or a person
    Send(send::SendOptions),
    /// List the spaces the bot is in, the most recently active first
    Rooms(webex::RoomsOptions),
    /// List, mend or delete the webhooks registered with Webex; lists them by default
    Webhooks(webex::WebhooksOptions),
    /// List, show, retry or drop events that were received
    #[command(subcommand)]
    Inbox(queue::QueueVerb),
    /// List, show, retry or drop messages to be sent
    #[command(subcommand)]
    Outbox(queue::QueueVerb),
    /// Tell the life of one event or letter: who, what, and why it was answered or not
    Explain(explain::ExplainOptions),
    /// Show who did what, where, and by which rule it was allowed or not; verify or seal this record
    #[command(subcommand)]
    Audit(audit::AuditVerb),
    /// List strangers who wrote to the bot, let them in or not, or take that back, whether the daemon runs or not
    #[command(subcommand)]
    Pairing(pairing::PairingVerb),
    /// List commands that wait for approval or were decided, and withdraw one
    #[command(subcommand)]
    Approvals(approvals::ApprovalsVerb),
    /// List the hooks by which other systems post, say what to set at a sender, try a hook, and post to it again
    #[command(subcommand)]
    Hooks(hooks::HooksVerb),
    /// Print the completions of a shell, to be saved where that shell looks for them
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Runs the verb of the command line.
pub(crate) fn run(mut parts: Parts) -> ExitCode {
    let program = parts.program;
    let mut spoken = command_line(program);
    let Cli { config, verb } = match Cli::from_arg_matches_mut(&mut spoken.get_matches_mut()) {
        Ok(cli) => cli,
        Err(error) => error.format(&mut spoken).exit(),
    };
    let result = runtimes(&verb).and_then(|(runtime, handlers)| {
        parts.threads = handlers.as_ref().map(HandlerThreads::of);
        let result = runtime.block_on(dispatch(verb, config, parts));
        // A pending read of standard input cannot be cancelled, and must not delay the end. Nor must a handler.
        runtime.shutdown_background();
        handlers.into_iter().for_each(Runtime::shutdown_background);
        result
    });
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE };
            for line in format!("{error:#}").lines() {
                output::complain(&program, line);
            }
            code
        }
    }
}

/// The command line of a program of that name.
fn command_line(program: Program) -> clap::Command {
    named(Cli::command(), program).name(program.name).version(program.version)
}

/// Puts the program's name into each command line that the help texts quote.
fn named(command: clap::Command, program: Program) -> clap::Command {
    let quoted = |text: Option<&StyledStr>| {
        Resettable::from(text.map(|text| StyledStr::from(program.quoted(&text.to_string()).into_owned())))
    };
    let (about, long) = (quoted(command.get_about()), quoted(command.get_long_about()));
    let command = command.mut_subcommands(|verb| named(verb, program));
    let command = command.mut_args(|arg| {
        let (help, long) = (quoted(arg.get_help()), quoted(arg.get_long_help()));
        arg.help(help).long_help(long)
    });
    command.about(about).long_about(long)
}

async fn dispatch(verb: Verb, config: Option<PathBuf>, parts: Parts) -> anyhow::Result<ExitCode> {
    let load = || parts.look(config.as_deref()).and_then(Loaded::sound);
    match verb {
        Verb::Run => {
            let (config, _) = for_daemon(config.as_deref(), &parts)?;
            run::run(config, parts).await
        }
        Verb::Simulate(options) => simulate::run(options, config.as_deref(), parts).await,
        Verb::Check(options) => {
            check::run(for_daemon(config.as_deref(), &parts), &parts.subscriptions(), options, parts.program).await
        }
        Verb::Send(options) => send::run(&load()?, options).await,
        Verb::Rooms(options) => webex::rooms(&load()?, options).await,
        Verb::Webhooks(options) => webex::webhooks(&load()?, options, &parts.subscriptions()).await,
        Verb::Inbox(verb) => queue::run(&load()?, crate::store::Queue::Inbox, verb).await,
        Verb::Outbox(verb) => queue::run(&load()?, crate::store::Queue::Outbox, verb).await,
        Verb::Explain(options) => explain::run(&load()?, options).await,
        Verb::Audit(verb) => audit::run(&load()?, verb).await,
        Verb::Pairing(verb) => pairing::run(&load()?, verb).await,
        Verb::Approvals(verb) => approvals::run(&load()?, verb).await,
        Verb::Hooks(verb) => hooks::run(&load()?, &parts, verb).await,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command_line(parts.program), parts.program.name, &mut script);
            output::print(String::from_utf8_lossy(&script).trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The settings and commands of the daemon. Fails with everything that is wrong and everything that is missing.
fn for_daemon(file: Option<&Path>, parts: &Parts) -> anyhow::Result<(Config, Table)> {
    let Loaded { config, mut wrong, missing } = parts.look(file)?;
    wrong.extend(missing);
    let (hooks, table) = (Parts::hooks(&config, parts.clock.clone()), parts.table(&config));
    match (hooks, table) {
        (Ok(_), Ok(table)) if wrong.is_empty() => {
            parts.shared(&config)?;
            return Ok((config, table));
        }
        (hooks, table) => {
            for error in hooks.err().into_iter().chain(table.err()) {
                wrong.extend(error.downcast::<ConfigError>()?.0);
            }
        }
    }
    Err(ConfigError(wrong).into())
}

/// The runtime of a verb, and that of handlers where the verb runs some. The daemon itself only waits for others: one
/// thread does that with an eighth less CPU than several, which would have to wake each other. The ledger has threads of
/// its own.
fn runtimes(verb: &Verb) -> anyhow::Result<(Runtime, Option<Runtime>)> {
    let handlers = matches!(verb, Verb::Run | Verb::Simulate(_)).then(HandlerThreads::make).transpose()?;
    Ok((Builder::new_current_thread().enable_all().build()?, handlers))
}

/// Whether the reader of our output closed the pipe, which is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command_line(Program::default()).debug_assert();
    }

    #[test]
    fn a_verb_that_posts_does_not_say_that_nothing_is_posted() {
        let spoken = command_line(Program::default());
        let hooks = spoken.find_subcommand("hooks").unwrap();
        let about = hooks.get_about().unwrap().to_string();
        assert!(hooks.find_subcommand("send").is_some() && !about.contains("nothing is posted"), "{about}");
    }

    #[test]
    fn a_program_of_another_name_speaks_of_itself() {
        let program = Program { name: "lunchbot", version: "1.2.0" };
        let mut spoken = command_line(program);
        let version = spoken.clone().try_get_matches_from(["x", "run", "--version"]).unwrap_err().to_string();
        assert_eq!(version, "lunchbot-run 1.2.0\n");
        let help = spoken.render_long_help().to_string();
        assert!(help.contains("Usage: lunchbot ") && help.contains("`lunchbot simulate`"), "{help}");
        assert!(!help.contains("switchboard"), "{help}");
        let mut script = Vec::new();
        clap_complete::generate(clap_complete::Shell::Bash, &mut spoken, program.name, &mut script);
        assert!(String::from_utf8(script).unwrap().contains("complete -F _lunchbot"));
    }
}
