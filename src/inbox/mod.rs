//! Works on one event: read it, judge it, run what it asks for. What it returns is an outcome, which the desk settles; it
//! never sends. Each step is a file, in this order: `working`, `foreseeing`, `reading`, `judging`, `hearing`, `running`; of a
//! click also `clicking` and `pressing`, and of what was approved `approved`.

mod approved;
mod clicking;
mod foreseeing;
mod hearing;
mod judging;
mod known;
mod pressing;
mod reading;
mod running;
mod strangers;
mod working;

use std::sync::Arc;
use std::time::Duration;

use known::Known;

use crate::access::Flood;
use crate::approvals::Approvals;
use crate::config::{self, Config};
use crate::desk::Desk;
use crate::handler::{LiveTable, Services};
use crate::health::Health;
use crate::identity::Identity;
use crate::questions::Questions;
use crate::receiver::Door;
use crate::telemetry::Seldom;

/// Works on inbox rows.
pub struct Inbox {
    services: Arc<Services>,
    table: LiveTable,
    desk: Arc<Desk>,
    approvals: Approvals,
    questions: Questions,
    /// Anybody in a space can make one up.
    forged_clicks: Seldom,
    pairing: config::Pairing,
    flood: Flood,
    /// Whom and what it has seen lately.
    known: Known,
    /// How long a handler may run.
    deadline: Duration,
    /// Takes what was said before an event and did not arrive.
    door: Door,
    /// How far back that is looked for.
    catch_up: Duration,
}

impl Inbox {
    /// Works on what came through this door, as the settings say. `health` hears of a refused token.
    pub fn new(
        config: &Config,
        services: &Arc<Services>,
        table: LiveTable,
        identity: &Identity,
        health: &Health,
        door: &Door,
    ) -> Inbox {
        let desk = Arc::new(Desk::new(&config.worker, services, identity, health));
        Inbox {
            services: Arc::clone(services),
            table,
            approvals: Approvals::new(&desk),
            questions: Questions::new(services),
            desk,
            forged_clicks: Seldom::default(),
            pairing: config.pairing.clone(),
            flood: Flood::new(&config.flood),
            known: Known::default(),
            deadline: config.worker.deadline,
            door: door.clone(),
            catch_up: config.delivery.catch_up,
        }
    }
}
