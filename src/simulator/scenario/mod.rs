//! What tests and demonstrations hold: the running cloud, people who act, and what goes wrong.

mod acts;
pub(crate) mod cloud;
mod controls;
pub(crate) mod fault;
pub(crate) mod faults;
pub(crate) mod limit;
pub(crate) mod look;
pub(crate) mod person;
