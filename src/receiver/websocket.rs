//! The websocket as a way in, where Webex cannot call us: one socket of a device of our own, opened anew for as long as
//! the daemon runs.
//!
//! An envelope is acknowledged when its row is on disk and not before; Webex sends again what was not acknowledged. The
//! loop reads, stores and acknowledges, and never waits for REST. What happened while no socket was open may be lost, so
//! each new socket and each gap in the numbers of envelopes is told on [`Line`], for whoever fetches it by REST.

mod backoff;
mod end;
mod session;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::config;
use crate::health::Health;
use crate::instance::Gate;
use crate::receiver::Door;
use crate::telemetry::{Metrics, Seldom};
use crate::webex::{Device, Mercury};
use backoff::Backoff;
use end::{Course, End};
use session::Session;

/// A stop waits so long for Webex to take the device away.
const LONGEST_FAREWELL: Duration = Duration::from_secs(3);

/// How the way in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The socket.
    pub socket: Socket,
    /// Rises with every socket that is opened, the first included, and with every gap in what came over one: each time
    /// events may have been missed, and are there to be fetched by REST. The socket is up by then, so that nothing falls
    /// between the two.
    pub gaps: u64,
}

/// How the socket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Nothing comes over it.
    Down {
        /// Since when, however often it was tried to open it.
        since: Timestamp,
        /// For people.
        why: String,
    },
    /// Webex has taken the token.
    Up {
        /// Since when.
        since: Timestamp,
    },
}

/// The receiver.
pub struct Websocket {
    mercury: Mercury,
    settings: config::Websocket,
    door: Door,
    metrics: Metrics,
    health: Health,
    line: watch::Sender<Line>,
    gate: Gate,
    /// Across sockets: a new one may have the same troubles.
    unreadable: Seldom,
    missing: Seldom,
}

/// Which device the next socket belongs to.
enum Plan {
    /// The one of our name, if there is one.
    Find,
    /// This one, which has worked.
    Keep(Device),
    /// A new one in place of this, which has not.
    Replace(Device),
}

impl Websocket {
    /// With what reaches Webex, takes the events, counts what is none, says on `/readyz` how it is, and says whether this
    /// daemon answers.
    pub fn new(
        mercury: Mercury,
        settings: config::Websocket,
        door: Door,
        metrics: Metrics,
        health: Health,
        gate: Gate,
    ) -> Websocket {
        let socket = Socket::Down { since: clock::wall(), why: "it was not opened yet".to_owned() };
        let line = watch::Sender::new(Line { socket, gaps: 0 });
        Websocket {
            mercury,
            settings,
            door,
            metrics,
            health,
            line,
            gate,
            unreadable: Seldom::default(),
            missing: Seldom::default(),
        }
    }

    /// How the way in is, now and from now on.
    pub fn line(&self) -> watch::Receiver<Line> {
        self.line.subscribe()
    }

    /// Keeps a socket open until the stop, and then takes the device away.
    pub async fn run(self, stop: CancellationToken) {
        let mut plan = Plan::Find;
        let mut backoff = Backoff::new(self.settings.backoff_max);
        let mut is_theirs = false;
        while let Some(end) = stop.run_until_cancelled(self.attempt_at_the_gate(&mut plan, &mut backoff)).await {
            let Some(end) = end else {
                // The device is one name for both, and the other daemon's from now on.
                (is_theirs, plan) = (true, Plan::Find);
                let why = "another daemon answers for this bot".to_owned();
                self.line.send_modify(|line| line.socket = Socket::Down { since: clock::wall(), why });
                continue;
            };
            is_theirs = end.is_replacement();
            let course = end.course(&self.settings.device);
            let pause = if course.is_slow { backoff.longest() } else { backoff.next() }.max(course.asked);
            self.is_down(course, pause);
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
            is_theirs = false;
        }
        match plan {
            Plan::Keep(device) | Plan::Replace(device) if !is_theirs => self.farewell(&device).await,
            // Whoever took our place goes on with the device.
            Plan::Keep(_) | Plan::Replace(_) | Plan::Find => {}
        }
    }

    /// One socket while this daemon is the one that answers; nothing if it stops to be.
    async fn attempt_at_the_gate(&self, plan: &mut Plan, backoff: &mut Backoff) -> Option<End> {
        self.gate.open().await;
        tokio::select! {
            end = self.attempt(plan, backoff) => Some(end),
            () = self.gate.shut() => None,
        }
    }

    /// One socket, from its opening to its end.
    async fn attempt(&self, plan: &mut Plan, backoff: &mut Backoff) -> End {
        let device = match plan {
            Plan::Find => self.mercury.device().await,
            Plan::Keep(device) => Ok(device.clone()),
            Plan::Replace(device) => self.mercury.replace(device).await,
        };
        let device = match device {
            Ok(device) => device,
            Err(error) => return End::Refused(error),
        };
        // Until its socket is seen to work: a device that Webex has forgotten is not tried for ever.
        *plan = Plan::Replace(device.clone());
        let (end, has_worked) = match self.mercury.connect(&device).await {
            Ok(socket) => Session::new(self, socket).run(backoff).await,
            Err(error) => (End::Refused(error), false),
        };
        if end.leaves_device(has_worked) {
            *plan = Plan::Keep(device);
        }
        end
    }

    fn is_up(&self) {
        tracing::info!("the websocket is open");
        self.health.token(Ok(()));
        self.health.webhooks(Ok(()));
        self.line.send_modify(|line| {
            line.socket = Socket::Up { since: clock::wall() };
            line.gaps += 1;
        });
    }

    fn is_down(&self, course: Course, pause: Duration) {
        let Course { why, short, is_token_refused, .. } = course;
        let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        if is_token_refused {
            tracing::error!(
                why,
                pause_ms,
                "Webex refuses the token of the websocket: was it regenerated? set WEBEX_BOT_TOKEN to the current one"
            );
            self.health.token(Err(short.clone()));
        } else {
            tracing::warn!(why, pause_ms, "the websocket is down; opening it anew after a pause");
        }
        self.health.webhooks(Err(format!("the websocket is down: {short}")));
        self.line.send_modify(|line| {
            let since = match &line.socket {
                Socket::Down { since, .. } => *since,
                Socket::Up { .. } => clock::wall(),
            };
            line.socket = Socket::Down { since, why };
        });
    }

    /// Something was sent, and did not arrive.
    fn has_gap(&self) {
        if let Some(count) = self.missing.count() {
            tracing::warn!(
                count,
                "Webex has sent something over the websocket that did not arrive; more within a minute is only counted"
            );
        }
        self.line.send_modify(|line| line.gaps += 1);
    }

    async fn farewell(&self, device: &Device) {
        let deleting = tokio::time::timeout(LONGEST_FAREWELL, self.mercury.delete(device));
        let problem = match deleting.await {
            Ok(Ok(())) => return tracing::debug!("the device of the websocket was deleted"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer".to_owned(),
        };
        tracing::warn!(problem, "the device of the websocket stays at Webex; the next start goes on with it");
    }
}
