//! Deletes a message.

use super::{Outbox, closing};
use crate::outbox::Delete;
use crate::store::{Claimed, Settlement, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault, MessageId};

impl Outbox {
    /// Deletes a message of the bot, once the letter that replaces it was sent. A message that is already gone counts
    /// as deleted.
    pub(super) async fn delete(&self, row: Claimed, delete: &Delete) -> Settlement {
        let looked_up =
            async { Ok::<_, StoreError>((self.may_go(delete).await?, self.find(&row, &delete.to, &delete.of).await?)) };
        let (may_go, found) = match looked_up.await {
            Ok(looked_up) => looked_up,
            Err(error) => return self.unprepared(row, error.to_string()),
        };
        if !may_go {
            let why = "what takes its place was not sent, so it stays".to_owned();
            return row.dead(closing(Verdict::Refused, why));
        }
        let ids = delete.messages.iter().cloned().chain(found.message).collect();
        // The lease bounds all calls together.
        let gone = match tokio::time::timeout(self.lease.mul_f64(0.9), self.delete_all(ids)).await {
            Ok(Ok(gone)) => gone,
            Ok(Err(error)) => return self.settle_failure(row, &delete.to, &error, false, false).await,
            Err(_) => return self.failed(row, "no answer before the lease ends".to_owned(), true),
        };
        if gone.is_empty() {
            let why = "nobody knows Webex's id of it, or it was never sent".to_owned();
            return row.done(closing(Verdict::Kept, why));
        }
        let ids: Vec<_> = gone.iter().map(ToString::to_string).collect();
        row.done(closing(Verdict::Deleted, ids.join(", ")))
    }

    /// Deletes these messages, each once. Gives those that are gone.
    async fn delete_all(&self, ids: Vec<MessageId>) -> Result<Vec<MessageId>, Error> {
        let mut gone: Vec<MessageId> = Vec::new();
        for id in ids {
            if gone.contains(&id) {
                continue;
            }
            match self.webex.delete_message(&id).await {
                Err(error) if error.fault() != Fault::NotFound => return Err(error),
                Ok(()) | Err(_) => gone.push(id),
            }
        }
        Ok(gone)
    }

    /// Whether the letter that replaces the message was sent. Also true if there is no such letter.
    async fn may_go(&self, delete: &Delete) -> Result<bool, StoreError> {
        let Some(successor) = delete.successor else { return Ok(true) };
        Ok(self.store.row(successor).await?.is_some_and(|row| row.verdict == Some(Verdict::Sent)))
    }
}
