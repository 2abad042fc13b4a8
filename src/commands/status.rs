//! `status`: shows how the bot is.

use std::time::Duration;

use crate::clock;
use crate::handler::{Args, Command, Context, Reply, Result};
use crate::store::Coverage;
use crate::text::{code_block, second};

pub(super) fn command() -> Command {
    Command::new("status", "How I am: uptime, queues and the way to Webex", run)
}

async fn run(context: Context, _: Args) -> Result<Reply> {
    let services = &context.services;
    let depths = services.store.depths().await?;
    let latency = match services.webex.last_latency() {
        Some(latency) => format!("{:.1} ms at the last call", latency.as_secs_f64() * 1000.0),
        None => "not called yet".to_owned(),
    };
    // The event that asks for the status is still open, and should not be counted.
    let waiting = depths.inbox.saturating_sub(1);
    let coverage = services.store.coverage().await?;
    let mut lines = vec![
        ("version", services.program.versions()),
        ("up for", span(services.started.elapsed())),
        ("delivery", services.mode.as_str().to_owned()),
        ("answered", format!("{} since the start", services.metrics.answered())),
        ("inbox", format!("{waiting} waiting")),
        ("outbox", format!("{} waiting", depths.outbox)),
        ("dead letters", depths.dead.to_string()),
        ("Webex API", latency),
        ("messages", complete(coverage.as_ref())),
    ];
    if let Some(gap) = coverage.as_ref().and_then(|coverage| coverage.gaps.first()) {
        lines.push(("may miss", format!("{} to {}: {}", second(gap.from), second(gap.until), gap.why)));
    }
    let lines: Vec<_> = lines.iter().map(|(name, value)| format!("{name:<13}{value}")).collect();
    Ok(Reply::markdown(code_block(&lines.join("\n"))))
}

/// The time span in which every message is known to be in the ledger.
fn complete(coverage: Option<&Coverage>) -> String {
    let Some(coverage) = coverage else { return "not checked: delivery.catch_up is off".to_owned() };
    let ago = Duration::from_millis((clock::wall_ms() - coverage.complete_until).max(0).unsigned_abs());
    format!("complete since {}, up to {} ago", second(coverage.complete_from), span(ago))
}

/// The two largest units that are not zero.
fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<_> =
        units.iter().filter(|(count, _)| *count > 0).take(2).map(|(count, unit)| format!("{count} {unit}")).collect();
    if shown.is_empty() { "less than a second".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_short() {
        assert_eq!(span(Duration::from_millis(20)), "less than a second");
        assert_eq!(span(Duration::from_secs(61)), "1 min 1 s");
        assert_eq!(span(Duration::from_secs(90_000)), "1 d 1 h");
    }
}
