//! A typed client of the Webex REST API: one `send()`, one method an endpoint, resources as Webex spells them;
//! and the websocket that Webex's own apps use.
//!
//! This room knows nothing of the ledger, of commands or of who may speak.

mod client;
mod endpoints;
mod error;
mod ids;
mod mercury;
mod resources;
mod socket;

pub use client::Client;
pub use endpoints::NewMessage;
pub use error::{Error, Fault};
pub use ids::{ActionId, MessageId, PersonId, RoomId, WebhookId, local_part};
pub(crate) use ids::{cluster, encode};
pub use mercury::{Device, Mercury};
pub use resources::{
    Attachment, AttachmentAction, File, Membership, Message, Person, Room, RoomType, Webhook, WebhookSpec,
};
pub use socket::{Heard, Socket};
