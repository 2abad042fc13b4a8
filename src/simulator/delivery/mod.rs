//! How what happened reaches those who asked to be told: webhooks and sockets; and how the cloud fetches files.

pub(crate) mod courier;
pub(crate) mod fetch;
mod letter;
pub(crate) mod live;
pub(crate) mod manner;
pub(crate) mod outward;
mod reach;
pub(crate) mod socket;
