//! The state of the cloud and its rules. Of HTTP it knows only the status of a refusal.

pub(crate) mod actions;
pub(crate) mod activities;
pub(crate) mod administration;
pub(crate) mod change;
pub(crate) mod contents;
pub(crate) mod devices;
pub(crate) mod draft;
pub(crate) mod event;
pub(crate) mod filters;
pub(crate) mod grants;
pub(crate) mod ids;
pub(crate) mod listing;
pub(crate) mod meetings;
pub(crate) mod members;
pub(crate) mod memory;
pub(crate) mod messages;
pub(crate) mod people;
pub(crate) mod quirks;
pub(crate) mod refusal;
pub(crate) mod rooms;
pub(crate) mod shelf;
pub(crate) mod sight;
pub(crate) mod state;
pub(crate) mod teams;
pub(crate) mod telling;
pub(crate) mod things;
pub(crate) mod time;
pub(crate) mod webhooks;
pub(crate) mod written;

pub(crate) use event::{Event, EventData};
pub use refusal::Refusal;
pub(crate) use state::World;
