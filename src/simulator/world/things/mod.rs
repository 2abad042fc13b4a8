//! What the world is made of, as REST and webhooks show it.
//! No thing knows the world that it is in.

pub(crate) mod account;
pub(crate) mod action;
pub(crate) mod content;
pub(crate) mod device;
pub(crate) mod grant;
pub(crate) mod meeting;
pub(crate) mod message;
pub(crate) mod room;
pub(crate) mod team;
pub(crate) mod webhook;
