//! Delivers events to webhooks and sockets, and fetches files.

pub(crate) mod courier;
pub(crate) mod fetch;
mod letter;
pub(crate) mod live;
pub(crate) mod manner;
pub(crate) mod outward;
mod reach;
pub(crate) mod socket;
