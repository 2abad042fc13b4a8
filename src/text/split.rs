//! Cuts long text into messages without breaking its markup. What was code stays code, and what was text does not
//! become markup because a message begins with it.

use super::cut;
use super::markdown::{APART, starts_block};
use super::spans::{CutPlace, Markup};

/// The most bytes of a message. Webex's API reference and error text name two limits: 7,439 bytes of text before
/// encryption, and 10,000 characters after. What Webex derives from markdown counts towards the second, so this is
/// below the first.
pub(crate) const MOST_BYTES: usize = 7000;

/// The most marks of a quotation (`>`) that each message repeats. Nobody writes a quotation with more.
const MOST_MARKS: usize = 16;

/// Cuts markdown into messages of at most `most` bytes: between blocks if possible, else between lines, words or
/// letters. If code is cut, a block or within a line, it is closed before the cut and opened again after it.
pub(crate) fn split(markdown: &str, most: usize) -> Vec<String> {
    if markdown.len() <= most {
        return if markdown.trim().is_empty() { Vec::new() } else { vec![markdown.to_owned()] };
    }
    let mut parts = TextParts { most, done: Vec::new(), current: String::new() };
    for block in blocks(markdown, most / 3) {
        match block {
            TextBlock::Code { opening, fence, lines } => parts.add_code(opening, fence, &lines),
            TextBlock::Text(text) => parts.add_text(text),
        }
    }
    parts.flush();
    parts.done
}

/// Cuts plain text, which has no markup: between lines if possible, else after a blank, else between letters.
pub(crate) fn split_plain(text: &str, most: usize) -> Vec<String> {
    if text.len() <= most {
        return if text.trim().is_empty() { Vec::new() } else { vec![text.to_owned()] };
    }
    let mut parts = TextParts { most, done: Vec::new(), current: String::new() };
    for line in text.split('\n') {
        for (nth, piece) in chunks(line, most).into_iter().enumerate() {
            parts.push(piece, if nth == 0 { "\n" } else { "" });
        }
    }
    parts.flush();
    parts.done.retain(|part| !part.trim().is_empty());
    parts.done
}

enum TextBlock<'a> {
    /// The opening line, the fence in it, and the lines up to the closing fence.
    Code { opening: &'a str, fence: &'a str, lines: Vec<&'a str> },
    /// A paragraph, list or the like: the text between two blank lines.
    Text(&'a str),
}

/// Divides markdown into blocks. A fence that is longer, with its language, than `longest_fence` is text.
fn blocks(markdown: &str, longest_fence: usize) -> Vec<TextBlock<'_>> {
    let fence_of = |line| fence_of(line).filter(|_| line.trim().len() <= longest_fence);
    let mut blocks = Vec::new();
    let mut lines = markdown.split('\n').peekable();
    let offset = |line: &str| line.as_ptr() as usize - markdown.as_ptr() as usize;
    while let Some(line) = lines.next() {
        if let Some(fence) = fence_of(line) {
            let inside = std::iter::from_fn(|| lines.next_if(|line| !closes(line, fence))).collect();
            lines.next();
            blocks.push(TextBlock::Code { opening: line.trim(), fence, lines: inside });
        } else if !line.trim().is_empty() {
            let mut last = line;
            while let Some(more) = lines.next_if(|line| !line.trim().is_empty() && fence_of(line).is_none()) {
                last = more;
            }
            blocks.push(TextBlock::Text(&markdown[offset(line)..offset(last) + last.len()]));
        }
    }
    blocks
}

/// The backticks or tildes with which a line opens a code block.
fn fence_of(line: &str) -> Option<&str> {
    let line = line.trim();
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let marks = line.len() - line.trim_start_matches(mark).len();
    (marks >= 3 && (mark == '~' || !line[marks..].contains('`'))).then(|| &line[..marks])
}

/// Whether a line closes the fence. A longer one does too.
fn closes(line: &str, fence: &str) -> bool {
    let line = line.trim();
    line.starts_with(fence) && line.trim_start_matches(&fence[..1]).is_empty()
}

struct TextParts {
    most: usize,
    done: Vec<String>,
    current: String,
}

impl TextParts {
    fn flush(&mut self) {
        if !self.current.is_empty() {
            self.done.push(std::mem::take(&mut self.current));
        }
    }

    /// Adds to the current part, or starts the next one.
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
        for (nth, piece) in pieces(text, self.most).into_iter().enumerate() {
            // Every piece except the last is as long as possible.
            if nth > 0 {
                self.flush();
            }
            self.push(&piece, "\n\n");
        }
    }

    fn add_code(&mut self, opening: &str, fence: &str, lines: &[&str]) {
        let block = |code: &str| format!("{opening}\n{code}\n{fence}");
        let whole = block(&lines.join("\n"));
        if whole.len() <= self.most {
            return self.push(&whole, "\n\n");
        }
        self.flush();
        let room = self.most.saturating_sub(opening.len() + fence.len() + 2).max(4);
        let mut inside: Option<String> = None;
        for line in lines {
            for (nth, piece) in chunks(line, room).into_iter().enumerate() {
                match &mut inside {
                    Some(code) if nth == 0 && code.len() + 1 + piece.len() <= room => {
                        code.push('\n');
                        code.push_str(piece);
                    }
                    Some(code) => {
                        self.done.push(block(code));
                        piece.clone_into(code);
                    }
                    None => inside = Some(piece.to_owned()),
                }
            }
        }
        self.current = block(&inside.unwrap_or_default());
    }
}

/// Cuts a line that has no markup, and in which blanks matter. Joined, the pieces are the line.
fn chunks(line: &str, most: usize) -> Vec<&str> {
    let mut rest = line;
    let mut chunks = Vec::new();
    while rest.len() > most {
        let (chunk, after) = rest.split_at(cut(rest, most));
        chunks.push(chunk);
        rest = after;
    }
    if !rest.is_empty() || chunks.is_empty() {
        chunks.push(rest);
    }
    chunks
}

/// Cuts a block of text into pieces of at most `most` bytes, each with its own complete markup. A piece that begins
/// within a quoted line is quoted too. One that begins within any other line starts no block.
fn pieces(text: &str, most: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut rest, mut lead, mut quote, mut at_line) = (text, String::new(), "", true);
    loop {
        let room = most.saturating_sub(lead.len()).max(4);
        if rest.len() <= room {
            break;
        }
        let markup = Markup::of(rest, room);
        let place = markup.place(rest, room);
        if let (None, Some((ticks, to))) = (&place, markup.code_at_front())
            && room > 2 * ticks + 8
        {
            let (mark, code) = (&rest[..ticks], rest[ticks..to - ticks].replace('\n', " "));
            let chunks = chunks(&code, room - 2 * ticks - 2);
            let chunks = chunks.into_iter().map(str::trim).filter(|chunk| !chunk.is_empty());
            pieces.extend(chunks.map(|chunk| format!("{lead}{mark} {chunk} {mark}")));
            rest = rest[to..].trim_start_matches([' ', '\t']);
        } else {
            let CutPlace { end, next, starts_line } = place.unwrap_or_else(|| within_markup(rest, room));
            let piece = &rest[..end];
            pieces.push(format!("{lead}{piece}"));
            match piece.rfind('\n') {
                Some(line) => quote = quote_of(&piece[line + 1..]),
                None if at_line => quote = quote_of(piece),
                None => {}
            }
            rest = &rest[next..];
            at_line = starts_line;
        }
        lead = if at_line { String::new() } else { lead_of(rest, quote) };
    }
    if !rest.trim().is_empty() {
        pieces.push(format!("{lead}{rest}"));
    }
    pieces
}

/// What is put before a piece that begins within a line.
fn lead_of(rest: &str, quote: &str) -> String {
    let mut lead = quote.to_owned();
    if starts_block(rest) {
        lead.push(APART);
    }
    lead
}

/// The marks that make a line a quotation.
fn quote_of(line: &str) -> &str {
    let marks = line.len() - line.trim_start_matches(['>', ' ']).len();
    if line.starts_with('>') && marks <= MOST_MARKS { &line[..marks] } else { "" }
}

/// Where to cut a link or the like that is longer than a message: between characters, but not between a backslash and
/// the character it escapes.
fn within_markup(text: &str, most: usize) -> CutPlace {
    let cut = text.floor_char_boundary(most).max(text.chars().next().map_or(1, char::len_utf8));
    let slashes = text[..cut].bytes().rev().take_while(|byte| *byte == b'\\').count();
    let end = if slashes % 2 == 1 && cut > 1 { cut - 1 } else { cut };
    CutPlace { end, next: end, starts_line: false }
}

#[cfg(test)]
mod tests;
