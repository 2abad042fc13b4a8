//! The command line: one verb a file. Exit codes: 0 done, 1 failed, 2 wrong use or wrong settings.

mod approvals;
mod audit;
mod check;
mod explain;
mod leads;
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

use clap::{CommandFactory, Parser, Subcommand};

use crate::app::table;
use crate::config::{Config, ConfigError, Loaded};
use crate::handler::Handlers;

/// A Webex bot daemon: signed webhooks in, answers out, nothing lost between.
///
/// Try it without a Webex account: `switchboard simulate`.
#[derive(Debug, Parser)]
#[command(name = "switchboard", version, propagate_version = true)]
struct Cli {
    /// Settings file; without it ./bot.toml when that is there, but for simulate, which then reads none
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
    Simulate(simulate::Options),
    /// Say whether settings, token, store and webhooks are in order, and what to do where they are not
    Check(check::Options),
    /// Send a message now, to a space or a person
    Send(send::Options),
    /// List the spaces the bot is in, the latest active first
    Rooms(webex::Rooms),
    /// Look after the webhooks registered with Webex; alone it lists them
    Webhooks(webex::Webhooks),
    /// Look after the events that were received
    #[command(subcommand)]
    Inbox(queue::Verb),
    /// Look after the messages to be sent
    #[command(subcommand)]
    Outbox(queue::Verb),
    /// Tell the life of one event: who, what, and why it was answered or not
    Explain(explain::Options),
    /// Who did what, where, allowed or not and by which rule; and whether that record is unbroken
    #[command(subcommand)]
    Audit(audit::Verb),
    /// Let in strangers who wrote to the bot, or not; works beside the daemon and without it
    #[command(subcommand)]
    Pairing(pairing::Verb),
    /// Look at commands that wait for the approval of others, or did
    #[command(subcommand)]
    Approvals(approvals::Verb),
    /// Print the completions of a shell, to be put where it looks for them
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// Does what the command line says.
pub(crate) fn run(handlers: Handlers) -> ExitCode {
    let Cli { config, verb } = Cli::parse();
    let result = runtime().and_then(|runtime| {
        let result = runtime.block_on(dispatch(verb, config, handlers));
        // A read of standard input cannot be called off and must not hold up the end.
        runtime.shutdown_background();
        result
    });
    match result {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let code = if error.is::<ConfigError>() { ExitCode::from(2) } else { ExitCode::FAILURE };
            for line in format!("{error:#}").lines() {
                output::complain(line);
            }
            code
        }
    }
}

async fn dispatch(verb: Verb, config: Option<PathBuf>, handlers: Handlers) -> anyhow::Result<ExitCode> {
    let load = || Config::load(config.as_deref());
    match verb {
        Verb::Run => {
            let (config, _) = for_daemon(config.as_deref(), handlers.clone())?;
            run::run(config, handlers).await
        }
        Verb::Simulate(options) => simulate::run(options, config.as_deref(), handlers).await,
        Verb::Check(options) => check::run(for_daemon(config.as_deref(), handlers), options).await,
        Verb::Send(options) => send::run(&load()?, options).await,
        Verb::Rooms(options) => webex::rooms(&load()?, options).await,
        Verb::Webhooks(options) => webex::webhooks(&load()?, options, &handlers.subscriptions()).await,
        Verb::Inbox(verb) => queue::run(&load()?, crate::store::Queue::Inbox, verb).await,
        Verb::Outbox(verb) => queue::run(&load()?, crate::store::Queue::Outbox, verb).await,
        Verb::Explain(options) => explain::run(&load()?, options).await,
        Verb::Audit(verb) => audit::run(&load()?, verb).await,
        Verb::Pairing(verb) => pairing::run(&load()?, verb).await,
        Verb::Approvals(verb) => approvals::run(&load()?, verb).await,
        Verb::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "switchboard", &mut script);
            output::print(String::from_utf8_lossy(&script).trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// The settings and handlers of the daemon; or all that is wrong with them, and all that it lacks.
fn for_daemon(file: Option<&Path>, handlers: Handlers) -> anyhow::Result<(Config, Handlers)> {
    let Loaded { config, mut wrong, missing } = Config::look(file)?;
    wrong.extend(missing);
    match table(&config, handlers) {
        Ok(handlers) if wrong.is_empty() => return Ok((config, handlers)),
        Ok(_) => {}
        Err(error) => match error.downcast::<ConfigError>() {
            Ok(error) => wrong.extend(error.0),
            Err(error) => return Err(error),
        },
    }
    Err(ConfigError(wrong).into())
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// Whoever read our output has read enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
