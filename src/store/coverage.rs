//! How complete the ledger is: a cursor for each space, one interval in which nothing is missing, and the gaps before
//! it.

use serde::Serialize;

/// How complete the ledger is. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// What was said before is history: it was there before the very first start. By Webex's clock.
    #[serde(skip)]
    pub floor: i64,
    /// Start of the interval in which nothing is missing, by our clock.
    pub complete_from: i64,
    /// Its end, by our clock.
    pub complete_until: i64,
    /// What may be missing for good, newest first.
    pub gaps: Vec<Gap>,
}

/// A time of which something may be missing for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Milliseconds since 1970, by our clock.
    pub from: i64,
    /// Milliseconds since 1970, by our clock.
    pub until: i64,
    /// A sentence for the operator.
    pub why: String,
}

/// From where on the coverage is kept.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// What was said before is history, by Webex's clock.
    pub floor: i64,
    /// From when nothing is missing, by our clock.
    pub from: i64,
    /// What is missing before that, if something may be.
    pub gap: Option<Gap>,
}

/// What one read-back adds to the coverage, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Spaces, and up to when everything said there is in the ledger, by Webex's clock.
    pub cursors: Vec<(String, i64)>,
    /// Up to when nothing is missing but what the gaps name, by our clock.
    pub until: Option<i64>,
    /// What was found to be missing.
    pub gaps: Vec<Gap>,
}
