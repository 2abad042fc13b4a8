//! What tests and demonstrations use: the running cloud, people who act, and things that go wrong.

mod acts;
pub(crate) mod cloud;
mod controls;
pub(crate) mod fault;
pub(crate) mod faults;
pub(crate) mod limit;
pub(crate) mod look;
pub(crate) mod person;
