//! Whether the files of what is to be said may be sent.

use super::Desk;
use crate::handler::{CommandError, Reply};
use crate::webex::File;

impl Desk {
    /// Whether each file is within `files.largest`, and all of them find room within `files.waiting`.
    ///
    /// # Errors
    /// A sentence for whoever is answered.
    pub async fn check_files(&self, reply: &Reply) -> Result<(), CommandError> {
        let files = reply.files();
        if files.is_empty() {
            return Ok(());
        }
        let size = |file: &File| file.bytes.len() as u64;
        let limits = &self.services.files;
        if let Some(file) = files.iter().find(|file| size(file) > limits.largest) {
            tracing::warn!(?file, limit = limits.largest, "a file to be sent is larger than files.largest");
            let (name, size, most) = (&file.name, size(file), limits.largest);
            return Err(CommandError::User(format!(
                "The file {name} has {size} bytes, and I may send {most} at most."
            )));
        }
        let waiting = self.services.store.size_of_files().await?;
        if waiting + files.into_iter().map(size).sum::<u64>() > limits.waiting {
            tracing::error!(
                waiting,
                limit = limits.waiting,
                "a reply's files find no room within files.waiting; dead letters count too: `switchboard outbox list --state dead`"
            );
            return Err(CommandError::User("Too many files wait to be sent. Please try again later.".to_owned()));
        }
        Ok(())
    }
}
