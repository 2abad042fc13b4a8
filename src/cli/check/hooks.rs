//! Checks the hooks that were made from the chat.

use super::ledger::CheckedLedger;
use super::report::CheckFinding;
use crate::clock;
use crate::config::Config;
use crate::hooks::HookState;
use crate::signature::SecretKey;

/// A warning for each hook that cannot do what it was made for.
pub(super) fn check_hooks(config: &Config, ledger: &anyhow::Result<CheckedLedger>) -> Vec<CheckFinding> {
    // The check of `complete` reports a ledger that cannot be read.
    let Ok(made) = ledger.as_ref().and_then(|ledger| ledger.hooks.as_ref()) else { return Vec::new() };
    let key = config.hook_secret().ok().map(SecretKey::new);
    let doubts = made.iter().filter_map(|row| {
        let is_in_settings = config.hook.iter().any(|hook| hook.name == row.name);
        HookState::of(row, is_in_settings, key.as_ref(), clock::wall_ms()).doubt(&row.name)
    });
    doubts.map(|(says, hint)| CheckFinding::warn("hooks", says, &hint)).collect()
}
