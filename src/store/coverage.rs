//! How complete the ledger is: a cursor for each space, one interval in which nothing is missing, and the gaps before
//! it.

use serde::Serialize;

/// How complete the ledger is. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// Messages before this time are history: they were there before the very first start. By Webex's clock.
    #[serde(skip)]
    pub floor: i64,
    /// Start of the interval in which nothing is missing, by our clock.
    pub complete_from: i64,
    /// Its end, by our clock.
    pub complete_until: i64,
    /// The times of which messages may be missing for good, newest first.
    pub gaps: Vec<Gap>,
}

/// A time of which messages may be missing for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// When it begins, in milliseconds since 1970, by our clock.
    pub from: i64,
    /// When it ends, in milliseconds since 1970, by our clock.
    pub until: i64,
    /// The reason, as a sentence for the operator.
    pub why: String,
}

/// Where the record of the coverage begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// Messages before this time are history. By Webex's clock.
    pub floor: i64,
    /// The time from which nothing is missing, by our clock.
    pub from: i64,
    /// The gap before that, if there may be one.
    pub gap: Option<Gap>,
}

/// What one read-back adds to the coverage, in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Spaces, each with the time up to which all its messages are in the ledger, by Webex's clock.
    pub cursors: Vec<(String, i64)>,
    /// The time up to which nothing is missing except in the gaps, by our clock.
    pub until: Option<i64>,
    /// The gaps that were found.
    pub gaps: Vec<Gap>,
}
