//! Questions: what a reply asks of somebody is kept in the ledger, and what they say next goes to the action that it named.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock;
use crate::desk::ReplyTo;
use crate::event::{self, Event};
use crate::handler::{Context, Kept, Outgoing, Question, Reply, Services};
use crate::router::{self, Route};
use crate::store::{Claimed, Conversation, Effect, QuestionShown, StoreError};
use crate::text::{find_called, has_slash};
use crate::verdict::Verdict;
use crate::webex::{MessageId, RoomType};

const CANCEL: [&str; 2] = ["cancel", "stop"];

/// Of a reply that asks, the message which does: it begins with the text, and whoever sees that may answer.
const FIRST: u32 = 0;

/// In a space with others the bot hears of nothing else.
const MENTION_ME: &str = "(Mention me when you answer.)";

/// Where nobody knows when a question was shown, what was said so long before it was asked may still be an answer: two
/// clocks differ by as much. In milliseconds.
const BEFORE: i64 = 1_000;

/// What was said: when, by Webex's clock, and by a button of which card, if it was not typed.
#[derive(Clone, Copy)]
pub struct Said {
    /// By Webex's clock.
    pub at: Option<Timestamp>,
    /// The card whose button says it.
    pub card: Option<Uuid>,
}

/// What somebody's words are, given what they were asked.
pub enum Heard {
    /// A command, or whatever else stands for itself.
    Command,
    /// The answer to this.
    Answer(Asked),
    /// Meant for a question that is over: why, and what they are told.
    Over {
        /// The question.
        asked: Asked,
        /// How the event ends, in one word.
        verdict: Verdict,
        /// Why.
        note: &'static str,
        /// What they are told.
        says: String,
    },
    /// What it answered before it was tried again by hand is over.
    Gone,
    /// Nobody knows yet: the question's message is just being sent, and Webex will say which of the two was first.
    Unsettled,
}

/// What somebody was asked, and by the reply to which event.
pub struct Asked {
    /// Which action takes the answer, and what it was to be given.
    pub kept: Kept,
    /// The event whose reply asked.
    pub event: Uuid,
    /// That nothing is asked any more.
    pub over: Effect,
}

impl Asked {
    /// What follows once the question is answered: it is over, and so is the one use of each card beside it.
    pub fn answered(&self) -> Vec<Effect> {
        let Kept { cards, cards_until: until, action, .. } = &self.kept;
        let spent = cards.iter().map(|card| Effect::Use { card: *card, until: *until, action: Some(action.clone()) });
        [self.over.clone()].into_iter().chain(spent).collect()
    }
}

/// What of a question may be told apart before anything else of it is looked at.
enum Standing {
    Nothing,
    Open(Asked),
    /// Their time was over when they spoke.
    Late(Asked),
    /// Somebody else answered it on its card.
    Taken(Asked),
    Gone,
    /// Its message is just being sent.
    Unsettled,
}

/// Keeps questions and finds what answers them.
pub struct Questions {
    services: Arc<Services>,
}

impl Questions {
    /// In the ledger of these services.
    pub fn new(services: &Arc<Services>) -> Questions {
        Questions { services: Arc::clone(services) }
    }

    /// The messages of a reply; and what it asks, to be written with the end of the event that it answers.
    pub fn messages(
        &self,
        row: &Claimed,
        to: &ReplyTo,
        command: &str,
        mut reply: Reply,
    ) -> (Vec<Outgoing>, Option<Effect>) {
        let Some(question) = reply.take_question() else { return (reply.into_messages(), None) };
        if to.room_type == RoomType::Group {
            reply = reply.with_line(MENTION_ME);
        }
        let mut messages = reply.into_messages();
        let asks = self.asks(row, to, command, question, &messages);
        if let Some(first) = messages.get_mut(FIRST as usize) {
            first.asks = true;
        }
        (messages, Some(asks))
    }

    fn asks(&self, row: &Claimed, to: &ReplyTo, command: &str, question: Question, sent: &[Outgoing]) -> Effect {
        let now = clock::wall_ms();
        let waits = i64::try_from(question.waits(self.services.conversations.within).as_millis()).unwrap_or(i64::MAX);
        let cards = sent.iter().zip(0..).filter(|(message, _)| message.card.is_some());
        let cards = cards.map(|(_, nth)| event::reply_id(row.id, nth)).collect();
        let cards_until = self.services.cards.as_ref().map_or(now, |cards| cards.until(now));
        // Whoever goes on below their own message is in its thread.
        let own = || {
            let Ok(Event::Message(message)) = serde_json::from_str(&row.body) else { return None };
            Some(MessageId::from(message.id))
        };
        let thread = to.thread.clone().or_else(own);
        let kept = question.kept(command, thread, cards, cards_until);
        Effect::Ask(Conversation {
            room: to.room.local(),
            person: to.sender.id.local(),
            event: row.id,
            asked_at: now,
            until: now.saturating_add(waits),
            body: serde_json::to_string(&kept).unwrap_or_default(),
            ended_by: None,
            message: event::reply_id(row.id, FIRST),
            shown: QuestionShown::No,
        })
    }

    /// What is over with a click on a card by somebody who was asked something beside it.
    ///
    /// # Errors
    /// When the ledger does not say.
    pub async fn ended_by_click(
        &self,
        to: &ReplyTo,
        card: Uuid,
        once: bool,
        action: &str,
    ) -> Result<Option<Effect>, StoreError> {
        let found = self.services.store.conversation(&to.room.local(), &to.sender.id.local()).await?;
        let asked = found.and_then(asked);
        let is_of_it = |kept: &Kept| kept.cards.contains(&card) && (once || kept.action == action);
        Ok(asked.filter(|asked| is_of_it(&asked.kept)).map(|asked| asked.over))
    }

    /// What somebody's words are: an answer to what they were asked, or a command.
    ///
    /// # Errors
    /// When the ledger does not say what they were asked.
    pub async fn hear(&self, row: &Claimed, to: &ReplyTo, context: &Context, said: Said) -> Result<Heard, StoreError> {
        let (asked, verdict, note, says) = match self.standing(row, to, said).await? {
            Standing::Open(asked) if row.answers.is_some() || !self.is_aside(to, context, said, &asked.kept) => {
                return Ok(Heard::Answer(asked));
            }
            Standing::Nothing | Standing::Open(_) => return Ok(Heard::Command),
            Standing::Gone => return Ok(Heard::Gone),
            Standing::Unsettled => return Ok(Heard::Unsettled),
            Standing::Late(asked) => {
                let command = &asked.kept.command;
                let says = format!("I waited for an answer to {command}, and that has timed out. Say {command} again.");
                (asked, Verdict::Late, "an answer to a question whose time is over", says)
            }
            Standing::Taken(asked) => {
                let note = "somebody else answered that on its card";
                (asked, Verdict::Declined, note, "That was answered already.".to_owned())
            }
        };
        Ok(match self.is_for(to, context, &asked.kept) {
            true => Heard::Over { asked, verdict, note, says },
            false => Heard::Command,
        })
    }

    async fn standing(&self, row: &Claimed, to: &ReplyTo, said: Said) -> Result<Standing, StoreError> {
        let is_retried = row.answers.is_some();
        let over = || if is_retried { Standing::Gone } else { Standing::Nothing };
        let newest = self.services.store.conversation(&to.room.local(), &to.sender.id.local()).await?;
        let Some(found) = newest else { return Ok(over()) };
        if found.shown == QuestionShown::Sending && !is_retried {
            return Ok(Standing::Unsettled);
        }
        // An answer that failed for good and is tried again by hand still is the answer, unless something came between.
        let is_another = row.answers.is_some_and(|event| event != found.event);
        if is_another || found.ended_by.is_some_and(|by| by != row.id) {
            return Ok(over());
        }
        let said_at = self.said_at(row, said.at);
        let is_after = match (&found.shown, said.at) {
            (QuestionShown::No, _) => false,
            (QuestionShown::At { at, .. }, Some(said)) => said.as_millisecond() >= *at,
            (QuestionShown::At { .. } | QuestionShown::Sending | QuestionShown::Perhaps, _) => {
                said_at + BEFORE >= found.asked_at
            }
        };
        let (until, shown) = (found.until, found.shown.clone());
        let Some(mut asked) = asked(found).filter(|_| is_after || is_retried) else { return Ok(over()) };
        // Only what stands beside the question says its answer.
        if said.card.is_some_and(|card| !asked.kept.cards.contains(&card)) {
            return Ok(over());
        }
        if self.services.store.is_used_for(&asked.kept.cards, &asked.kept.action).await? {
            return Ok(if is_retried { Standing::Gone } else { Standing::Taken(asked) });
        }
        // Whoever goes on below the question itself is in its thread as well.
        if let QuestionShown::At { message, .. } = shown
            && to.thread.as_ref().is_some_and(|thread| *thread == MessageId::from(message))
        {
            asked.kept.thread.clone_from(&to.thread);
        }
        Ok(if said_at <= until || is_retried { Standing::Open(asked) } else { Standing::Late(asked) })
    }

    /// When something was said, by our clock, however late it arrives.
    fn said_at(&self, row: &Claimed, said: Option<Timestamp>) -> i64 {
        match (said, self.services.webex.clock_lead()) {
            (Some(said), Some(lead)) => row.accepted_at.min(said.as_millisecond().saturating_add(lead)),
            (Some(_), None) | (None, _) => row.accepted_at,
        }
    }

    /// Whether this is a command that does not answer what was asked: typed with a slash or in another thread, or said by a
    /// button.
    fn is_aside(&self, to: &ReplyTo, context: &Context, said: Said, kept: &Kept) -> bool {
        let is_elsewhere = to.room_type == RoomType::Group && to.thread.is_some() && to.thread != kept.thread;
        let is_marked = said.card.is_some() || has_slash(&context.text) || is_elsewhere;
        is_marked && matches!(router::route(&self.services.commands(), |_| true, &context.text), Route::Command(..))
    }

    /// Whether what comes when a question is over can only have been meant for it: it means nothing of itself, and comes
    /// from somebody who may still give the command.
    fn is_for(&self, to: &ReplyTo, context: &Context, kept: &Kept) -> bool {
        let commands = self.services.commands();
        let may = |command: &_| self.services.may(&to.sender, &to.room, to.room_type, command).is_ok();
        let is_theirs = commands.iter().any(|command| command.name() == kept.command && may(command));
        let means_nothing = match router::route(&commands, may, &context.text) {
            Route::Unknown { .. } => true,
            Route::Empty => !context.files.is_empty(),
            Route::Command(..) | Route::Forbidden(_) => false,
        };
        is_theirs && means_nothing
    }
}

/// What is kept of a question; nothing where that was written by a version that kept something else.
fn asked(Conversation { room, person, event, body, .. }: Conversation) -> Option<Asked> {
    let kept = serde_json::from_str(&body);
    let kept = kept.inspect_err(|error| tracing::warn!(%error, "a question cannot be read and is left alone")).ok()?;
    Some(Asked { kept, event, over: Effect::End { room, person, event } })
}

/// Whether somebody wants no more of it, as people write that: with a slash, or as a sentence.
pub fn is_cancel(text: &str) -> bool {
    find_called(text.trim(), CANCEL, |cancel| cancel).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_cancels_may_write_it_in_their_way_and_who_says_more_does_not_cancel() {
        for text in [
            "cancel",
            " CANCEL ",
            "/cancel",
            "Cancel.",
            "cancel!",
            "stop",
            "/Stop!!",
            "`cancel`",
            "**Cancel**.",
            "“/cancel”",
            "c\u{200b}an\u{ad}cel",
            "\u{2066}stop\u{2069}",
        ] {
            assert!(is_cancel(text), "{text}");
        }
        for text in ["", "/", "!", "//cancel", "cancel please", "do not stop", "cancelled"] {
            assert!(!is_cancel(text), "{text}");
        }
    }
}
