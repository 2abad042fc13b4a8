//! The bearer API, by which scripts post. `door` takes a request: `keys` says whose it is, `request` reads it, `letters`
//! makes letters of it, and one commit puts them into the outbox. `answer` has the refusals.

mod answer;
mod door;
mod keys;
mod letters;
mod request;

pub use door::{ApiDoor, PATH};
pub use keys::ApiKeys;
