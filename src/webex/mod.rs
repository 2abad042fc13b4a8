//! A typed client of the Webex REST API, with one `send()`, one method for each endpoint, and resources spelled as
//! Webex spells them. Also the websocket that Webex's own apps use.
//!
//! This room knows nothing of the ledger, of commands or of who may speak.

mod absent;
mod answer;
mod call;
mod client;
mod connecting;
mod connection;
mod contents;
mod direct;
mod endpoints;
mod error;
mod filename;
mod governor;
mod ids;
mod jitter;
mod lenient;
mod listing;
mod lost;
mod mercury;
mod oddities;
mod pace;
mod probe;
mod resources;
mod socket;
mod time;
mod wire;

pub use client::Client;
pub(crate) use connection::{Trust, client_builder};
pub use contents::{ContentId, Download, FileInfo};
pub use endpoints::NewMessage;
pub use error::{Error, Fault};
pub(crate) use filename::{UNKNOWN_TYPE, named};
pub use governor::Priority;
pub(crate) use ids::is_person_id;
pub use ids::{ActionId, MessageId, PersonId, RoomId, WebhookId, local_part};
pub(crate) use ids::{cluster, encode};
pub(crate) use jitter::jittered;
pub(crate) use lenient::{Read, read, read_value};
pub use listing::Listing;
pub(crate) use lost::Lost;
pub use mercury::{Device, Mercury};
pub(crate) use probe::{Probe, ProbeAnswer, Unreached, roots};
pub use resources::{
    Attachment, AttachmentAction, File, Listed, Membership, Message, Person, Room, RoomType, Webhook, WebhookSpec,
};
pub(crate) use resources::{WEBHOOK_EVENTS, WEBHOOK_RESOURCES};
pub use socket::{Socket, SocketEvent};
pub(crate) use time::TIME_IS_GOOD_TO;
