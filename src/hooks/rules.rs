//! The rules of a hook: which deliveries are told, where, in which thread, and in which words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use super::paths::Path;
use super::presets::{ReadPart, Signal, State};
use super::rule::{Rule, RulePart, Told, View};
use super::wrong::WrongHook;
use crate::config::HookRule;
use crate::places::Place;
use crate::template::{Given, Holding, Templates, Values, is_name};

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
    /// How the preset reads a part.
    read_part: Option<ReadPart>,
}

/// What is said of a delivery, and which rules could not be carried out.
#[derive(Default)]
pub(super) struct Telling {
    pub told: Vec<Told>,
    /// The name of each such rule, and why.
    pub wrong: Vec<String>,
    /// The rules that do not hold since their conditions name what is not defined.
    pub undefined: Vec<Undefined>,
    /// Whether a rule holds whose template wrote nothing.
    pub is_blank: bool,
}

/// A rule that does not hold for a delivery, or for some parts of it, and the names that are not defined.
pub(super) struct Undefined {
    pub rule: String,
    names: BTreeSet<String>,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.names.iter().map(String::as_str).collect();
        let verb = if names.len() == 1 { "is" } else { "are" };
        write!(f, "rule {}: {} {verb} not defined", self.rule, names.join(" and "))
    }
}

/// What a rule makes of what it looks at.
enum Ruling {
    /// It does not hold. These names in its condition are not defined.
    Silent(BTreeSet<String>),
    /// It is not known whether it holds, since its condition is wrong.
    Unknown(String),
    /// It holds, and its template wrote nothing.
    Blank,
    /// It holds, and its message cannot be made.
    Wrong(String),
    Told(Box<Told>),
}

impl Rules {
    /// # Errors
    /// The first variable, expression or template that is wrong, with its name or that of its rule.
    pub(super) fn new(
        rules: &[HookRule],
        vars: &BTreeMap<String, String>,
        most_parts: usize,
        read_part: Option<ReadPart>,
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
        let ready = |(rule, nth): (&HookRule, usize)| {
            let ready = Rule::new(rule, nth, &mut templates, read_part.is_some());
            ready.map_err(|says| WrongHook::at(&rule.place, says))
        };
        let rules = rules.iter().zip(1..).map(ready).collect::<Result<_, _>>()?;
        Ok(Rules { templates, vars, rules, most_parts, read_part })
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
    pub(super) fn tell(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Telling {
        let values = self.values(signal, headers, body);
        let mut telling = Telling::default();
        for (rule, nth) in self.rules.iter().zip(0..) {
            let rulings = match &rule.each {
                Some(each) => self.judge_parts(rule, nth, each.parts(body), (signal, &values)),
                None => {
                    let of = RulePart { rule: nth, part: None };
                    let state = state(signal, body, false);
                    vec![self.judge(rule, &View { of, signal, id: None, state, values: values.clone() })]
                }
            };
            let holds = rulings.iter().any(Ruling::holds);
            telling.add(&rule.name, rulings);
            if rule.is_last && holds {
                break;
            }
        }
        telling
    }

    /// What a rule makes of what it sees.
    fn judge(&self, rule: &Rule, view: &View<'_>) -> Ruling {
        match rule.holds(&self.templates, &view.values) {
            Ok(Holding::Yes) => {}
            Ok(Holding::No(undefined)) => return Ruling::Silent(undefined),
            Err(error) => return Ruling::Unknown(error),
        }
        match rule.render(&self.templates, view) {
            Ok(told) if told.card.is_none() && told.markdown.is_empty() => Ruling::Blank,
            Ok(told) => Ruling::Told(Box::new(told)),
            Err(error) => Ruling::Wrong(error),
        }
    }

    /// What a rule makes of each part, up to the limits, and a message that says how many parts are left.
    fn judge_parts(
        &self,
        rule: &Rule,
        nth: u32,
        parts: Vec<&Value>,
        (signal, values): (&Signal, &Values),
    ) -> Vec<Ruling> {
        let most_looked_at = self.most_parts.saturating_mul(LOOKED_AT_EACH).max(LOOKED_AT);
        let (mut rulings, mut told) = (Vec::new(), 0);
        for (part, number) in parts.iter().zip(0..) {
            let looked_at = number as usize;
            if told >= self.most_parts || looked_at >= most_looked_at {
                let left = parts.len() - looked_at;
                let markdown =
                    format!("… and {left} more in the same delivery, which hooks.parts does not let through");
                let of = RulePart { rule: nth, part: Some(u32::MAX) };
                rulings.push(Ruling::Told(Box::new(rule.told(of, signal.key.clone(), markdown))));
                break;
            }
            let of = RulePart { rule: nth, part: Some(number) };
            let ruling = self.judge(rule, &self.part(of, part, signal, values));
            told += usize::from(matches!(ruling, Ruling::Told(_)));
            rulings.push(ruling);
        }
        rulings
    }

    /// What a rule sees of a part: what all rules see of the delivery, and what the preset knows of the part.
    fn part<'a>(&self, of: RulePart, part: &'a Value, signal: &'a Signal, values: &Values) -> View<'a> {
        let (mut values, mut id) = (values.part(part.into()), None);
        if let Some(known) = self.read_part.and_then(|read| read(part)) {
            id = Some(known.id.clone());
            let [below, above] = named(&signal.of_part(known));
            values = values.between(below, above);
        }
        View { of, signal, id, state: state(signal, part, true), values }
    }

    /// What expressions and templates see. The variables hide what the preset knows, and that hides what the body has
    /// under the same name.
    fn values(&self, signal: &Signal, headers: &BTreeMap<String, String>, body: &Value) -> Values {
        let found = |(name, value): (&str, Option<Value>)| Some((name.to_owned(), Given::from(&value?)));
        let vars: Vec<_> = self.variables(body).filter_map(found).collect();
        let all = [
            ("vars".to_owned(), vars.iter().cloned().collect::<Given>()),
            ("headers".to_owned(), headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect()),
        ];
        let [below, above] = named(signal);
        Values::new(below, &body.into(), above).hidden_by(vars.into_iter().chain(all))
    }
}

impl Ruling {
    fn holds(&self) -> bool {
        match self {
            Ruling::Silent(_) | Ruling::Unknown(_) => false,
            Ruling::Blank | Ruling::Wrong(_) | Ruling::Told(_) => true,
        }
    }
}

impl Telling {
    /// Adds what a rule of this name makes of a delivery, or of its parts.
    fn add(&mut self, name: &str, rulings: Vec<Ruling>) {
        let (mut names, mut wrong) = (BTreeSet::new(), None);
        for ruling in rulings {
            match ruling {
                Ruling::Silent(undefined) => names.extend(undefined),
                Ruling::Blank => self.is_blank = true,
                Ruling::Told(told) => self.told.push(*told),
                // The parts of a delivery often fail for the same reason, so the first one is enough.
                Ruling::Unknown(error) | Ruling::Wrong(error) => {
                    wrong.get_or_insert_with(|| format!("rule {name}: {error}"));
                }
            }
        }
        self.wrong.extend(wrong);
        self.undefined.extend((!names.is_empty()).then(|| Undefined { rule: name.to_owned(), names }));
    }
}

/// The names of the preset, as two layers: those without a value, which the body hides, and those with one, which hide the
/// body.
fn named(signal: &Signal) -> [Vec<(String, Given)>; 2] {
    let (known, unknown): (Vec<_>, Vec<_>) = signal.named().into_iter().partition(|(.., is_known)| *is_known);
    [unknown, known].map(|all| all.into_iter().map(|(name, text, _)| (name.to_owned(), Given::from(text))).collect())
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
