//! The inputs of a click or of a typed answer, and the arguments of its button or question. Inputs are hostile until
//! they are read as some type.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use serde_json::Value;

use super::CommandError;
use super::error::{missing, unreadable};
use super::value::{FromArgument, as_seen};
use crate::text::{find, is_blank, is_invisible};

/// What a person filled into the inputs of a card, by their ids, and the arguments of the button they pressed. Or what
/// they typed in answer to a [question](super::Question), and the question's arguments.
///
/// Webex sends every input as text. It leaves out an input that was not touched, or sends it empty; both are `None`
/// here. Anybody in the space can send anything, whatever the card declared. So every getter except [`Inputs::text`]
/// refuses a wrong value with [`CommandError::User`], a sentence for the person: return it with `?`.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    values: BTreeMap<String, String>,
    arguments: BTreeMap<String, String>,
}

impl Inputs {
    pub(crate) fn new(values: &Value, arguments: BTreeMap<String, String>) -> Inputs {
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        let values = values.as_object().into_iter().flatten();
        let values = values.filter(|(id, _)| *id != crate::card::SEAL);
        let values = values.filter_map(|(id, value)| Some((id.clone(), text(value)?))).collect();
        Inputs { values, arguments }
    }

    /// The answer that was typed to a question. If the question names an input, the answer is its value.
    pub(crate) fn typed(input: Option<String>, text: &str, arguments: BTreeMap<String, String>) -> Inputs {
        Inputs { values: input.map(|id| (id, text.to_owned())).into_iter().collect(), arguments }
    }

    /// An argument of the button or question, as the bot set it.
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments.get(name).map(String::as_str)
    }

    /// The text of an input, without the blanks around it.
    pub fn text(&self, id: &str) -> Option<&str> {
        let text = self.values.get(id)?.trim_matches(is_blank);
        (!text.chars().all(is_invisible)).then_some(text)
    }

    /// The text of an input that must not be empty; `name` is the name of the input for people.
    ///
    /// # Errors
    /// The input is empty.
    pub fn required(&self, id: &str, name: &str) -> Result<&str, CommandError> {
        self.text(id).ok_or_else(|| CommandError::User(missing(name)))
    }

    /// The number in an input, with a decimal point: a comma means tenths to some people and thousands to others.
    ///
    /// # Errors
    /// The text is no number.
    pub fn number(&self, id: &str) -> Result<Option<f64>, CommandError> {
        self.read(id, f64::KIND, f64::read)
    }

    /// The day in an input.
    ///
    /// # Errors
    /// The text is no day.
    pub fn date(&self, id: &str) -> Result<Option<Date>, CommandError> {
        self.read(id, Date::KIND, Date::read)
    }

    /// The time of day in an input.
    ///
    /// # Errors
    /// The text is no time of day.
    pub fn time(&self, id: &str) -> Result<Option<Time>, CommandError> {
        self.read(id, "time", |text| text.parse().ok())
    }

    /// Whether a toggle is on, or `yes` was typed. A toggle that was not touched is off.
    ///
    /// # Errors
    /// The text is neither yes nor no.
    pub fn toggle(&self, id: &str) -> Result<bool, CommandError> {
        Ok(self.read(id, bool::KIND, bool::read)?.unwrap_or(false))
    }

    /// The one of these values that was chosen, or typed in any case.
    ///
    /// # Errors
    /// The text is none of these values.
    pub fn one_of<'a>(&self, id: &str, values: &[&'a str]) -> Result<Option<&'a str>, CommandError> {
        self.read(id, "choice", |text| find(text, values.iter().copied(), |value| value))
    }

    /// Those of these values that were chosen, or typed in any case with commas between them.
    ///
    /// # Errors
    /// One of the texts is none of these values.
    pub fn any_of<'a>(&self, id: &str, values: &[&'a str]) -> Result<Vec<&'a str>, CommandError> {
        let chosen = |text: &str| {
            let names = text.split(',').map(|name| name.trim_matches(is_blank)).filter(|name| !name.is_empty());
            names.map(|name| find(name, values.iter().copied(), |value| value)).collect::<Option<Vec<_>>>()
        };
        Ok(self.read(id, "choice", chosen)?.unwrap_or_default())
    }

    /// Everything that was sent, unchanged, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(id, text)| (id.as_str(), text.as_str()))
    }

    fn read<T>(&self, id: &str, kind: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, CommandError> {
        let Some(text) = self.text(id) else { return Ok(None) };
        as_seen(text, parse).map(Some).ok_or_else(|| CommandError::User(unreadable(text, kind, id)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inputs(values: Value) -> Inputs {
        Inputs::new(&values, BTreeMap::from([("service".to_owned(), "api".to_owned())]))
    }

    #[test]
    fn what_was_filled_in_is_read_as_what_it_should_be() {
        let inputs =
            inputs(json!({"why": " because ", "count": "3", "half": "0.5", "day": "2026-03-02", "at": "14:30",
            "sure": "true", "where": "b", "all": "a,b", "empty": "", "bare": 7, "seal": "x"}));
        assert_eq!((inputs.text("why"), inputs.text("empty"), inputs.text("none")), (Some("because"), None, None));
        assert_eq!((inputs.number("count").unwrap(), inputs.number("half").unwrap()), (Some(3.0), Some(0.5)));
        assert_eq!(inputs.number("bare").unwrap(), Some(7.0));
        assert_eq!(inputs.date("day").unwrap(), Some(jiff::civil::date(2026, 3, 2)));
        assert_eq!(inputs.time("at").unwrap(), Some(jiff::civil::time(14, 30, 0, 0)));
        assert!(inputs.toggle("sure").unwrap() && !inputs.toggle("none").unwrap());
        assert_eq!(inputs.one_of("where", &["a", "b"]).unwrap(), Some("b"));
        assert_eq!(inputs.any_of("all", &["b", "a", "c"]).unwrap(), ["a", "b"]);
        assert_eq!(inputs.any_of("none", &["b"]).unwrap(), Vec::<&str>::new());
        assert!(inputs.iter().all(|(id, _)| id != "seal"), "a seal is nothing that was filled in");
    }

    #[test]
    fn what_it_should_not_be_is_refused_with_a_sentence() {
        let inputs = inputs(
            json!({"count": "many", "big": "inf", "thousand": "1,000", "day": "31.2.", "sure": "si", "where": "c<@all>",
            "list": ["a"], "map": {"a": 1}}),
        );
        for refused in [
            inputs.number("count").map(drop),
            inputs.number("big").map(drop),
            inputs.number("thousand").map(drop),
            inputs.date("day").map(drop),
            inputs.time("day").map(drop),
            inputs.toggle("sure").map(drop),
            inputs.any_of("where", &["a"]).map(drop),
            inputs.required("list", "list").map(drop),
        ] {
            assert!(matches!(refused, Err(CommandError::User(_))), "{refused:?}");
        }
        let wrong = inputs.one_of("where", &["a"]).unwrap_err().to_string();
        assert_eq!(wrong, "\"c<@all>\" is no choice that I can take for where.");
        assert_eq!(inputs.required("map", "reason").unwrap_err().to_string(), "I need the reason.");
    }

    #[test]
    fn what_is_typed_is_read_as_the_input_that_it_answers() {
        let typed =
            |text| Inputs::typed(Some("it".to_owned()), text, BTreeMap::from([("it".to_owned(), "kept".to_owned())]));
        assert_eq!((typed(" 3 ").number("it").unwrap(), typed("3").argument("it")), (Some(3.0), Some("kept")));
        assert_eq!(typed("production").one_of("it", &["Staging", "Production"]).unwrap(), Some("Production"));
        assert_eq!(
            typed("A").one_of("it", &["a", "A"]).unwrap(),
            Some("A"),
            "what is the same comes before what is alike"
        );
        assert_eq!(typed("a, A,B").any_of("it", &["A", "a", "b"]).unwrap(), ["a", "A", "b"]);
        assert!(typed("Yes").toggle("it").unwrap() && !typed("no").toggle("it").unwrap());
        assert!(typed("perhaps").toggle("it").is_err() && typed(" ").required("it", "place").is_err());
        assert_eq!(Inputs::typed(None, "text", BTreeMap::new()).iter().count(), 0);
    }

    #[test]
    fn nothing_that_is_filled_in_is_taken_for_an_argument() {
        let inputs = inputs(json!({"service": "other", "color": "red"}));
        assert_eq!((inputs.argument("service"), inputs.argument("color")), (Some("api"), None));
    }
}
