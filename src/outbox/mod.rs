//! What the bot says: letters wait in the ledger, and the sender posts, edits and deletes in order per space.

mod arrivals;
mod before;
mod check;
mod destination;
mod door;
mod letter;
mod posts;
mod secret;
mod sender;

pub use crate::store::Urgency;
pub(crate) use check::is_on_the_web;
pub use destination::Destination;
pub use door::{Posted, letter_id, post};
pub(crate) use letter::ApiRequest;
pub use letter::{Delete, Edit, Edited, Letter, Otherwise, Post, Thread};
pub(crate) use secret::{LetterSecret, SECRET_PLACE};
pub use sender::Outbox;
