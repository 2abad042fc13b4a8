//! The log: where it goes, and the form of its lines.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::debug_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{ConfigError, Log, LogFormat};
use crate::program::Program;
use crate::redact::{beginning, one_line};

/// Sends the log of this program to standard error. A second call in one process changes nothing.
///
/// # Errors
/// `log.level` is neither a level nor a filter. Change the setting.
pub fn start_log(settings: &Log, program: Program) -> anyhow::Result<()> {
    // A blank would become part of a target's name.
    let level: String = settings.level.split_whitespace().collect();
    let filter: Targets =
        level.parse().map_err(|error| ConfigError::one(format!("log.level is no level and no filter: {error}")))?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(move || NamedWriter { program, out: std::io::stderr() })
        // The library would report its own errors on standard error, and panic if that is the stream that is gone.
        .log_internal_errors(false);
    let lines = match settings.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(true).with_span_list(false).boxed(),
        LogFormat::Human => {
            lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).fmt_fields(on_one_line()).boxed()
        }
    };
    let _already_started = tracing_subscriber::registry().with(lines.with_filter(filter)).try_init();
    std::panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        tracing::error!(at, "a panic was caught: a command, or a part of the daemon, failed where it must not");
    }));
    Ok(())
}

/// Puts the name of the program into the command lines that log lines quote.
struct NamedWriter<W> {
    program: Program,
    out: W,
}

impl<W: Write> Write for NamedWriter<W> {
    /// Gets one whole line at each call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.out.write_all(self.program.quoted(text).as_bytes())?,
            Err(_) => self.out.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Makes every field safe: it moves no cursor, begins no line, changes no direction, and has a limited length.
fn on_one_line() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    /// The most bytes of a field. Our own sentences are far shorter, and foreign text was cut before.
    const LONGEST_FIELD: usize = 4096;
    debug_fn(|writer, field, value| {
        let value = one_line(&beginning(&format_args!("{value:?}")), LONGEST_FIELD);
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    })
    .delimited(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_in_the_log_can_be_typed_as_it_stands() {
        let line = |name| {
            let mut writer = NamedWriter { program: Program { name, version: "1" }, out: Vec::new() };
            writer.write_all(b"`switchboard outbox list` shows it\n").unwrap();
            writer.write_all(b"\xff\n").unwrap();
            writer.out
        };
        assert_eq!(line("lunchbot"), b"`lunchbot outbox list` shows it\n\xff\n");
        assert_eq!(line("switchboard"), b"`switchboard outbox list` shows it\n\xff\n");
    }
}
