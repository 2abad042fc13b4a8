//! The real app against the simulator, through the front door. Nothing sleeps: a test settles, then looks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should fail there"
)]

mod access;
mod admission;
mod approvals;
mod audit;
mod browser;
mod cards;
mod catch_up;
mod check;
mod cli;
mod clients;
mod cloud;
mod commands;
mod conversations;
mod crowd;
mod decisions;
mod delivery;
mod doubt;
mod explain;
mod files;
mod foreign;
mod foresight;
mod hanging;
mod harness;
mod layout;
mod ledger;
mod ledger_lock;
mod ledger_log;
mod mercury;
mod port;
mod rate;
mod receiving;
mod registration;
mod restart;
mod simulator;
mod soak;
mod text;
mod webdriver;
mod websocket;
