//! The websocket receiver, for use where Webex cannot call us: one socket of our own device, reopened as long as the
//! daemon runs.
//!
//! An envelope is acknowledged only once its row is on disk; Webex sends it again if it is not acknowledged. The loop
//! reads, stores and acknowledges, and never waits for REST. Events that happen while no socket is open may be lost. So
//! each new socket, and each gap in the numbers of envelopes, is reported on [`Line`], and the missing events are
//! fetched by REST.

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

/// The state of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The socket.
    pub socket: Socket,
    /// The number of sockets that were opened, the first included, plus the gaps seen in what came over one. After each
    /// of these, events may have been missed and must be fetched by REST. By then the socket is up again, so no event
    /// falls between the two.
    pub gaps: u64,
}

/// The state of the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Socket {
    /// The socket is not open.
    Down {
        /// Since when. Failed attempts to open it do not change this.
        since: Timestamp,
        /// The reason, as a text for people.
        why: String,
    },
    /// Webex has accepted the token.
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
    /// Kept across sockets, since a new one may have the same trouble.
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

    /// The state of the connection, now and at each change.
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

    /// Notes that something was sent that did not arrive.
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
