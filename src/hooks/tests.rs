//! What is forged is not let in, and whatever is let in is read without harm.

mod bodies;
mod cost;
mod forgeries;
mod senders;

use super::Hooks;
use crate::clock::Clock;
use crate::config::Config;

/// The hooks of these settings.
fn hooks(toml: &str) -> Hooks {
    let config = Config::from_parts(toml, &[]).unwrap();
    Hooks::new(&config.hook, &config.hooks, Some("room"), Clock::of_system())
        .unwrap_or_else(|wrong| panic!("{wrong:?}"))
}
