//! `[audit]`: who did what.

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

use super::check::{Check, DAY, LONGEST};

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
pub struct Audit {
    /// The key of the audit's seal; never printed.
    pub key: Option<SecretString>,
    /// The key before `key`, for one start after a change; never printed.
    pub old_key: Option<SecretString>,
    /// How long audit rows are kept.
    pub retention: Duration,
}

impl Audit {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration_or_none("audit.retention", self.retention, 10 * LONGEST);
        // The audit cannot be turned off: somebody with something to hide would turn it off first.
        let problem = "must be 1d or longer: the audit cannot be turned off";
        check.must("audit.retention", self.retention >= DAY, problem);
        check.secrets("audit.key", &self.key, "can forge the audit", ", or leave it out");
        check.secrets("audit.old_key", &self.old_key, "can forge the audit", ", or leave it out");
    }
}
