//! What becomes of a letter that was not sent.

use super::{Outbox, closing};
use crate::outbox::Destination;
use crate::store::{Again, Claimed, Settlement};
use crate::verdict::Verdict;
use crate::webex::{Error, Fault};

impl Outbox {
    /// Nothing was sent, for a reason of our own.
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

    /// What to do about a failed send. An upload without an answer, while Webex answers others, is too large for
    /// `webex.timeout` and this line: that is tried a few times and not for a day.
    async fn fault(&self, row: &Claimed, error: &Error, is_posted: bool, has_file: bool) -> Fault {
        let is_slow_upload = has_file && matches!(error, Error::Unreachable { .. });
        if is_slow_upload && !self.retry.is_outage(row).await {
            return Fault::Broken;
        }
        match error.fault() {
            // A look or a deletion that is refused says nothing of the message, and may be refused in passing.
            Fault::Final | Fault::NotFound if !is_posted => Fault::Broken,
            // One 404 may be as passing as one 500.
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
