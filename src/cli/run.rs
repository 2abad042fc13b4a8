//! `switchboard run`: the daemon.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::config::Config;
use crate::handler::Command;
use crate::telemetry;

pub(super) async fn run(config: Config, commands: Vec<Command>) -> anyhow::Result<ExitCode> {
    config.require_run()?;
    telemetry::start_log(&config.log)?;
    let stopped = stop_signal()?;
    App::build(config, commands).await?.run_until(stopped).await?;
    Ok(ExitCode::SUCCESS)
}

/// Ends at the first SIGTERM or SIGINT. Listens from now on, so that none is missed before it is awaited.
pub(super) fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
