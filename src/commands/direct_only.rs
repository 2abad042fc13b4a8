//! Replies that others must not read.

use crate::handler::{CommandError, Context};

/// Refuses to reply in a space with others, even to somebody who may have the reply.
pub(super) fn require_direct(context: &Context) -> Result<(), CommandError> {
    if context.is_direct() {
        return Ok(());
    }
    Err(CommandError::User("Please tell me that in a direct message: others read along here.".to_owned()))
}
