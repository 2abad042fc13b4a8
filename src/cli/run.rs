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
        // A second signal means that the operator does not want to wait.
        () = asked_again(was_told) => anyhow::bail!("stopped at once; unfinished work is done again at the next start"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits for the first signal, then for the next one.
async fn asked_again(first: oneshot::Receiver<()>) {
    if let (Ok(()), Ok(again)) = (first.await, stop_signal()) {
        return again.await;
    }
    std::future::pending().await
}

/// A future that ends at the first SIGTERM or SIGINT. It listens from this call on, so that no signal is missed before
/// it is awaited.
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
