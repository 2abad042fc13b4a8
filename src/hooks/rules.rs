//! The rules of a hook: which deliveries are told, where, in which thread, and in which words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::paths::Path;
use super::presets::{Signal, State};
use super::rule::{Rule, RulePart, Told};
use super::wrong::WrongHook;
use crate::config::HookRule;
use crate::places::Place;
use crate::template::{Given, Templates, Values, is_name};

/// Where a payload, or a part of it, may say how it stands.
const STATES: [&str; 2] = ["status", "state"];

/// Names that mean something else in every template.
const TAKEN: [&str; 10] = ["body", "payload", "headers", "vars", "true", "false", "none", "and", "or", "not"];

/// How many parts a rule looks at for each message that it may make, and how many at least. Most rules hold for few.
const LOOKED_AT_EACH: usize = 10;
const LOOKED_AT: usize = 10_000;

/// The rules of one hook, and the variables that they see.
pub(super) struct Rules {
    templates: Templates,
    vars: Vec<(String, Path)>,
    rules: Vec<Rule>,
    /// How many messages a rule makes of one delivery at most, if it splits it.
    most_parts: usize,
}

/// What is said of a delivery, and which rules could not be carried out.
#[derive(Default)]
pub(super) struct Telling<'a> {
    pub told: Vec<Told<'a>>,
    /// The name of each such rule, and why.
    pub wrong: Vec<String>,
    /// Whether a rule holds whose template wrote nothing.
    pub is_blank: bool,
}

/// What all rules see of a delivery.
struct Seen<'a> {
    signal: &'a Signal,
    body: &'a Value,
    whole: Given,
    below: Vec<(String, Given)>,
    above: Vec<(String, Given)>,
    /// All of that, of the whole.
    values: Values,
}

impl Rules {
    /// # Errors
    /// The first variable, expression or template that is wrong, with its name or that of its rule.
    pub(super) fn new(
        rules: &[HookRule],
        vars: &BTreeMap<String, String>,
        most_parts: usize,
    ) -> Result<Rules, WrongHook> {
        let var = |(name, path): (&String, &String)| match Path::new(path) {
            _ if !is_name(name) || TAKEN.contains(&name.as_str()) => {
                Err(format!("vars.{name}: the name is taken, or no word: use small letters, digits and _"))
            }
            Ok(path) => Ok((name.clone(), path)),
            Err(error) => Err(format!("vars.{name}: {error}")),
        };
        let vars = vars.iter().map(var).collect::<Result<_, String>>()?;
        let mut templates = Templates::new();
        let ready = |(rule, nth)| Rule::new(rule, nth, &mut templates).map_err(|says| WrongHook::at(&rule.place, says));
        let rules = rules.iter().zip(1..).map(ready).collect::<Result<_, _>>()?;
        Ok(Rules { templates, vars, rules, most_parts })
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

    /// The variables of a delivery: name and value. None if there is no such value.
    pub(super) fn variables<'a>(&'a self, body: &'a Value) -> impl Iterator<Item = (&'a str, Option<Value>)> {
        self.vars.iter().map(|(name, path)| (name.as_str(), path.value(body).map(std::borrow::Cow::into_owned)))
    }

    /// The messages that the rules make of a delivery. A rule that cannot be carried out holds up no other.
    pub(super) fn tell(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Telling<'_> {
        let seen = self.seen(signal, headers, body);
        let mut telling = Telling::default();
        for (rule, place) in self.rules.iter().zip(0..) {
            let mut of_rule = Telling::default();
            let holds = self.tell_by(rule, place, &seen, &mut of_rule);
            telling.told.extend(of_rule.told);
            telling.wrong.extend(of_rule.wrong);
            telling.is_blank |= of_rule.is_blank;
            if rule.is_last && holds {
                break;
            }
        }
        telling
    }

    /// Adds the messages of a rule, and what is wrong with it. Whether the rule holds.
    fn tell_by<'a>(&'a self, rule: &'a Rule, place: u32, seen: &Seen<'_>, telling: &mut Telling<'a>) -> bool {
        let Some(each) = &rule.each else {
            let state = state(seen.signal, seen.body, false);
            return self.tell_part(
                rule,
                (RulePart { rule: place, part: None }, state),
                seen.signal,
                &seen.values,
                telling,
            );
        };
        let parts = each.parts(seen.body);
        let most_looked_at = self.most_parts.saturating_mul(LOOKED_AT_EACH).max(LOOKED_AT);
        let (mut left, mut holds) = (0, false);
        for (part, nth) in parts.iter().zip(0..) {
            let looked_at = nth as usize;
            if telling.told.len() >= self.most_parts || looked_at >= most_looked_at {
                left = parts.len() - looked_at;
                break;
            }
            let payload = [("payload".to_owned(), seen.whole.clone())];
            let values =
                Values::new(seen.below.clone(), &Given::from(*part), seen.above.iter().cloned().chain(payload));
            let of = (RulePart { rule: place, part: Some(nth) }, state(seen.signal, part, true));
            holds |= self.tell_part(rule, of, seen.signal, &values, telling);
        }
        // One part that lacks something is like the others: one is told.
        telling.wrong.truncate(1);
        if left > 0 {
            let markdown = format!("… and {left} more in the same delivery, which hooks.parts does not let through");
            let of = RulePart { rule: place, part: Some(u32::MAX) };
            telling.told.push(rule.told(of, seen.signal.key.clone(), markdown));
        }
        holds
    }

    /// Adds the message of a rule about one part, if the rule holds for it, which is the answer.
    fn tell_part<'a>(
        &'a self,
        rule: &'a Rule,
        of: (RulePart, &str),
        signal: &Signal,
        values: &Values,
        telling: &mut Telling<'a>,
    ) -> bool {
        let mut wrong = |error| telling.wrong.push(format!("rule {}: {error}", rule.name));
        // It is not known whether a rule holds whose condition is wrong.
        let holds = rule.holds(&self.templates, values).unwrap_or_else(|error| {
            wrong(error);
            false
        });
        if !holds {
            return false;
        }
        match rule.render(&self.templates, of, signal, values) {
            Ok(told) if told.card.is_none() && told.markdown.is_empty() => telling.is_blank = true,
            Ok(told) => telling.told.push(told),
            Err(error) => wrong(error),
        }
        true
    }

    /// What expressions and templates see. The variables hide what the preset knows, and that hides what the body has
    /// under the same name.
    fn seen<'a>(&self, signal: &'a Signal, headers: &BTreeMap<String, String>, body: &'a Value) -> Seen<'a> {
        let (known, unknown): (Vec<_>, Vec<_>) = signal.named().into_iter().partition(|(.., is_known)| *is_known);
        let named = |(name, text, _): (&str, String, bool)| (name.to_owned(), Given::from(text));
        let found = |(name, value): (&str, Option<Value>)| Some((name.to_owned(), Given::from(&value?)));
        let vars: Vec<_> = self.variables(body).filter_map(found).collect();
        let all = [
            ("vars".to_owned(), vars.iter().cloned().collect::<Given>()),
            ("headers".to_owned(), headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()),
        ];
        let whole = Given::from(body);
        let below: Vec<_> = unknown.into_iter().map(named).collect();
        let above: Vec<_> = known.into_iter().map(named).chain(vars).chain(all).collect();
        let values = Values::new(below.clone(), &whole, above.clone());
        Seen { signal, body, whole, below, above, values }
    }
}

/// How something stands: as the preset knows, or as the payload or its part says. A part says it first.
fn state<'a>(signal: &Signal, of: &'a Value, is_part: bool) -> &'a str {
    let own = STATES.iter().find_map(|name| of[*name].as_str());
    match signal.state {
        State::Info => own.unwrap_or(State::Info.word()),
        known if is_part => own.unwrap_or(known.word()),
        known => known.word(),
    }
}
