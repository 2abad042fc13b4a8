//! Works on one event: reads it, judges its sender, runs what it asks for. It returns an outcome, which the desk settles,
//! and never sends. Each step is a file, in this order: `working`, `foreseeing`, `reading`, `judging`, `hearing`, `running`.
//! A click also goes through `clicking` and `pressing`, an approved command through `approved`, and events of other kinds
//! through `other`.

mod approved;
mod clicking;
mod directory;
mod foreseeing;
mod hearing;
mod judging;
mod other;
mod pressing;
mod reading;
mod running;
mod strangers;
mod working;

use std::sync::Arc;
use std::time::Duration;

use directory::Directory;
use jiff::Timestamp;

use crate::access::Flood;
use crate::approvals::Approvals;
use crate::config::{self, Config};
use crate::desk::Desk;
use crate::handler::{EventHandler, HandlerThreads, LiveTable, Services};
use crate::hooks::HookWork;
use crate::questions::Questions;
use crate::receiver::Door;
use crate::store::Claimed;
use crate::telemetry::Seldom;

/// Works on inbox rows.
pub struct Inbox {
    services: Arc<Services>,
    table: LiveTable,
    /// The handlers of events of other kinds.
    events: Vec<EventHandler>,
    desk: Arc<Desk>,
    approvals: Approvals,
    hooks: HookWork,
    questions: Questions,
    /// Limits the warnings about forged clicks, since anybody in a space can make up clicks.
    forged_clicks: Seldom,
    pairing: config::Pairing,
    flood: Flood,
    /// The addresses and types of spaces that Webex gave recently.
    directory: Directory,
    /// Where handlers run.
    handlers: HandlerThreads,
    /// How long a handler may run.
    deadline: Duration,
    /// Takes messages that were said before an event and did not arrive.
    door: Door,
    /// How far back such messages are looked for.
    catch_up: Duration,
}

impl Inbox {
    /// An inbox that works as the settings say, and closes events at this desk.
    pub(crate) fn new(
        config: &Config,
        desk: &Arc<Desk>,
        table: LiveTable,
        (events, handlers): (Vec<EventHandler>, HandlerThreads),
        hooks: HookWork,
        door: &Door,
    ) -> Inbox {
        let (desk, services) = (Arc::clone(desk), &desk.services);
        Inbox {
            services: Arc::clone(services),
            table,
            events,
            approvals: Approvals::new(&desk),
            hooks,
            questions: Questions::new(services),
            desk,
            forged_clicks: Seldom::default(),
            pairing: config.pairing.clone(),
            flood: Flood::new(&config.flood),
            directory: Directory::default(),
            handlers,
            deadline: config.worker.deadline,
            door: door.clone(),
            catch_up: config.delivery.catch_up,
        }
    }
}

/// The time up to which everything said in the event's space was worked on, by Webex's clock.
fn last_said(row: &Claimed) -> Option<Timestamp> {
    row.mark.as_deref()?.parse().ok()
}
