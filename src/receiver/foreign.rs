//! Checks words and ids from outside before they are stored, printed or put into a path.

use crate::text::cut;

/// The most bytes of an id. Webex was never seen to give a longer one.
const LONGEST_ID: usize = 2048;

/// Whether a text from outside can be an id. Ids become part of paths and of lines in the log.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.starts_with('.')
}

/// The most bytes that are kept of a name from Webex.
const LONGEST_NAME: usize = 64;

/// A word from outside, made safe for the log and for a terminal.
pub(super) fn name(word: &str) -> String {
    let word: String = word.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect();
    word[..cut(&word, LONGEST_NAME)].to_owned()
}
