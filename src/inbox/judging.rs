//! Whether the sender of a message is answered.

use jiff::Timestamp;

use super::Inbox;
use crate::access::{Act, Decision, EventPlace, Pace, PairingStatus, Sender, decide, paired};
use crate::clock;
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::handler::Reply;
use crate::pairing;
use crate::router::{addressed_text, mentions};
use crate::store::{Claimed, Pairing, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Message, Person, RoomType};

/// Why a stranger gets no code for now.
pub(super) const CROWD: &str = "more strangers than pairing.per_hour wrote within an hour";

const MAY_NOT: &str = "I am sorry, but I may not answer you. Please ask whoever runs me.";
const TOO_MUCH: &str =
    "That is a lot at once, so I am not answering for a minute. Please say again then what is missing.";

/// What becomes of something that was said or clicked.
pub(super) enum Judgement {
    /// The bot did it itself.
    Own,
    /// It is answered, by this rule.
    Allow(&'static str),
    /// It is not.
    Refuse(Refused),
    /// Somebody unknown wrote; the last request of theirs, if there is one.
    Pair(Option<Box<Pairing>>),
}

/// Why something is not answered, and what a message gets in place of the answer.
pub(super) struct Refused {
    pub verdict: Verdict,
    pub reason: &'static str,
    pub says: Option<&'static str>,
}

/// How far the rules alone decide.
pub(super) enum Ruling {
    /// To the end.
    Ended(Judgement),
    /// Whether the sender is let through, by this rule. They get an answer either way, so it also counts how much they said.
    Paced { allowed: bool, rule: &'static str },
}

fn refuse(verdict: Verdict, reason: &'static str, says: Option<&'static str>) -> Judgement {
    Judgement::Refuse(Refused { verdict, reason, says })
}

impl Refused {
    pub(super) fn end(&self, to: &ReplyTo) -> EventEnd {
        EventEnd::of(to, self.verdict, self.reason)
    }
}

impl Inbox {
    pub(super) async fn judge(&self, row: &Claimed, message: Message, me: &Person) -> Outcome {
        let to = &ReplyTo {
            room: message.room_id.clone(),
            room_type: message.room_type,
            thread: message.parent_id.clone(),
            sender: Sender { id: message.person_id.clone(), email: message.person_email.clone() },
        };
        let is_group = message.room_type == RoomType::Group;
        let place = EventPlace::of(message.room_type, is_group && mentions(&message, me));
        match self.judgement(row, me, to, place, Act::Text, message.created).await {
            Ok(Judgement::Own) => EventEnd::unaudited(Verdict::Own, "the bot wrote it").into(),
            Ok(Judgement::Allow(rule)) => self.answer(row, &message, me, to, rule).await,
            Ok(Judgement::Refuse(refused)) => match refused.says {
                Some(says) => self.desk.reply(row, to, refused.end(to), Reply::text(says)),
                None => refused.end(to).into(),
            },
            Ok(Judgement::Pair(known)) => {
                self.greet_stranger(row, to, &addressed_text(&message, me), known.as_deref()).await
            }
            Err(error) => self.desk.unjudged(&error),
        }
    }

    /// Judges by the settings, by what the ledger has on strangers, and by how much the person said at the time.
    pub(super) async fn judgement(
        &self,
        row: &Claimed,
        me: &Person,
        to: &ReplyTo,
        place: EventPlace,
        act: Act,
        said: Option<Timestamp>,
    ) -> Result<Judgement, StoreError> {
        let (allowed, rule) = match self.ruling(row, me, to, place, act).await? {
            Ruling::Ended(judgement) => return Ok(judgement),
            Ruling::Paced { allowed, rule } => (allowed, rule),
        };
        Ok(match self.pace(row, to, said) {
            Pace::Over { rule, tell } => refuse(Verdict::Flooded, rule, tell.then_some(TOO_MUCH)),
            Pace::Fine if allowed => Judgement::Allow(rule),
            Pace::Fine => refuse(Verdict::Denied, rule, Some(MAY_NOT)),
        })
    }

    /// Judges by the settings, and by what the ledger has on strangers.
    pub(super) async fn ruling(
        &self,
        row: &Claimed,
        me: &Person,
        to: &ReplyTo,
        place: EventPlace,
        act: Act,
    ) -> Result<Ruling, StoreError> {
        let Sender { id, email } = &to.sender;
        let policy = &self.services.policy;
        let mut known = None;
        let mut decision = decide(policy, &me.id, id, email, place, act);
        if decision == Decision::Pair {
            known = self.services.store.pairing_of(&id.local()).await?.map(Box::new);
            // An event that is worked on again, since the process ended before it was settled, has made its request.
            let asks = known.as_ref().is_some_and(|known| known.request.event == row.id);
            decision = match pairing::status(known.as_deref(), clock::wall_ms(), self.pairing.quiet) {
                PairingStatus::Pending if asks => Decision::Pair,
                standing => paired(standing, act),
            };
        }
        Ok(match decision {
            Decision::Own => Ruling::Ended(Judgement::Own),
            Decision::Pair => Ruling::Ended(Judgement::Pair(known)),
            Decision::Ignore(rule) => Ruling::Ended(refuse(Verdict::Denied, rule, None)),
            Decision::Deny(rule) if !policy.is_spoken() || act == Act::Click => {
                Ruling::Ended(refuse(Verdict::Denied, rule, None))
            }
            Decision::Deny(rule) => Ruling::Paced { allowed: false, rule },
            Decision::Allow(rule) => Ruling::Paced { allowed: true, rule },
        })
    }

    /// Whether the person, or the space, says too much. What is tried again was counted before, by this process or another.
    pub(super) fn pace(&self, row: &Claimed, to: &ReplyTo, said: Option<Timestamp>) -> Pace {
        let Sender { id, email } = &to.sender;
        if row.attempts > 0 || self.services.policy.is_admin(id, email) {
            return Pace::Fine;
        }
        let space = match to.room_type {
            RoomType::Direct => None,
            RoomType::Group => Some(&to.room),
        };
        self.flood.take(row.id, id, space, said.map_or(row.accepted_at, Timestamp::as_millisecond))
    }
}
