//! When Webex is looked at for what was said: all the time where the bot polls, else at the start, after whatever may
//! have lost a delivery, and now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::shared::Shared;
use crate::config::{self, Config, Mode};
use crate::event::Source;
use crate::receiver::reconcile::Reconciler;
use crate::receiver::websocket::{Line, Socket};
use crate::receiver::{ReadBack, ReadBackError, ReadBackSettings};
use crate::webex::Priority;

/// The longest pause after a failure, unless Webex asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the looks need, and whom they tell.
pub(super) struct ReconcileSchedule {
    delivery: config::Delivery,
    polling: config::Polling,
    /// How long Webex may take until it shows what was said.
    lag: Duration,
    /// How long a Webex that fails is waited for.
    give_up: Duration,
    shared: Shared,
    /// Asks for a look now: a delivery may have been lost.
    nudge: Arc<Notify>,
    /// How the websocket is, where there is one.
    line: Option<watch::Receiver<Line>>,
    /// Hears when the first look has ended.
    caught_up: watch::Sender<bool>,
    /// Whether polling stands in for the websocket.
    falls_back: bool,
}

impl ReconcileSchedule {
    /// As the settings say.
    pub fn new(
        config: &Config,
        shared: Shared,
        nudge: Arc<Notify>,
        line: Option<watch::Receiver<Line>>,
        caught_up: watch::Sender<bool>,
    ) -> ReconcileSchedule {
        let Config { delivery, polling, worker, .. } = config;
        let (lag, give_up) = (worker.visible_within, worker.give_up);
        let (delivery, polling) = (delivery.clone(), polling.clone());
        ReconcileSchedule { delivery, polling, lag, give_up, shared, nudge, line, caught_up, falls_back: false }
    }

    /// Looks for as long as the daemon runs.
    pub async fn run(mut self) {
        let is_off = self.delivery.catch_up.is_zero();
        if is_off {
            tracing::warn!("delivery.catch_up is 0s: what is said while the bot is away, or is not delivered, is lost");
        }
        if is_off && self.delivery.mode == Mode::Webhook {
            self.caught_up.send_replace(true);
            return std::future::pending().await;
        }
        if self.delivery.mode == Mode::Polling {
            tracing::warn!(
                "delivery.mode is \"polling\": clicks on cards are not seen, since Webex has no list of them"
            );
        }
        // Without knowing itself the bot would take its own words for somebody's.
        self.shared.identity.known().await;
        // What is said before the way in stands may not be delivered, so the first look comes after that.
        if self.delivery.mode != Mode::Polling {
            self.called().await;
        }
        self.keep_looking(is_off).await;
    }

    async fn keep_looking(mut self, is_off: bool) {
        let (mut reconciler, mut pause, mut followed) = (None, self.interval(), false);
        loop {
            if self.shared.gate.answers().is_none() {
                // Another daemon answers meanwhile, so this one begins anew after that.
                reconciler = None;
                self.shared.gate.open().await;
            }
            // Nothing is to be caught up, and the socket brings the rest: only while it is down, the bot has to ask.
            if is_off && self.delivery.mode == Mode::Websocket && !self.is_down() {
                reconciler = None;
                self.caught_up.send_replace(true);
                self.called().await;
                continue;
            }
            pause = match self.read_back(&mut reconciler).await {
                Ok(unsettled) => {
                    self.is_well();
                    // One more look, for what Webex did not show yet; but a busy bot is not to poll by that.
                    followed = unsettled && !followed && self.interval() > self.lag;
                    if followed { self.lag } else { self.interval() }
                }
                Err(failure) => self.failed(&failure, pause),
            };
            self.caught_up.send_replace(true);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.called() => {}
            }
        }
    }

    /// Ends when something may have been lost: at once, if that was since the last look.
    async fn called(&mut self) {
        let Some(line) = &mut self.line else { return self.nudge.notified().await };
        tokio::select! {
            () = self.nudge.notified() => {}
            changed = line.changed() => {
                if changed.is_err() {
                    // The socket is closed for good: the daemon stops.
                    std::future::pending::<()>().await;
                }
                let is_down = matches!(line.borrow().socket, Socket::Down { .. });
                if is_down && !self.falls_back {
                    tracing::warn!("polling every {:?} until the websocket is open again", self.polling.interval);
                }
                self.falls_back = is_down;
            }
        }
    }

    /// Whether nothing comes but what is asked for.
    fn is_down(&self) -> bool {
        self.line.as_ref().is_some_and(|line| matches!(line.borrow().socket, Socket::Down { .. }))
    }

    /// Whether some spaces are to be read once more.
    async fn read_back(&self, reconciler: &mut Option<Reconciler>) -> Result<bool, ReadBackError> {
        let reconciler = match reconciler {
            Some(reconciler) => reconciler,
            None => reconciler.insert(self.begin().await?),
        };
        let look = reconciler.read_back(self.source()).await?;
        self.log_read_back(&look, !*self.caught_up.borrow());
        Ok(reconciler.is_unsettled())
    }

    async fn begin(&self) -> Result<Reconciler, ReadBackError> {
        let Shared { store, services, .. } = &self.shared;
        // What a look finds in any case is no gap, whatever is set.
        let slowest = match self.delivery.mode {
            Mode::Polling | Mode::Both => self.polling.interval,
            Mode::Webhook | Mode::Websocket => self.delivery.reconcile.max(self.polling.interval),
        };
        let ordinary = 3 * slowest + 2 * self.lag;
        let settings = ReadBackSettings {
            reach: self.delivery.catch_up.max(ordinary),
            lag: self.lag,
            most: self.delivery.catch_up_limit,
            concurrency: self.polling.concurrency,
            give_up: self.give_up,
        };
        let from_now = self.delivery.catch_up.is_zero();
        let after = self.shared.gate.answers().flatten();
        Reconciler::begin(
            services.webex.at(Priority::Poll),
            store.clone(),
            self.shared.door.clone(),
            settings,
            from_now,
            after,
        )
        .await
    }

    fn interval(&self) -> Duration {
        match self.delivery.mode {
            Mode::Polling | Mode::Both => self.polling.interval,
            Mode::Websocket if self.is_down() => self.polling.interval,
            Mode::Webhook | Mode::Websocket => self.delivery.reconcile,
        }
    }

    /// The label of what is found, in the metrics.
    fn source(&self) -> Source {
        match self.delivery.mode {
            Mode::Polling | Mode::Both => Source::Polling,
            Mode::Websocket if self.is_down() => Source::Polling,
            Mode::Webhook | Mode::Websocket => Source::CatchUp,
        }
    }

    fn log_read_back(&self, look: &ReadBack, is_first: bool) {
        let ReadBack { read, missed, gaps } = look;
        if is_first {
            tracing::info!(missed, spaces = read, "looked at what was said while the bot was away");
        } else if *missed > 0 && self.source() == Source::CatchUp {
            tracing::warn!(missed, spaces = read, "messages that were not delivered were fetched");
        }
        for gap in gaps {
            let time = |ms| jiff::Timestamp::from_millisecond(ms).map(|time| time.to_string()).unwrap_or_default();
            tracing::error!(
                from = time(gap.from),
                until = time(gap.until),
                why = gap.why,
                "messages of this time may be missing for good"
            );
        }
    }

    /// Where nothing else reports the way in, this does.
    fn is_well(&self) {
        // A websocket that is refused its token says more than a look that is not.
        if !self.is_down() {
            self.shared.health.token(Ok(()));
        }
        if self.delivery.mode == Mode::Polling {
            self.shared.services.metrics.delivery_proven();
            self.shared.health.webhooks(Ok(()));
        }
    }

    /// The pause until the next look.
    fn failed(&self, failure: &ReadBackError, pause: Duration) -> Duration {
        let longer = (pause * 2).clamp(self.interval().min(LONGEST_PAUSE), LONGEST_PAUSE);
        let pause = match failure {
            ReadBackError::Webex(error) => {
                tracing::warn!(%error, hint = error.hint(), "the spaces could not be read back; trying again");
                if error.is_unauthorized() {
                    self.shared.health.token(Err(error.in_short()));
                }
                error.asked_pause().unwrap_or(longer)
            }
            ReadBackError::Store(error) => {
                if !error.is_told() {
                    tracing::error!(%error, "what was read back could not be put on disk; trying again");
                }
                longer
            }
        };
        if self.delivery.mode == Mode::Polling {
            self.shared.health.webhooks(Err(match failure {
                ReadBackError::Webex(error) => error.in_short(),
                ReadBackError::Store(error) => error.in_short(),
            }));
        }
        pause
    }
}
