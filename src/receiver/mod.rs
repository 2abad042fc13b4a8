//! What Webex sends us becomes one inbox row. A receiver never runs a handler.

mod activity;
mod door;
mod envelope;
mod foreign;
mod other;
mod read_back;
pub mod reconcile;
pub mod registration;
mod spaces;
pub mod webhook;
pub mod websocket;

pub use activity::is_told_over_websocket;
pub use door::Door;
pub use envelope::{CANARY, ParsedEnvelope};
pub use read_back::{ReadBack, ReadBackError, ReadBackSettings};
