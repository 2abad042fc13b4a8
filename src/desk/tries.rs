//! What becomes of an event that could not be worked on this time.

use super::{Desk, EventEnd, NO_COMMAND, Outcome};
use crate::store::{Claimed, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault};
use crate::worker::Retry;

impl Desk {
    /// Whether the event is beyond its tries: its process ended in each of them.
    pub fn is_beyond_its_tries(&self, row: &Claimed, times: u32) -> bool {
        Retry::tries(row) >= times * self.settings.max_attempts
    }

    /// Reads what the event is about. The lease is there for this and the command; each has its share.
    ///
    /// # Errors
    /// As `reading` says; a lease that is nearly over counts as Webex being away.
    pub async fn fetch<T>(&self, reading: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let share = (self.settings.lease - self.settings.deadline).mul_f64(0.9);
        let slow = |_| {
            let cause = "no answer before the lease ends".to_owned();
            Err(Error::Unreachable { endpoint: "a read", is_sent: true, cause })
        };
        let result = tokio::time::timeout(share, reading).await.unwrap_or_else(slow);
        if result.is_ok() {
            self.health.token(Ok(()));
        }
        result
    }

    /// What the event is about could not be read.
    pub async fn unread(&self, row: &Claimed, error: &Error) -> Outcome {
        let fault = match error.fault() {
            // Webex's own reads lag behind its webhooks for a moment.
            Fault::NotFound if row.failing() < self.settings.visible_within => {
                tracing::debug!(%error, "what the event is about is not visible yet");
                return Outcome::later(self.retry.patience(row), error.to_string());
            }
            Fault::NotFound => {
                tracing::info!(
                    verdict = Verdict::Gone.word(),
                    "event settled: its message was deleted, or is not for the bot"
                );
                self.services.metrics.command(NO_COMMAND, Verdict::Gone);
                return EventEnd::unattributed(Verdict::Gone, error.to_string()).into();
            }
            // One refusal may be as passing as one 500.
            Fault::Final if !self.retry.is_last(row) => Fault::Broken,
            fault => fault,
        };
        match self.retry.after_fault(row, error, fault).await {
            Some(again) => Outcome::Again(again),
            None => {
                let tracking_id = error.tracking_id().unwrap_or("none");
                tracing::error!(%error, tracking_id, "an event cannot be read");
                self.give_up(&error.to_string())
            }
        }
    }

    /// Whether Webex has not been failing this event for too long yet.
    pub fn is_patient(&self, row: &Claimed) -> bool {
        row.failing() < self.settings.give_up
    }

    /// The ledger does not say what was asked, used or pressed: nothing is done on a guess.
    pub fn without_ledger(&self, row: &Claimed, error: &StoreError) -> Outcome {
        Outcome::later(self.retry.backoff(row), error.to_string())
    }

    /// The ledger does not say who may speak: nobody is answered on a guess.
    pub fn unjudged(&self, error: &StoreError) -> Outcome {
        tracing::error!(%error, "the ledger does not say who may speak; the event waits");
        Outcome::later(self.settings.backoff_max, error.to_string())
    }

    /// The ledger does not give a request for approval. What it never gives must not hold up the space for ever.
    pub fn without_request(&self, row: &Claimed, error: &StoreError) -> Outcome {
        let why = format!("the ledger does not give what waits for approval: {error}");
        tracing::error!(%error, "the ledger does not give what waits for approval");
        self.after_failure(row, why).unwrap_or_else(|why| self.give_up(&why))
    }

    /// The next try after a failure that is not Webex's.
    ///
    /// # Errors
    /// The same reason, after the last try.
    pub fn after_failure(&self, row: &Claimed, why: String) -> Result<Outcome, String> {
        match self.retry.after_failure(row, why.clone()) {
            Some(again) => Ok(Outcome::Again(again)),
            None => Err(why),
        }
    }

    /// Nobody is told: whoever wrote it could not be read, so nobody knows whether they may be answered.
    pub fn give_up(&self, why: &str) -> Outcome {
        tracing::error!(why, "an event is given up; `switchboard inbox list` shows it");
        self.services.metrics.command(NO_COMMAND, Verdict::Failed);
        EventEnd::unattributed(Verdict::Failed, why).dead().into()
    }
}
