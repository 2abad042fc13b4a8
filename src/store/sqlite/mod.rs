//! The SQLite engine: each statement of the ledger, and all that knows what a file of SQLite is.
//!
//! What comes by the thousand is one or two statements over a whole batch, given as one JSON array. What is visible in the
//! store makes up the engine; `store::engine` is the only one that names it.

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
