//! Says when a row is tried again after a failure: one table for both queues.

use std::time::Duration;

use crate::config;
use crate::health::Health;
use crate::store::{Again, Claimed};
use crate::webex::{Client, Error, Fault, jittered};

/// Says when work on a row is tried again, and when it is given up.
pub struct Retry {
    settings: config::Worker,
    webex: Client,
    health: Health,
    /// The word for the rows in the log.
    what: &'static str,
}

impl Retry {
    /// `what` names the rows in the log: `event` or `reply`. `health` is told if Webex refuses the token.
    pub fn new(settings: &config::Worker, webex: &Client, health: &Health, what: &'static str) -> Retry {
        Retry { settings: settings.clone(), webex: webex.clone(), health: health.clone(), what }
    }

    /// The number of tries so far, as `worker.max_attempts` counts them. A try during which the process died counts
    /// half, since the row may not be the cause.
    pub fn tries(row: &Claimed) -> u32 {
        row.attempts + row.deaths / 2
    }

    /// Whether this try is the last one.
    pub fn is_last(&self, row: &Claimed) -> bool {
        Retry::tries(row) + 1 >= self.settings.max_attempts
    }

    /// The next try after a failure on our side. None after the last try.
    pub fn after_failure(&self, row: &Claimed, why: &str) -> Option<Again> {
        (!self.is_last(row)).then(|| Again {
            after: self.backoff(row),
            spent: true,
            note: Some(why.to_owned()),
            ..Again::default()
        })
    }

    /// The next try after a failed call. None if the row is given up. `fault` may differ from [`Error::fault`].
    pub async fn after_fault(&self, row: &Claimed, error: &Error, fault: Fault) -> Option<Again> {
        let what = self.what;
        let is_patient = row.failing() < self.settings.give_up;
        let (after, spent) = match fault {
            Fault::Wait(pause) => {
                let after = with_jitter(pause);
                if error.is_told_now() {
                    tracing::warn!(pause_seconds = after.as_secs(), "Webex asks to slow down; the {what} waits");
                } else {
                    tracing::debug!(pause_ms = after.as_millis(), "the {what} waits for its turn");
                }
                (after, false)
            }
            Fault::Refused if is_patient => {
                self.health.token(Err(error.in_short()));
                tracing::error!(%error, hint = error.hint(), "Webex refuses the token; the {what} waits");
                (self.patience(row), false)
            }
            Fault::Away if is_patient => {
                let after = self.patience(row);
                tracing::warn!(%error, pause_ms = after.as_millis(), "Webex is away; the {what} waits");
                (after, false)
            }
            Fault::Broken if !self.is_last(row) => {
                let after = self.backoff(row);
                tracing::warn!(%error, pause_ms = after.as_millis(), "a call for the {what} failed; trying again");
                (after, true)
            }
            Fault::Broken if self.is_outage(row).await => {
                let after = self.patience(row);
                tracing::warn!(%error, pause_ms = after.as_millis(), "Webex answers nothing else either; the {what} waits");
                (after, false)
            }
            Fault::Refused | Fault::Away | Fault::Broken | Fault::NotFound | Fault::Final => return None,
        };
        Some(Again { after, spent, note: Some(error.to_string()), ..Again::default() })
    }

    /// Whether other calls to Webex fail too, and `worker.give_up` is not over yet. An outage is waited out: a row is
    /// given up over a 500 only if Webex works otherwise.
    pub async fn is_outage(&self, row: &Claimed) -> bool {
        if row.failing() >= self.settings.give_up {
            return false;
        }
        match self.webex.probe().await {
            Ok(()) => false,
            Err(error) => matches!(error.fault(), Fault::Away | Fault::Broken | Fault::Wait(_)),
        }
    }

    /// The pause after another failure. It doubles up to a limit, and is drawn at random from half to all of that.
    pub fn backoff(&self, row: &Claimed) -> Duration {
        let whole = self.settings.backoff.saturating_mul(2_u32.saturating_pow(row.attempts.min(20)));
        jittered(whole.min(self.settings.backoff_max))
    }

    /// The pause while Webex is away: half as long as it has been away.
    pub fn patience(&self, row: &Claimed) -> Duration {
        jittered((row.failing() / 2).clamp(self.settings.backoff, self.settings.backoff_max))
    }
}

/// The pause that Webex asks for and a little more, so that callers do not all come back at once.
fn with_jitter(pause: Duration) -> Duration {
    const MOST: Duration = Duration::from_secs(10);
    pause + pause.mul_f64(fastrand::f64() / 10.0).min(MOST)
}

/// The error for calls that had no answer when the row's lease was about to end. Webex may have carried them out.
pub fn no_answer(endpoint: &'static str) -> Error {
    Error::Unreachable { endpoint, is_sent: true, cause: "no answer before the lease ends".to_owned() }
}
