//! Words and ids that come from outside: what they may be like before they are kept, printed or put into a path.

use crate::text::cut;

/// Longer than any id that Webex was seen to give.
const LONGEST_ID: usize = 2048;

/// Whether a foreign text can be an id: it becomes part of a path, and of lines in the log.
pub(super) fn is_id(text: &str) -> bool {
    (1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.starts_with('.')
}

/// More of a name that Webex gave is not kept.
const LONGEST_NAME: usize = 64;

/// A foreign word, made fit for the log and for a terminal.
pub(super) fn name(word: &str) -> String {
    let word: String = word.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect();
    word[..cut(&word, LONGEST_NAME)].to_owned()
}
