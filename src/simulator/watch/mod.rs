//! What can be seen of the cloud: the calls it had, what happened, the conversation, and the page.

pub(crate) mod calls;
pub(crate) mod deliveries;
pub(crate) mod explain;
pub(crate) mod journal;
pub(crate) mod page;
pub(crate) mod record;
pub(crate) mod transcript;
