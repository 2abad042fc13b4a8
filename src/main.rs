//! The daemon: the framework with the commands that every bot has.

use std::process::ExitCode;

fn main() -> ExitCode {
    switchboard::Bot::builder().run()
}
