//! Decides when spaces are read back. If the bot polls, that is at an interval. Otherwise it is at the start, after
//! anything that may have lost a delivery, and now and then.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::shared::Shared;
use crate::config::{self, Config, Mode};
use crate::event::Source;
use crate::receiver::reconcile::Reconciler;
use crate::receiver::websocket::{Line, Socket};
use crate::receiver::{ReadBack, ReadBackError, ReadBackSettings};
use crate::text::iso_time;
use crate::webex::Priority;

/// The longest pause after a failure, unless Webex asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Decides when spaces are read back, and reports the results.
pub(super) struct ReconcileSchedule {
    delivery: config::Delivery,
    polling: config::Polling,
    /// How long Webex may take to show a message.
    lag: Duration,
    /// How long to wait for a failing Webex.
    give_up: Duration,
    shared: Shared,
    /// Requests a read-back now, since a delivery may have been lost.
    nudge: Arc<Notify>,
    /// The state of the websocket, if there is one.
    line: Option<watch::Receiver<Line>>,
    /// Set when the first read-back has ended.
    caught_up: watch::Sender<bool>,
    /// Whether polling stands in for the websocket.
    falls_back: bool,
}

impl ReconcileSchedule {
    /// A schedule as the settings say.
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

    /// Reads back for as long as the daemon runs.
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
        // The bot has to know its own id, to tell its own messages from those of others.
        self.shared.identity.known().await;
        // Messages may not be delivered while the webhooks or the socket are not there yet. So the first read-back
        // comes afterwards.
        if self.delivery.mode != Mode::Polling {
            self.called().await;
        }
        self.keep_looking(is_off).await;
    }

    async fn keep_looking(mut self, is_off: bool) {
        let (mut reconciler, mut pause, mut followed) = (None, self.interval(), false);
        loop {
            if self.shared.gate.answers().is_none() {
                // Another daemon answers. Once it no longer does, this one begins anew.
                reconciler = None;
                self.shared.gate.open().await;
            }
            // Without catching up, spaces are read back only while the socket is down.
            if is_off && self.delivery.mode == Mode::Websocket && !self.is_down() {
                reconciler = None;
                self.caught_up.send_replace(true);
                self.called().await;
                continue;
            }
            pause = match self.read_back(&mut reconciler).await {
                Ok(unsettled) => {
                    self.is_well();
                    // One more, for messages that Webex did not show yet. Only one, so that a busy bot does not poll in
                    // this way.
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

    /// Waits until a delivery may have been lost. Returns at once if that happened since the last read-back.
    async fn called(&mut self) {
        let Some(line) = &mut self.line else { return self.nudge.notified().await };
        tokio::select! {
            () = self.nudge.notified() => {}
            changed = line.changed() => {
                if changed.is_err() {
                    // The daemon is stopping.
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

    /// Whether there is a websocket and it is down.
    fn is_down(&self) -> bool {
        self.line.as_ref().is_some_and(|line| matches!(line.borrow().socket, Socket::Down { .. }))
    }

    /// Reads back once. Returns whether some spaces have to be read once more.
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
        // Always at least two ordinary intervals back, so that these leave no gap.
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

    /// The source of the messages that are found, as the metrics name it.
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
            tracing::error!(
                from = iso_time(gap.from),
                until = iso_time(gap.until),
                why = gap.why,
                "messages of this time may be missing for good"
            );
        }
    }

    /// Reports to `/readyz` that reading works.
    fn is_well(&self) {
        // While the websocket is down, its own report is left in place.
        if !self.is_down() {
            self.shared.health.token(Ok(()));
        }
        if self.delivery.mode == Mode::Polling {
            self.shared.services.metrics.delivery_proven();
            self.shared.health.webhooks(Ok(()));
        }
    }

    /// Reports a failure. Returns the pause until the next try.
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
