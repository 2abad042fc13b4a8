//! Whether the sender of a message is answered.

use jiff::Timestamp;

use super::Inbox;
use super::closing::{About, CROWD, Ending, ended};
use crate::access::{Act, Decision, Pace, Place, Standing, decide, paired};
use crate::clock;
use crate::event;
use crate::handler::{Card, Reply, Sender, Venue};
use crate::pairing;
use crate::router::{addressed_text, mentions};
use crate::store::{Again, Asked, Claimed, Pairing, Settlement, StoreError};
use crate::webex::{Message, NewMessage, Person, RoomType};

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
    pub verdict: &'static str,
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

fn refuse(verdict: &'static str, reason: &'static str, says: Option<&'static str>) -> Judgement {
    Judgement::Refuse(Refused { verdict, reason, says })
}

impl Refused {
    pub(super) fn ending(&self) -> Ending {
        Ending { reason: self.reason, ..Ending::of(self.verdict) }
    }
}

impl Inbox {
    pub(super) async fn judge(&self, row: Claimed, message: Message, me: &Person) -> Settlement {
        let about = About {
            room: message.room_id.clone(),
            room_type: message.room_type,
            thread: message.parent_id.clone(),
            sender: Sender { id: message.person_id.clone(), email: message.person_email.clone() },
            pressed: None,
            answers: None,
        };
        let place = match message.room_type {
            RoomType::Direct => Place::Direct,
            RoomType::Group => Place::Group { mentioned: mentions(&message, me) },
        };
        match self.judgement(&row, me, &about, place, Act::Text, message.created).await {
            Ok(Judgement::Own) => row.done(ended("own", "the bot wrote it"), Vec::new()),
            Ok(Judgement::Allow(rule)) => self.answer(row, &message, me, about, rule).await,
            Ok(Judgement::Refuse(refused)) => self.close(row, about, refused.ending(), refused.says.map(Reply::text)),
            Ok(Judgement::Pair(known)) => {
                let text = addressed_text(&message, me);
                self.greet_stranger(row, about, &text, known.as_deref()).await
            }
            Err(error) => self.unjudged(row, &error),
        }
    }

    /// Judges by the settings, by what the ledger has on strangers, and by how much the person said at the time.
    pub(super) async fn judgement(
        &self,
        row: &Claimed,
        me: &Person,
        about: &About,
        place: Place,
        act: Act,
        said: Option<Timestamp>,
    ) -> Result<Judgement, StoreError> {
        let (allowed, rule) = match self.ruling(row, me, about, place, act).await? {
            Ruling::Ended(judgement) => return Ok(judgement),
            Ruling::Paced { allowed, rule } => (allowed, rule),
        };
        Ok(match self.pace(row, about, said) {
            Pace::Over { rule, tell } => refuse("flooded", rule, tell.then_some(TOO_MUCH)),
            Pace::Fine if allowed => Judgement::Allow(rule),
            Pace::Fine => refuse("denied", rule, Some(MAY_NOT)),
        })
    }

    /// Judges by the settings, and by what the ledger has on strangers.
    pub(super) async fn ruling(
        &self,
        row: &Claimed,
        me: &Person,
        about: &About,
        place: Place,
        act: Act,
    ) -> Result<Ruling, StoreError> {
        let Sender { id, email } = &about.sender;
        let policy = &self.services.policy;
        let mut known = None;
        let mut decision = decide(policy, &me.id, id, email, place, act);
        if decision == Decision::Pair {
            known = self.services.store.pairing_of(&id.local()).await?.map(Box::new);
            // An event that is worked on again, since the process ended before it was settled, has made its request.
            let asks = known.as_ref().is_some_and(|known| known.request.event == row.id);
            decision = match pairing::standing(known.as_deref(), clock::wall_ms(), self.pairing.quiet) {
                Standing::Pending if asks => Decision::Pair,
                standing => paired(standing, act),
            };
        }
        Ok(match decision {
            Decision::Own => Ruling::Ended(Judgement::Own),
            Decision::Pair => Ruling::Ended(Judgement::Pair(known)),
            Decision::Ignore(rule) => Ruling::Ended(refuse("denied", rule, None)),
            Decision::Deny(rule) if !policy.is_spoken() || act == Act::Click => {
                Ruling::Ended(refuse("denied", rule, None))
            }
            Decision::Deny(rule) => Ruling::Paced { allowed: false, rule },
            Decision::Allow(rule) => Ruling::Paced { allowed: true, rule },
        })
    }

    /// Whether the person, or the space, says too much. What is tried again was counted before, by this process or another.
    pub(super) fn pace(&self, row: &Claimed, about: &About, said: Option<Timestamp>) -> Pace {
        let Sender { id, email } = &about.sender;
        if row.attempts > 0 || self.services.policy.is_admin(id, email) {
            return Pace::Fine;
        }
        let space = match about.room_type {
            RoomType::Direct => None,
            RoomType::Group => Some(&about.room),
        };
        self.flood.take(row.id, id, space, said.map_or(row.accepted_at, Timestamp::as_millisecond))
    }

    /// The ledger does not say who may speak: nobody is answered on a guess.
    pub(super) fn unjudged(&self, row: Claimed, error: &StoreError) -> Settlement {
        tracing::error!(%error, "the ledger does not say who may speak; the event waits");
        row.again(Again { after: self.settings.backoff_max, note: Some(error.to_string()), ..Again::default() })
    }

    /// Somebody unknown gets a code, and the admins are told. What they wrote is kept with it and not worked on.
    async fn greet_stranger(&self, row: Claimed, about: About, text: &str, known: Option<&Pairing>) -> Settlement {
        let request = match known {
            Some(known) if known.request.event == row.id => known.request.clone(),
            _ => pairing::request(row.id, &about.sender, &about.room, text, self.pairing.expires),
        };
        if known.is_none_or(|known| known.request.event != row.id) {
            let asked = self.services.store.request_pairing(request.clone(), known, self.pairing.per_hour).await;
            match asked {
                Ok(Asked::New) => {}
                // With another code, or another standing, it is judged anew.
                Ok(Asked::Again) => return row.again(Again::default()),
                Ok(Asked::Crowd) => {
                    return self.close(row, about, Ending { reason: CROWD, ..Ending::of("crowd") }, None);
                }
                Err(error) => return self.unjudged(row, &error),
            }
        }
        let ending =
            Ending { reason: "an unknown person, who was given a code to be let in", ..Ending::of("stranger") };
        let greeting = NewMessage { text: Some(pairing::greeting(&request)), ..NewMessage::default() };
        let mut entries = vec![self.entry(&row, &about, event::reply_id(row.id, 0), greeting.into(), None)];
        let sealed = |card: &Card, id, admin: &str| self.sealed(card, id, Venue::DirectWith(admin), pairing::COMMAND);
        entries.extend(pairing::notices(&request, &self.services.policy.admins(), sealed));
        self.log(&about, &ending);
        row.done(about.closing(ending), entries)
    }
}
