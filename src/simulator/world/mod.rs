//! The state of the cloud and its rules. Of HTTP it knows only the status of a refusal.

pub(crate) mod actions;
pub(crate) mod activities;
pub(crate) mod contents;
pub(crate) mod devices;
pub(crate) mod event;
pub(crate) mod filters;
pub(crate) mod grants;
pub(crate) mod ids;
pub(crate) mod meetings;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod people;
pub(crate) mod quirks;
pub(crate) mod refusal;
pub(crate) mod rooms;
pub(crate) mod state;
pub(crate) mod teams;
pub(crate) mod time;
pub(crate) mod webhooks;
pub(crate) mod written;
