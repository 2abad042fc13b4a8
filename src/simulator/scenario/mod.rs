//! What tests and demonstrations do: people act, and things go wrong.

pub(crate) mod faults;
pub(crate) mod limit;
pub(crate) mod person;
pub(crate) mod setup;
