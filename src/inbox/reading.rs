//! Reads the message of an event, and sees by the same call whether something was said before it that never arrived:
//! Webex delivers in any order, and sometimes not at all, and people are answered in the order in which they spoke.

use jiff::{SignedDuration, Timestamp};

use super::{Inbox, last_said};
use crate::clock;
use crate::config::Mode;
use crate::event::{Event, Occurrence, Source};
use crate::store::Claimed;
use crate::telemetry::Received;
use crate::webex::{Error, Fault, Message, MessageId, Person, RoomId, RoomType};

/// So many messages before one are looked at; what is missing beyond that is found by the looks at all spaces.
const MOST_BEFORE: usize = 200;

impl Inbox {
    /// The message, or `None` when one said before it has been put into the ledger and goes first.
    pub(super) async fn read(&self, row: &Claimed, event: &Occurrence, me: &Person) -> Result<Option<Message>, Error> {
        let id = MessageId::from(event.id.as_str());
        let listed = match self.read_with_what_came_before(row, event, &id, me).await {
            Ok(Before::Missing) => return Ok(None),
            Ok(Before::Nothing(message)) => message,
            // The message itself may be readable where the list is not.
            Err(error) if error.is_no_route() => None,
            Err(error) => match error.fault() {
                Fault::NotFound | Fault::Broken | Fault::Final => None,
                Fault::Wait(_) | Fault::Away | Fault::Refused => return Err(error),
            },
        };
        let mut message = match listed {
            Some(message) => *message,
            None => self.services.webex.message(&id).await?,
        };
        // Who may speak is listed by address as a rule, and Webex may leave it out.
        if message.person_email.is_empty() {
            match self.services.webex.person(&message.person_id).await {
                Ok(person) => person.email().clone_into(&mut message.person_email),
                Err(error) if matches!(error.fault(), Fault::NotFound | Fault::Final) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(message))
    }

    async fn read_with_what_came_before(
        &self,
        row: &Claimed,
        event: &Occurrence,
        id: &MessageId,
        me: &Person,
    ) -> Result<Before, Error> {
        let unknown = Ok(Before::Nothing(None));
        // What was read back is in order.
        if self.services.mode == Mode::Polling {
            return unknown;
        }
        let (Some(room), Some(kind), Some(said)) = (&event.room, event.room_type, event.created) else {
            return unknown;
        };
        let Some(since) = self.answered_until(row).await.filter(|since| *since < said) else { return unknown };
        let listed = self.services.webex.messages_between(room, kind, since, said, MOST_BEFORE);
        let mut earlier = listed.await?;
        // Newest first: what stands before the message was said after it.
        let place = earlier.iter().position(|listed| listed.id == *id);
        let message = place.and_then(|place| earlier.drain(..=place).next_back()).map(Box::new);
        let mut missing = 0;
        for listed in earlier.into_iter().rev().filter(|listed| listed.person_id != me.id) {
            if self.goes_first(row, room, kind, listed).await {
                missing += 1;
            }
        }
        if missing == 0 {
            return Ok(Before::Nothing(message));
        }
        tracing::debug!(missing, "messages said before this one were not delivered yet; they are answered first");
        Ok(Before::Missing)
    }

    /// Up to when everything said in a space was worked on; no further back than missed messages are fetched at all.
    async fn answered_until(&self, row: &Claimed) -> Option<Timestamp> {
        let lead = SignedDuration::from_millis(self.services.webex.clock_lead().unwrap_or_default());
        let reach = clock::wall() - lead - SignedDuration::try_from(self.catch_up).ok()?;
        let last = match last_said(row) {
            Some(last) => last,
            // Nothing has been yet: all since the very first start is to be.
            None => Timestamp::from_millisecond(self.services.store.coverage().await.ok()??.floor).ok()?,
        };
        Some(last.max(reach))
    }

    /// Puts into the ledger what is not there. What came in this very moment by another way goes first as well; what the
    /// ledger does not take now, a look finds later.
    async fn goes_first(&self, row: &Claimed, room: &RoomId, kind: RoomType, message: Message) -> bool {
        let event = Event::of_message(&message.id, room.clone(), kind, Some(message.person_id), message.created);
        match self.door.take(Source::CatchUp, &event, None).await {
            // It goes first only if the ledger sees that as Webex does; else each would wait for the other.
            Ok(Received::Accepted | Received::Duplicate) => {
                self.services.store.goes_before(event.event_id(), row).await.unwrap_or(false)
            }
            Ok(Received::Own | Received::Rejected | Received::Ignored) => false,
            Err(error) => {
                tracing::warn!(%error, "a message that was not delivered could not be put on disk");
                false
            }
        }
    }
}

/// What a look back from an event shows.
enum Before {
    /// Nothing is missing; the message, if it was in the list.
    Nothing(Option<Box<Message>>),
    /// Something was, and is in the ledger now.
    Missing,
}
