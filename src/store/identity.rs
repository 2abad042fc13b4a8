//! The identity of a ledger, and its state as seen without opening it.

/// The identity of a ledger. An older one sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerId {
    /// When it was made, in milliseconds since 1970.
    pub born_at: i64,
    /// Tells those of the same moment apart.
    pub chance: u32,
}

/// The state of a ledger, seen without opening it.
#[derive(Clone, Debug)]
pub struct LedgerStatus {
    /// Where it is, and whether it can be written to or made.
    pub says: String,
    /// Whether it is there.
    pub exists: bool,
    /// Whether a daemon holds it.
    pub daemon: bool,
    /// The trace of a lost ledger, if there is one and no ledger.
    pub lost: Option<String>,
}
