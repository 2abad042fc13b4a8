//! What can be watched in the cloud: its calls, what happens, the conversation, and the page.

pub(crate) mod calls;
pub(crate) mod deliveries;
pub(crate) mod explain;
pub(crate) mod journal;
pub(crate) mod page;
pub(crate) mod record;
pub(crate) mod transcript;
