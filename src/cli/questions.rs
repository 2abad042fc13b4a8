//! Says what became of a question that a reply asked, for the story of the event.

use uuid::Uuid;

use super::story::letter;
use crate::handler::StoredQuestion;
use crate::outbox::{Destination, Letter, Post};
use crate::store::{Conversation, QuestionShown, Row, Store};
use crate::text::iso_time;
use crate::verdict::Verdict;
use crate::{clock, event};

/// How many questions of a dialogue are followed back at most.
const MOST_STEPS: usize = 100;

/// What an event's reply asked, until when, and what became of it. None if it asked nothing, or so long ago that the
/// ledger no longer has the reply.
pub(super) async fn question_lines(store: &Store, row: &Row) -> anyhow::Result<Option<String>> {
    let asks = event::reply_id(row.id, 0);
    let message = store.row(asks).await?;
    let Some(Letter::Post(post)) = message.as_ref().and_then(letter) else { return Ok(None) };
    let Post { asks: Some(person), to: Destination::Space(room, _), .. } = *post else { return Ok(None) };
    let newest = store.conversation(&room.local(), &person).await?;
    Ok(Some(match newest {
        None => "it asked something, longer ago than is remembered".to_owned(),
        Some(asked) if asked.event == row.id => current(store, &asked).await?,
        Some(asked) => match step_after(store, row.id, asked.event).await? {
            Some(answer) => format!("it asked something, which event {} answered", event::reference(answer)),
            None => format!("it asked something; event {} asked something else since", event::reference(asked.event)),
        },
    }))
}

/// Describes the newest question to a person in a space.
async fn current(store: &Store, asked: &Conversation) -> anyhow::Result<String> {
    let kept: Option<StoredQuestion> = serde_json::from_str(&asked.body).ok();
    let whom = kept.as_ref().map_or("an action".to_owned(), |kept| format!("{}/{}", kept.command, kept.action));
    let until = iso_time(asked.until);
    let is_taken = match &kept {
        Some(kept) => store.is_used_for(&kept.cards, &kept.action).await?,
        None => false,
    };
    let end = match asked.ended_by {
        Some(by) => {
            let verdict = store.row(by).await?.and_then(|row| row.verdict);
            let by = event::reference(by);
            match verdict {
                Some(Verdict::Cancelled) => format!("it was cancelled by event {by}"),
                Some(Verdict::Late) => format!("its time was over when event {by} answered"),
                Some(Verdict::Failed) => format!("event {by} answered it and failed"),
                _ => format!("event {by} answered or ended it"),
            }
        }
        None if is_taken => "somebody else answered it on its card".to_owned(),
        None if asked.shown == QuestionShown::No => "nobody can answer it, since its message is not sent".to_owned(),
        None if asked.until < clock::wall_ms() => "nobody answered in time".to_owned(),
        None => "it is still open".to_owned(),
    };
    Ok(format!("it asked something for {whom}, until {until}; {end}"))
}

/// The event that answered the first of two questions, if answers alone lead from it to the second. An answer that asks
/// the next question ends the question it answers.
async fn step_after(store: &Store, first: Uuid, second: Uuid) -> anyhow::Result<Option<Uuid>> {
    let mut event = second;
    for _ in 0..MOST_STEPS {
        match store.row(event).await?.and_then(|row| row.answers) {
            Some(answered) if answered == first => return Ok(Some(event)),
            Some(answered) => event = answered,
            None => return Ok(None),
        }
    }
    Ok(None)
}
