//! What tells one ledger apart from every other, and what one sees of it from outside.

/// A ledger, whoever opens it. The older of two comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerId {
    /// When it was made, in milliseconds since 1970.
    pub born_at: i64,
    /// Tells those of the same moment apart.
    pub chance: u32,
}

/// What one sees of a ledger without opening it for work.
#[derive(Clone, Debug)]
pub struct LedgerStatus {
    /// Where it is, and whether it can be written to or made.
    pub says: String,
    /// Whether it is there.
    pub exists: bool,
    /// Whether a daemon holds it.
    pub daemon: bool,
    /// What tells that there was a ledger, where there is none.
    pub lost: Option<String>,
}
