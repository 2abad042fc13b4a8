//! Webex markdown: making foreign text harmless, and cutting long text without breaking it.

use crate::table::one_line;

/// Webex's limit for one message is 7,439 bytes of text before encryption and 10,000 characters after (its API
/// reference and error text); what it derives from markdown shares the latter, so we stay below the former.
pub(super) const MOST_BYTES: usize = 7000;

/// Foreign text that is repeated to its sender within plain text: on one line, short, and in the direction it is read.
pub fn quoted(text: &str) -> String {
    const MOST_BYTES: usize = 200;
    let mut text = one_line(text).split_whitespace().collect::<Vec<_>>().join(" ");
    if text.len() > MOST_BYTES {
        text.truncate(text.floor_char_boundary(MOST_BYTES));
        text.push('…');
    }
    text
}

/// Foreign text for use within markdown: it cannot mention, link, format or start a block. Line ends become blanks.
///
/// ```
/// assert_eq!(switchboard::escape("<@all> **now**"), r"&lt;@all&gt; \*\*now\*\*");
/// ```
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 8);
    let mut at_start = true;
    let mut only_digits = true;
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '\\' | '*' | '_' | '`' | '[' | ']' | '(' | ')' | '#' | '~' | '|' | '!' => safe.extend(['\\', c]),
            '-' | '+' | '=' if at_start => safe.extend(['\\', c]),
            // `1.` and `1)` start a list.
            '.' if only_digits => safe.push_str("\\."),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
        at_start &= c.is_whitespace();
        only_digits &= c.is_whitespace() || c.is_ascii_digit();
    }
    safe
}

/// Text in a monospace block, which it cannot leave and in which it cannot mention.
pub fn code_block(text: &str) -> String {
    // An invisible blank within a fence or mention makes it neither. Escapes would show in a code block.
    let harmless = text.trim_end().replace("```", "`\u{200b}`\u{200b}`").replace("<@", "<\u{200b}@");
    format!("```\n{harmless}\n```")
}

/// Cuts markdown into messages of at most `most` bytes: between blocks where it can, else between lines, words or
/// characters. A code block that is cut is closed and opened again.
pub(super) fn split(markdown: &str, most: usize) -> Vec<String> {
    if markdown.len() <= most {
        return if markdown.trim().is_empty() { Vec::new() } else { vec![markdown.to_owned()] };
    }
    let mut parts = Parts { most, done: Vec::new(), current: String::new() };
    for block in blocks(markdown, most / 3) {
        match block {
            Block::Code { fence, lines } => parts.add_code(fence, &lines),
            Block::Text(text) => parts.add_text(text),
        }
    }
    parts.flush();
    parts.done
}

/// Cuts plain text, in which nothing is markup: between lines where it can, else between words or characters.
pub(super) fn split_plain(text: &str, most: usize) -> Vec<String> {
    if text.len() <= most {
        return if text.trim().is_empty() { Vec::new() } else { vec![text.to_owned()] };
    }
    let mut parts = Parts { most, done: Vec::new(), current: String::new() };
    for line in text.split('\n') {
        for (nth, piece) in chunks(line, most).into_iter().enumerate() {
            parts.push(piece, if nth == 0 { "\n" } else { "" });
        }
    }
    parts.flush();
    parts.done
}

enum Block<'a> {
    /// The opening fence with its language, and what stands between the fences.
    Code { fence: &'a str, lines: Vec<&'a str> },
    /// A paragraph, list or the like: what stands between two blank lines.
    Text(&'a str),
}

/// A line of backticks that goes on for longer than a fence would is text.
fn blocks(markdown: &str, longest_fence: usize) -> Vec<Block<'_>> {
    let fence_of = |line| fence_of(line).filter(|_| line.trim().len() <= longest_fence);
    let mut blocks = Vec::new();
    let mut lines = markdown.split('\n').peekable();
    let offset = |line: &str| line.as_ptr() as usize - markdown.as_ptr() as usize;
    while let Some(line) = lines.next() {
        if let Some(fence) = fence_of(line) {
            let inside = std::iter::from_fn(|| lines.next_if(|line| line.trim() != fence)).collect();
            lines.next();
            blocks.push(Block::Code { fence: line.trim(), lines: inside });
        } else if !line.trim().is_empty() {
            let mut last = line;
            while let Some(more) = lines.next_if(|line| !line.trim().is_empty() && fence_of(line).is_none()) {
                last = more;
            }
            blocks.push(Block::Text(&markdown[offset(line)..offset(last) + last.len()]));
        }
    }
    blocks
}

/// The backticks that open a code block.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim();
    let ticks = line.len() - line.trim_start_matches('`').len();
    (ticks >= 3 && !line[ticks..].contains('`')).then(|| &line[..ticks])
}

struct Parts {
    most: usize,
    done: Vec<String>,
    current: String,
}

impl Parts {
    fn flush(&mut self) {
        if !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    /// Appends to the current part, or starts the next one.
    fn push(&mut self, piece: &str, separator: &str) {
        if !self.current.is_empty() && self.current.len() + separator.len() + piece.len() > self.most {
            self.flush();
        }
        if !self.current.is_empty() {
            self.current.push_str(separator);
        }
        self.current.push_str(piece);
    }

    fn add_text(&mut self, text: &str) {
        if text.len() <= self.most {
            return self.push(text, "\n\n");
        }
        for (index, line) in text.split('\n').enumerate() {
            for (nth, piece) in pieces(line, self.most).into_iter().enumerate() {
                let separator = if nth > 0 {
                    " "
                } else if index > 0 {
                    "\n"
                } else {
                    "\n\n"
                };
                self.push(piece, separator);
            }
        }
    }

    fn add_code(&mut self, fence: &str, lines: &[&str]) {
        let close = &fence[..fence.len() - fence.trim_start_matches('`').len()];
        let whole = format!("{fence}\n{}\n{close}", lines.join("\n"));
        if whole.len() <= self.most {
            return self.push(&whole, "\n\n");
        }
        self.flush();
        let room = self.most.saturating_sub(fence.len() + close.len() + 2).max(4);
        let mut inside = String::new();
        for piece in lines.iter().flat_map(|line| chunks(line, room)) {
            if !inside.is_empty() && inside.len() + 1 + piece.len() > room {
                self.done.push(format!("{fence}\n{inside}\n{close}"));
                inside.clear();
            } else if !inside.is_empty() {
                inside.push('\n');
            }
            inside.push_str(piece);
        }
        self.current = format!("{fence}\n{inside}\n{close}");
    }
}

/// Pieces of at most `most` bytes, cut at blanks that no inline markup spans, else at any blank, else within a word.
fn pieces(line: &str, most: usize) -> Vec<&str> {
    let mut rest = line;
    let mut pieces = Vec::new();
    while rest.len() > most {
        let window = &rest[..rest.floor_char_boundary(most + 1)];
        let outside = blanks_outside_markup(rest).take_while(|at| *at <= most).last();
        match outside.filter(|at| *at > 0).or_else(|| window.rfind(' ').filter(|at| *at > 0)) {
            Some(blank) => {
                pieces.push(&rest[..blank]);
                rest = rest[blank..].trim_start_matches(' ');
            }
            None => {
                let cut = unescaped_boundary(rest, most);
                pieces.push(&rest[..cut]);
                rest = &rest[cut..];
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// Like [`pieces`], where blanks mean something and there is no markup.
fn chunks(line: &str, most: usize) -> Vec<&str> {
    let mut rest = line;
    let mut chunks = Vec::new();
    while rest.len() > most {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(most));
        chunks.push(chunk);
        rest = after;
    }
    chunks.push(rest);
    chunks
}

/// Where a line has blanks that are not within a link, a mention, code or emphasis.
fn blanks_outside_markup(line: &str) -> impl Iterator<Item = usize> + '_ {
    let (mut brackets, mut angle, mut code, mut strong, mut escaped) = (0_usize, false, false, false, false);
    let mut previous = ' ';
    line.char_indices().filter_map(move |(at, c)| {
        let was_escaped = escaped;
        escaped = c == '\\' && !was_escaped && !code;
        let before = std::mem::replace(&mut previous, c);
        match c {
            _ if was_escaped => {}
            '`' => code = !code,
            _ if code => {}
            '[' | '(' => brackets += 1,
            ']' | ')' => brackets = brackets.saturating_sub(1),
            '<' => angle = true,
            '>' => angle = false,
            '*' if before == '*' => strong = !strong,
            _ => {}
        }
        (c == ' ' && brackets == 0 && !angle && !code && !strong).then_some(at)
    })
}

/// A place to cut a word that has no blank: between characters, and not between a backslash and what it escapes.
fn unescaped_boundary(text: &str, most: usize) -> usize {
    let cut = text.floor_char_boundary(most).max(1);
    let slashes = text[..cut].bytes().rev().take_while(|byte| *byte == b'\\').count();
    if slashes % 2 == 1 && cut > 1 { cut - 1 } else { cut }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn foreign_text_is_harmless() {
        assert_eq!(escape("<@personEmail:a@b.c|You>"), r"&lt;@personEmail:a@b.c\|You&gt;");
        assert_eq!(escape("[click](https://x.test)"), r"\[click\]\(https://x.test\)");
        assert_eq!(escape("a\n# b"), r"a \# b");
        assert_eq!(escape("- item"), r"\- item");
        assert_eq!(escape("1. item"), r"1\. item");
        assert_eq!(escape(" 1. item"), r" 1\. item");
        assert_eq!(quoted("a\n\n\u{202e}b\u{7}  c"), "a b c");
        assert_eq!(code_block("a\n```\n<@all>"), "```\na\n`\u{200b}`\u{200b}`\n<\u{200b}@all>\n```");
    }

    #[test]
    fn long_text_is_cut_between_blocks() {
        let text = "one\n\ntwo\n\nthree";
        assert_eq!(split(text, 8), ["one\n\ntwo", "three"]);
        assert_eq!(split(text, 100), [text]);
        assert_eq!(split("", 100), Vec::<String>::new());
    }

    #[test]
    fn a_code_block_that_is_cut_is_opened_again() {
        let text = "before\n\n```rust\nlet a = 1;\n\nlet b = 2;\n```\n\nafter";
        assert_eq!(split(text, 24), ["before", "```rust\nlet a = 1;\n\n```", "```rust\nlet b = 2;\n```", "after"]);
    }

    #[test]
    fn plain_text_keeps_its_lines_and_long_fences_are_text() {
        assert_eq!(split_plain("a\n\n\nb\n```\nc", 100), ["a\n\n\nb\n```\nc"]);
        assert_eq!(split_plain("one\n\ntwo three", 6), ["one\n", "two th", "ree"]);
        let fence = format!("```{}", "x".repeat(8000));
        assert!(split(&fence, 1000).iter().all(|part| part.len() <= 1000));
        assert_eq!(split(&fence, 1000).concat(), fence);
    }

    #[test]
    fn links_and_emphasis_are_not_cut() {
        assert_eq!(
            split("see [the long page](https://x.test/a) now", 36),
            ["see", "[the long page](https://x.test/a)", "now"]
        );
        assert_eq!(split("a **b c d** e", 10), ["a", "**b c d**", "e"]);
        assert_eq!(split("ééééé", 4), ["éé", "éé", "é"]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_too_long(text in "[a-zé`*\\[\\]() \\\\<>\n]{0,400}", most in 16_usize..80) {
            let parts = split(&text, most);
            prop_assert!(parts.iter().all(|part| part.len() <= most && !part.is_empty()), "{parts:?}");
            let letters = |text: &str| text.chars().filter(|c| c.is_alphabetic()).collect::<String>();
            // A code block's language is repeated with its fence, so only text without fences is compared.
            if !text.contains("```") {
                prop_assert_eq!(letters(&parts.join(" ")), letters(&text));
            }
        }

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
