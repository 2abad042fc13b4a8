//! The real app against the simulator, through the front door. Nothing sleeps: a test settles, then looks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should fail there"
)]

mod browser;
mod cli;
mod clients;
mod cloud;
mod commands;
mod crowd;
mod delivery;
mod harness;
mod layout;
mod mercury;
mod receiving;
mod registration;
mod restart;
mod simulator;
mod websocket;
