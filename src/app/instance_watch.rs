//! Keeps this daemon's mark at Webex, reads the marks of others, and decides whether this daemon answers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock;
use crate::config::{Config, Instance};
use crate::health::Health;
use crate::instance::{DaemonRole, MISSED, Mark};
use crate::store::{LedgerId, Store, StoreError};
use crate::telemetry::Seldom;
use crate::webex::{Client, Error, Fault, Priority, TIME_IS_GOOD_TO, Webhook, WebhookSpec};

/// The URL in the mark of a daemon that has none. No such host can exist, so nothing is sent there.
const NOWHERE: &str = "https://switchboard.invalid/";

/// A mark that was not renewed for this long is deleted.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(1);

/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Watches for other daemons with the same token.
pub(super) struct InstanceWatch {
    webex: Client,
    store: Store,
    health: Health,
    /// The URL our webhooks call, if they are registered.
    target_url: Option<String>,
    /// The secret of our webhooks. Marks have it too, so a delivery through a mark does not count as forged.
    secret: Option<SecretString>,
    settings: Instance,
    standing: watch::Sender<DaemonRole>,
    rival: Seldom,
    /// Whether another daemon waits to take over.
    is_stood_by: AtomicBool,
}

/// This daemon.
#[derive(Clone, Copy)]
struct ThisDaemon {
    ledger: LedgerId,
    process: i64,
    /// When it first looked, by Webex's clock.
    since: Timestamp,
}

impl ThisDaemon {
    /// Whether a mark is this daemon's, or an earlier process on this ledger left it. If another process still renews
    /// it, it belongs to a daemon on a copy of the ledger.
    fn owns(&self, mark: &Mark) -> bool {
        let is_left = mark.at.duration_since(self.since) <= SignedDuration::from_millis(TIME_IS_GOOD_TO);
        mark.ledger == self.ledger && (mark.process == self.process || is_left)
    }
}

/// Why the marks could not be read or written.
enum LookError {
    /// Webex does not let us read or write webhooks.
    Marks(Error),
    Webex(Error),
    Store(StoreError),
}

impl LookError {
    fn of_marks(error: Error) -> LookError {
        match error.fault() {
            Fault::Final | Fault::NotFound => LookError::Marks(error),
            Fault::Wait(_) | Fault::Away | Fault::Refused | Fault::Broken => LookError::Webex(error),
        }
    }
}

/// Whether the webhook to be changed still exists.
fn still_exists<T>(changed: Result<T, Error>) -> Result<bool, Error> {
    match changed {
        Ok(_) => Ok(true),
        Err(error) if error.fault() == Fault::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

impl From<Error> for LookError {
    fn from(error: Error) -> Self {
        LookError::Webex(error)
    }
}

impl From<StoreError> for LookError {
    fn from(error: StoreError) -> Self {
        LookError::Store(error)
    }
}

impl InstanceWatch {
    pub(super) fn new(
        config: &Config,
        webex: Client,
        store: Store,
        health: Health,
        standing: watch::Sender<DaemonRole>,
    ) -> InstanceWatch {
        let target_url = config.webhook.target_url().map(str::to_owned);
        let secret = config.webhook.secret.clone();
        InstanceWatch {
            webex,
            store,
            health,
            target_url,
            secret,
            settings: config.instance,
            standing,
            rival: Seldom::default(),
            is_stood_by: AtomicBool::new(false),
        }
    }

    /// Watches for as long as the daemon runs.
    pub(super) async fn run(self) {
        if !self.settings.alone {
            self.health.instance(Ok(()));
            return std::future::pending().await;
        }
        let mut me = None;
        let (mut pause, mut looked) = (Duration::from_secs(1), clock::instant());
        loop {
            let next = match self.look_for_others(&mut me).await {
                Ok(()) => {
                    (pause, looked) = (Duration::from_secs(1), clock::instant());
                    self.settings.renew
                }
                Err(LookError::Marks(error)) => {
                    self.without_marks(&error, looked);
                    self.settings.renew
                }
                Err(LookError::Webex(error)) => {
                    tracing::warn!(%error, hint = error.hint(), "the marks of other daemons could not be read; trying again");
                    self.step_down(looked);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    error.asked_pause().unwrap_or(pause)
                }
                Err(LookError::Store(error)) => {
                    tracing::error!(%error, "the ledger does not say which one it is; looking again in a while");
                    LONGEST_PAUSE
                }
            };
            tokio::time::sleep(next).await;
        }
    }

    /// Writes the mark first and looks afterwards: if two daemons start together, at least one sees the other.
    async fn look_for_others(&self, me: &mut Option<ThisDaemon>) -> Result<(), LookError> {
        let webex = self.webex.at(Priority::Notify);
        let found = webex.webhooks().await.map_err(LookError::of_marks)?;
        // Nearly every answer of Webex has its time.
        let now = webex.webex_time().and_then(|now| Timestamp::from_millisecond(now).ok()).unwrap_or_else(clock::wall);
        let me = match me {
            Some(me) => *me,
            None => {
                *me.insert(ThisDaemon { ledger: self.store.ledger_id().await?, process: clock::wall_ms(), since: now })
            }
        };
        let rivals = |found: &[Webhook]| -> Vec<Mark> {
            found.iter().filter_map(|webhook| Mark::read(&webhook.name)).filter(|mark| !me.owns(mark)).collect()
        };
        let mut mine = Mark { ledger: me.ledger, process: me.process, at: now, waits: false };
        let by = mine.outranked_by(&rivals(&found), now, self.stale());
        mine.waits = by.is_some();
        if by.is_some() {
            self.announce_role(by, &rivals(&found), now).await;
        }
        self.write_mark(&webex, &found, me, &mine).await?;
        // A daemon that begins to answer looks again, since others may have written meanwhile.
        let stays = !mine.waits && matches!(*self.standing.borrow(), DaemonRole::Answers { .. });
        let found = if stays { found } else { webex.webhooks().await.map_err(LookError::of_marks)? };
        let rivals = rivals(&found);
        let by = mine.outranked_by(&rivals, now, self.stale());
        if by.is_some() != mine.waits {
            mine.waits = by.is_some();
            self.write_mark(&webex, &found, me, &mine).await?;
        }
        self.announce_role(by, &rivals, now).await;
        Ok(())
    }

    fn stale(&self) -> Duration {
        self.settings.renew * MISSED
    }

    /// Creates or renews our mark, and deletes marks that nobody renews.
    async fn write_mark(
        &self,
        webex: &Client,
        found: &[Webhook],
        me: ThisDaemon,
        mine: &Mark,
    ) -> Result<(), LookError> {
        let spec = WebhookSpec {
            name: mine.to_string(),
            target_url: self.target_url.clone().unwrap_or_else(|| NOWHERE.to_owned()),
            // A space almost never moves to another region, so almost nothing is delivered.
            resource: "rooms".to_owned(),
            event: "migrated".to_owned(),
            secret: self.secret.clone().unwrap_or_else(|| Uuid::new_v4().simple().to_string().into()),
        };
        let mut is_kept = false;
        for webhook in found {
            let Some(mark) = Mark::read(&webhook.name) else { continue };
            if me.owns(&mark) && !is_kept {
                // Somebody may have deleted it just now.
                is_kept = still_exists(webex.update_webhook(&webhook.id, &spec).await)?;
            } else if me.owns(&mark) || mine.at.duration_since(mark.at) > FORGOTTEN {
                still_exists(webex.delete_webhook(&webhook.id).await)?;
            }
        }
        if !is_kept {
            // A daemon that has seen another one keeps waiting even if its own mark is refused.
            let failed: fn(Error) -> LookError = if mine.waits { LookError::Webex } else { LookError::of_marks };
            webex.create_webhook(&spec).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn announce_role(&self, by: Option<Mark>, rivals: &[Mark], now: Timestamp) {
        let before = *self.standing.borrow();
        // Another daemon has answered everything up to its last mark.
        let answered = rivals.iter().filter(|mark| !mark.waits).map(|mark| mark.at.as_millisecond()).max();
        let standing = match (by, before) {
            (Some(_), _) => DaemonRole::Waits,
            (None, DaemonRole::Answers { .. }) => before,
            (None, DaemonRole::Unknown | DaemonRole::Waits) => DaemonRole::Answers { after: answered },
        };
        let waits = |mark: &Mark| mark.waits && mark.is_fresh(now, self.stale());
        self.is_stood_by.store(rivals.iter().any(waits), Ordering::Relaxed);
        if let Err(error) = self.store.set_answers(by.is_none()).await {
            tracing::warn!(%error, "whether this daemon answers could not be noted in the ledger");
        }
        self.health.instance(match by {
            None => Ok(()),
            Some(_) => Err("another daemon with another ledger answers for this token".to_owned()),
        });
        if before != standing {
            self.log_change(by, before);
            self.standing.send_replace(standing);
        }
        if by.is_none()
            && rivals.iter().any(|mark| mark.answers(now, self.stale()))
            && let Some(count) = self.rival.count()
        {
            tracing::warn!(
                count,
                "another daemon with the same token and a younger ledger runs; it is to stand back within a minute. Two \
                 ledgers of one bot answer twice: stop one, or give each a bot of its own"
            );
        }
    }

    fn log_change(&self, by: Option<Mark>, before: DaemonRole) {
        match by {
            Some(by) => tracing::error!(
                renewed = %by.at,
                "another daemon with the same token and an older ledger answers: this one takes and polls nothing new, and \
                 sends only what it owes, until the other has been silent for {} s. Stop one of the two, give each a bot of \
                 its own, or set instance.alone = false",
                self.stale().as_secs()
            ),
            None if before == DaemonRole::Waits => {
                tracing::warn!("the other daemon is silent; this one answers from now on");
            }
            None => {}
        }
    }

    /// Webex takes no marks, so daemons cannot see each other: this one answers. If it has seen another one, it waits
    /// until that mark is stale.
    fn without_marks(&self, error: &Error, looked: Instant) {
        let opens = match *self.standing.borrow() {
            DaemonRole::Unknown => true,
            DaemonRole::Waits => looked.elapsed() > self.stale(),
            DaemonRole::Answers { .. } => false,
        };
        if opens {
            tracing::warn!(
                %error,
                "Webex takes no mark of this daemon: a second one with the same token and another ledger would not be \
                 noticed, and would answer everything again"
            );
            self.health.instance(Ok(()));
            self.standing.send_replace(DaemonRole::Answers { after: None });
        }
    }

    /// Stops answering before our mark is stale, if another daemon waits: that one takes over then.
    fn step_down(&self, looked: Instant) {
        let answers = matches!(*self.standing.borrow(), DaemonRole::Answers { .. });
        if answers && self.is_stood_by.load(Ordering::Relaxed) && looked.elapsed() > self.settings.renew * (MISSED - 1)
        {
            tracing::error!(
                "this daemon's mark could not be renewed, and another one waits: it looks before it goes on"
            );
            self.health.instance(Err("whether another daemon answers is not known".to_owned()));
            self.standing.send_replace(DaemonRole::Unknown);
        }
    }
}
