//! Notes parts of Webex's answers that were not in their documented form: counts each, and logs each kind once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use crate::telemetry::Metrics;

/// The most kinds that are remembered as logged. There are fewer fields.
const MOST_KINDS: usize = 256;

/// Shared by all clones of a client.
pub(super) struct Oddities {
    metrics: Metrics,
    logged: Mutex<HashSet<(&'static str, String)>>,
}

impl Oddities {
    pub(super) fn new(metrics: Metrics) -> Oddities {
        Oddities { metrics, logged: Mutex::default() }
    }

    /// Notes that some fields counted as missing, and that some items of a list were skipped.
    pub(super) fn note(&self, endpoint: &'static str, fields: &[String], passed_over: usize) {
        for field in fields {
            self.metrics.unreadable(endpoint, "field");
            if self.is_new(endpoint, field) {
                tracing::warn!(endpoint, field, "a field in an answer of Webex has an odd form; it counts as missing");
            }
        }
        for _ in 0..passed_over {
            self.metrics.unreadable(endpoint, "item");
        }
        if passed_over > 0 && self.is_new(endpoint, "") {
            tracing::warn!(
                endpoint,
                passed_over,
                "a list of Webex holds items that cannot be read; they are passed over"
            );
        }
    }

    fn is_new(&self, endpoint: &'static str, field: &str) -> bool {
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        logged.len() < MOST_KINDS && logged.insert((endpoint, field.to_owned()))
    }
}
