//! How many bytes of payloads there are: what other systems posted, stored beside the rows that were made of it.

/// The bytes of all payloads, and up to which settled row those of settled ones were dropped.
#[derive(Default)]
pub(super) struct Payloads {
    /// None until they are counted, and after a failure.
    pub(super) bytes: Option<u64>,
    /// When the last row that was looked at was settled, and its number.
    pub(super) looked_at: (i64, i64),
}

impl Payloads {
    /// Forgets the count, after a failure took back some of it.
    pub(super) fn forget(&mut self) {
        *self = Payloads::default();
    }
}
