//! `[flood]`: how many messages of one person, and of one space, are answered.

use serde::Deserialize;

use super::check::{Check, MILLION};

/// `[flood]`
#[derive(Clone, Debug, Deserialize)]
pub struct Flood {
    /// Messages a minute of one person; 0 is no limit.
    pub person: u32,
    /// Messages a minute of all people in a space; 0 is no limit.
    pub space: u32,
    /// How many minutes' worth may come at once.
    pub burst: u32,
}

impl Flood {
    pub(super) fn check(&self, check: &mut Check) {
        check.number("flood.person", self.person, 0..=MILLION);
        check.number("flood.space", self.space, 0..=MILLION);
        check.number("flood.burst", self.burst, 1..=1000);
    }
}
