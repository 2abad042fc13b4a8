//! One rule of a hook: when it holds, and the message that it makes then.

use std::fs;

use serde_json::Value;

use super::paths::Path;
use super::presets::{Signal, safe};
use crate::card::Card;
use crate::config::HookRule;
use crate::event::short_key;
use crate::places::Place;
use crate::template::{CARD, Holding, PLAIN, Templates, Values};
use crate::text::host_link;

/// A rule, with the names of its templates.
pub(super) struct Rule {
    pub(super) name: String,
    /// How it splits a delivery first.
    pub(super) each: Option<Path>,
    when: Option<String>,
    /// Empty if its messages go where those of the hook go.
    pub(super) to: Vec<Place>,
    thread: Option<String>,
    template: Option<String>,
    card: Option<String>,
    updates: bool,
    pub(super) is_last: bool,
}

/// What a message is made of: the place of its rule among those of the hook, from 0, and which part of the delivery it
/// tells, if its rule splits it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RulePart {
    pub rule: u32,
    pub part: Option<u32>,
}

/// What a rule looks at: a delivery, or a part of it.
pub(super) struct View<'a> {
    pub of: RulePart,
    /// What the preset knows of the delivery.
    pub signal: &'a Signal,
    /// By what the part is known, if the preset knows.
    pub id: Option<String>,
    /// How it stands.
    pub state: &'a str,
    /// What expressions and templates see.
    pub values: Values,
}

/// A message that a rule makes.
pub(super) struct Told {
    /// None if it is the preset's.
    pub rule: Option<String>,
    /// Where it goes. Empty from a rule that leaves it to the hook.
    pub to: Vec<Place>,
    /// The key of its thread. Empty if it has none.
    pub thread: String,
    pub markdown: String,
    /// The address of a picture that goes with it, if that can be had.
    pub picture: Option<String>,
    /// The JSON of a card.
    pub card: Option<Value>,
    /// Why it has no card although it was to have one.
    pub no_card: Option<String>,
    /// The state that it tells, if it takes the place of the first message of its thread.
    pub updates: Option<String>,
    pub of: RulePart,
}

impl Rule {
    /// A rule of the settings, which has this number. Its templates join the others. `knows_parts` says whether the
    /// preset knows by what a part is known.
    ///
    /// # Errors
    /// What of it is wrong, with its name.
    pub(super) fn new(
        rule: &HookRule,
        nth: usize,
        templates: &mut Templates,
        knows_parts: bool,
    ) -> Result<Rule, String> {
        let HookRule { name, each, when, to, thread, update, template, template_file, card, stop, .. } = rule;
        let name = name.clone().unwrap_or_else(|| nth.to_string());
        let wrong = |of: &str, error: String| format!("rule {name}: {of}: {error}");
        let condition = when.as_ref().map(|when| {
            let key = format!("when {nth}");
            templates.add_condition(key.clone(), when).map_err(|error| wrong("when", error.to_string()))?;
            Ok::<_, String>(key)
        });
        let when = condition.transpose()?;
        let each = each.as_deref().map(Path::new).transpose().map_err(|error| wrong("each", error))?;
        let template = match (template, template_file) {
            (Some(_), Some(_)) => {
                return Err(wrong("template_file", "template is given too; keep one of them".to_owned()));
            }
            (Some(template), None) => Some(template.clone()),
            (None, Some(file)) => Some(
                fs::read_to_string(file)
                    .map_err(|error| wrong("template_file", format!("{} cannot be read: {error}", file.display())))?,
            ),
            (None, None) => None,
        };
        if each.is_some() && template.is_none() && card.is_none() {
            return Err(wrong("each", "what is said of a part? Give a template or a card".to_owned()));
        }
        if each.is_some() && *update && thread.is_none() && !knows_parts {
            let says = "a later message of which part takes the place of this one? Give thread as well, with what a part is \
                        known by, such as thread = \"{{ body.id }}\"";
            return Err(wrong("update", says.to_owned()));
        }
        let mut add = |of: &str, ending: &str, source: Option<&String>| {
            let Some(source) = source else { return Ok(None) };
            let key = format!("{of} {nth}{ending}");
            templates.add(key.clone(), source.clone()).map_err(|error| wrong(of, error.to_string()))?;
            Ok::<_, String>(Some(key))
        };
        let (thread, template) = (add("thread", PLAIN, thread.as_ref())?, add("template", "", template.as_ref())?);
        let source = card.as_deref();
        let card = add("card", CARD, card.as_ref())?;
        if let Some(problem) = source.and_then(card_problem) {
            return Err(wrong("card", problem));
        }
        Ok(Rule {
            each,
            when,
            to: to.iter().map(|to| Place::of(to)).collect(),
            thread,
            template,
            card,
            updates: *update,
            is_last: *stop,
            name,
        })
    }

    /// Whether the rule holds for what these values say.
    ///
    /// # Errors
    /// Its condition cannot be evaluated.
    pub(super) fn holds(&self, templates: &Templates, values: &Values) -> Result<Holding, String> {
        let Some(when) = &self.when else { return Ok(Holding::Yes) };
        templates.holds(when, values).map_err(|error| format!("when: {error}"))
    }

    /// The message of the rule, which holds.
    ///
    /// # Errors
    /// A template cannot be rendered, or the card is none.
    pub(super) fn render(
        &self,
        templates: &Templates,
        View { of, signal, id, state, values }: &View<'_>,
    ) -> Result<Told, String> {
        let render = |of: &str, name: &str| templates.render(name, values).map_err(|error| format!("{of}: {error}"));
        let thread = match (&self.thread, id) {
            (Some(name), _) => render("thread", name)?,
            // The message of one part takes the place of none of another.
            (None, Some(id)) if self.updates => format!("{}/{id}", signal.key),
            (None, None) if self.updates && of.part.is_some() => {
                return Err("update: it is not known which part this is; give thread as well".to_owned());
            }
            (None, _) => signal.key.clone(),
        };
        // What a sender wrote may spoil the card, and must not keep the message from anybody.
        let json = self.card.as_deref().map(|name| render("card", name)).transpose()?;
        let (card, no_card) = match json.as_deref().map(card).transpose() {
            Ok(card) => (card, None),
            Err(error) => (None, Some(error)),
        };
        let markdown = match (&self.template, &card) {
            (Some(name), card) => match (render("template", name)?, card) {
                (text, Some(card)) if text.is_empty() => card.fallback(),
                (text, _) => text,
            },
            (None, Some(card)) => card.fallback(),
            (None, None) => default(signal),
        };
        let card = card.map(Card::into_json);
        let updates = self.updates.then(|| short_key(state));
        // The picture belongs to the words of the preset for the whole delivery.
        let is_default = self.template.is_none() && self.card.is_none() && of.part.is_none();
        let picture = signal.picture.clone().filter(|_| is_default);
        Ok(Told { picture, card, no_card, updates, ..self.told(*of, thread, markdown) })
    }

    /// A plain message of the rule.
    pub(super) fn told(&self, of: RulePart, thread: String, markdown: String) -> Told {
        let (rule, to) = (Some(self.name.clone()), self.to.clone());
        Told { rule, to, thread, markdown, picture: None, card: None, no_card: None, updates: None, of }
    }
}

/// What is wrong with the template of a card, whatever comes, as far as that can be seen.
fn card_problem(source: &str) -> Option<String> {
    if source.contains("{%") {
        return None;
    }
    // Each value is an address, or a number where that alone is JSON.
    let filled = |value: &str| {
        let parts: Vec<&str> = source.split("{{").collect();
        let rest = parts[1..].iter().map(|part| part.split_once("}}").map_or("", |(_, rest)| rest));
        rest.fold(parts[0].to_owned(), |filled, rest| filled + value + rest)
    };
    let (address, number) = (filled("https://example.com/1"), filled("1"));
    let json = [address, number].into_iter().find(|json| serde_json::from_str::<Value>(json).is_ok());
    match json {
        Some(json) => card(&json).err(),
        None => Some("it is no JSON, whatever its values are".to_owned()),
    }
}

/// Reads a card that a template wrote. Nobody could be asked whether a click on it may do something, so none of its
/// buttons does.
fn card(json: &str) -> Result<Card, String> {
    let content: Value = serde_json::from_str(json)
        .map_err(|error| format!("it is no JSON at line {}, column {}", error.line(), error.column()))?;
    if Card::submits(&content) {
        return Err("it has a button that submits, and a hook's card can only show and link".to_owned());
    }
    Card::from_json(content).map_err(|error| error.to_string())
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
