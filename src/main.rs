//! The daemon: the framework with the commands that every bot has.

use std::process::ExitCode;

/// The system's allocator costs a tenth more CPU, and much more with musl.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    switchboard::Bot::builder().run()
}
