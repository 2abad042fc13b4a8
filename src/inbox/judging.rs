//! Decides whether the sender of a message or click is answered.

use jiff::Timestamp;

use super::Inbox;
use crate::access::{Act, Decision, EventPlace, Pace, PairingStatus, Sender, decide, paired};
use crate::clock;
use crate::desk::{Case, EventEnd, Outcome, ReplyTo};
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

/// What the rules look at: who wrote or clicked, where and when.
#[derive(Clone, Copy)]
pub(super) struct Approach<'a> {
    pub row: &'a Claimed,
    pub me: &'a Person,
    pub to: &'a ReplyTo,
    pub is_mentioned: bool,
    pub act: Act,
    /// By Webex's clock.
    pub at: Option<Timestamp>,
}

/// Whether somebody is answered.
pub(super) enum Admission {
    /// They are answered, by this rule.
    Allow(&'static str),
    /// Nobody knows them. This is their last pairing request, if there is one.
    Pair(Option<Box<Pairing>>),
    /// The event ends here or is tried again: they are not answered, or the ledger cannot say whether they are.
    Over(Outcome),
}

impl<'a> Approach<'a> {
    /// The case, once this rule has decided.
    pub(super) fn case(self, rule: &'static str) -> Case<'a> {
        let Approach { row, me, to, .. } = self;
        Case { row, me, to, rule }
    }

    /// Whether this event made that pairing request, at an earlier try.
    pub(super) fn made(&self, pairing: Option<&Pairing>) -> bool {
        pairing.is_some_and(|pairing| pairing.request.event == self.row.id)
    }
}

impl Inbox {
    pub(super) async fn judge_message(&self, row: &Claimed, message: Message, me: &Person) -> Outcome {
        let to = &ReplyTo {
            room: message.room_id.clone(),
            room_type: message.room_type,
            message: message.id.clone(),
            thread: message.parent_id.clone(),
            sender: Sender { id: message.person_id.clone(), email: message.person_email.clone() },
        };
        let is_mentioned = message.room_type == RoomType::Group && mentions(&message, me);
        let approach = Approach { row, me, to, is_mentioned, act: Act::Text, at: message.created };
        match self.admit(approach).await {
            Admission::Allow(rule) => self.answer_message(approach.case(rule), &message).await,
            Admission::Pair(last) => {
                self.greet_stranger(approach, &addressed_text(&message, me), last.as_deref()).await
            }
            Admission::Over(outcome) => outcome,
        }
    }

    /// Decides by the settings, by what the ledger has on strangers, and by how much the person said at the time.
    pub(super) async fn admit(&self, approach: Approach<'_>) -> Admission {
        let refuse = |verdict, rule, says: Option<&str>| {
            let case = approach.case(rule);
            Admission::Over(match says.filter(|_| approach.act == Act::Text) {
                Some(says) => self.desk.reply(case, case.end(verdict), says).into(),
                None => case.end(verdict).into(),
            })
        };
        let (decision, last) = match self.apply_rules(approach).await {
            Ok(decided) => decided,
            Err(error) => return Admission::Over(self.desk.retry_judging(&error)),
        };
        if let Decision::Allow(_) | Decision::Deny(_) = decision
            && let Pace::Over { rule, tell } = self.count_pace(approach)
        {
            return refuse(Verdict::Flooded, rule, tell.then_some(TOO_MUCH));
        }
        match decision {
            Decision::Own => Admission::Over(own_end(approach.act).into()),
            Decision::Pair => Admission::Pair(last),
            Decision::Ignore(rule) => refuse(Verdict::Denied, rule, None),
            Decision::Deny(rule) => refuse(Verdict::Denied, rule, Some(MAY_NOT)),
            Decision::Allow(rule) => Admission::Allow(rule),
        }
    }

    /// Decides by the settings, and by what the ledger knows about strangers. People who are allowed, or denied with an
    /// answer, may still be over the limits of `[flood]`. [`Decision::Pair`] comes with the last pairing request.
    pub(super) async fn apply_rules(
        &self,
        approach: Approach<'_>,
    ) -> Result<(Decision, Option<Box<Pairing>>), StoreError> {
        let Approach { me, to, is_mentioned, act, .. } = approach;
        let Sender { id, email } = &to.sender;
        let policy = &self.services.policy;
        let place = EventPlace::of(to.room_type, is_mentioned);
        let mut last = None;
        let mut decision = decide(policy, &me.id, id, email, place, act);
        if decision == Decision::Pair {
            last = self.services.store.pairing_of(&id.local()).await?.map(Box::new);
            decision = match pairing::status(last.as_deref(), clock::wall_ms(), self.pairing.quiet) {
                // An earlier try of this event made the request, and the process ended before the reply was written.
                PairingStatus::Pending if approach.made(last.as_deref()) => Decision::Pair,
                status => paired(status, act),
            };
        }
        Ok(match decision {
            Decision::Deny(rule) if !policy.is_spoken() || act == Act::Click => (Decision::Ignore(rule), last),
            decision => (decision, last),
        })
    }

    /// Whether the person, or the space, is over its limit. A further try of an event is not counted again, even if
    /// another process counted the first.
    pub(super) fn count_pace(&self, Approach { row, to, at, .. }: Approach<'_>) -> Pace {
        let Sender { id, email } = &to.sender;
        if row.attempts > 0 || self.services.policy.is_admin(id, email) {
            return Pace::Fine;
        }
        let space = match to.room_type {
            RoomType::Direct => None,
            RoomType::Group => Some(&to.room),
        };
        self.flood.take(row.id, id, space, at.map_or(row.accepted_at, Timestamp::as_millisecond))
    }
}

/// The end of an event that the bot caused itself.
pub(super) fn own_end(act: Act) -> EventEnd {
    let why = match act {
        Act::Text => "the bot wrote it",
        Act::Click => "the bot clicked",
    };
    EventEnd::unaudited(Verdict::Own, why)
}
