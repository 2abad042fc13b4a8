//! Questions: what a reply asks of somebody is kept in the ledger, and what they say next goes to the action that it named.

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::Inbox;
use super::closing::{About, Answered, Ending, FIRST};
use super::running::{GONE, Performed, Unable, gone};
use crate::clock;
use crate::event;
use crate::handler::{Context, Inputs, Kept, Outgoing, Question, Reply};
use crate::receiver::Envelope;
use crate::router::{self, Route};
use crate::store::{Claimed, Conversation, Effect, Settlement, Shown, StoreError};
use crate::text::{find_called, has_slash};
use crate::webex::{MessageId, RoomType};

const CANCEL: [&str; 2] = ["cancel", "stop"];
const CANCELLED: &str = "Cancelled.";

/// What whoever is refused may say instead, in a direct space and in one with others.
const WAY_OUT: &str = "Say cancel to stop.";
const WAY_OUT_HERE: &str = "To stop, mention me and say cancel.";

/// Where nobody knows when a question was shown, what was said so long before it was asked may still be an answer: two
/// clocks differ by as much. In milliseconds.
const BEFORE: i64 = 1_000;

/// For so long the question's message, which is just being sent, is waited for: then Webex says which of the two was first.
const SENDING: Duration = Duration::from_secs(2);

/// What was said: when, by Webex's clock, and by a button of which card, if it was not typed.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub at: Option<Timestamp>,
    pub card: Option<Uuid>,
}

/// What somebody was asked where they speak now.
enum Asked {
    /// Nothing, or it is over.
    Nothing,
    /// This, and they may answer.
    Open(Pending),
    /// This, and its time was over when they spoke.
    Late(Pending),
    /// This, and somebody else answered it on its card.
    Taken(Pending),
    /// What this answered before it was tried again by hand, and that is over.
    Gone,
}

struct Pending {
    kept: Kept,
    event: Uuid,
    over: Effect,
}

impl Inbox {
    /// Does what somebody says: it answers what they were asked, or is a command.
    pub(super) async fn hear(
        &self,
        row: Claimed,
        about: About,
        context: Context,
        rule: &'static str,
        said: Said,
    ) -> Settlement {
        let (pending, verdict, note, says) = match self.asked(&row, &about, said).await {
            Ok(Asked::Open(pending)) if row.answers.is_some() || !self.is_aside(&about, &context, &pending.kept) => {
                return self.take_answer(row, about, context, rule, pending).await;
            }
            Ok(Asked::Nothing | Asked::Open(_)) => return self.obey(row, about, context, rule).await,
            Ok(Asked::Gone) => return self.close(row, about, gone(), Some(Reply::text(GONE))),
            Ok(Asked::Late(pending)) => {
                let command = &pending.kept.command;
                let says = format!("I waited for an answer to {command}, and that has timed out. Say {command} again.");
                (pending, "late", "an answer to a question whose time is over", says)
            }
            Ok(Asked::Taken(pending)) => (
                pending,
                "declined",
                "somebody else answered that on its card",
                "That was answered already.".to_owned(),
            ),
            Err(error) => return self.ledger_away(row, &error),
        };
        if !self.is_for(&about, &context, &pending.kept) {
            return self.obey(row, about, context, rule).await;
        }
        let ending = Ending { reason: rule, note: Some(note.to_owned()), ..Ending::of(verdict) };
        self.close(row, about, ending, Some(Reply::text(says))).with(pending.over)
    }

    /// What a reply asks: written with the end of the event that it answers.
    pub(super) fn asks(
        &self,
        row: &Claimed,
        about: &About,
        command: &str,
        question: Question,
        sent: &[Outgoing],
    ) -> Effect {
        let now = clock::wall_ms();
        let waits = i64::try_from(question.waits(self.services.conversations.within).as_millis()).unwrap_or(i64::MAX);
        let cards = sent.iter().zip(0..).filter(|(message, _)| message.card.is_some());
        let cards = cards.map(|(_, nth)| event::reply_id(row.id, nth)).collect();
        let cards_until = self.services.cards.as_ref().map_or(now, |cards| cards.until(now));
        // Whoever goes on below their own message is in its thread.
        let envelope = || serde_json::from_str(&row.body).ok().map(|envelope: Envelope| MessageId::from(envelope.id));
        let thread = about.thread.clone().or_else(envelope);
        let kept = question.kept(command, thread, cards, cards_until);
        Effect::Ask(Conversation {
            room: about.room.local(),
            person: about.sender.id.local(),
            event: row.id,
            asked_at: now,
            until: now.saturating_add(waits),
            body: serde_json::to_string(&kept).unwrap_or_default(),
            ended_by: None,
            message: event::reply_id(row.id, FIRST),
            shown: Shown::No,
        })
    }

    /// What is over with a click on a card by somebody who was asked something beside it.
    pub(super) async fn ended_by_click(
        &self,
        about: &About,
        card: Uuid,
        once: bool,
        action: &str,
    ) -> Result<Option<Effect>, StoreError> {
        let found = self.services.store.conversation(&about.room.local(), &about.sender.id.local()).await?;
        let pending = found.and_then(pending);
        let is_of_it = |kept: &Kept| kept.cards.contains(&card) && (once || kept.action == action);
        Ok(pending.filter(|pending| is_of_it(&pending.kept)).map(|pending| pending.over))
    }

    async fn asked(&self, row: &Claimed, about: &About, said: Said) -> Result<Asked, StoreError> {
        let is_retried = row.answers.is_some();
        let over = || if is_retried { Asked::Gone } else { Asked::Nothing };
        let Some(found) = self.newest(about).await? else { return Ok(over()) };
        // An answer that failed for good and is tried again by hand still is the answer, unless something came between.
        let is_another = row.answers.is_some_and(|event| event != found.event);
        if is_another || found.ended_by.is_some_and(|by| by != row.id) {
            return Ok(over());
        }
        let said_at = self.said_at(row, said.at);
        let is_after = match (&found.shown, said.at) {
            (Shown::No, _) => false,
            (Shown::At { at, .. }, Some(said)) => said.as_millisecond() >= *at,
            (Shown::At { .. } | Shown::Sending | Shown::Perhaps, _) => said_at + BEFORE >= found.asked_at,
        };
        let (until, shown) = (found.until, found.shown.clone());
        let Some(mut pending) = pending(found).filter(|_| is_after || is_retried) else { return Ok(over()) };
        // Only what stands beside the question says its answer.
        if said.card.is_some_and(|card| !pending.kept.cards.contains(&card)) {
            return Ok(over());
        }
        if self.services.store.is_used_for(&pending.kept.cards, &pending.kept.action).await? {
            return Ok(if is_retried { Asked::Gone } else { Asked::Taken(pending) });
        }
        // Whoever goes on below the question itself is in its thread as well.
        if let Shown::At { message, .. } = shown
            && about.thread.as_ref().is_some_and(|thread| *thread == MessageId::from(message))
        {
            pending.kept.thread.clone_from(&about.thread);
        }
        Ok(if said_at <= until || is_retried { Asked::Open(pending) } else { Asked::Late(pending) })
    }

    /// What somebody was asked last, once its message is sent, if that is just happening.
    async fn newest(&self, about: &About) -> Result<Option<Conversation>, StoreError> {
        let store = &self.services.store;
        let mut commits = store.commits();
        loop {
            commits.mark_unchanged();
            let found = store.conversation(&about.room.local(), &about.sender.id.local()).await?;
            let Some(Conversation { shown: Shown::Sending, asked_at, .. }) = &found else { return Ok(found) };
            let asked_ago = Duration::from_millis((clock::wall_ms() - asked_at).max(0).unsigned_abs());
            let Some(rest) = SENDING.checked_sub(asked_ago) else { return Ok(found) };
            if !matches!(tokio::time::timeout(rest, commits.changed()).await, Ok(Ok(()))) {
                return Ok(found);
            }
        }
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
    fn is_aside(&self, about: &About, context: &Context, kept: &Kept) -> bool {
        let is_elsewhere = about.room_type == RoomType::Group && about.thread.is_some() && about.thread != kept.thread;
        let is_marked = about.pressed.is_some() || has_slash(&context.text) || is_elsewhere;
        is_marked && matches!(router::route(&self.services.commands, |_| true, &context.text), Route::Command(..))
    }

    /// Whether what comes when a question is over can only have been meant for it: it means nothing of itself, and comes
    /// from somebody who may still give the command.
    fn is_for(&self, about: &About, context: &Context, kept: &Kept) -> bool {
        let may = |command: &_| self.services.may(&about.sender, &about.room, about.room_type, command).is_ok();
        let is_theirs = self.services.commands.iter().any(|command| command.name() == kept.command && may(command));
        let means_nothing = match router::route(&self.services.commands, may, &context.text) {
            Route::Unknown { .. } => true,
            Route::Empty => !context.files.is_empty(),
            Route::Command(..) | Route::Forbidden(_) => false,
        };
        is_theirs && means_nothing
    }

    async fn take_answer(
        &self,
        row: Claimed,
        about: About,
        context: Context,
        rule: &'static str,
        Pending { kept, event, over }: Pending,
    ) -> Settlement {
        let way_out = match about.room_type {
            RoomType::Direct => WAY_OUT,
            RoomType::Group => WAY_OUT_HERE,
        };
        let pressed = Some(format!("{}/{}", kept.command, kept.action));
        let about = About { pressed, answers: Some(Answered { event, way_out: Some(way_out) }), ..about };
        let (cards, until, action) = (kept.cards, kept.cards_until, kept.action.clone());
        let ended = |settlement: Settlement| {
            let spent = cards.iter().map(|card| Effect::Use { card: *card, until, action: Some(action.clone()) });
            spent.fold(settlement.with(over.clone()), Settlement::with)
        };
        if context.files.is_empty() && is_cancel(&context.text) {
            let ending = Ending { reason: rule, command: Some(kept.command), ..Ending::of("cancelled") };
            return ended(self.close(row, about, ending, Some(Reply::text(CANCELLED))));
        }
        let inputs = Inputs::typed(kept.input, &context.text, kept.arguments);
        match self.action(&about, &kept.command, &kept.action, context, inputs) {
            Ok((command, acting)) => match self.perform_once(row, about, command, rule, acting).await {
                Performed::Answered(settlement) => ended(settlement),
                Performed::Refused(settlement) => settlement,
                // One that is tried again closes nothing, and so ends nothing.
                Performed::Failed(settlement) => settlement.with(over),
            },
            Err(Unable::Forbidden(command, reason)) => self.forbid(row, about, command, reason).with(over),
            Err(Unable::Gone) => self.close(row, about, gone(), Some(Reply::text(GONE))).with(over),
        }
    }
}

/// What is kept of a question; nothing where that was written by a version that kept something else.
fn pending(Conversation { room, person, event, body, .. }: Conversation) -> Option<Pending> {
    let kept = serde_json::from_str(&body);
    let kept = kept.inspect_err(|error| tracing::warn!(%error, "a question cannot be read and is left alone")).ok()?;
    Some(Pending { kept, event, over: Effect::End { room, person, event } })
}

/// Whether somebody wants no more of it, as people write that: with a slash, or as a sentence.
fn is_cancel(text: &str) -> bool {
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
