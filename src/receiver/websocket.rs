//! The websocket as a way in, where Webex cannot call us: one socket of a device of our own, opened anew for as long as
//! the daemon runs.
//!
//! An envelope is acknowledged when its row is on disk and not before; Webex sends again what was not acknowledged. The
//! loop reads, stores and acknowledges, and never waits for REST. What happened while no socket was open may be lost,
//! so each new socket and each gap in the numbers of envelopes is told on [`Line`], for whoever fetches it by REST.

mod backoff;
mod end;
mod keep;
mod session;

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock;
use crate::config;
use crate::health::Health;
use crate::instance::Gate;
use crate::receiver::Door;
use crate::telemetry::{Metrics, Seldom};
use crate::webex::Mercury;
use end::ReopenPlan;

/// How the way in is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The socket.
    pub socket: Socket,
    /// Counts sockets that were opened, the first included, and gaps in what came over one. Each time events may have
    /// been missed, and have to be fetched by REST. The socket is already up then, so nothing falls between the two.
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

impl Websocket {
    /// A receiver that opens sockets with `mercury`, puts events through `door`, and runs while `gate` is open.
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

    fn is_up(&self) {
        tracing::info!("the websocket is open");
        self.health.token(Ok(()));
        self.health.webhooks(Ok(()));
        self.line.send_modify(|line| {
            line.socket = Socket::Up { since: clock::wall() };
            line.gaps += 1;
        });
    }

    fn is_down(&self, course: ReopenPlan, pause: Duration) {
        let ReopenPlan { why, short, is_token_refused, .. } = course;
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
}
