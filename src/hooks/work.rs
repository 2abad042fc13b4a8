//! Works on what was posted to a hook: reads it by the preset, and makes the messages.

use std::sync::Arc;

use uuid::Uuid;

use super::addresses::Addresses;
use super::presets::State;
use super::rule::{RulePart, Told};
use super::rules::Telling;
use super::{Hook, Hooks};
use crate::config::MOST_DESTINATIONS;
use crate::desk::{Desk, EventEnd, Outcome};
use crate::event::{self, HookPost};
use crate::outbox::{Destination, Edit, Letter, Post, Thread};
use crate::places::{Place, PlaceError, Places};
use crate::store::{Claimed, Effect, Entry};
use crate::verdict::Verdict;
use crate::webex::{Attachment, Fault, NewMessage};

/// The messages that a text is cut into are fewer: a template writes 64 KiB at most.
const MOST_PARTS: u32 = 100;

/// The label in metrics if the hook is no longer there.
const NO_PRESET: &str = "none";

/// Works on events of hooks.
pub struct HookWork {
    pub(super) hooks: Hooks,
    pub(super) places: Places,
    pub(super) desk: Arc<Desk>,
}

impl HookWork {
    /// Works by these hooks, finds spaces by their titles in `places`, and closes events at this desk.
    pub fn new(hooks: Hooks, places: Places, desk: &Arc<Desk>) -> HookWork {
        HookWork { hooks, places, desk: Arc::clone(desk) }
    }

    /// Makes the messages of a delivery.
    pub async fn work(&self, row: &Claimed, post: &HookPost) -> Outcome {
        let Some(hook) = self.hooks.get(&post.hook) else {
            let reason = "there is no hook of this name any more";
            return end(NO_PRESET, post, Verdict::Failed, reason).dead().into();
        };
        let hook = &hook;
        let bytes = match self.desk.services.store.raw(row.id).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return unreadable(hook, post, "its body is no longer in the ledger"),
            Err(error) => return self.desk.retry_or_give_up(row, &error.to_string()),
        };
        let read = hook.with_body(&post.headers, bytes, |hook, headers, bytes| hook.read(headers, &bytes));
        let (mut signal, body) = match read.await {
            Some(Ok(read)) => read,
            Some(Err(error)) => return unreadable(hook, post, &error.to_string()),
            None => return self.desk.retry_or_give_up(row, "the program ends"),
        };
        let preset = hook.preset.name;
        let subject =
            (!signal.subject.is_empty()).then(|| format!("{}/{}", hook.name, event::short_key(&signal.subject)));
        if let Some(subject) = &subject {
            match self.desk.services.store.hook_state(subject).await {
                Ok(was) => signal.was = was.unwrap_or_default(),
                Err(error) => return self.desk.retry_or_give_up(row, &error.to_string()),
            }
        }
        let has_ended = signal.state != State::Info;
        let state = subject.filter(|_| has_ended).map(|key| Effect::HookState { key, state: signal.state.word() });
        let Telling { told, mut wrong, is_blank } = hook.tell(&signal, &post.headers, &body);
        let addresses = match self.find_addresses(told.iter().flat_map(|told| told.to).collect()).await {
            Ok(addresses) => addresses,
            Err(error) => return self.retry_addressing(row, &error).await,
        };
        for rule in told.iter().filter_map(|told| told.rule) {
            self.desk.services.metrics.rule(&hook.name, rule);
        }
        let reason = if wrong.is_empty() {
            "a destination of the hook cannot be reached"
        } else {
            "a rule of the hook cannot be carried out"
        };
        wrong.extend(addresses.wrong());
        if !wrong.is_empty() {
            let error = wrong.join("; ");
            tracing::error!(hook = hook.name, error, reason, "an event of a hook is a dead letter");
            // What nobody was told is not how things stood before.
            let end = end(preset, post, Verdict::Failed, reason).noted(error);
            let letters = if hook.is_shadow { Vec::new() } else { letters(row, hook, &addresses, told) };
            return end.then(letters).dead().into();
        }
        if told.is_empty() {
            return end(preset, post, Verdict::Ignored, hook.silence(is_blank)).with(state).into();
        }
        if hook.is_shadow {
            let note = format!("shadow = true, so nothing was posted; else {}", by(&told));
            return end(preset, post, Verdict::Ignored, "the hook is in shadow: nothing is posted")
                .noted(note)
                .with(state)
                .into();
        }
        let end = end(preset, post, Verdict::Done, "it is told").noted(by(&told));
        end.then(letters(row, hook, &addresses, told)).with(state).into()
    }

    /// Finds the spaces of all titles among these places, within the lease.
    ///
    /// # Errors
    /// Webex or the ledger does not answer. Pass it to [`HookWork::retry_addressing`].
    pub(super) async fn find_addresses(&self, named: Vec<&Place>) -> Result<Addresses, PlaceError> {
        self.desk.in_time(Addresses::find(&self.places, named)).await
    }

    /// Tries again, since it is not known which spaces the titles mean.
    pub(super) async fn retry_addressing(&self, row: &Claimed, error: &PlaceError) -> Outcome {
        match error {
            PlaceError::Webex(error) if error.fault() != Fault::NotFound => self.desk.retry_reading(row, error).await,
            PlaceError::Store(error) => self.desk.retry_on_ledger_error(row, error),
            PlaceError::Webex(_) | PlaceError::Unplaced(_) => self.desk.retry_or_give_up(row, &error.to_string()),
        }
    }
}

/// By what the messages were made.
fn by(told: &[Told<'_>]) -> String {
    let rules: Vec<_> = told.iter().filter_map(|told| told.rule).collect();
    let no_card: String =
        told.iter().filter_map(|told| told.no_card.as_ref().map(|why| format!("; without its card: {why}"))).collect();
    let says = match rules.len() {
        0 => "its message is in the outbox, by the preset".to_owned(),
        1 => format!("its message is in the outbox, by rule {}", rules[0]),
        _ => format!("its messages are in the outbox, by rules {}", rules.join(", ")),
    };
    says + &no_card
}

/// The letters of the messages, for each destination as many as a message needs. The id of a letter is made of its rule,
/// its destination and its part. So it is the same when the event is worked on again, even if fewer rules or destinations
/// were found before.
fn letters(row: &Claimed, hook: &Hook, addresses: &Addresses, told: Vec<Told<'_>>) -> Vec<Entry> {
    let mut letters = Vec::new();
    for told in told {
        let (thread, texts, made) = (told.thread_key(&hook.name), told.texts(), told.of);
        for (to, of) in told.to.iter().zip(0..) {
            let Some(to) = addresses.of(to) else { continue };
            // The card goes with the first part.
            let mut card = told.card.clone();
            for (text, nth) in texts.iter().zip(0..) {
                let attachments = card.take().map(Attachment::adaptive_card).into_iter().collect();
                let message = NewMessage { attachments, markdown: Some(text.clone()), ..NewMessage::default() };
                let letter = match (told.edits(), &thread) {
                    (Some(state), Some(key)) => {
                        Edit::keeping(to.clone(), key, state, message).for_event(row.id).announced().into()
                    }
                    _ => post(row, to, message, thread.as_deref()).into(),
                };
                letters.push(entry(row, letter, letter_id(row, made, [of, nth])));
            }
        }
    }
    letters
}

fn letter_id(row: &Claimed, made: RulePart, [of, nth]: [u32; 2]) -> Uuid {
    let whole = (made.rule * MOST_DESTINATIONS + of) * MOST_PARTS + nth;
    match made.part {
        None => event::reply_id(row.id, whole),
        Some(part) => event::hook_part_id(row.id, part, whole),
    }
}

fn entry(row: &Claimed, letter: Letter, id: Uuid) -> Entry {
    Entry { accepted_at: row.accepted_at, cause: Some(row.id), ..letter.into_entry(id) }
}

/// A plain message about a hook.
pub(super) fn letter(row: &Claimed, to: &Destination, nth: u32, markdown: String, thread: Option<&str>) -> Entry {
    let message = NewMessage { markdown: Some(markdown), ..NewMessage::default() };
    entry(row, post(row, to, message, thread).into(), event::reply_id(row.id, nth))
}

fn post(row: &Claimed, to: &Destination, message: NewMessage, thread: Option<&str>) -> Post {
    let post = Post::of(row.id, to.clone(), message).announced();
    match thread {
        Some(key) => post.in_thread(Thread::Key { key: key.to_owned() }),
        None => post,
    }
}

fn end(preset: &'static str, post: &HookPost, verdict: Verdict, reason: &str) -> EventEnd {
    EventEnd::of_event(["hooks", preset], None, verdict, reason).action(&post.kind())
}

/// The row is a dead letter: an operator may look at it.
fn unreadable(hook: &Hook, post: &HookPost, why: &str) -> Outcome {
    end(hook.preset.name, post, Verdict::Unreadable, "its body cannot be read").noted(why).dead().into()
}
