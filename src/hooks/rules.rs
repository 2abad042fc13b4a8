//! The rules of a hook: which deliveries are told, where, in which thread, and in which words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::presets::{Signal, safe};
use crate::config::HookRule;
use crate::places::Place;
use crate::template::{PLAIN, TemplateError, Templates, Values};
use crate::text::host_link;

/// The rules of one hook.
pub(super) struct Rules {
    templates: Templates,
    rules: Vec<Rule>,
}

struct Rule {
    name: String,
    when: Option<String>,
    /// Empty if its messages go where those of the hook go.
    to: Vec<Place>,
    /// The names of its templates.
    thread: Option<String>,
    template: Option<String>,
    is_last: bool,
}

/// A message that a rule makes.
pub(super) struct Told<'a> {
    /// None if it is the preset's.
    pub rule: Option<&'a str>,
    /// Where it goes. Empty from a rule that leaves it to the hook.
    pub to: &'a [Place],
    /// The key of its thread. Empty if it has none.
    pub thread: String,
    pub markdown: String,
    /// The place of its rule among those of the hook, from 0.
    pub place: u32,
}

/// What is said of a delivery, and which rules could not be carried out.
#[derive(Default)]
pub(super) struct Telling<'a> {
    pub told: Vec<Told<'a>>,
    /// The name of each such rule, and why.
    pub wrong: Vec<String>,
}

impl Rules {
    /// # Errors
    /// The first expression or template that is wrong, with the name of its rule.
    pub(super) fn new(rules: &[HookRule]) -> Result<Rules, String> {
        let (mut templates, mut ready) = (Templates::new(), Vec::new());
        for (rule, nth) in rules.iter().zip(1..) {
            let HookRule { name, when, to, thread, template, stop } = rule;
            let name = name.clone().unwrap_or_else(|| nth.to_string());
            let wrong = |of: &str, error: String| format!("rule {name}: {of}: {error}");
            if let Some(when) = when {
                templates.check(when).map_err(|error| wrong("when", error.to_string()))?;
            }
            let mut add = |of: &str, source: &Option<String>| {
                let Some(source) = source else { return Ok(None) };
                let key = if of == "thread" { format!("{of} {nth}{PLAIN}") } else { format!("{of} {nth}") };
                templates.add(key.clone(), source.clone()).map_err(|error| wrong(of, error.to_string()))?;
                Ok::<_, String>(Some(key))
            };
            let (thread, template) = (add("thread", thread)?, add("template", template)?);
            let to = to.iter().map(|to| Place::of(to)).collect();
            ready.push(Rule { name: name.clone(), when: when.clone(), to, thread, template, is_last: *stop });
        }
        Ok(Rules { templates, rules: ready })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Where the rules say that messages go.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.rules.iter().flat_map(|rule| &rule.to)
    }

    pub(super) fn len(&self) -> usize {
        self.rules.len()
    }

    /// The messages that the rules make of a delivery. A rule that cannot be carried out holds up no other.
    pub(super) fn tell(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Telling<'_> {
        let values = values(signal, headers, body);
        let mut telling = Telling::default();
        for (rule, place) in self.rules.iter().zip(0..) {
            match self.tell_by(rule, place, signal, &values) {
                Ok(None) => continue,
                Ok(Some(told)) => telling.told.push(told),
                Err(error) => telling.wrong.push(format!("rule {}: {error}", rule.name)),
            }
            if rule.is_last {
                break;
            }
        }
        telling
    }

    /// The message of a rule. None if the rule does not hold.
    fn tell_by<'a>(
        &self,
        rule: &'a Rule,
        place: u32,
        signal: &Signal,
        values: &Values,
    ) -> Result<Option<Told<'a>>, TemplateError> {
        if let Some(when) = &rule.when
            && !self.templates.holds(when, values)?
        {
            return Ok(None);
        }
        let render = |name: &str| self.templates.render(name, values);
        let thread = rule.thread.as_deref().map_or_else(|| Ok(signal.key.clone()), render)?;
        let markdown = rule.template.as_deref().map_or_else(|| Ok(default(signal)), render)?;
        Ok(Some(Told { rule: Some(&rule.name), to: &rule.to, thread, markdown, place }))
    }
}

/// What is said without a template: what the preset says, or the little that is known.
fn default(signal: &Signal) -> String {
    let Signal { says, title, event, source, url, .. } = signal;
    if let Some(says) = says {
        return says.clone();
    }
    let what = if title.is_empty() { event } else { title };
    let parts = [safe(source), safe(what), host_link(url)];
    let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).map(String::as_str).collect();
    if parts.is_empty() { "(a delivery without a text)".to_owned() } else { parts.join(" ") }
}

/// What expressions and templates see. What the preset knows hides what the body has under the same name.
fn values(signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Values {
    let (known, unknown): (Vec<_>, Vec<_>) = signal.named().into_iter().partition(|(.., is_known)| *is_known);
    let named = |(name, text, _)| (name, Value::String(text));
    let headers = headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    Values::new(unknown.into_iter().map(named), body, known.into_iter().map(named).chain([("headers", headers)]))
}
