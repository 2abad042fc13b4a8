//! A cursor over what follows the command's name.

use std::collections::VecDeque;

use super::CommandError;
use crate::text::{is_blank, is_invisible, is_only_stops, quoted, trim};

/// The arguments of a command. Take what you know, then [`Args::finish`] refuses the rest.
#[derive(Clone, Debug, Default)]
pub struct Args {
    words: VecDeque<String>,
}

impl Args {
    /// Cuts a text into words. A word that begins with a quotation mark, straight or curly, goes on to the closing one.
    ///
    /// # Errors
    /// When a double quotation mark is not closed. A single one that is not closed is an apostrophe.
    pub fn parse(text: &str) -> Result<Args, CommandError> {
        let mut words = VecDeque::new();
        let mut rest = text.trim_matches(is_blank);
        while let Some(first) = rest.chars().next() {
            let quoted = closing(first).map(|closing| {
                let inner = &rest[first.len_utf8()..];
                inner
                    .char_indices()
                    .find(|(_, c)| closing.contains(c))
                    .map(|(end, c)| (&inner[..end], &inner[end + c.len_utf8()..]))
            });
            let is_whole = matches!(quoted, Some(Some(_)));
            let (word, after) = match quoted {
                Some(Some((word, after))) => (word, past_end(after)),
                Some(None) if first != '\'' && first != '\u{2018}' && first != '\u{2019}' => {
                    return Err(CommandError::Usage("A quotation mark is not closed.".to_owned()));
                }
                _ => rest.split_at(rest.find(is_blank).unwrap_or(rest.len())),
            };
            // Of what is not quoted, nothing at the ends that nobody sees.
            let word = if is_whole { word } else { trim(word) };
            if is_whole || !word.is_empty() {
                words.push_back(word.to_owned());
            }
            rest = after.trim_start_matches(is_blank);
        }
        Ok(Args { words })
    }

    /// Everything as one argument, to the letter; none when there is nothing to see.
    pub(crate) fn whole(text: &str) -> Args {
        let text = text.trim_matches(is_blank);
        let is_empty = text.chars().all(is_invisible);
        Args { words: (!is_empty).then(|| text.to_owned()).into_iter().collect() }
    }

    /// The next argument, if there is one.
    #[allow(clippy::should_implement_trait, reason = "a cursor with a finish, not an iterator to be collected")]
    pub fn next(&mut self) -> Option<String> {
        self.words.pop_front()
    }

    /// The next argument, which must be there; `name` is how the usage line calls it.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn required(&mut self, name: &str) -> Result<String, CommandError> {
        self.next().ok_or_else(|| CommandError::Usage(format!("I need the {name}.")))
    }

    /// Everything that is left, as one text with single blanks.
    pub fn rest(&mut self) -> String {
        self.words.drain(..).collect::<Vec<_>>().join(" ")
    }

    /// Refuses what is left over.
    ///
    /// # Errors
    /// A sentence that names the first argument too many.
    pub fn finish(mut self) -> Result<(), CommandError> {
        match self.next() {
            None => Ok(()),
            Some(extra) => {
                Err(CommandError::Usage(format!("I don't know what to do with \"{}\" here.", quoted(&extra))))
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }
}

/// What follows a quotation, without what only ends the sentence.
fn past_end(after: &str) -> &str {
    let end = after.find(is_blank).unwrap_or(after.len());
    if is_only_stops(&after[..end]) { &after[end..] } else { after }
}

/// What closes a quotation: phones and Webex's own clients turn straight marks into curly ones.
fn closing(opening: char) -> Option<&'static [char]> {
    match opening {
        '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' => Some(&['"', '\u{201c}', '\u{201d}']),
        '\'' | '\u{2018}' | '\u{2019}' => Some(&['\'', '\u{2019}']),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
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
}
