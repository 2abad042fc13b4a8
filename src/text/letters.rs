//! Characters that are invisible, that are blanks, or that change how the text around them is shown. Unicode 17.

/// Whether this is any of Unicode's blanks.
pub(crate) fn is_blank(c: char) -> bool {
    c.is_whitespace()
}

/// Whether a character takes no space of its own: every format character (category Cf), and those that Unicode lets a
/// font ignore (`Default_Ignorable_Code_Point`), such as the selectors for how an emoji is drawn.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}'
        | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether an invisible character selects how the letters beside it are drawn. Emoji and some scripts use these.
pub(crate) fn draws(c: char) -> bool {
    matches!(c,
        '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0020}'..='\u{e007f}'
        | '\u{e0100}'..='\u{e01ef}')
}

/// Whether people cannot see that a character is there, or which one it is: controls, invisible characters, those that
/// only change the letter beside them in hieroglyphs, and every blank except the plain one.
pub(crate) fn is_unseen(c: char) -> bool {
    let is_odd = || is_invisible(c) || matches!(c, '\u{2800}' | '\u{13440}'..='\u{1345f}');
    c != ' ' && (c.is_control() || is_blank(c) || is_odd())
}

/// Whether a character would move a terminal's cursor or end a line.
pub(crate) fn moves(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Whether a character changes the direction in which the text around it is read.
pub(crate) fn turns(c: char) -> bool {
    embeds(c) || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
}

/// Whether a character changes the direction of everything that follows, until another one ends that.
pub(crate) fn embeds(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Foreign text for one line. Characters that would move a terminal's cursor become blanks, and those that would change
/// the direction of the line are left out.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().filter(|c| !turns(*c)).map(|c| if moves(c) { ' ' } else { c }).collect()
}

/// Whether a character changes how the text around it is shown.
pub(crate) fn is_disruptive(c: char) -> bool {
    moves(c) || turns(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_known_and_what_people_see_is_not_in_it() {
        for c in "\u{ad}\u{34f}\u{61c}\u{180e}\u{200b}\u{200d}\u{200f}\u{202e}\u{2060}\u{2069}\u{fe0f}\u{feff}\u{e0041}\u{e01ef}"
            .chars()
        {
            assert!(is_invisible(c) && is_unseen(c) && !is_blank(c), "{c:?}");
        }
        for c in "a1é\u{301} \u{a0}❤🎉\u{2028}-".chars() {
            assert!(!is_invisible(c), "{c:?}");
        }
        assert!(is_unseen('\u{a0}') && is_unseen('\n') && !is_unseen(' ') && !is_unseen('é'));
        assert!(is_blank('\u{a0}') && is_blank('\u{2028}') && moves('\u{2028}') && !is_blank('\u{200b}'));
        assert!(embeds('\u{202a}') && embeds('\u{2066}') && turns('\u{200f}') && !embeds('\u{200f}'));
    }
}
