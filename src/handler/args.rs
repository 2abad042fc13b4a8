//! The arguments of a command: the value of each parameter, and a cursor over them.

use std::collections::VecDeque;

use super::error::{missing, unreadable};
use super::param::Param;
use super::value::FromArgument;
use super::{CommandError, Result};
use crate::text::{folded, is_blank, is_invisible, is_only_stops, quoted, trim};

/// The arguments of a command, each of the kind that its [`Param`] declares.
///
/// A handler gets each [by its name](Args::get), or takes one after the other with [`Args::next`]. An error holds a
/// sentence for the person: return it with `?`.
#[derive(Clone, Debug, Default)]
pub struct Args {
    /// One entry for each parameter.
    values: Vec<Given>,
    /// The arguments that were given, without flags.
    words: VecDeque<String>,
}

impl Args {
    /// Cuts a text into words. A word that begins with a quotation mark, straight or curly, goes on to the closing one.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if a double quotation mark is not closed. A single one that is not closed is an
    /// apostrophe.
    pub fn parse(text: &str) -> Result<Args> {
        let mut words = VecDeque::new();
        let mut rest = text;
        while let Some((word, after)) = next_word(rest)? {
            words.push_back(word);
            rest = after;
        }
        Ok(Args { words, values: Vec::new() })
    }

    /// Reads the arguments for these parameters from a text.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if an argument is missing, is one too many, or is not of its parameter's kind.
    pub(crate) fn read(params: &[Param], text: &str) -> Result<Args> {
        let given = assign(params, text)?;
        let mut args = Args::default();
        for (param, text) in params.iter().zip(given) {
            let value = param.value(text)?;
            args.words.extend(value.clone().filter(|_| !param.is_flag()));
            args.values.push(Given { name: param.name().to_owned(), kind: param.kind(), value });
        }
        Ok(args)
    }

    /// The argument of this name: a number, a [`Duration`](std::time::Duration), a [`Date`](jiff::civil::Date),
    /// [`Somebody`](super::Somebody), a `bool` for a flag, a `String`; or an `Option` of these for one that may be left out.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if the text is no such value, for example a number that is too large.
    /// [`CommandError::Internal`] if the handler and the command do not agree, which is a mistake of the program: the
    /// command declares no parameter of this name, or one of another kind, or one that may be left out and is not read
    /// as an `Option`.
    pub fn get<T: FromArgument>(&self, name: &str) -> Result<T> {
        let given = self.values.iter().find(|given| given.name == name);
        let mistake = |what: &str| {
            Err(CommandError::Internal(anyhow::anyhow!("the handler asks for the argument \"{name}\", which {what}")))
        };
        match given {
            None => mistake("the command does not declare; add it with Command::param"),
            Some(Given { value: None, .. }) => match T::left_out() {
                Some(value) => Ok(value),
                None => mistake("may be left out; ask for an Option of it, or give it a default"),
            },
            Some(Given { value: Some(text), kind, .. }) => match T::read(text) {
                Some(value) => Ok(value),
                None if *kind == T::KIND => Err(CommandError::Usage(unreadable(text, T::KIND, name))),
                None => mistake("is declared as another kind"),
            },
        }
    }

    /// The next argument, if there is one.
    #[allow(clippy::should_implement_trait, reason = "a cursor with a finish, not an iterator to be collected")]
    pub fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// The next argument, which must be there; `name` is how the usage line calls it.
    ///
    /// # Errors
    /// [`CommandError::Usage`] if no argument is left.
    pub fn required(&mut self, name: &str) -> Result<String> {
        self.next().ok_or_else(|| CommandError::Usage(missing(name)))
    }

    /// Everything that is left, as one text with single blanks.
    pub fn rest(&mut self) -> String {
        self.words.drain(..).collect::<Vec<_>>().join(" ")
    }

    /// Refuses arguments that are left over.
    ///
    /// # Errors
    /// [`CommandError::Usage`], which names the first argument too many.
    pub fn finish(mut self) -> Result<()> {
        self.next().map_or(Ok(()), |extra| Err(too_much(&extra)))
    }
}

/// A parameter and its value, which is none if it was left out.
#[derive(Clone, Debug)]
struct Given {
    name: String,
    kind: &'static str,
    value: Option<String>,
}

fn too_much(extra: &str) -> CommandError {
    CommandError::Usage(format!("I don't know what to do with \"{}\" here.", quoted(extra)))
}

/// Assigns the parts of a text to the parameters, as they were typed.
fn assign(params: &[Param], text: &str) -> Result<Vec<Option<String>>> {
    let mut given = vec![None; params.len()];
    let mut rest = match params.iter().any(Param::takes_rest) {
        true => text.trim_matches(is_blank),
        false => without_end(text, !params.is_empty()),
    };
    loop {
        rest = rest.trim_start_matches(is_blank);
        let (word, after) = rest.split_at(rest.find(is_blank).unwrap_or(rest.len()));
        let is_open = |nth: &usize| given[*nth].is_none();
        if let Some(nth) = called(params, trim(word)).filter(is_open).filter(|nth| params[*nth].is_flag()) {
            (given[nth], rest) = (Some("yes".to_owned()), after);
            continue;
        }
        let named = named(params, rest).filter(|(nth, _)| is_open(nth));
        let by_place = (0..params.len()).find(|nth| is_open(nth) && !params[*nth].is_flag());
        let (nth, value) = named.map_or((by_place, rest), |(nth, value)| (Some(nth), value));
        if let Some(nth) = nth.filter(|nth| params[*nth].takes_rest()) {
            let value = value.trim_start_matches(is_blank);
            given[nth] = (!value.chars().all(is_invisible)).then(|| value.to_owned());
            return Ok(given);
        }
        // A blank after `name=` means that the parameter is left out. Invisible characters before the blank do not
        // count.
        let (first, _) = value.split_at(value.find(is_blank).unwrap_or(value.len()));
        let word = if named.is_some() && trim(first).is_empty() { None } else { next_word(value)? };
        match (word, nth) {
            (Some((word, after)), Some(nth)) => (given[nth], rest) = (Some(word), after),
            (Some((word, _)), None) => return Err(too_much(&word)),
            (None, _) if named.is_some() => rest = value,
            (None, _) => return Ok(given),
        }
    }
}

/// If the text begins with `name=value`: the parameter of that name, and the text from the value on.
fn named<'a>(params: &[Param], text: &'a str) -> Option<(usize, &'a str)> {
    let (name, after) = text.split_once('=')?;
    Some((called(params, name)?, after))
}

/// The parameter of this name, case aside.
fn called(params: &[Param], name: &str) -> Option<usize> {
    params.iter().position(|param| folded(param.name()) == folded(name))
}

/// The first visible word, and the text after it. A word that begins with a quotation mark goes on to the closing one.
fn next_word(text: &str) -> Result<Option<(String, &str)>> {
    let mut rest = text.trim_matches(is_blank);
    while let Some(first) = rest.chars().next() {
        let quoted = closing(first).map(|closing| {
            let inner = &rest[first.len_utf8()..];
            let end = inner.char_indices().find(|(_, c)| closing.contains(c));
            end.map(|(end, c)| (&inner[..end], &inner[end + c.len_utf8()..]))
        });
        let (word, after) = match quoted {
            Some(Some((word, after))) => return Ok(Some((word.to_owned(), past_end(after)))),
            Some(None) if first != '\'' && first != '\u{2018}' && first != '\u{2019}' => {
                return Err(CommandError::Usage("A quotation mark is not closed.".to_owned()));
            }
            Some(None) | None => rest.split_at(rest.find(is_blank).unwrap_or(rest.len())),
        };
        // A word without quotes loses invisible characters at its ends.
        let word = trim(word);
        if !word.is_empty() {
            return Ok(Some((word.to_owned(), after)));
        }
        rest = after.trim_start_matches(is_blank);
    }
    Ok(None)
}

/// The text without a last word of punctuation, as in `report 7d ?`: some languages put a blank before it. With
/// `may_be_alone`, punctuation that is the whole text stays, since it may be an argument.
fn without_end(text: &str, may_be_alone: bool) -> &str {
    let text = text.trim_matches(is_blank);
    let (before, last) = text.rsplit_once(is_blank).unwrap_or(("", text));
    if is_only_stops(last) && !(may_be_alone && before.trim().is_empty()) { before } else { text }
}

/// The text after a quotation, without punctuation that ends the sentence.
fn past_end(after: &str) -> &str {
    let end = after.find(is_blank).unwrap_or(after.len());
    if is_only_stops(&after[..end]) { &after[end..] } else { after }
}

/// The marks that close a quotation. Phones and Webex's own clients turn straight marks into curly ones.
fn closing(opening: char) -> Option<&'static [char]> {
    match opening {
        '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' => Some(&['"', '\u{201c}', '\u{201d}']),
        '\'' | '\u{2018}' | '\u{2019}' => Some(&['\'', '\u{2019}']),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::*;

    fn words(text: &str) -> Vec<String> {
        Args::parse(text).unwrap().words.into()
    }

    #[test]
    fn words_are_cut_at_any_blank_and_quotes_hold_them_together() {
        assert_eq!(words("  a\u{a0}b\u{2003}c\u{200b} "), ["a", "b", "c"]);
        assert_eq!(words(r#"greet "Alice Bob" 'x y' z"#), ["greet", "Alice Bob", "x y", "z"]);
        assert_eq!(
            words("\u{feff}a\u{200b}b \u{200b} \u{2066}7d\u{2069} ❤\u{fe0f}"),
            ["a\u{200b}b", "7d", "❤\u{fe0f}"]
        );
        assert_eq!(words("“two words” next"), ["two words", "next"]);
        assert_eq!(words(r#"say "" end"#), ["say", "", "end"]);
        assert_eq!(words(r#"say "a b", “c”. "d"!"#), ["say", "a b", "c", "d"]);
        assert_eq!(words("bob's 'tis"), ["bob's", "'tis"]);
        assert!(matches!(Args::parse(r#"say "open"#), Err(CommandError::Usage(_))));
    }

    #[test]
    fn leftovers_are_refused_by_name() {
        let mut args = Args::parse("one two").unwrap();
        assert_eq!(args.required("name").unwrap(), "one");
        assert_eq!(args.finish().unwrap_err().to_string(), "I don't know what to do with \"two\" here.");
        assert_eq!(Args::default().required("name").unwrap_err().to_string(), "I need the name.");
    }

    fn read(params: &[Param], text: &str) -> String {
        match Args::read(params, text) {
            Ok(args) => args.values.iter().map(|given| format!("{}={:?}; ", given.name, given.value)).collect(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn each_parameter_gets_its_value_by_place_or_by_name() {
        let params = [
            Param::integer("minutes"),
            Param::text("what").choices(["Work", "Rest"]).default("Work"),
            Param::flag("billed"),
            Param::duration("ago").optional(),
        ];
        let all = |minutes: &str, what: &str, billed: &str, ago: &str| {
            format!("minutes=Some({minutes:?}); what=Some({what:?}); billed={billed}; ago={ago}; ")
        };
        for (text, expected) in [
            ("30", all("30", "Work", "None", "None")),
            ("30 rest", all("30", "Rest", "None", "None")),
            ("30 billed REST 2h?", all("30", "Rest", "Some(\"yes\")", "Some(\"2h?\")")),
            ("ago=2h 30 Billed=no", all("30", "Work", "Some(\"no\")", "Some(\"2h\")")),
            ("what=\"rest\" minutes='30' !", all("30", "Rest", "None", "None")),
            ("ago= 30", all("30", "Work", "None", "None")),
            ("", "I need the minutes.".to_owned()),
            ("x", "\"x\" is no whole number that I can take for minutes.".to_owned()),
            ("30 play", "\"play\" is not a choice for what; say one of Work, Rest.".to_owned()),
            ("30 size=4", "\"size=4\" is not a choice for what; say one of Work, Rest.".to_owned()),
            ("30 rest 2h more", "I don't know what to do with \"more\" here.".to_owned()),
            ("minutes=30 minutes=40", "\"minutes=40\" is not a choice for what; say one of Work, Rest.".to_owned()),
            ("30 \"billed\"", "\"billed\" is not a choice for what; say one of Work, Rest.".to_owned()),
        ] {
            assert_eq!(read(&params, text), expected, "{text}");
        }
    }

    #[test]
    fn the_rest_is_taken_to_the_letter() {
        let params = [Param::integer("minutes"), Param::text("text").rest()];
        let rest = |text: &str| read(&params, text).replacen("minutes=Some(\"30\"); ", "", 1);
        assert_eq!(rest("30  it's \"open  x=1\n ?  "), "text=Some(\"it's \\\"open  x=1\\n ?\"); ");
        assert_eq!(rest("minutes=30 a  b"), "text=Some(\"a  b\"); ");
        assert_eq!(rest("30 \u{200b}"), "I need the text.");
        assert_eq!(read(&[], " ? "), "");
    }

    #[test]
    fn an_argument_is_had_as_what_the_handler_takes_it_for() {
        let params = [Param::integer("count"), Param::text("who").optional(), Param::flag("now")];
        let args = Args::read(&params, "300 now").unwrap();
        assert_eq!((args.get::<u32>("count").unwrap(), args.get::<bool>("now").unwrap()), (300, true));
        assert_eq!(args.get::<Option<String>>("who").unwrap(), None);
        let says = |error: CommandError| error.to_string();
        assert_eq!(says(args.get::<u8>("count").unwrap_err()), "\"300\" is no whole number that I can take for count.");
        for (error, says) in [
            (args.get::<String>("who").unwrap_err(), "\"who\", which may be left out"),
            (args.get::<u8>("cuont").unwrap_err(), "\"cuont\", which the command does not declare"),
            (args.get::<jiff::civil::Date>("count").unwrap_err(), "\"count\", which is declared as another kind"),
        ] {
            assert!(matches!(&error, CommandError::Internal(_)) && error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn nothing_is_given_by_a_name_with_nothing_to_be_seen_after_it() {
        let params = [Param::integer("minutes"), Param::text("what").optional()];
        for text in ["what= 30", "what=\u{200b} 30", "30 what=\u{feff}"] {
            assert_eq!(read(&params, text), "minutes=Some(\"30\"); what=None; ", "{text:?}");
        }
    }

    #[test]
    fn a_whole_number_may_be_as_large_as_the_handler_takes_it() {
        let args = |text: &str| Args::read(&[Param::integer("n")], text);
        assert_eq!(args("18446744073709551615").unwrap().get::<u64>("n").unwrap(), u64::MAX);
        assert_eq!(args("-9223372036854775808").unwrap().get::<i64>("n").unwrap(), i64::MIN);
        assert!(args("18446744073709551616").is_err());
    }

    proptest! {
        #[test]
        fn a_value_is_the_same_by_place_and_by_name(word in "\"?[a-z0-9“”’.?!\u{200b}\u{feff}❤ßİ*`_-]{1,8}\"?", after in "[a-z]{0,3}") {
            let params = [Param::text("what"), Param::text("after").optional()];
            let text = format!("{word} {after}");
            prop_assert_eq!(read(&params, &format!("what=x{text}")), read(&params, &format!("x{text}")));
            if !trim(&word).is_empty() {
                prop_assert_eq!(read(&params, &format!("what={text}")), read(&params, &text));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "([a-z=\"'“”‘’.?! \u{a0}\u{200b}\u{2028}\n❤\u{fe0f}ßİ*`_-]|now|what=|text=){0,24}|.{0,40}") {
            let params = [
                Param::duration("when").optional(),
                Param::text("what").choices(["a", "A", "", "New York"]).default("a"),
                Param::flag("now"),
                Param::text("text").rest().optional(),
            ];
            for taken in 0..=params.len() {
                let _ = Args::read(&params[..taken], &text);
            }
            let _ = Args::parse(&text);
        }
    }
}
