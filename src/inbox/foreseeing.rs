//! Ends what the envelope of an event decides, before anything is fetched: somebody who is not answered takes none of the
//! calls that those need who are. What it cannot decide is read and judged anew.

use std::ops::ControlFlow;

use super::judging::{CROWD, Judgement, Refused, Ruling};
use super::{Inbox, last_said};
use crate::access::{Act, EventPlace, Pace, Sender};
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::event::Occurrence;
use crate::store::{Claimed, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Person, RoomType};

impl Inbox {
    /// The end of an event, if what its signed envelope says is enough for that.
    pub(super) async fn foresee(
        &self,
        row: &Claimed,
        event: &Occurrence,
        me: &Person,
        act: Act,
    ) -> ControlFlow<Outcome> {
        let (Some(actor), Some(room)) = (&event.actor, &event.room) else { return ControlFlow::Continue(()) };
        if *actor == me.id {
            let why = match act {
                Act::Text => "the bot wrote it",
                Act::Click => "the bot clicked",
            };
            return ControlFlow::Break(EventEnd::unaudited(Verdict::Own, why).into());
        }
        // A list may name them by an address that the envelope does not have.
        let Some(email) = self.known.address(actor) else { return ControlFlow::Continue(()) };
        let Some(room_type) = event.room_type.or_else(|| self.known.kind(room)) else {
            return ControlFlow::Continue(());
        };
        let to = ReplyTo { room: room.clone(), room_type, thread: None, sender: Sender { id: actor.clone(), email } };
        let (verdict, reason) = match self.foreseen(row, event, me, &to, act).await {
            Ok(Some(found)) => found,
            Ok(None) => return ControlFlow::Continue(()),
            Err(error) => return ControlFlow::Break(self.desk.unjudged(&error)),
        };
        let mark = last_said(row).max(event.created);
        // In a direct space everything is theirs. Elsewhere, and of people who are answered, something said before may be
        // missing, and the next message that is read shows it.
        let is_theirs = to.room_type == RoomType::Direct && verdict != Verdict::Flooded && act == Act::Text;
        ControlFlow::Break(EventEnd::of(&to, verdict, reason).marked(mark.filter(|_| is_theirs)).into())
    }

    /// The verdict and its reason.
    async fn foreseen(
        &self,
        row: &Claimed,
        event: &Occurrence,
        me: &Person,
        to: &ReplyTo,
        act: Act,
    ) -> Result<Option<(Verdict, &'static str)>, StoreError> {
        // Who is not answered then is not without a mention either, and for the same reason.
        let place = EventPlace::of(to.room_type, true);
        Ok(match self.ruling(row, me, to, place, act).await? {
            Ruling::Ended(Judgement::Refuse(refused @ Refused { says: None, .. })) => {
                Some((refused.verdict, refused.reason))
            }
            Ruling::Ended(Judgement::Pair(known)) => {
                let asks = known.is_some_and(|known| known.request.event == row.id);
                let is_crowd = !asks && self.services.store.is_crowd(self.pairing.per_hour).await?;
                is_crowd.then_some((Verdict::Crowd, CROWD))
            }
            Ruling::Ended(Judgement::Own | Judgement::Allow(_) | Judgement::Refuse(_)) => None,
            // Of a space with others, a bot is told of what mentions it; any other account, of everything.
            Ruling::Paced { .. } if to.room_type == RoomType::Group && act == Act::Text && !me.is_bot() => None,
            Ruling::Paced { .. } => match self.pace(row, to, event.created) {
                // Where to say so, the message says.
                Pace::Over { tell: true, .. } if act == Act::Text => None,
                Pace::Over { rule, .. } => Some((Verdict::Flooded, rule)),
                Pace::Fine => None,
            },
        })
    }
}
