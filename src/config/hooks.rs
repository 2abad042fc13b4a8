//! `[hooks]`: what all hooks share.

use serde::Deserialize;

use super::check::Check;
use super::hook::LARGEST_BODY;

/// `[hooks]`
#[derive(Clone, Debug, Deserialize)]
pub struct Hooks {
    /// Bytes of bodies that are held at one time.
    pub in_flight: usize,
}

impl Hooks {
    /// There is room for the largest body that a hook may allow.
    pub(super) fn check(&self, check: &mut Check) {
        check.number("hooks.in_flight", self.in_flight, LARGEST_BODY..=1 << 40);
    }
}
