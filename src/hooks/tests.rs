//! What is forged is not let in, and whatever is let in is read without harm.

mod bodies;
mod forgeries;
mod senders;

use super::Hooks;
use crate::config::Config;

/// The hooks of these settings.
fn hooks(toml: &str) -> Hooks {
    let config = Config::from_parts(toml, &[]).unwrap();
    Hooks::new(&config.hook, Some("room")).unwrap_or_else(|wrong| panic!("{wrong:?}"))
}
