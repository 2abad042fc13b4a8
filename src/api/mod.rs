//! The bearer API, by which scripts post. `door` takes a request, and `keys` says whose it is. `messages` answers it:
//! `request` reads it, `letters` makes letters of it, and one commit puts them into the outbox. `answer` has what a
//! caller is answered. `document` describes all of that for programs, and `page` for people.

mod answer;
mod document;
mod door;
mod keys;
mod letters;
mod messages;
mod page;
mod request;

pub use door::{ApiDoor, PATH};
pub use keys::ApiKeys;
pub use page::page;
