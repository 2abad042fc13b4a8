//! Ends an event that its envelope alone decides, before anything is fetched. So a person who is not answered costs no
//! calls to Webex. If the envelope does not decide, the event is read and decided then.

use super::judging::{Approach, CROWD, own_end};
use super::{Inbox, last_said};
use crate::access::{Act, Decision, Pace, Sender};
use crate::desk::{Outcome, ReplyTo};
use crate::event::Occurrence;
use crate::store::{Claimed, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Person, RoomType};

impl Inbox {
    /// The end of the event, if its signed envelope is enough to decide that.
    pub(super) async fn foresee(&self, row: &Claimed, event: &Occurrence, me: &Person, act: Act) -> Option<Outcome> {
        let (actor, room) = (event.actor.as_ref()?, event.room.as_ref()?);
        if *actor == me.id {
            return Some(own_end(act).into());
        }
        // A list may name the person by their address, which the envelope does not have.
        let email = self.directory.address(actor)?;
        let room_type = event.room_type.or_else(|| self.directory.room_type(room))?;
        // An event that ends here is not answered, so nothing is said in reply to this message.
        let (room, message) = (room.clone(), event.id.as_str().into());
        let to = &ReplyTo { room, room_type, message, thread: None, sender: Sender { id: actor.clone(), email } };
        // A person who is not answered although they mention the bot is not answered without a mention either, and for
        // the same reason. So a mention is assumed.
        let approach = Approach { row, me, to, is_mentioned: true, act, at: event.created };
        let (verdict, reason) = match self.foresee_verdict(approach).await {
            Ok(found) => found?,
            Err(error) => return Some(self.desk.retry_judging(&error)),
        };
        let mark = last_said(row).max(event.created);
        // The mark says that everything up to its time was worked on. That is certain only in a direct space, where
        // nobody else speaks, and for a person who is not answered. Otherwise an earlier message may be missing; the
        // next message that is read shows it.
        let is_theirs = to.room_type == RoomType::Direct && verdict != Verdict::Flooded && act == Act::Text;
        let end = approach.case(reason).end(verdict);
        Some(end.marked(mark.filter(|_| is_theirs)).into())
    }

    /// The verdict and its reason.
    async fn foresee_verdict(&self, approach: Approach<'_>) -> Result<Option<(Verdict, &'static str)>, StoreError> {
        let Approach { me, to, act, .. } = approach;
        let (decision, last) = self.apply_rules(approach).await?;
        Ok(match decision {
            Decision::Ignore(rule) => Some((Verdict::Denied, rule)),
            Decision::Pair => {
                let is_crowd =
                    !approach.made(last.as_deref()) && self.services.store.is_crowd(self.pairing.per_hour).await?;
                is_crowd.then_some((Verdict::Crowd, CROWD))
            }
            Decision::Own => None,
            // In a group space, Webex sends a bot only the messages that mention it. It sends any other account all
            // messages.
            Decision::Allow(_) | Decision::Deny(_)
                if to.room_type == RoomType::Group && act == Act::Text && !me.is_bot() =>
            {
                None
            }
            Decision::Allow(_) | Decision::Deny(_) => match self.count_pace(approach) {
                // The message is read, since it shows the thread to reply in.
                Pace::Over { tell: true, .. } if act == Act::Text => None,
                Pace::Over { rule, .. } => Some((Verdict::Flooded, rule)),
                Pace::Fine => None,
            },
        })
    }
}
