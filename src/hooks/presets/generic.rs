//! `generic`: a sender of which nothing is known. What it posts is kept, and nothing is said.

use super::payload::{Payload, Preset, Proof, Signal};

pub(super) const PRESET: Preset = Preset {
    name: "generic",
    signature: None,
    proof: Proof::Bearer,
    setup: include_str!("setup/generic.txt"),
    hidden: &[],
    read,
};

fn read(_: &Payload<'_>) -> Signal {
    Signal::default()
}
