//! `switchboard run`: the daemon.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::app::{App, Parts};
use crate::config::Config;
use crate::telemetry;

pub(super) async fn run(config: Config, parts: Parts) -> anyhow::Result<ExitCode> {
    telemetry::start_log(&config.log, parts.program)?;
    let stopped = stop_signal()?;
    let (stopping, was_told) = oneshot::channel();
    let app = App::build(config, parts).await?.run_until(async {
        stopped.await;
        let _ = stopping.send(());
    });
    tokio::select! {
        result = app => result?,
        // Whoever asks twice does not want to wait.
        () = asked_again(was_told) => anyhow::bail!("stopped at once; what was in hand is done again at the next start"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends at a signal that comes after the first one.
async fn asked_again(first: oneshot::Receiver<()>) {
    if let (Ok(()), Ok(again)) = (first.await, stop_signal()) {
        return again.await;
    }
    std::future::pending().await
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
