//! Turns a claimed row into its settlement.

use std::time::Duration;

use uuid::Uuid;

use super::{Inbox, last_said};
use crate::access::Act;
use crate::desk::{EventEnd, Outcome};
use crate::event::{Added, Event, Occurrence, is_plausible};
use crate::store::{Again, Claimed, Queue, Settlement, Via};
use crate::verdict::Verdict;
use crate::webex::{Client, Person, RoomId};
use crate::worker::Work;

/// How long an event waits for an earlier one of its space that was missing. Usually that one is worked on next.
const GIVES_WAY: Duration = Duration::from_millis(5);

impl Work for Inbox {
    const QUEUE: Queue = Queue::Inbox;
    /// Commands use our own resources, and worker.concurrency is how many may run at one time.
    const MAY_STEP_ASIDE: bool = false;

    type Body = Result<Event, serde_json::Error>;

    fn webex(&self) -> &Client {
        &self.services.webex
    }

    fn read(row: &Claimed) -> (Uuid, Self::Body) {
        (row.id, serde_json::from_str(&row.body))
    }

    async fn work(&self, row: Claimed, event: Self::Body) -> Settlement {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                let note = format!("the ledger holds no event here that this version can read: {error}");
                let end = EventEnd::unattributed(Verdict::Unreadable, note).dead();
                return self.desk.close(row, end.into(), Via::default());
            }
        };
        let outcome = self.work_on_event(&row, &event).await;
        self.desk.close(row, outcome, event.via())
    }

    fn panicked(&self, row: Claimed, why: String) -> Settlement {
        let why = self.services.webex.sanitized(&why);
        tracing::error!(why, "work on an event failed where it must not");
        let via = serde_json::from_str(&row.body).map_or(Via::Daemon, |event: Event| event.via());
        let outcome = self.desk.retry_or_give_up(&row, &why);
        self.desk.close(row, outcome, via)
    }

    /// Gives the row back. The event was not worked on, so the try does not count.
    fn put_back(row: Claimed) -> Settlement {
        row.again(Again::default())
    }
}

impl Inbox {
    async fn work_on_event(&self, row: &Claimed, event: &Event) -> Outcome {
        // An event that has used up its tries is only read, so that the person is told about the failure. After twice
        // as many tries it is given up unread.
        if self.desk.is_beyond_its_tries(row, 2) {
            return self.desk.give_up("the process ended during each try");
        }
        let me = self.desk.identity.known().await;
        match event {
            Event::Message(message) => self.work_on_message(row, message, &me).await,
            Event::Click(click) => self.work_on_click(row, click, &me).await,
            Event::Added(added) => note_added(added, &me),
            Event::TimeUp(time_up) => self.approvals.expire(row, time_up.card).await,
            Event::Approved(approved) => self.run_approved(row, approved.card, &me).await,
            Event::Hook(post) => self.hooks.work(row, post).await,
            Event::Silence(silence) => self.hooks.tell_silence(row, silence).await,
            Event::Other(other) => self.call_handler(row, other, &me).await,
        }
    }

    async fn work_on_message(&self, row: &Claimed, event: &Occurrence, me: &Person) -> Outcome {
        if let Some(outcome) = self.foresee(row, event, me, Act::Text).await {
            return outcome;
        }
        let message = match self.desk.fetch(self.read_message(row, event, me)).await {
            Ok(Some(message)) => message,
            Ok(None) => return Outcome::Again(Again { after: GIVES_WAY, ..Again::default() }),
            Err(error) => return self.desk.retry_reading(row, &error).await,
        };
        self.directory.learn(&message.person_id, &message.person_email, &message.room_id, message.room_type);
        let last = last_said(row).max(message.created.filter(is_plausible));
        let outcome = self.judge_message(row, message, me).await;
        outcome.map_end(|end| end.marked(last))
    }
}

fn note_added(Added { membership, member }: &Added, me: &Person) -> Outcome {
    if member.as_ref() == Some(&me.id) {
        let room = membership.room.as_ref().map_or("unknown", RoomId::as_str);
        tracing::info!(room, "the bot was added to a space");
        EventEnd::unaudited(Verdict::Noted, "the bot was added to a space").into()
    } else {
        EventEnd::unaudited(Verdict::Ignored, "somebody else was added to a space").into()
    }
}
