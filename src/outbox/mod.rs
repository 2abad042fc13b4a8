//! What the bot says: letters wait in the ledger, and the sender posts them in order per space.

mod arrivals;
mod letter;
mod posts;
mod sender;

pub use letter::{Delete, Destination, Letter, Post, Receipt};
pub use sender::Outbox;
