//! A parameter of a command as data. The usage line, the help and the refusal of wrong values are derived from it.

use std::time::Duration;

use jiff::civil::Date;

use super::error::{missing, unreadable};
use super::value::{FromArgument, Somebody};
use super::{CommandError, Result};
use crate::config::ArgumentType;
use crate::text::{find, folded, is_invisible, quoted};

/// A parameter of a command. People give its value by position, or as `name=value`.
///
/// A value has to be given, unless the parameter is [optional](Param::optional) or has a [default](Param::default). A
/// value that is not of its kind, or none of its choices, is refused with a sentence before the command runs.
///
/// ```
/// # use switchboard::{Command, Param, Reply};
/// let note = Command::new("note", "Notes time", async |_, args| {
///     let (minutes, text): (u32, String) = (args.get("minutes")?, args.get("text")?);
///     Ok(Reply::text(format!("{minutes} minutes: {text}")))
/// });
/// let note = note.param(Param::integer("minutes")).param(Param::text("text").rest());
/// assert_eq!(note.usage(), "note <minutes> <text...>");
/// ```
#[derive(Clone, Debug)]
pub struct Param {
    name: String,
    about: String,
    kind: ArgumentType,
    choices: Vec<String>,
    default: Option<String>,
    optional: bool,
    rest: bool,
}

impl Param {
    /// A parameter that takes values of this kind.
    pub(crate) fn new(name: &str, kind: ArgumentType) -> Param {
        Param {
            name: name.to_owned(),
            about: String::new(),
            kind,
            choices: Vec::new(),
            default: None,
            optional: kind == ArgumentType::Flag,
            rest: false,
        }
    }

    /// A word, or several in quotation marks.
    pub fn text(name: &str) -> Param {
        Param::new(name, ArgumentType::Text)
    }

    /// A whole number.
    pub fn integer(name: &str) -> Param {
        Param::new(name, ArgumentType::Integer)
    }

    /// A number, with a decimal point.
    pub fn number(name: &str) -> Param {
        Param::new(name, ArgumentType::Number)
    }

    /// `90s`, `15m`, `2h` or `7d`.
    pub fn duration(name: &str) -> Param {
        Param::new(name, ArgumentType::Duration)
    }

    /// A day such as `2026-11-30`.
    pub fn date(name: &str) -> Param {
        Param::new(name, ArgumentType::Date)
    }

    /// An email address, or Webex's id of a person.
    pub fn person(name: &str) -> Param {
        Param::new(name, ArgumentType::Person)
    }

    /// A flag: on if its name or `name=yes` is given, anywhere among the arguments.
    pub fn flag(name: &str) -> Param {
        Param::new(name, ArgumentType::Flag)
    }

    /// What `help` says of it.
    #[must_use]
    pub fn about(mut self, about: &str) -> Param {
        about.trim().clone_into(&mut self.about);
        self
    }

    /// Lets people leave the value out.
    #[must_use]
    pub fn optional(mut self) -> Param {
        self.optional = true;
        self
    }

    /// Sets the value that is used if none is given.
    #[must_use]
    pub fn default(mut self, value: &str) -> Param {
        self.default = Some(value.to_owned());
        self
    }

    /// Allows only these values, in any case. The handler gets the value as it is spelt here.
    #[must_use]
    pub fn choices(mut self, choices: impl IntoIterator<Item = impl Into<String>>) -> Param {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// Takes all text that is left, with blanks and quotation marks exactly as typed. Only the last parameter can do
    /// so.
    #[must_use]
    pub fn rest(mut self) -> Param {
        self.rest = true;
        self
    }

    /// The name of the parameter.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `help` says of it.
    pub(crate) fn more(&self) -> &str {
        &self.about
    }

    pub(super) fn is_needed(&self) -> bool {
        !self.optional && self.default.is_none()
    }

    pub(super) fn is_flag(&self) -> bool {
        self.kind == ArgumentType::Flag
    }

    pub(super) fn takes_rest(&self) -> bool {
        self.rest
    }

    /// The parameter as the usage line shows it.
    pub(super) fn usage(&self) -> String {
        let shown = if self.choices.is_empty() { self.name.clone() } else { self.choices.join("|") };
        let dots = if self.rest { "..." } else { "" };
        if self.is_needed() { format!("<{shown}{dots}>") } else { format!("[{shown}{dots}]") }
    }

    /// The value for a text that was given, or the default if none was.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if the text is no such value, or is missing.
    pub(super) fn value(&self, text: Option<String>) -> Result<Option<String>> {
        match text.or_else(|| self.default.clone()) {
            Some(text) => self.read(text).map(Some).map_err(CommandError::Usage),
            None if self.is_needed() => Err(CommandError::Usage(missing(&self.name))),
            None => Ok(None),
        }
    }

    /// The text as a handler gets it. One of the choices is spelt as it was declared.
    fn read(&self, text: String) -> Result<String, String> {
        if !self.choices.is_empty() {
            let chosen = find(&text, self.choices.iter(), |choice| choice);
            let unknown = || {
                format!(
                    "\"{}\" is not a choice for {}; say one of {}.",
                    quoted(&text),
                    self.name,
                    self.choices.join(", ")
                )
            };
            return chosen.cloned().ok_or_else(unknown);
        }
        if self.is_kind(&text) { Ok(text) } else { Err(unreadable(&text, self.kind(), &self.name)) }
    }

    /// The name of the parameter's kind, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self.kind {
            ArgumentType::Text => String::KIND,
            ArgumentType::Integer => i64::KIND,
            ArgumentType::Number => f64::KIND,
            ArgumentType::Duration => Duration::KIND,
            ArgumentType::Date => Date::KIND,
            ArgumentType::Person => Somebody::KIND,
            ArgumentType::Flag => bool::KIND,
        }
    }

    fn is_kind(&self, text: &str) -> bool {
        match self.kind {
            ArgumentType::Text => true,
            ArgumentType::Integer => i64::read(text).is_some() || u64::read(text).is_some(),
            ArgumentType::Number => f64::read(text).is_some(),
            ArgumentType::Duration => Duration::read(text).is_some(),
            ArgumentType::Date => Date::read(text).is_some(),
            ArgumentType::Person => Somebody::read(text).is_some(),
            ArgumentType::Flag => bool::read(text).is_some(),
        }
    }

    /// What is wrong with the parameter, as a clause for the author of the command.
    fn wrong(&self) -> Option<String> {
        let Param { name, default, .. } = self;
        let is_word = |c: char| (c.is_alphanumeric() && !is_invisible(c)) || matches!(c, '_' | '-');
        if name.is_empty() || !name.chars().all(is_word) {
            return Some("is not called by one word of letters, digits, - and _".to_owned());
        }
        if self.rest && self.kind != ArgumentType::Text {
            return Some("takes the rest, and is no text".to_owned());
        }
        if let Some(choice) = self.choices.iter().find(|choice| self.is_flag() || !self.is_kind(choice)) {
            return Some(format!("has a choice that it cannot have: {choice}"));
        }
        let default = default.clone()?;
        self.read(default).err().map(|says| format!("has a default that it cannot have: {says}"))
    }
}

/// What is wrong with the parameters of a command, as a sentence for its author.
pub(super) fn wrong(params: &[Param]) -> Option<String> {
    for (nth, param) in params.iter().enumerate() {
        let (before, name) = (&params[..nth], &param.name);
        let wrong = param.wrong().or_else(|| {
            if before.iter().any(|other| folded(&other.name) == folded(name)) {
                Some("is declared twice".to_owned())
            } else if before.iter().any(Param::takes_rest) {
                Some("follows one that takes the rest".to_owned())
            } else if param.is_needed() && before.iter().any(|other| !other.is_needed() && !other.is_flag()) {
                Some("has to be given, and follows one that may be left out".to_owned())
            } else {
                None
            }
        });
        if let Some(wrong) = wrong {
            return Some(format!("the parameter \"{name}\" {wrong}"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_that_nobody_could_give_are_refused() {
        let says = |params: &[Param]| wrong(params).unwrap_or_default();
        for (params, expected) in [
            (vec![Param::text("two words")], "the parameter \"two words\" is not called by one word"),
            (vec![Param::text("A"), Param::integer("a")], "the parameter \"a\" is declared twice"),
            (vec![Param::integer("a").choices(["1", "x"])], "has a choice that it cannot have: x"),
            (vec![Param::flag("a").choices(["on"])], "has a choice that it cannot have: on"),
            (vec![Param::text("Größe"), Param::text("GRÖSSE")], "the parameter \"GRÖSSE\" is declared twice"),
            (vec![Param::text("\u{115f}")], "is not called by one word"),
            (vec![Param::integer("a").rest()], "the parameter \"a\" takes the rest, and is no text"),
            (vec![Param::text("a").rest(), Param::text("b")], "\"b\" follows one that takes the rest"),
            (vec![Param::text("a").optional(), Param::text("b")], "\"b\" has to be given, and follows"),
            (vec![Param::integer("a").default("x")], "has a default that it cannot have: \"x\" is no whole number"),
            (
                vec![Param::text("a").choices(["b"]).default("c")],
                "cannot have: \"c\" is not a choice for a; say one of b.",
            ),
        ] {
            assert!(says(&params).contains(expected), "{}", says(&params));
        }
        let fine =
            [Param::flag("now"), Param::text("a"), Param::duration("b").default("7d"), Param::text("c").optional()];
        assert_eq!(says(&fine), "");
    }

    #[test]
    fn a_default_is_had_as_it_is_spelt_among_the_choices() {
        let what = Param::text("what").choices(["Work", "Rest"]).default("work");
        assert_eq!((wrong(std::slice::from_ref(&what)), what.value(None).unwrap().as_deref()), (None, Some("Work")));
    }
}
