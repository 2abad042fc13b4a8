//! Reads the message of an event. The same call shows whether an earlier message never arrived. Webex delivers in any
//! order, and sometimes not at all, but people are answered in the order in which they spoke.

use jiff::{SignedDuration, Timestamp};

use super::{Inbox, last_said};
use crate::clock;
use crate::config::Mode;
use crate::event::{Event, Occurrence, Source};
use crate::store::Claimed;
use crate::telemetry::Received;
use crate::webex::{Error, Fault, Message, MessageId, Person};

/// The most earlier messages that are looked at. The regular read-back of all spaces finds missing ones beyond that.
const MOST_BEFORE: usize = 200;

/// The result of looking at the messages before an event.
enum LookBack {
    /// Nothing is missing. This is the message, if the list had it.
    Complete(Option<Box<Message>>),
    /// Earlier messages were missing. They are in the ledger now, and go first.
    Missing,
}

impl Inbox {
    /// The message. `None` if an earlier one was missing: that one is now in the ledger and goes first.
    pub(super) async fn read_message(
        &self,
        row: &Claimed,
        event: &Occurrence,
        me: &Person,
    ) -> Result<Option<Message>, Error> {
        let id = MessageId::from(event.id.as_str());
        let listed = match self.look_back(row, event, &id, me).await {
            Ok(LookBack::Missing) => return Ok(None),
            Ok(LookBack::Complete(message)) => message,
            // The message itself may be readable even if the list is not.
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
        // Webex may leave out the address, and the settings usually list people by address.
        if message.person_email.is_empty() {
            match self.services.webex.person(&message.person_id).await {
                Ok(person) => person.email().clone_into(&mut message.person_email),
                Err(error) if matches!(error.fault(), Fault::NotFound | Fault::Final) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(message))
    }

    /// Lists the messages before this one, and puts those that are missing into the ledger.
    async fn look_back(
        &self,
        row: &Claimed,
        event: &Occurrence,
        id: &MessageId,
        me: &Person,
    ) -> Result<LookBack, Error> {
        let not_looked = Ok(LookBack::Complete(None));
        // Polling brings messages in order.
        if self.services.mode == Mode::Polling {
            return not_looked;
        }
        let (Some(room), Some(room_type), Some(said)) = (&event.room, event.room_type, event.created) else {
            return not_looked;
        };
        let Some(since) = self.complete_until(row).await.filter(|since| *since < said) else { return not_looked };
        let mut earlier = self.services.webex.messages_between(room, room_type, since, said, MOST_BEFORE).await?;
        // The newest message comes first in the list. So those before this message in the list were said after it.
        let place = earlier.iter().position(|listed| listed.id == *id);
        let message = place.and_then(|place| earlier.drain(..=place).next_back()).map(Box::new);
        let mut missing = 0;
        for listed in earlier.into_iter().rev().filter(|listed| listed.person_id != me.id) {
            let event = Event::of_message(&listed.id, room.clone(), room_type, Some(listed.person_id), listed.created);
            if self.put_first(row, &event).await {
                missing += 1;
            }
        }
        if missing == 0 {
            return Ok(LookBack::Complete(message));
        }
        tracing::debug!(missing, "messages said before this one were not delivered yet; they are answered first");
        Ok(LookBack::Missing)
    }

    /// The time up to which everything said in the space was worked on; or, if it is later, the earliest time from which
    /// missed messages are fetched.
    async fn complete_until(&self, row: &Claimed) -> Option<Timestamp> {
        let lead = SignedDuration::from_millis(self.services.webex.clock_lead().unwrap_or_default());
        let earliest = clock::wall() - lead - SignedDuration::try_from(self.catch_up).ok()?;
        let last = match last_said(row) {
            Some(last) => last,
            // No message of this space was worked on yet. So all since the very first start must be.
            None => Timestamp::from_millisecond(self.services.store.coverage().await.ok()??.floor).ok()?,
        };
        Some(last.max(earliest))
    }

    /// Puts an earlier message into the ledger if it is missing there. Returns whether it goes before this row, as a
    /// message also does that arrives from another source at this moment. If the ledger does not take the message now,
    /// a later look finds it.
    async fn put_first(&self, row: &Claimed, earlier: &Event) -> bool {
        match self.door.take(Source::CatchUp, earlier, None).await {
            // The ledger must agree with Webex on which message is earlier. Otherwise each of the two would wait for
            // the other.
            Ok(Received::Accepted | Received::Duplicate) => {
                self.services.store.goes_before(earlier.event_id(), row).await.unwrap_or(false)
            }
            Ok(Received::Own | Received::Rejected | Received::Ignored) => false,
            Err(error) => {
                tracing::warn!(%error, "a message that was not delivered could not be put on disk");
                false
            }
        }
    }
}
