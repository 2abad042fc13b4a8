//! What is only told in a direct message.

use crate::handler::{CommandError, Context};

/// Refuses what others are not to read along, even where whoever asks may have it.
pub(super) fn alone(context: &Context) -> Result<(), CommandError> {
    if context.is_direct() {
        return Ok(());
    }
    Err(CommandError::User("Please tell me that in a direct message: others read along here.".to_owned()))
}
