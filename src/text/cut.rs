//! Finds where to cut a text that is too long.

use super::is_invisible;

/// The most bytes of one letter as people see it. Emoji consist of several characters, and letters carry marks, but
/// nobody reads a longer one.
const LONGEST_LETTER: usize = 64;

/// The end of the first piece, which has at most `most` bytes. The cut is after the last blank in the second half, so
/// that no word and no number is cut if there is a blank nearby. Otherwise it is between two letters as people see
/// them, and not within a run of backticks. The result is never 0, so a single letter may be longer than `most`.
pub(crate) fn cut(text: &str, most: usize) -> usize {
    if text.len() <= most {
        return text.len();
    }
    let window = &text[..text.floor_char_boundary(most)];
    // A piece that ends after the blanks at the front would be empty.
    let front = window.len() - window.trim_start().len();
    let after_blank = window.char_indices().rev().find(|(_, c)| is_break(*c)).map(|(at, c)| at + c.len_utf8());
    let is_near = |end: &usize| *end > front && *end >= window.len() / 2;
    after_blank.filter(is_near).unwrap_or_else(|| between_letters(text, window.len()))
}

/// Whether a line may be broken at this character: at any blank except one that holds a number together.
pub(crate) fn is_break(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// The last place up to `end` between two letters, or `end` if there is none nearby. It is at least after the first
/// character.
fn between_letters(text: &str, end: usize) -> usize {
    let run = text[..end].bytes().rev().take_while(|byte| *byte == b'`').count();
    let is_run = run > 0 && text[end..].starts_with('`');
    if is_run && run < end {
        return end - run;
    }
    let near = text.floor_char_boundary(end.saturating_sub(LONGEST_LETTER));
    let places = text[near..end].char_indices().map(|(at, _)| near + at).rev();
    let place = std::iter::once(end).chain(places).find(|at| *at > 0 && !is_joined(text, *at));
    let first = text.chars().next().map_or(0, char::len_utf8);
    place.unwrap_or(end).max(first)
}

/// Whether the characters before and after this place belong to one letter.
pub(crate) fn is_joined(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at..].chars().next();
    let is_flag = |c: char| matches!(c, '\u{1f1e6}'..='\u{1f1ff}');
    match (before, after) {
        (Some(before), Some(after)) => {
            before == '\u{200d}'
                || is_mark(after)
                || (is_flag(before) && is_flag(after))
                || (before, after) == ('\r', '\n')
        }
        (Some(_) | None, _) => false,
    }
}

/// Whether a character belongs to the letter before it: the usual combining marks, skin tones, and invisible
/// characters.
fn is_mark(c: char) -> bool {
    is_invisible(c)
        || matches!(c,
            '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_after_a_blank_else_between_letters() {
        for (text, most, first) in [
            ("short", 5, "short"),
            ("one two three", 9, "one two "),
            ("one two", 5, "one "),
            ("pay 100000 now", 8, "pay "),
            ("please pay 100\u{a0}000 now", 14, "please pay "),
            ("a bcdefghij", 8, "a bcdefg"),
            ("   abcdef", 5, "   ab"),
            ("abcdef", 4, "abcd"),
            ("ab`````c", 4, "ab"),
            ("`````", 3, "```"),
            ("abe\u{301}f", 3, "ab"),
            ("a👨\u{200d}👩\u{200d}👧", 9, "a"),
            ("é", 1, "é"),
            ("🎉", 1, "🎉"),
        ] {
            assert_eq!(&text[..cut(text, most)], first, "{text:?} at {most}");
        }
    }
}
