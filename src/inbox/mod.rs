//! Works on one event: read it, judge it, run what it asks for, and close it. What it returns is a settlement; it never
//! sends. Each step is a file: `foreseeing`, `reading`, `judging`, `asking`, `running`, `closing`; of a click also `clicking`; of what
//! needs approval `approving`, `voting`, `deciding` and `wording`.

mod approving;
mod asking;
mod clicking;
mod closing;
mod deciding;
mod foreseeing;
mod judging;
mod known;
mod reading;
mod running;
mod voting;
mod wording;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use closing::{ended, unattributed, way};
pub use known::Known;

use crate::access::{Act, Flood};
use crate::config;
use crate::handler::Services;
use crate::health::Health;
use crate::identity::Identity;
use crate::receiver::{Door, Envelope, Kind, is_plausible};
use crate::store::{Again, Claimed, Queue, Settlement, Via};
use crate::telemetry::Seldom;
use crate::webex::{Client, Person, PersonId};
use crate::worker::{Retry, Work};

/// For so long an event gives way to one that was said before it: as a rule that is next in the same space at once.
const GIVES_WAY: Duration = Duration::from_millis(5);

/// Works on inbox rows.
pub struct Inbox {
    /// What handlers and we share.
    pub services: Arc<Services>,
    /// Anybody in a space can make one up.
    pub forged_clicks: Seldom,
    /// Who the bot is.
    pub identity: Identity,
    /// How strangers are let in.
    pub pairing: config::Pairing,
    /// How much of each is answered.
    pub flood: Flood,
    /// Whom and what it has seen lately.
    pub known: Known,
    /// How long.
    pub settings: config::Worker,
    /// How often.
    pub retry: Retry,
    /// Hears of a refused token.
    pub health: Health,
    /// Takes what was said before an event and did not arrive.
    pub door: Door,
    /// How far back that is looked for.
    pub catch_up: Duration,
}

impl Work for Inbox {
    const QUEUE: Queue = Queue::Inbox;
    /// Commands are our own work: worker.concurrency is how many run at one time.
    const MAY_STEP_ASIDE: bool = false;

    fn webex(&self) -> &Client {
        &self.services.webex
    }

    fn event(row: &Claimed) -> Uuid {
        row.id
    }

    async fn work(&self, row: Claimed) -> Settlement {
        let envelope: Envelope = match serde_json::from_str(&row.body) {
            Ok(envelope) => envelope,
            Err(error) => {
                let note = format!("the ledger holds no event here that this version can read: {error}");
                return row.dead(unattributed("unreadable", note), Vec::new());
            }
        };
        let via = way(envelope.kind);
        // Beyond its tries it is only read, so that the person hears of the failure; beyond twice that, not even read.
        if Retry::tries(&row) >= 2 * self.settings.max_attempts {
            return self.give_up(row, "the process ended during each try").by(via);
        }
        let me = self.identity.known().await;
        let settlement = match envelope.kind {
            Kind::Message => self.message(row, &envelope, &me).await,
            Kind::Action => self.click(row, &envelope, &me).await,
            Kind::Membership => self.membership(row, &envelope, &me),
            Kind::Expiry => self.expire(row, &envelope).await,
            Kind::Approved => self.run_approved(row, &envelope, &me).await,
        };
        settlement.by(via)
    }

    fn panicked(&self, row: Claimed, why: String) -> Settlement {
        let why = self.services.webex.told(&why);
        tracing::error!(why, "work on an event failed where it must not");
        if !self.retry.is_last(&row) {
            let after = self.retry.backoff(&row);
            row.again(Again { after, spent: true, note: Some(why), ..Again::default() })
        } else {
            let via = serde_json::from_str(&row.body).map_or(Via::Daemon, |envelope: Envelope| way(envelope.kind));
            self.give_up(row, &why).by(via)
        }
    }

    /// Nothing was sent: the try does not count.
    fn put_back(row: Claimed) -> Settlement {
        row.again(Again::default())
    }
}

impl Inbox {
    async fn message(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let row = match self.foresee(row, envelope, me, Act::Text).await {
            ControlFlow::Break(settlement) => return settlement,
            ControlFlow::Continue(row) => row,
        };
        let message = match self.fetch(self.read(&row, envelope, me)).await {
            Ok(Some(message)) => message,
            Ok(None) => return row.again(Again { after: GIVES_WAY, ..Again::default() }),
            Err(error) => return self.unread(row, &error).await,
        };
        self.known.learn(&message.person_id, &message.person_email, &message.room_id, message.room_type);
        let last = row.mark.as_deref().and_then(|mark| mark.parse().ok()).max(message.created.filter(is_plausible));
        let settlement = self.judge(row, message, me).await;
        match last {
            Some(last) => settlement.marked(last.to_string()),
            None => settlement,
        }
    }

    fn membership(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let is_me = envelope.member.as_deref().is_some_and(|member| PersonId::from(member) == me.id);
        if is_me {
            tracing::info!(room = envelope.room.as_deref().unwrap_or("unknown"), "the bot was added to a space");
            row.done(ended("noted", "the bot was added to a space"), Vec::new())
        } else {
            row.done(ended("ignored", "somebody else was added to a space"), Vec::new())
        }
    }
}
