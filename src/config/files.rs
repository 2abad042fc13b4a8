//! `[files]`: files that people attach and replies carry.

use std::time::Duration;

use serde::Deserialize;

use super::check::{Check, DAY};

/// The largest file Webex takes, in bytes.
pub(super) const LARGEST: u64 = 100 * 1024 * 1024;

/// `[files]`
#[derive(Clone, Debug, Deserialize)]
pub struct Files {
    /// The largest file that a command fetches or a reply carries, in bytes.
    pub largest: u64,
    /// Bytes of files that may wait in the ledger to be sent.
    pub waiting: u64,
    /// How long a command waits for a file that Webex still scans for malware.
    pub scan_wait: Duration,
}

impl Files {
    pub(super) fn check(&self, check: &mut Check) {
        check.must(
            "files.largest",
            (1..=LARGEST).contains(&self.largest),
            "must be from 1 to 104857600 bytes: Webex takes no file above 100 MB",
        );
        check.must("files.waiting", self.waiting >= self.largest, "must not be less than files.largest");
        check.number("files.waiting", self.waiting, 1..=1 << 50);
        check.duration_or_none("files.scan_wait", self.scan_wait, DAY);
    }
}
