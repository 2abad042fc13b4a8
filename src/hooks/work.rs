//! Works on what was posted to a hook: reads it by the preset, and makes the messages.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use uuid::Uuid;

use super::addresses::Addresses;
use super::pieces::Piece;
use super::presets::Signal;
use super::rule::{RulePart, Told};
use super::rules::{Telling, Undefined};
use super::{Hook, Hooks};
use crate::config::MOST_DESTINATIONS;
use crate::desk::{Desk, EventEnd, Outcome};
use crate::event::{self, HookPost};
use crate::outbox::{Destination, Edit, Letter, Post, Thread};
use crate::places::{Place, PlaceError, Places};
use crate::store::{Claimed, Effect, Entry, StoreError};
use crate::verdict::Verdict;
use crate::webex::{Attachment, Fault, NewMessage};

/// The messages that a text is cut into are fewer: a template writes 64 KiB at most.
const MOST_PIECES: u32 = 100;

/// The label in metrics if the hook is no longer there.
const NO_PRESET: &str = "none";

/// Why a delivery is tried again that is not worked on to its end.
const ENDS: &str = "the program ends";

/// Why nothing is said of a repeat.
pub(super) const REPEAT: &str = "it is a repeat: it says the same as the last delivery about the same";

/// A delivery that was read.
struct Delivery {
    hook: Arc<Hook>,
    signal: Signal,
    body: Value,
    bytes: Bytes,
    is_repeat: bool,
}

/// How a delivery ends that could be read.
enum Ending {
    /// A rule cannot be carried out, or else a destination cannot be reached. The other messages are told.
    Wrong {
        is_rule: bool,
        error: String,
        letters: Vec<Entry>,
    },
    /// There is nothing to tell, for this reason.
    Silent(String),
    /// It would be told, by these rules.
    Shadow {
        by: String,
    },
    Told {
        by: String,
        letters: Vec<Entry>,
    },
}

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
        let Delivery { hook, signal, body, bytes, is_repeat } = match self.read(row, post).await {
            Ok(delivery) => delivery,
            Err(outcome) => return outcome,
        };
        // A replay says nothing of how things stand now.
        let memory = |is_told| signal.memory(is_told).filter(|_| !post.is_replay);
        let effect = |state| Effect::HookState { key: memory_key(&hook, &signal), state };
        let [if_told, if_not] = [true, false].map(|is_told| memory(is_told).map(effect));
        if is_repeat {
            return close(post, &hook, Ending::Silent(REPEAT.to_owned()), if_told);
        }
        let telling = hook.with_body(&post.headers, bytes, move |hook, headers, _| hook.tell(&signal, headers, &body));
        let Some(Telling { told, mut wrong, undefined, is_blank }) = telling.await else {
            return self.desk.retry_or_give_up(row, ENDS);
        };
        let addresses = match self.find_addresses(told.iter().flat_map(|told| &told.to).collect()).await {
            Ok(addresses) => addresses,
            Err(error) => return self.retry_addressing(row, &error).await,
        };
        self.count(&hook, &told, &undefined);
        let is_rule = !wrong.is_empty();
        wrong.extend(addresses.wrong());
        let undefined: String = undefined.iter().map(|undefined| format!("; {undefined}")).collect();
        let by = by(&told) + &undefined;
        let ending = if !wrong.is_empty() {
            Ending::Wrong { is_rule, error: wrong.join("; "), letters: letters(row, &hook, &addresses, told) }
        } else if told.is_empty() {
            Ending::Silent(format!("{}{undefined}", hook.silence(is_blank)))
        } else if hook.is_shadow {
            Ending::Shadow { by }
        } else {
            Ending::Told { by, letters: letters(row, &hook, &addresses, told) }
        };
        let memory = if matches!(ending, Ending::Told { .. }) { if_told } else { if_not };
        close(post, &hook, ending, memory)
    }

    /// Reads what was posted, and what is remembered of its subject.
    ///
    /// # Errors
    /// The outcome, if there is nothing to be made of it, or not yet.
    async fn read(&self, row: &Claimed, post: &HookPost) -> Result<Delivery, Outcome> {
        let Some(hook) = self.hooks.get(&post.hook) else {
            let reason = "there is no hook of this name any more";
            return Err(end(NO_PRESET, post, Verdict::Failed, reason).dead().into());
        };
        let store = &self.desk.services.store;
        let later = |error: StoreError| self.desk.retry_or_give_up(row, &error.to_string());
        let Some(bytes) = store.raw(row.id).await.map_err(later)? else {
            return Err(unreadable(&hook, post, "its body is no longer in the ledger"));
        };
        let read = |hook: &Hook, headers: &BTreeMap<String, String>, bytes: Bytes| hook.read(headers, &bytes);
        let (mut signal, body) = match hook.with_body(&post.headers, bytes.clone(), read).await {
            Some(Ok(read)) => read,
            Some(Err(error)) => return Err(unreadable(&hook, post, &error.to_string())),
            None => return Err(self.desk.retry_or_give_up(row, ENDS)),
        };
        let mut is_repeat = false;
        if !signal.subject.is_empty() {
            let before = store.hook_state(&memory_key(&hook, &signal)).await.map_err(later)?;
            is_repeat = signal.recall(before.unwrap_or_default()) && !post.is_replay;
        }
        Ok(Delivery { hook, signal, body, bytes, is_repeat })
    }

    /// Counts the rules that hold, and those that do not since they name what is not defined.
    fn count(&self, hook: &Hook, told: &[Told], undefined: &[Undefined]) {
        let metrics = &self.desk.services.metrics;
        told.iter().filter_map(|told| told.rule.as_ref()).for_each(|rule| metrics.rule(&hook.name, rule));
        undefined.iter().for_each(|undefined| metrics.rule_undefined(&hook.name, &undefined.rule));
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

/// Under what the state of a delivery's subject is remembered.
fn memory_key(hook: &Hook, signal: &Signal) -> String {
    format!("{}/{}", hook.name, event::short_key(&signal.subject))
}

/// Ends a delivery. A dead letter leaves no memory of its subject, so that it is worked on when it is tried again.
fn close(post: &HookPost, hook: &Hook, ending: Ending, memory: Option<Effect>) -> Outcome {
    let end = |verdict, reason: &str| end(hook.preset.name, post, verdict, reason);
    match ending {
        Ending::Wrong { is_rule, error, letters } => {
            let reason = match is_rule {
                true => "a rule of the hook cannot be carried out",
                false => "a destination of the hook cannot be reached",
            };
            tracing::error!(hook = hook.name, error, reason, "an event of a hook is a dead letter");
            let letters = if hook.is_shadow { Vec::new() } else { letters };
            end(Verdict::Failed, reason).noted(error).then(letters).dead().into()
        }
        Ending::Silent(reason) => end(Verdict::Ignored, &reason).with(memory).into(),
        Ending::Shadow { by } => {
            let note = format!("shadow = true, so nothing was posted; else {by}");
            end(Verdict::Ignored, "the hook is in shadow: nothing is posted").noted(note).with(memory).into()
        }
        Ending::Told { by, letters } => end(Verdict::Done, "it is told").noted(by).then(letters).with(memory).into(),
    }
}

/// By what the messages were made.
fn by(told: &[Told]) -> String {
    let rules: Vec<_> = told.iter().filter_map(|told| told.rule.as_deref()).collect();
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
/// its destination and its piece. So it is the same when the event is worked on again, even if fewer rules or destinations
/// were found before.
fn letters(row: &Claimed, hook: &Hook, addresses: &Addresses, told: Vec<Told>) -> Vec<Entry> {
    let mut letters = Vec::new();
    for told in told {
        let thread = told.thread_key(&hook.name);
        for (to, of) in told.to.iter().zip(0..) {
            let Some(to) = addresses.of(to) else { continue };
            for (Piece { text, card, picture }, nth) in told.pieces().into_iter().zip(0..) {
                let attachments = card.map(Attachment::adaptive_card).into_iter().collect();
                let message = NewMessage { attachments, markdown: Some(text), ..NewMessage::default() };
                let letter = match (told.edits(), &thread) {
                    (Some(state), Some(key)) => {
                        Edit::keeping(to.clone(), key, state, message).for_event(row.id).announced().into()
                    }
                    _ => Post { picture, ..post(row, to, message, thread.as_deref()) }.into(),
                };
                letters.push(entry(row, letter, letter_id(row, told.of, [of, nth])));
            }
        }
    }
    letters
}

fn letter_id(row: &Claimed, made: RulePart, [of, nth]: [u32; 2]) -> Uuid {
    let whole = (made.rule * MOST_DESTINATIONS + of) * MOST_PIECES + nth;
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
