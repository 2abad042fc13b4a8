//! Hooks that expect something to come: when a silence is too long, when it has ended, and what is said of both.

use std::time::Duration;

use super::work::{HookWork, letter};
use super::{Hook, Hooks};
use crate::config::HookExpect;
use crate::desk::{EventEnd, Outcome};
use crate::event::Silence;
use crate::store::{Claimed, Effect, ExpectedHook};
use crate::text::{escape, minute};
use crate::verdict::Verdict;

/// The longest time without a daemon after which a silence counts on. A sender repeats what it could not post meanwhile.
const SHORT: Duration = Duration::from_secs(300);

/// The part of `every` that is as short for a hook that expects something more often.
const SHORT_PART: u32 = 4;

/// The label in metrics, after the resource.
const LABELS: [&str; 2] = ["silences", "hook"];

/// The hooks that expect something to come, each with the longest time without a daemon after which its silence counts
/// on.
pub fn watched(hooks: &Hooks) -> Vec<(String, Duration)> {
    let short = |expect: &HookExpect| expect.every.map_or(SHORT, |every| SHORT.min(every / SHORT_PART));
    let now = hooks.now();
    hooks.0.settings.values().filter_map(|hook| Some((hook.name.clone(), short(hook.expects(now)?)))).collect()
}

/// The silences that are too long or have ended by now, in milliseconds since 1970, and of which nobody was told yet.
pub fn due_silences(hooks: &Hooks, expected: &[ExpectedHook], now: i64) -> Vec<Silence> {
    let due = |state: &ExpectedHook| {
        let expect = hooks.0.settings.get(&state.hook)?.expects(now)?;
        let silence = |since, is_over| Silence { hook: state.hook.clone(), since, is_over };
        match state.silent_since {
            Some(since) => has_ended(state, since).then(|| silence(since, true)),
            None => {
                let since = state.quiet_since();
                (expect.due(since) <= now).then(|| silence(since, false))
            }
        }
    };
    expected.iter().filter_map(due).collect()
}

/// Whether something has come since a silence began.
fn has_ended(state: &ExpectedHook, since: i64) -> bool {
    state.heard_at.is_some_and(|heard| heard > since)
}

impl HookWork {
    /// Tells people that a hook has been silent for too long, or that something has come again.
    pub async fn tell_silence(&self, row: &Claimed, silence: &Silence) -> Outcome {
        let Silence { hook: name, since, is_over } = silence;
        let hook = self.hooks.0.settings.get(name).and_then(|hook| Some((hook, hook.expects(self.hooks.now())?)));
        let Some((hook, expect)) = hook else {
            return end(silence, Verdict::Ignored, "no hook of this name expects something any more").into();
        };
        let state = match self.desk.services.store.expected_hook(name).await {
            Ok(Some(state)) => state,
            Ok(None) => return end(silence, Verdict::Noted, "the ledger no longer knows of it").into(),
            Err(error) => return self.desk.retry_on_ledger_error(row, &error),
        };
        let is_told = state.silent_since == Some(*since);
        if *is_over != is_told || *is_over != has_ended(&state, *since) {
            return end(silence, Verdict::Noted, "it is no longer so").into();
        }
        let since_told = (!is_over).then_some(*since);
        let effect = Effect::Silence { hook: name.clone(), since: since_told };
        if hook.is_shadow {
            let reason = "the hook is in shadow: nothing is posted";
            return end(silence, Verdict::Ignored, reason).with([effect]).into();
        }
        let markdown = if *is_over { ended(hook, expect, &state, *since) } else { begun(hook, expect, *since) };
        let addresses = match self.find_addresses(hook.to.iter().collect()).await {
            Ok(addresses) => addresses,
            Err(error) => return self.retry_addressing(row, &error).await,
        };
        let thread = format!("silences/{name}/{since}");
        let to = hook.to.iter().zip(0..).filter_map(|(to, nth)| Some((addresses.of(to)?, nth)));
        let letters: Vec<_> = to.map(|(to, nth)| letter(row, to, nth, markdown.clone(), Some(&thread))).collect();
        let wrong = addresses.wrong();
        if !wrong.is_empty() {
            let end = end(silence, Verdict::Failed, "a destination of the hook cannot be reached");
            return end.noted(wrong.join("; ")).then(letters).dead().into();
        }
        end(silence, Verdict::Done, "it is told").then(letters).with([effect]).into()
    }
}

fn end(silence: &Silence, verdict: Verdict, reason: &str) -> EventEnd {
    EventEnd::of_event(LABELS, None, verdict, reason).action(&silence.kind())
}

/// What is said when a silence is too long.
fn begun(hook: &Hook, expect: &HookExpect, since: i64) -> String {
    let every = expect.every.map(|every| format!("at least every {}", span(every)));
    let by = expect.by.as_ref().map(|by| format!("each day by {by}"));
    let wanted: Vec<_> = every.into_iter().chain(by).collect();
    let (name, at) = (escape(&hook.name), at(expect, since));
    format!(
        "**{name} is silent**: nothing has come to this hook since {at}. Something should come {}.",
        wanted.join(", and ")
    )
}

/// What is said when something has come again.
fn ended(hook: &Hook, expect: &HookExpect, state: &ExpectedHook, since: i64) -> String {
    let heard = state.heard_at.unwrap_or(since);
    let after = span(Duration::from_millis(heard.abs_diff(since)));
    format!("**{} is heard again**: something came at {}, after {after}.", escape(&hook.name), at(expect, heard))
}

/// A time, in the zone of `by` if there is one.
fn at(expect: &HookExpect, ms: i64) -> String {
    expect.by.as_ref().map_or_else(|| minute(ms), |by| by.written(ms))
}

/// A time span with its two largest units, such as `1 d 2 h`.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown = units.iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown.map(|(count, unit)| format!("{count} {unit}")).collect();
    if shown.is_empty() { "0 s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_its_two_largest_units() {
        let said = [0, 5, 60, 3_661, 86_400, 90_000, 700_000].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(said, ["0 s", "5 s", "1 min", "1 h 1 min", "1 d", "1 d 1 h", "8 d 2 h"]);
    }
}
