//! What knows SQLite.

mod approvals;
mod cards;
pub(super) mod database;
pub(super) mod file;
mod files;
mod hints;
mod lock;
mod log;
mod mend;
pub(super) mod migrations;
mod opening;
pub(super) mod origin;
pub(super) mod presence;
mod prune;
pub(super) mod unhandled;
