//! Works on what was posted to a hook: reads it by the preset, and makes the messages.

use std::sync::Arc;

use super::rules::{Telling, Told};
use super::{Hook, Hooks, body};
use crate::desk::{Desk, EventEnd, Outcome};
use crate::event::{self, HookPost};
use crate::outbox::{Destination, Letter, Post, Thread};
use crate::store::{Claimed, Entry};
use crate::text::{MOST_BYTES, split};
use crate::verdict::Verdict;
use crate::webex::NewMessage;

/// More than the destinations of a rule, and than the messages that a template can fill.
const MOST_DESTINATIONS: u32 = 1000;
const MOST_PARTS: u32 = 100;

/// The label in metrics if the settings no longer have the hook.
const NO_PRESET: &str = "none";

/// Works on events of hooks.
pub struct HookWork {
    hooks: Hooks,
    desk: Arc<Desk>,
}

impl HookWork {
    /// Works by these hooks, and closes events at this desk.
    pub fn new(hooks: Hooks, desk: &Arc<Desk>) -> HookWork {
        HookWork { hooks, desk: Arc::clone(desk) }
    }

    /// Makes the messages of a delivery.
    pub async fn work(&self, row: &Claimed, post: &HookPost) -> Outcome {
        let Some(hook) = self.hooks.0.get(&post.hook) else {
            let reason = "the settings have no hook of this name any more";
            return end(NO_PRESET, post, Verdict::Failed, reason).dead().into();
        };
        let bytes = match self.desk.services.store.raw(row.id).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return unreadable(hook, post, "its body is no longer in the ledger"),
            Err(error) => return self.desk.retry_or_give_up(row, &error.to_string()),
        };
        let body = match body::read(&post.headers, &bytes) {
            Ok(body) => body,
            Err(error) => return unreadable(hook, post, &error.to_string()),
        };
        let preset = hook.preset.name;
        let Telling { told, wrong } = hook.tell(&hook.preset.signal(&post.headers, &body), &post.headers, &body);
        if !wrong.is_empty() {
            let error = wrong.join("; ");
            tracing::error!(hook = hook.name, error, "a rule of a hook cannot be carried out");
            let end = end(preset, post, Verdict::Failed, "a rule of the hook cannot be carried out");
            return end.noted(error).then(letters(row, hook, told)).dead().into();
        }
        if told.is_empty() {
            return end(preset, post, Verdict::Ignored, hook.silence()).into();
        }
        end(preset, post, Verdict::Done, "it is told").noted(by(&told)).then(letters(row, hook, told)).into()
    }
}

/// By what the messages were made.
fn by(told: &[Told<'_>]) -> String {
    let rules: Vec<_> = told.iter().filter_map(|told| told.rule).collect();
    match rules.len() {
        0 => "its message is in the outbox, by the preset".to_owned(),
        1 => format!("its message is in the outbox, by rule {}", rules[0]),
        _ => format!("its messages are in the outbox, by rules {}", rules.join(", ")),
    }
}

/// The letters of the messages, for each destination as many as a message needs. A letter has the same id when its event
/// is worked on again, whichever rules held before.
fn letters(row: &Claimed, hook: &Hook, told: Vec<Told<'_>>) -> Vec<Entry> {
    let mut letters = Vec::new();
    for Told { to, thread, markdown, place, .. } in told {
        let thread = (!thread.is_empty()).then(|| format!("hooks/{}/{}", hook.name, event::short_key(&thread)));
        for (to, of) in to.iter().zip(0..) {
            for (part, nth) in split(&markdown, MOST_BYTES).into_iter().zip(0..) {
                let nth = (place * MOST_DESTINATIONS + of) * MOST_PARTS + nth;
                letters.push(letter(row, to, nth, part, thread.as_deref()));
            }
        }
    }
    letters
}

fn letter(row: &Claimed, to: &Destination, nth: u32, markdown: String, thread: Option<&str>) -> Entry {
    let message = NewMessage { markdown: Some(markdown), ..NewMessage::default() };
    let post = Post::of(row.id, to.clone(), message).announced();
    let post = match thread {
        Some(key) => post.in_thread(Thread::Key { key: key.to_owned() }),
        None => post,
    };
    Entry { accepted_at: row.accepted_at, ..Letter::from(post).into_entry(event::reply_id(row.id, nth)) }
}

fn end(preset: &'static str, post: &HookPost, verdict: Verdict, reason: &str) -> EventEnd {
    EventEnd::of_event(["hooks", preset], None, verdict, reason).action(&post.kind())
}

/// The row is a dead letter: an operator may look at it.
fn unreadable(hook: &Hook, post: &HookPost, why: &str) -> Outcome {
    end(hook.preset.name, post, Verdict::Unreadable, "its body cannot be read").noted(why).dead().into()
}
