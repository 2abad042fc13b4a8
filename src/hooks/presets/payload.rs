//! What a preset is: a pure function from a payload to its meaning, with what the payloads of all senders need.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::signature::SignatureForm;
pub(crate) use crate::text::host_link as link;
use crate::text::{escape, one_line};

/// The longest text of a payload that a default message repeats, in characters.
const LONGEST: usize = 200;

/// The most items of a list that are shown.
pub const MOST_ITEMS: usize = 5;

/// What is known of one kind of sender.
pub struct Preset {
    /// Its name in the settings.
    pub name: &'static str,
    /// How it signs, if it does.
    pub signature: Option<fn() -> SignatureForm>,
    /// How it proves itself to a hook that is made from the chat.
    pub proof: Proof,
    /// A template of what is to be set at the sender.
    pub setup: &'static str,
    /// The JSON pointers to what may hold secrets. Its values are not shown to people, but rules can name them.
    pub hidden: &'static [&'static str],
    /// Reads a payload.
    pub read: fn(&Payload<'_>) -> Signal,
}

/// How a sender proves itself with a secret that we make. A sender that makes its secret itself cannot sign then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It signs as the preset says.
    Signature,
    /// `Authorization: Bearer` and the secret.
    Bearer,
    /// The secret as the password of a user.
    Basic,
    /// The secret in this header.
    Header(&'static str),
    /// The secret as the last part of the path.
    Path,
}

/// A delivery as it came.
pub struct Payload<'a> {
    /// The headers, by their names in small letters, without those that hold a proof.
    pub headers: &'a BTreeMap<String, String>,
    /// The body.
    pub body: &'a Value,
}

/// What a payload means, whoever sent it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// What happened, as the sender names it.
    pub event: String,
    /// What it is about: payloads with the same key belong to one thread, and are worked on in order. Empty if none do.
    pub key: String,
    /// One line that names it.
    pub title: String,
    /// How it stands.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// The part of the sender's world that it happened in, such as a repository.
    pub source: String,
    /// Who did it.
    pub actor: String,
    /// Where to read on.
    pub url: String,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// What stays the same when the sender repeats this delivery. None if that cannot be told.
    pub delivery: Option<String>,
    /// The message in markdown. None if nothing is said of it.
    pub says: Option<String>,
    /// The address of a picture that is posted with the message, if there is one. Webex may not be able to
    /// reach it, so the bot fetches it.
    pub picture: Option<String>,
    /// What the state is of, such as the builds of a branch, if what came before it matters. Empty if it does not.
    pub subject: String,
    /// What it says of its subject, if the sender says that again and again: it is a repeat if it says the same as the
    /// last delivery about the subject. None if that is told by `delivery`, or cannot be told.
    pub digest: Option<String>,
    /// Whether the message is of interest only if the subject was firing before.
    pub is_recovery: bool,
    /// How the subject stood before. Empty if that is not known.
    pub was: String,
}

/// What is known of one part of a delivery, such as one alert of a group.
pub struct Part {
    /// By what it is known among the parts of deliveries with the same key.
    pub id: String,
    /// The same as of a [`Signal`].
    pub title: String,
    /// How it stands.
    pub state: State,
    /// How bad it is.
    pub severity: Severity,
    /// Where to read on.
    pub url: String,
    /// When it happened.
    pub at: Option<Timestamp>,
}

/// How something stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Something is wrong.
    Firing,
    /// It is well, or well again.
    Ok,
    /// It is neither.
    #[default]
    Info,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Severity {
    Critical,
    Error,
    Warning,
    Info,
    /// The sender does not say.
    #[default]
    None,
}

impl State {
    /// The word that rules use.
    pub fn word(self) -> &'static str {
        match self {
            State::Firing => "firing",
            State::Ok => "ok",
            State::Info => "info",
        }
    }
}

impl Severity {
    /// The word that rules use.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
            Severity::None => "none",
        }
    }

    /// The severity that many senders write like this, in small or capital letters.
    pub fn of(word: &str) -> Severity {
        match word.to_ascii_lowercase().as_str() {
            "critical" | "fatal" | "p1" | "disaster" => Severity::Critical,
            "error" | "high" | "major" | "p2" => Severity::Error,
            "warning" | "warn" | "average" | "minor" | "p3" => Severity::Warning,
            "info" | "information" | "low" | "p4" | "p5" => Severity::Info,
            _ => Severity::None,
        }
    }
}

impl Signal {
    /// What a part of it means.
    pub fn of_part(&self, part: Part) -> Signal {
        let Part { title, state, severity, url, at, .. } = part;
        Signal { title, state, severity, url, at, says: None, ..self.clone() }
    }

    /// What is remembered of its subject, for the next delivery about that. What nobody was told is no repeat when it
    /// comes again.
    pub fn memory(&self, is_told: bool) -> Option<String> {
        let memory = match &self.digest {
            Some(digest) if is_told => Some(digest.clone()),
            Some(_) => Some(String::new()),
            None => (self.state != State::Info).then(|| self.state.word().to_owned()),
        };
        memory.filter(|_| !self.subject.is_empty())
    }

    /// Takes what was remembered of its subject. Whether it is a repeat.
    pub fn recall(&mut self, before: String) -> bool {
        match &self.digest {
            Some(digest) => *digest == before,
            None => {
                let is_state = [State::Firing, State::Ok].iter().any(|state| state.word() == before);
                self.was = if is_state { before } else { String::new() };
                false
            }
        }
    }

    /// What is said of it without rules. A recovery from nothing is no news.
    pub fn news(&self) -> Option<&String> {
        self.says.as_ref().filter(|_| !self.is_recovery || self.was == State::Firing.word())
    }

    /// What it holds, by the names that rules use, and whether the preset knows it.
    pub fn named(&self) -> [(&'static str, String, bool); 10] {
        let text = |name, text: &str| (name, text.to_owned(), !text.is_empty());
        [
            text("event", &self.event),
            text("key", &self.key),
            text("title", &self.title),
            ("state", self.state.word().to_owned(), self.state != State::Info),
            ("severity", self.severity.word().to_owned(), self.severity != Severity::None),
            text("source", &self.source),
            text("actor", &self.actor),
            text("url", &self.url),
            text("was", &self.was),
            text("at", &self.at.map(|at| at.to_string()).unwrap_or_default()),
        ]
    }
}

impl Preset {
    /// What a delivery means. `headers` have names in small letters.
    pub fn signal(&self, headers: &BTreeMap<String, String>, body: &Value) -> Signal {
        (self.read)(&Payload { headers, body })
    }
}

impl Payload<'_> {
    /// A header's value. Empty if it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(String::as_str).unwrap_or_default()
    }

    /// The text at a path such as `/repository/full_name`. Empty if there is none.
    pub fn text(&self, pointer: &str) -> &str {
        text(self.body, pointer)
    }

    /// The same, harmless in markdown and not too long.
    pub fn safe(&self, pointer: &str) -> String {
        safe(self.text(pointer))
    }

    /// The number, or the text, at a path, as a text.
    pub fn number(&self, pointer: &str) -> String {
        match self.body.pointer(pointer) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        }
    }

    /// The first of these paths at which there is a text. Empty if there is none.
    pub fn first(&self, pointers: &[&str]) -> &str {
        pointers.iter().map(|pointer| self.text(pointer)).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The items of a list. Empty if there is no list.
    pub fn list(&self, pointer: &str) -> &[Value] {
        self.body.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// The time at a path, as [`timestamp`] reads it.
    pub fn time(&self, pointer: &str) -> Option<Timestamp> {
        timestamp(&self.number(pointer))
    }

    /// The value of a header that is the id of a delivery.
    pub fn id(&self, header: &str) -> Option<String> {
        Some(self.header(header).to_owned()).filter(|id| !id.is_empty())
    }
}

/// Foreign texts as a list, each by its first line, and how many more there are of `count` in all.
pub fn items<'a>(texts: impl Iterator<Item = &'a str>, count: usize) -> String {
    let lines = texts.take(MOST_ITEMS).map(|text| safe(text.trim().lines().next().unwrap_or_default()));
    bullets(lines.collect(), count)
}

/// Lines of markdown as a list, and how many more there are of `count` in all. It begins with a blank line, without
/// which it may be taken for a part of the paragraph before it. Empty if there are no lines.
pub fn bullets(mut lines: Vec<String>, count: usize) -> String {
    let more = count.saturating_sub(lines.len());
    lines.extend((more > 0 && !lines.is_empty()).then(|| format!("and {more} more")));
    let list: String = lines.iter().map(|line| format!("\n- {line}")).collect();
    if list.is_empty() { list } else { format!("\n{list}") }
}

/// The first of these two, unless it is empty.
pub fn either<'a>(first: &'a str, other: &'a str) -> &'a str {
    if first.is_empty() { other } else { first }
}

/// An event and what happened, as one name. The event alone if there is no more.
pub fn dotted(event: &str, action: &str) -> String {
    if action.is_empty() { event.to_owned() } else { format!("{event}.{action}") }
}

/// The text at a path. Empty if there is none.
pub fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A time as in RFC 3339, where one without a zone is in UTC, or as milliseconds since 1970.
pub fn timestamp(text: &str) -> Option<Timestamp> {
    if let Ok(milliseconds) = text.parse() {
        return Timestamp::from_millisecond(milliseconds).ok();
    }
    let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| in_utc().map(|at| at.timestamp()))
}

/// Foreign text, harmless in markdown, on one line and not too long.
pub fn safe(text: &str) -> String {
    let line = one_line(text);
    let line = line.trim();
    if line.chars().count() <= LONGEST {
        return escape(line);
    }
    escape(&line.chars().take(LONGEST).chain(['…']).collect::<String>())
}

/// A line and a detail below it. Leaves out the detail if it is empty.
pub fn with_detail(line: &str, detail: &str) -> String {
    let line = line.trim_end();
    if detail.is_empty() { line.to_owned() } else { format!("{line}\n\n- {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(with_detail("head ", ""), "head");
        let long = safe(&"*".repeat(500));
        assert!(long.ends_with('…') && long.len() < 500, "{long}");
    }

    #[test]
    fn times_are_read_as_senders_write_them() {
        let at = |time: Value| {
            let body = serde_json::json!({ "at": time });
            Payload { headers: &BTreeMap::new(), body: &body }.time("/at").map(|at| at.to_string())
        };
        for time in
            ["2026-11-27T09:30:00Z", "2026-11-27T10:30:00.000+01:00", "2026-11-27 09:30:00.000", "1795771800000"]
        {
            assert_eq!(at(time.into()).as_deref(), Some("2026-11-27T09:30:00Z"), "{time}");
        }
        assert_eq!(at(1_795_771_800_000_i64.into()).as_deref(), Some("2026-11-27T09:30:00Z"));
        for odd in [Value::Null, "".into(), "soon".into(), i64::MAX.into(), 1.5.into()] {
            assert_eq!(at(odd.clone()), None, "{odd}");
        }
    }
}
