//! The SQLite engine: every statement of the ledger, and all code that knows what an SQLite file is.
//!
//! Frequent writes take one or two statements for a whole batch, which is passed as a JSON array. What is visible in
//! the store makes up the engine, and only `store::engine` names it.

mod approvals;
mod audit;
mod cards;
mod claim;
mod conversations;
mod coverage;
mod database;
mod file;
mod files;
mod hints;
mod identity;
mod letters;
mod lock;
mod log;
mod mend;
mod migrations;
mod opening;
mod origin;
mod pairing;
mod presence;
mod prune;
mod put;
mod raw;
mod read;
mod settle;
mod unhandled;
mod values;

pub(super) use database::Sqlite;
pub(super) use read::Reader;

#[cfg(test)]
mod tests;
