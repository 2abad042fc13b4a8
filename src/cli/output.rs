//! What the verbs print: results on standard output, complaints on standard error.

use std::io::Write;

use clap::Args;
use serde::Serialize;

use crate::program::Program;
use crate::text::{is_disruptive, one_line};

/// How a result is printed.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Format {
    /// Print JSON, for programs
    #[arg(long)]
    pub json: bool,
}

/// Prints one or more lines on standard output. Unlike with `println!`, a closed pipe is an error and no panic.
pub(super) fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", harmless(text))?;
    out.flush()
}

/// Prints a value as JSON on standard output. Characters that would disturb a terminal are escaped, so that nothing is
/// lost.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    let mut escaped = String::with_capacity(json.len());
    for c in json.chars() {
        // Only strings hold such a character, and all of them lie in the plane that one escape can name.
        match c {
            '\n' => escaped.push(c),
            c if is_disruptive(c) => escaped.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => escaped.push(c),
        }
    }
    Ok(print(&escaped)?)
}

/// Prints a line on standard error. A failure is ignored, since there is nowhere to report it.
pub(super) fn complain(program: &Program, line: &str) {
    let _ = writeln!(std::io::stderr(), "{}: {}", program.name, harmless(&program.quoted(line)));
}

/// Takes out what could change how the terminal shows the rest, since the text may come from Webex or a person.
fn harmless(text: &str) -> String {
    text.split('\n').map(one_line).collect::<Vec<_>>().join("\n")
}
