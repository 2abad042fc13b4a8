//! Questions: what a reply asks of somebody is kept in the ledger, and what they say next goes to the action that it named.

use jiff::Timestamp;
use uuid::Uuid;

use super::closing::{About, Ending};
use super::inbox::Inbox;
use super::running::{GONE, Performed, Unable, gone};
use crate::event;
use crate::handler::{Context, Inputs, Kept, Outgoing, Question, Reply, is_blank};
use crate::router::{self, Route};
use crate::store::{Claimed, Conversation, Effect, Settlement, StoreError, now_ms};

const CANCEL: &str = "cancel";
const CANCELLED: &str = "Cancelled.";

/// What was said so long before a question was said without knowing of it, in milliseconds. Less may be two clocks that
/// differ, and be an answer.
const BEFORE: i64 = 5_000;

/// What somebody was asked where they speak now.
enum Asked {
    /// Nothing, or it is over.
    Nothing,
    /// This, and they may answer.
    Open(Pending),
    /// This, and its time was over when they spoke.
    Late(Pending),
}

struct Pending {
    kept: Kept,
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
        said: Option<Timestamp>,
    ) -> Settlement {
        match self.asked(&row, &about, said).await {
            Ok(Asked::Open(pending)) if !self.is_aside(&about, &context.text) => {
                self.take_answer(row, about, context, rule, pending).await
            }
            Ok(Asked::Late(pending)) => match self.too_late(&about, &context.text, &pending.kept) {
                Some(reply) => {
                    let note = Some("an answer to a question whose time is over".to_owned());
                    let ending = Ending { reason: rule, note, ..Ending::of("unknown") };
                    self.close(row, about, ending, Some(Reply::text(reply))).with(pending.over)
                }
                None => self.obey(row, about, context, rule).await,
            },
            Ok(Asked::Nothing | Asked::Open(_)) => self.obey(row, about, context, rule).await,
            Err(error) => self.ledger_away(row, &error),
        }
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
        let now = now_ms();
        let waits = i64::try_from(question.waits(self.services.conversations.within).as_millis()).unwrap_or(i64::MAX);
        let cards = sent.iter().zip(0..).filter(|(message, _)| message.card.is_some());
        let cards = cards.map(|(_, nth)| event::reply_id(row.id, nth)).collect();
        let cards_until = self.services.cards.as_ref().map_or(now, |cards| cards.until(now));
        let kept = question.kept(command, cards, cards_until);
        Effect::Ask(Conversation {
            room: about.room.local(),
            person: about.sender.id.local(),
            event: row.id,
            asked_at: now,
            until: now.saturating_add(waits),
            body: serde_json::to_string(&kept).unwrap_or_default(),
            ended_by: None,
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

    async fn asked(&self, row: &Claimed, about: &About, said: Option<Timestamp>) -> Result<Asked, StoreError> {
        let store = &self.services.store;
        let Some(found) = store.conversation(&about.room.local(), &about.sender.id.local()).await? else {
            return Ok(Asked::Nothing);
        };
        // An answer that failed for good and is tried again by hand still is the answer.
        if found.ended_by.is_some_and(|by| by != row.id) {
            return Ok(Asked::Nothing);
        }
        let (asked_at, until) = (found.asked_at, found.until);
        let said = self.said_at(row, said);
        let Some(pending) = pending(found).filter(|_| said + BEFORE >= asked_at) else { return Ok(Asked::Nothing) };
        for card in &pending.kept.cards {
            if store.is_used(*card).await? {
                return Ok(Asked::Nothing);
            }
        }
        Ok(if said <= until { Asked::Open(pending) } else { Asked::Late(pending) })
    }

    /// When something was said, by our clock, however late it arrives.
    fn said_at(&self, row: &Claimed, said: Option<Timestamp>) -> i64 {
        match (said, self.services.webex.clock_lead()) {
            (Some(said), Some(lead)) => row.accepted_at.min(said.as_millisecond().saturating_add(lead)),
            (Some(_), None) | (None, _) => row.accepted_at,
        }
    }

    /// Whether a text is a command that does not answer what was asked: typed with a slash, or said by a button.
    fn is_aside(&self, about: &About, text: &str) -> bool {
        let is_marked = about.pressed.is_some() || text.trim_start_matches(is_blank).starts_with('/');
        is_marked && matches!(router::route(&self.services.commands, |_| true, text), Route::Command(..))
    }

    /// What somebody is told who answers too late, unless what they say means something of itself.
    fn too_late(&self, about: &About, text: &str, kept: &Kept) -> Option<String> {
        let may = |sender, command: &_| self.services.may(sender, &about.room, about.room_type, command).is_ok();
        let command = self.services.commands.iter().find(|command| command.name() == kept.command)?;
        let route = router::route(&self.services.commands, |command| may(&about.sender, command), text);
        let is_unknown = matches!(route, Route::Unknown { .. }) && may(&about.sender, command);
        is_unknown
            .then(|| format!("I waited for an answer to {0}, and that has timed out. Say {0} again.", kept.command))
    }

    async fn take_answer(
        &self,
        row: Claimed,
        about: About,
        context: Context,
        rule: &'static str,
        Pending { kept, over }: Pending,
    ) -> Settlement {
        let about = About { pressed: Some(format!("{}/{}", kept.command, kept.action)), ..about };
        let (cards, until) = (kept.cards, kept.cards_until);
        let ended = |settlement: Settlement| {
            let spent = cards.iter().map(|card| Effect::Use { card: *card, until });
            spent.fold(settlement.with(over.clone()), Settlement::with)
        };
        if context.files.is_empty() && context.text.trim_matches(is_blank).eq_ignore_ascii_case(CANCEL) {
            let ending = Ending { reason: rule, command: Some(kept.command), ..Ending::of("cancelled") };
            return ended(self.close(row, about, ending, Some(Reply::text(CANCELLED))));
        }
        let inputs = Inputs::typed(kept.input, &context.text, kept.arguments);
        match self.action(&about, &kept.command, &kept.action, context, inputs) {
            Ok((command, acting)) => match self.perform(row, about, command, rule, acting).await {
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
    Some(Pending { kept, over: Effect::End { room, person, event } })
}
