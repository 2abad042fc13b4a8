//! Questions that replies ask. The ledger keeps a question, and what the person says next goes to the action that the
//! question names.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::clock;
use crate::desk::{Case, ReplyTo, SpokenRefusal};
use crate::event;
use crate::handler::{Context, Outgoing, Question, Reply, Services, StoredQuestion};
use crate::router::{self, Route};
use crate::store::{Claimed, Conversation, Effect, QuestionShown, StoreError};
use crate::text::{find_called, has_slash};
use crate::verdict::Verdict;
use crate::webex::{MessageId, RoomType};

const CANCEL: [&str; 2] = ["cancel", "stop"];

/// The index of the message that asks a reply's question: the first one, since it has the text.
const FIRST: u32 = 0;

/// In a space with others the bot gets only what mentions it.
const MENTION_ME: &str = "(Mention me when you answer.)";

/// If it is not known when a question was shown, words said up to this long before it was asked can answer it: two
/// clocks may differ by as much. In milliseconds.
const CLOCK_DIFFERENCE: i64 = 1_000;

/// When something was said, and by which button.
#[derive(Clone, Copy)]
pub struct Utterance {
    /// By Webex's clock.
    pub at: Option<Timestamp>,
    /// The card of the button; none if it was typed.
    pub card: Option<Uuid>,
}

/// What a person's words mean, given the question they were asked.
pub enum Meaning {
    /// A command, or anything else that is no answer.
    Command,
    /// The answer to this question.
    Answer(AskedQuestion),
    /// An answer to this question, which is over.
    TooLate(AskedQuestion, SpokenRefusal),
    /// The answer to a question that was open when the event was first worked on, and is over now.
    Gone,
    /// Not known yet: the question is just being sent, and only Webex can say which of the two was first.
    Unsettled,
}

/// A question that somebody was asked.
pub struct AskedQuestion {
    /// The action that takes the answer, and what it is given.
    pub stored: StoredQuestion,
    /// The event whose reply asked.
    pub event: Uuid,
    /// Ends the question.
    pub end: Effect,
}

impl AskedQuestion {
    /// What follows from an answer: the question ends, and the cards beside it are used.
    pub fn effects_of_answer(&self) -> Vec<Effect> {
        let StoredQuestion { cards, cards_until: until, action, .. } = &self.stored;
        let used = cards.iter().map(|card| Effect::Use { card: *card, until: *until, action: Some(action.clone()) });
        [self.end.clone()].into_iter().chain(used).collect()
    }
}

/// Keeps questions, and finds what answers them.
pub struct Questions {
    services: Arc<Services>,
}

impl Questions {
    /// Questions that are kept in the ledger of these services.
    pub fn new(services: &Arc<Services>) -> Questions {
        Questions { services: Arc::clone(services) }
    }

    /// The messages of a reply, and its question, which is written with the end of the event.
    pub fn messages(&self, case: Case<'_>, command: &str, mut reply: Reply) -> (Vec<Outgoing>, Option<Effect>) {
        let Some(question) = reply.take_question() else { return (reply.into_messages(), None) };
        if case.to.room_type == RoomType::Group {
            reply = reply.with_line(MENTION_ME);
        }
        let mut messages = reply.into_messages();
        let effect = self.store_question(case, command, question, &messages);
        if let Some(first) = messages.get_mut(FIRST as usize) {
            first.asks = true;
        }
        (messages, Some(effect))
    }

    fn store_question(
        &self,
        Case { row, to, .. }: Case<'_>,
        command: &str,
        question: Question,
        messages: &[Outgoing],
    ) -> Effect {
        let now = clock::wall_ms();
        let waits = clock::millis(question.waits(self.services.conversations.within));
        let cards = messages.iter().zip(0..).filter(|(message, _)| message.card.is_some());
        let cards = cards.map(|(_, nth)| event::reply_id(row.id, nth)).collect();
        let cards_until = self.services.cards.as_ref().map_or(now, |cards| cards.until(now));
        // An answer below the person's own message is in the thread of that message.
        let thread = to.thread.as_ref().unwrap_or(&to.message).clone();
        let stored = question.into_stored(command, thread, cards, cards_until);
        Effect::Ask(Conversation {
            room: to.room.local(),
            person: to.sender.id.local(),
            event: row.id,
            asked_at: now,
            until: now.saturating_add(waits),
            body: serde_json::to_string(&stored).unwrap_or_default(),
            ended_by: None,
            message: event::reply_id(row.id, FIRST),
            shown: QuestionShown::No,
        })
    }

    /// Ends the question beside a card, if the person who clicked was asked it and the click answers it.
    ///
    /// # Errors
    /// The ledger cannot be read. Try again later.
    pub async fn end_by_click(
        &self,
        to: &ReplyTo,
        card: Uuid,
        once: bool,
        action: &str,
    ) -> Result<Option<Effect>, StoreError> {
        let found = self.services.store.conversation(&to.room.local(), &to.sender.id.local()).await?;
        let is_beside = |stored: &StoredQuestion| stored.cards.contains(&card) && (once || stored.action == action);
        Ok(found.and_then(read_question).filter(|asked| is_beside(&asked.stored)).map(|asked| asked.end))
    }

    /// What somebody's words mean: an answer to what they were asked, or a command.
    ///
    /// # Errors
    /// The ledger cannot be read, so the question is not known. Try again later.
    pub async fn meaning(&self, row: &Claimed, words: &Context, said: Utterance) -> Result<Meaning, StoreError> {
        Ok(match self.meaning_by_question(row, words, said).await? {
            Meaning::Answer(asked) if row.answers.is_none() && self.is_other_command(words, said, &asked.stored) => {
                Meaning::Command
            }
            Meaning::TooLate(asked, _) if !self.is_only_an_answer(words, &asked.stored) => Meaning::Command,
            meaning => meaning,
        })
    }

    /// What the words mean by the state of the question alone, whatever they say.
    async fn meaning_by_question(
        &self,
        row: &Claimed,
        words: &Context,
        said: Utterance,
    ) -> Result<Meaning, StoreError> {
        // An operator had an answer tried again that failed for good. It still is the answer, unless another came between.
        let is_retried = row.answers.is_some();
        let none = || if is_retried { Meaning::Gone } else { Meaning::Command };
        let newest = self.services.store.conversation(&words.room.local(), &words.sender.id.local()).await?;
        let Some(found) = newest else { return Ok(none()) };
        if found.shown == QuestionShown::Sending && !is_retried {
            return Ok(Meaning::Unsettled);
        }
        let is_another = row.answers.is_some_and(|event| event != found.event);
        if is_another || found.ended_by.is_some_and(|by| by != row.id) {
            return Ok(none());
        }
        let said_at = self.said_at(row, said.at);
        let is_after = match (&found.shown, said.at) {
            (QuestionShown::No, _) => false,
            (QuestionShown::At { at, .. }, Some(said)) => said.as_millisecond() >= *at,
            (QuestionShown::At { .. } | QuestionShown::Sending | QuestionShown::Perhaps, _) => {
                said_at + CLOCK_DIFFERENCE >= found.asked_at
            }
        };
        if !is_after && !is_retried {
            return Ok(none());
        }
        let (until, shown) = (found.until, found.shown.clone());
        let Some(mut asked) = read_question(found) else { return Ok(none()) };
        // A button answers only the question beside it.
        if said.card.is_some_and(|card| !asked.stored.cards.contains(&card)) {
            return Ok(none());
        }
        if self.services.store.is_used_for(&asked.stored.cards, &asked.stored.action).await? {
            let reason = "somebody else answered that on its card";
            let too_late =
                |asked| Meaning::TooLate(asked, SpokenRefusal::declined(reason, "That was answered already."));
            return Ok(if is_retried { Meaning::Gone } else { too_late(asked) });
        }
        // An answer below the question itself is in its thread as well.
        if let QuestionShown::At { message, .. } = shown
            && words.thread.as_ref().is_some_and(|thread| *thread == MessageId::from(message))
        {
            asked.stored.thread.clone_from(&words.thread);
        }
        let is_in_time = said_at <= until || is_retried;
        Ok(if is_in_time { Meaning::Answer(asked) } else { time_out(asked) })
    }

    /// When something was said, by our clock, however late it arrives.
    fn said_at(&self, row: &Claimed, said: Option<Timestamp>) -> i64 {
        match (said, self.services.webex.clock_lead()) {
            (Some(said), Some(lead)) => row.accepted_at.min(said.as_millisecond().saturating_add(lead)),
            (Some(_), None) | (None, _) => row.accepted_at,
        }
    }

    /// Whether this is a command that leaves the question open: it was typed with a slash or in another thread, or a button
    /// said it.
    fn is_other_command(&self, words: &Context, said: Utterance, stored: &StoredQuestion) -> bool {
        let is_elsewhere =
            words.room_type == RoomType::Group && words.thread.is_some() && words.thread != stored.thread;
        let is_marked = said.card.is_some() || has_slash(&words.text) || is_elsewhere;
        is_marked && matches!(router::route(&self.services.commands(), |_| true, &words.text), Route::Command(..))
    }

    /// Whether this can only be meant as an answer: it is no command, and the person may still give the command that asked.
    fn is_only_an_answer(&self, words: &Context, stored: &StoredQuestion) -> bool {
        let commands = self.services.commands();
        let may = |command: &_| words.may_give(command).is_ok();
        let may_answer = commands.iter().any(|command| command.name() == stored.command && may(command));
        let is_no_command = match router::route(&commands, may, &words.text) {
            Route::Unknown { .. } => true,
            Route::Empty => !words.files.is_empty(),
            Route::Command(..) | Route::Forbidden(_) => false,
        };
        may_answer && is_no_command
    }
}

/// Reads a stored question. A question that another version wrote in another form is left alone.
fn read_question(Conversation { room, person, event, body, .. }: Conversation) -> Option<AskedQuestion> {
    let stored = serde_json::from_str(&body);
    let stored =
        stored.inspect_err(|error| tracing::warn!(%error, "a question cannot be read and is left alone")).ok()?;
    Some(AskedQuestion { stored, event, end: Effect::End { room, person, event } })
}

/// An answer to a question whose time was over.
fn time_out(asked: AskedQuestion) -> Meaning {
    let command = &asked.stored.command;
    let says = format!("I waited for an answer to {command}, and that has timed out. Say {command} again.");
    let reason = "an answer to a question whose time is over";
    Meaning::TooLate(asked, SpokenRefusal { verdict: Verdict::Late, reason, says })
}

/// Whether somebody cancels, with or without a slash, and as a word or a sentence.
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
