//! `[store]`: the ledger.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::check::{Check, DAY, LONGEST, MILLION};

/// The smallest limit of the write-ahead log, in bytes. The log needs room for a large message, and for what is written
/// while it is taken back into the ledger.
const SHORTEST_LOG: u64 = 1024 * 1024;

/// `[store]`
#[derive(Clone, Debug, Deserialize)]
pub struct Store {
    /// Where the ledger is. A secret, since a database URL may carry a password.
    pub url: SecretString,
    /// How long settled rows stay readable.
    pub retention: Duration,
    /// How long after that the ids of these rows are remembered.
    pub dedupe: Duration,
    /// How many writes may wait for the disk.
    pub waiting: usize,
    /// How large the write-ahead log may grow, in bytes.
    pub log_limit: u64,
    /// The most bytes of Webex's delivery that are kept with an event.
    pub raw_limit: usize,
    /// How long the ledger's files may be missing while the daemon runs, before it exits.
    pub missing_for: Duration,
}

impl Store {
    pub(super) fn check(&self, check: &mut Check) {
        check.must("store.log_limit", self.log_limit >= SHORTEST_LOG, "must be 1048576 bytes or more");
        check.number("store.waiting", self.waiting, 1..=MILLION);
        check.number("store.raw_limit", self.raw_limit, 0..=MILLION);
        check.duration("store.retention", self.retention, LONGEST);
        check.duration("store.dedupe", self.dedupe, LONGEST);
        check.duration_or_none("store.missing_for", self.missing_for, DAY);
        let file = self.url.expose_secret().strip_prefix("sqlite:").map(|path| path.trim_start_matches('/'));
        check.must(
            "store.url",
            file.is_some_and(|file| !file.is_empty() && !file.starts_with(":memory:") && !file.contains('?')),
            "must be sqlite:PATH, such as sqlite:switchboard.db (this version keeps its ledger in an SQLite file)",
        );
    }
}
