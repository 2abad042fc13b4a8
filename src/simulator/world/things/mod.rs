//! The things that the world consists of, as REST and webhooks show them. A thing does not know its world.

mod account;
mod action;
mod content;
mod device;
mod grant;
mod meeting;
mod message;
mod room;
mod team;
mod webhook;

pub use account::{Account, AccountType};
pub(crate) use account::{Profile, no_such_person, only_administrators, only_people};
pub(crate) use action::Action;
pub(crate) use content::no_such_content;
pub use content::{Content, Scan, ScanVerdict};
pub(crate) use device::{Device, DeviceSocket, Mercury, REPLACED, SocketOrder};
pub use device::{DeviceInfo, Sockets};
pub use grant::Grant;
pub(crate) use meeting::{Invitee, Meeting, digits};
pub use message::Message;
pub use room::RoomType;
pub(crate) use room::{Member, Membership, Room, SpaceTraits};
pub(crate) use team::{Team, TeamMembership, general_room, no_such_team};
pub(crate) use webhook::no_such_webhook;
pub use webhook::{Webhook, WebhookStatus};
