//! Ends what the envelope of an event decides, before anything is fetched: somebody who is not answered takes none of the
//! calls that those need who are. What it cannot decide is read and judged anew.

use std::ops::ControlFlow;

use super::Inbox;
use super::closing::{About, CROWD, Ending, ended};
use super::judging::{Judgement, Refused, Ruling};
use crate::access::{Act, Pace, Place};
use crate::handler::Sender;
use crate::receiver::Envelope;
use crate::store::{Claimed, Settlement, StoreError};
use crate::webex::{Person, PersonId, RoomId, RoomType};

impl Inbox {
    /// The end of an event, if what its signed envelope says is enough for that; else the row, to be worked on.
    pub(super) async fn foresee(
        &self,
        row: Claimed,
        envelope: &Envelope,
        me: &Person,
        act: Act,
    ) -> ControlFlow<Settlement, Claimed> {
        let (Some(actor), Some(room)) = (&envelope.actor, &envelope.room) else { return ControlFlow::Continue(row) };
        let (id, room) = (PersonId::from(actor.as_str()), RoomId::from(room.as_str()));
        if id == me.id {
            let why = match act {
                Act::Text => "the bot wrote it",
                Act::Click => "the bot clicked",
            };
            return ControlFlow::Break(row.done(ended("own", why), Vec::new()));
        }
        // A list may name them by an address that the envelope does not have.
        let Some(email) = self.known.address(&id) else { return ControlFlow::Continue(row) };
        let Some(room_type) = envelope.room_type.or_else(|| self.known.kind(&room)) else {
            return ControlFlow::Continue(row);
        };
        let sender = Sender { id, email };
        let about = About { room, room_type, thread: None, sender, pressed: None, answers: None };
        let ending = match self.foreseen(&row, envelope, me, &about, act).await {
            Ok(Some(ending)) => ending,
            Ok(None) => return ControlFlow::Continue(row),
            Err(error) => return ControlFlow::Break(self.unjudged(row, &error)),
        };
        let mark = row.mark.as_deref().and_then(|mark| mark.parse().ok()).max(envelope.created);
        // In a direct space everything is theirs. Elsewhere, and of people who are answered, something said before may be
        // missing, and the next message that is read shows it.
        let is_theirs = about.room_type == RoomType::Direct && ending.verdict != "flooded" && act == Act::Text;
        let settlement = self.close(row, about, ending, None);
        ControlFlow::Break(match mark.filter(|_| is_theirs) {
            Some(mark) => settlement.marked(mark.to_string()),
            None => settlement,
        })
    }

    async fn foreseen(
        &self,
        row: &Claimed,
        envelope: &Envelope,
        me: &Person,
        about: &About,
        act: Act,
    ) -> Result<Option<Ending>, StoreError> {
        let place = match about.room_type {
            RoomType::Direct => Place::Direct,
            // Who is not answered then is not without a mention either, and for the same reason.
            RoomType::Group => Place::Group { mentioned: true },
        };
        Ok(match self.ruling(row, me, about, place, act).await? {
            Ruling::Ended(Judgement::Refuse(refused @ Refused { says: None, .. })) => Some(refused.ending()),
            Ruling::Ended(Judgement::Pair(known)) => {
                let asks = known.is_some_and(|known| known.request.event == row.id);
                let is_crowd = !asks && self.services.store.is_crowd(self.pairing.per_hour).await?;
                is_crowd.then(|| Ending { reason: CROWD, ..Ending::of("crowd") })
            }
            Ruling::Ended(Judgement::Own | Judgement::Allow(_) | Judgement::Refuse(_)) => None,
            // Of a space with others, a bot is told of what mentions it; any other account, of everything.
            Ruling::Paced { .. } if about.room_type == RoomType::Group && act == Act::Text && !me.is_bot() => None,
            Ruling::Paced { .. } => match self.pace(row, about, envelope.created) {
                // Where to say so, the message says.
                Pace::Over { tell: true, .. } if act == Act::Text => None,
                Pace::Over { rule, .. } => Some(Ending { reason: rule, ..Ending::of("flooded") }),
                Pace::Fine => None,
            },
        })
    }
}
