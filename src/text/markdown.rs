//! Makes foreign text harmless in Webex markdown.

use super::{cut, embeds, moves, one_line};

/// A longer run of backticks in code is broken up. A fence has one more than the longest run, and each message repeats
/// it.
const LONGEST_RUN: usize = 64;

/// The most blanks kept at the front of a line. Four would make it code.
const MOST_INDENT: usize = 3;

/// An invisible character that separates two characters which would be markup together.
pub(super) const APART: char = '\u{200b}';

/// Foreign text that is repeated to its sender within plain text: on one line, short, and without changes of direction.
pub fn quoted(text: &str) -> String {
    const MOST_BYTES: usize = 200;
    let mut text = one_line(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > MOST_BYTES {
        text.truncate(text[..cut(&text, MOST_BYTES)].trim_end().len());
        text.push('…');
    }
    text
}

/// Foreign text for use within markdown. It cannot mention, link, format or start a block, and it cannot change the
/// direction of the text after it. Line ends become blanks.
///
/// ```
/// assert_eq!(switchboard::escape("<@all> **now**"), r"&lt;@all&gt; \*\*now\*\*");
/// ```
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    let mut at_start = true;
    let mut only_digits = true;
    for c in text.chars().filter(|c| !embeds(*c)) {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '*' | '_' | '`' | '[' | ']' | '(' | ')' | '#' | '~' | '|' | '!' => safe.extend(['\\', c]),
            '-' | '+' | '=' if at_start => safe.extend(['\\', c]),
            // `1.` and `1)` start a list.
            '.' if only_digits => safe.push_str("\\."),
            c if at_start && (c == ' ' || moves(c)) => {
                if safe.len() < MOST_INDENT {
                    safe.push(' ');
                }
            }
            c if moves(c) => safe.push(' '),
            c => safe.push(c),
        }
        at_start &= c.is_whitespace() || moves(c);
        only_digits &= c.is_whitespace() || moves(c) || c.is_ascii_digit();
    }
    safe
}

/// A link that shows its host, so that nobody has to trust its text. Empty if the address is not one of the web, or has
/// a user or a password in it.
pub fn host_link(address: &str) -> String {
    let Ok(url) = url::Url::parse(address) else { return String::new() };
    let is_plain = !address.contains(['(', ')', '<', '>', ' ', '\\', '`']);
    let is_plain = is_plain && url.username().is_empty() && url.password().is_none();
    match url.host_str() {
        Some(host) if matches!(url.scheme(), "http" | "https") && is_plain && address.len() <= 1000 => {
            format!("[{}]({url})", escape(host))
        }
        _ => String::new(),
    }
}

/// Text in a monospace block. It cannot leave the block, and cannot mention anybody. The fence is longer than any run
/// of backticks in the text. Characters that change the direction of reading are left out.
///
/// ```
/// assert_eq!(switchboard::code_block("a ``` b"), "````\na ``` b\n````");
/// ```
pub fn code_block(text: &str) -> String {
    let lines: String = text.replace("\r\n", "\n").chars().map(|c| if ends_line(c) { '\n' } else { c }).collect();
    let code = inert(lines.trim_end());
    let fence = "`".repeat((longest_run(&code) + 1).max(3));
    format!("{fence}\n{code}\n{fence}")
}

/// Text in monospace within a line. It cannot leave the monospace, and cannot mention anybody. Line ends become blanks.
/// Empty text stays empty.
///
/// ```
/// assert_eq!(switchboard::code_span("a `b`"), "`` a `b` ``");
/// ```
pub fn code_span(text: &str) -> String {
    let line: String = text.chars().map(|c| if moves(c) { ' ' } else { c }).collect();
    let code = inert(line.trim());
    if code.is_empty() {
        return code;
    }
    let ticks = "`".repeat(longest_run(&code) + 1);
    // Backticks at an end would be taken for marks, so a blank separates them. Webex removes the blanks again.
    let pad = if code.starts_with('`') || code.ends_with('`') { " " } else { "" };
    format!("{ticks}{pad}{code}{pad}{ticks}")
}

/// Whether Webex, an app or a terminal may take this character for the end of a line.
fn ends_line(c: char) -> bool {
    matches!(c, '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Text to stand between fences or marks. Escapes would be visible there, so a mention is broken up by an invisible
/// character. It is not documented whether Webex looks for mentions in code.
fn inert(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let (mut run, mut before) = (0, ' ');
    for c in text.chars().filter(|c| !embeds(*c)) {
        let c = if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c };
        if (c == '@' && before == '<') || (c == '`' && run == LONGEST_RUN) {
            code.push(APART);
            run = 0;
        }
        run = if c == '`' { run + 1 } else { 0 };
        before = c;
        code.push(c);
    }
    code
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

/// Whether a line with this text would be a list, a heading, a quote, a rule or a fence.
pub(super) fn starts_block(text: &str) -> bool {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let after = |c| text.trim_start_matches(c);
    match text.chars().next() {
        Some('-' | '+' | '=' | '>' | '|') => true,
        Some('#') => ends(after('#')),
        Some('*') => ends(after('*')) || text.starts_with("***"),
        Some('_') => text.starts_with("___"),
        Some('`') => text.starts_with("```"),
        Some('~') => text.starts_with("~~~"),
        Some('0'..='9') => text[digits..].strip_prefix(['.', ')']).is_some_and(ends),
        Some(_) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_shows_where_it_leads() {
        assert_eq!(host_link("https://ci.example.org/1?a=b"), "[ci.example.org](https://ci.example.org/1?a=b)");
        for odd in
            ["javascript:alert(1)", "https://a.example.org/) [x](https://b", "x", "", "ftp://a/", "https://bob:pw@a/"]
        {
            assert_eq!(host_link(odd), "", "{odd}");
        }
    }

    #[test]
    fn foreign_text_is_harmless() {
        assert_eq!(escape("<@personEmail:a@b.c|You>"), r"&lt;@personEmail:a@b.c\|You&gt;");
        assert_eq!(escape("[click](https://x.test)"), r"\[click\]\(https://x.test\)");
        assert_eq!(escape("a\n# b"), r"a \# b");
        assert_eq!(escape("- item"), r"\- item");
        assert_eq!(escape("1. item"), r"1\. item");
        assert_eq!(escape(" 1. item"), r" 1\. item");
        assert_eq!(quoted("a\n\n\u{202e}b\u{7}  c"), "a b c");
        assert_eq!(escape("\u{202e}a\u{2066}b\u{2028}c\u{200f}"), "ab c\u{200f}");
        assert_eq!(escape("\t    - a"), r"   \- a");
        assert_eq!(code_block("a\n```\n<@all>"), "````\na\n```\n<\u{200b}@all>\n````");
        assert_eq!(code_block("`````\r\n<\u{202e}@all>\rb\n"), "``````\n`````\n<\u{200b}@all>\nb\n``````");
        assert_eq!(code_block("``\u{2066}`\u{2069}``"), "``````\n`````\n``````");
        let long = code_block(&"`".repeat(20_000));
        assert!(long.lines().next().is_some_and(|fence| fence.len() == LONGEST_RUN + 1));
        assert_eq!(code_span("status"), "`status`");
        assert_eq!(code_span("`a`\n<@all>"), "`` `a` <\u{200b}@all> ``");
        assert_eq!(code_span(" \n"), "");
        assert_eq!(quoted(&"1234567 ".repeat(100)).trim_end_matches("1234567…").len() % 8, 0);
    }

    proptest! {
        #[test]
        fn escaped_text_holds_nothing_that_webex_reads_as_markup(text in any::<String>()) {
            let safe = escape(&text);
            prop_assert!(!safe.contains(['<', '>', '\n']));
            let mut characters = safe.chars();
            while let Some(c) = characters.next() {
                if c == '\\' {
                    characters.next();
                } else {
                    prop_assert!(!"*_`[]()#~|!".contains(c));
                }
            }
        }
    }
}
