//! Decides what happens to a letter that was not sent.

use super::{Outbox, closing};
use crate::outbox::Destination;
use crate::store::{Again, Claimed, Settlement};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault};

impl Outbox {
    /// Settles a row of which nothing was sent, for a reason on our side.
    pub(super) fn unprepared(&self, row: Claimed, why: String) -> Settlement {
        tracing::error!(why, "a reply cannot be sent");
        self.failed(row, why, false)
    }

    pub(super) fn failed(&self, row: Claimed, why: String, uncertain: bool) -> Settlement {
        match self.retry.after_failure(&row, &why) {
            Some(again) => row.again(Again { uncertain, ..again }),
            None => row.dead(closing(Verdict::Failed, why)),
        }
    }

    /// What to do about a failed send. If an upload gets no answer while Webex answers other calls, the file is too
    /// large for `webex.timeout` and this line. That is tried a few times, but not for a whole day.
    async fn fault(&self, row: &Claimed, error: &Error, is_posted: bool, has_file: bool) -> Fault {
        let is_slow_upload = has_file && matches!(error, Error::Unreachable { .. });
        if is_slow_upload && !self.retry.is_outage(row).await {
            return Fault::Broken;
        }
        match error.fault() {
            // A search or a deletion that is refused says nothing about the message, and the refusal may be temporary.
            Fault::Final | Fault::NotFound if !is_posted => Fault::Broken,
            // A single 404 may be as temporary as a single 500.
            Fault::NotFound if !self.retry.is_last(row) => Fault::Broken,
            fault => fault,
        }
    }

    pub(super) async fn settle_failure(
        &self,
        row: Claimed,
        to: &Destination,
        error: &Error,
        is_posted: bool,
        has_file: bool,
    ) -> Settlement {
        let is_direct = to.is_direct();
        let reason = error.of_message(is_direct);
        let fault = self.fault(&row, error, is_posted, has_file).await;
        match self.retry.after_fault(&row, error, fault).await {
            Some(again) => {
                let uncertain = is_posted && error.is_uncertain();
                row.again(Again { uncertain, note: Some(reason), ..again })
            }
            None => {
                let tracking_id = error.tracking_id().unwrap_or("none");
                let hint = error.hint_of_message(is_direct);
                tracing::error!(%error, hint, tracking_id, "a reply is given up; `switchboard outbox list` shows it");
                row.dead(closing(Verdict::Refused, reason))
            }
        }
    }
}
