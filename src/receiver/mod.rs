//! What Webex sends us becomes one inbox row. A receiver never runs a handler.

mod activity;
mod door;
mod envelope;
pub mod reconcile;
pub mod registration;
mod spaces;
pub mod webhook;
pub mod websocket;

pub use door::{CATCH_UP, CLOCK, Door};
pub use envelope::{Envelope, Kind, Parsed};
