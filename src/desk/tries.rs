//! Decides what follows when an event could not be worked on at this try.

use super::{Desk, EventEnd, NO_COMMAND, Outcome};
use crate::store::{Claimed, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault};
use crate::worker::{Retry, no_answer};

impl Desk {
    /// Whether the event has had `times` times the tries it may have. Only tries during which the process died lead to
    /// that.
    pub fn is_beyond_its_tries(&self, row: &Claimed, times: u32) -> bool {
        Retry::tries(row) >= times * self.settings.max_attempts
    }

    /// Fetches what the event is about, within the part of the lease that the command does not need.
    ///
    /// # Errors
    /// The error of `reading`. If the time is over, the error says that Webex is away. Pass it to
    /// [`Desk::retry_reading`].
    pub async fn fetch<T>(&self, reading: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let result = self.in_time(reading).await;
        if result.is_ok() {
            self.health.token(Ok(()));
        }
        result
    }

    /// Waits for what may read from Webex, within the part of the lease that the command does not need.
    ///
    /// # Errors
    /// The error of `reading`. If the time is over, the error says that Webex is away.
    pub async fn in_time<T, E: From<Error>>(&self, reading: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let share = (self.settings.lease - self.settings.deadline).mul_f64(0.9);
        tokio::time::timeout(share, reading).await.unwrap_or_else(|_| Err(no_answer("a read").into()))
    }

    /// Decides what follows when the event could not be read: another try, or its end.
    pub async fn retry_reading(&self, row: &Claimed, error: &Error) -> Outcome {
        let fault = match error.fault() {
            // Webex may send a webhook a moment before its API shows the message.
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
            // A single refusal may be as temporary as a single 500. Only at the last try is it final.
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

    /// Whether it is too early to give up on Webex for this event.
    pub fn is_patient(&self, row: &Claimed) -> bool {
        row.failing() < self.settings.give_up
    }

    /// Tries again, since the ledger does not answer. A guess would be worse than a delay.
    pub fn retry_on_ledger_error(&self, row: &Claimed, error: &StoreError) -> Outcome {
        Outcome::later(self.retry.backoff(row), error.to_string())
    }

    /// Waits, since the ledger does not say who may speak. A guess might answer the wrong people.
    pub fn retry_judging(&self, error: &StoreError) -> Outcome {
        tracing::error!(%error, "the ledger does not say who may speak; the event waits");
        Outcome::later(self.settings.backoff_max, error.to_string())
    }

    /// Tries again, since the ledger does not give an approval request. After the last try the event is given up, so
    /// that it does not hold up its space for ever.
    pub fn retry_on_request_error(&self, row: &Claimed, error: &StoreError) -> Outcome {
        tracing::error!(%error, "the ledger does not give what waits for approval");
        self.retry_or_give_up(row, &format!("the ledger does not give what waits for approval: {error}"))
    }

    /// The next try after a failure that is not Webex's. None after the last try.
    pub fn after_failure(&self, row: &Claimed, why: &str) -> Option<Outcome> {
        self.retry.after_failure(row, why).map(Outcome::Again)
    }

    /// The next try after a failure that is not Webex's, or the end after the last try.
    pub fn retry_or_give_up(&self, row: &Claimed, why: &str) -> Outcome {
        self.after_failure(row, why).unwrap_or_else(|| self.give_up(why))
    }

    /// Gives up on the event without a reply. Its sender is not known, so nobody knows whether they may be answered.
    pub fn give_up(&self, why: &str) -> Outcome {
        tracing::error!(why, "an event is given up; `switchboard inbox list` shows it");
        self.services.metrics.command(NO_COMMAND, Verdict::Failed);
        EventEnd::unattributed(Verdict::Failed, why).dead().into()
    }
}
