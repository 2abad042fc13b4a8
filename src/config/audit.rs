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
    /// The one before it.
    pub old_key: Option<SecretString>,
    /// How long rows stay.
    pub retention: Duration,
}

impl Audit {
    pub(super) fn check(&self, check: &mut Check) {
        check.duration_or_none("audit.retention", self.retention, 10 * LONGEST);
        // No switch turns the audit off: one would be the first thing that whoever fears it looks for.
        let problem = "must be 1d or longer: an audit that forgets at once is none";
        check.must("audit.retention", self.retention >= DAY, problem);
        check.secrets("audit.key", &self.key, "can make the audit anew", ", or leave it out");
        check.secrets("audit.old_key", &self.old_key, "can make the audit anew", ", or leave it out");
    }
}
