//! x
mod access;
mod admin;
mod app;
mod bot;
mod cli;
mod commands;
mod config;
mod event;
mod handler;
mod health;
mod http;
mod identity;
mod receiver;
mod router;
mod signature;
pub mod simulator;
mod store;
mod table;
mod telemetry;
mod webex;
mod worker;

pub use app::{App, Handle};
pub use bot::Bot;
pub use config::{Config, ConfigError};
pub use handler::{Args, Command, CommandError, Context, Reply, Result, Sender, code_block, escape};
