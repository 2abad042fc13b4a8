//! The identity of a ledger, and its state as seen without opening it.

/// The identity of a ledger. An older one sorts first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerId {
    /// When it was made, in milliseconds since 1970.
    pub born_at: i64,
    /// A random number that distinguishes ledgers made at the same moment.
    pub chance: u32,
}

/// The state of a ledger, as seen without opening it.
#[derive(Clone, Debug)]
pub struct LedgerStatus {
    /// A sentence that says where it is, and whether it can be written to or made.
    pub says: String,
    /// Whether the ledger exists.
    pub exists: bool,
    /// Whether a daemon holds it.
    pub daemon: bool,
    /// The trace of a lost ledger, if there is one while the ledger is missing.
    pub lost: Option<String>,
}
