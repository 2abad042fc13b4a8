//! The real app against the simulator, through the front door. Nothing sleeps: a test settles, then looks.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should fail there"
)]

mod access;
mod admission;
mod alertmanager;
mod alone;
mod api;
mod approvals;
mod audit;
mod author;
mod browser;
mod card_rules;
mod cards;
mod catch_up;
mod chat_hooks;
mod check;
mod cli;
mod clicks;
mod clients;
mod cloud;
mod commands;
mod complaints;
mod configured;
mod conversations;
mod crowd;
mod decisions;
mod declared;
mod delivery;
mod doubt;
mod events;
mod example;
mod explain;
mod files;
mod foreign;
mod foreign_senders;
mod foresight;
mod forgeries;
mod guarded;
mod hanging;
mod harness;
mod hook_alerts;
mod hook_diff;
mod hook_door;
mod hook_flood;
mod hook_rules;
mod hook_setup;
mod hook_text;
mod hooks;
mod interrupted;
mod lab;
mod layout;
mod ledger;
mod ledger_lock;
mod ledger_log;
mod mercury;
mod named_secrets;
mod outbox;
mod places;
mod port;
mod proxy;
mod rate;
mod raw;
mod receiving;
mod registration;
mod restart;
mod saying;
mod senders;
mod sending;
mod settings;
mod signing;
mod silences;
mod simulate;
mod simulator;
mod soak;
mod sources;
mod text;
mod webdriver;
mod websocket;
