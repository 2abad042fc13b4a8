//! A typed client of the Webex REST API: one `send()`, one method an endpoint, resources as Webex spells them.
//!
//! This room knows nothing of the ledger, of commands or of who may speak.

mod client;
mod endpoints;
mod error;
mod governor;
mod ids;
mod resources;

pub use client::Client;
pub use endpoints::NewMessage;
pub use error::{Error, Fault};
pub use governor::Priority;
pub(crate) use ids::encode;
pub use ids::{ActionId, MessageId, PersonId, RoomId, WebhookId, local_part};
pub use resources::{
    Attachment, AttachmentAction, File, Membership, Message, Person, Room, RoomType, Webhook, WebhookSpec,
};
