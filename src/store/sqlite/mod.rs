//! The SQLite engine: every statement of the ledger, and all code that knows what an SQLite file is.
//!
//! The writer's thread runs the writes, each row by prepared statements. What is visible in the store makes up the
//! engine, and only `store::engine` names it.

mod activity;
mod approvals;
mod audit;
mod by_id;
mod cards;
mod chat_hooks;
mod claim;
mod connection;
mod conversations;
mod coverage;
mod database;
mod file;
mod files;
mod hints;
mod hook_states;
mod identity;
mod indexing;
mod letters;
mod lock;
mod log;
mod mend;
mod migrations;
mod opening;
mod origin;
mod overdue;
mod pairing;
mod payloads;
mod places;
mod presence;
mod prune;
mod put;
mod raw;
mod read;
mod reader;
mod settle;
mod silences;
mod statements;
mod transaction;
mod unhandled;
mod unindexed;

pub(super) use database::Sqlite;
pub(super) use reader::Reader;

#[cfg(test)]
mod tests;
