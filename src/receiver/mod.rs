//! What Webex sends us becomes one inbox row. A receiver never runs a handler.

mod activity;
mod door;
mod envelope;
mod foreign;
pub mod reconcile;
pub mod registration;
mod spaces;
mod unhandled;
pub mod webhook;
pub mod websocket;

pub use door::Door;
pub use envelope::{CANARY, Parsed};
pub use unhandled::Unhandled;
