//! What the verbs print: results on standard output, complaints on standard error.

use std::io::Write;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

/// How a result is printed.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Format {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// A line, or several, on standard output. Unlike `println!`, a closed pipe is an error and no panic.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", harmless(text))?;
    out.flush()
}

/// A value as JSON on standard output.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(print(&serde_json::to_string_pretty(value)?)?)
}

/// A line on standard error; there is nowhere to say that this failed.
pub(super) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "switchboard: {}", harmless(line));
}

/// What Webex or a person wrote may be in it: control characters would move the cursor or change the terminal.
fn harmless(text: &str) -> String {
    text.replace(|c: char| c.is_control() && c != '\n', " ")
}

/// A time in the ledger, as RFC 3339 in UTC to the second.
pub(super) fn time(ms: i64) -> String {
    Timestamp::from_millisecond(ms)
        .map_or_else(|_| ms.to_string(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
