//! Deletes a message.

use uuid::Uuid;

use super::{Outbox, closing};
use crate::outbox::Delete;
use crate::store::{Claimed, Row, Settlement, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault, MessageId};

impl Outbox {
    /// Deletes a message of the bot's own, once what takes its place was posted. Deleted already is deleted.
    pub(super) async fn delete(&self, row: Claimed, delete: &Delete) -> Settlement {
        let (successor, sent) = match (self.sent(delete.successor).await, self.sent(delete.row).await) {
            (Ok(successor), Ok(sent)) => (successor, sent),
            (Err(error), _) | (_, Err(error)) => return self.unprepared(row, error.to_string()),
        };
        if successor.is_none() {
            let why = "what takes its place was not sent, so it stays".to_owned();
            return row.dead(closing(Verdict::Refused, why), Vec::new());
        }
        let mut ids = delete.messages.clone();
        ids.extend(sent.and_then(|row| row.receipt).map(|receipt| MessageId::from(receipt.message)));
        // The lease bounds all calls together.
        let gone = match tokio::time::timeout(self.lease.mul_f64(0.9), self.delete_all(ids)).await {
            Ok(Ok(gone)) => gone,
            Ok(Err(error)) => return self.settle_failure(row, &delete.to, &error, false, false).await,
            Err(_) => return self.failed(row, "no answer before the lease ends".to_owned(), true),
        };
        if gone.is_empty() {
            let why = "nobody knows Webex's id of it, or it was never sent".to_owned();
            return row.done(closing(Verdict::Kept, why), Vec::new());
        }
        let ids: Vec<_> = gone.iter().map(ToString::to_string).collect();
        row.done(closing(Verdict::Deleted, ids.join(", ")), Vec::new())
    }

    /// Deletes these messages, each once. Returns those that are gone.
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

    /// A row of the outbox that was sent; none when it was not, or nobody knows any more.
    async fn sent(&self, row: Uuid) -> Result<Option<Row>, StoreError> {
        Ok(self.store.between(row, row).await?.into_iter().find(|row| row.verdict == Some(Verdict::Sent)))
    }
}
