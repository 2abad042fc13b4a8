//! Finds the parts of a paragraph of markdown that must not be cut, and the best place to cut it.

use super::markdown::starts_block;
use super::{is_break, is_joined};

/// The longest link or mention. Brackets and angles further apart than this belong to none.
const LONGEST_TAG: usize = 4096;

/// The longest name of an HTML entity, such as `&CounterClockwiseContourIntegral;`.
const LONGEST_ENTITY: usize = 34;

/// The markup at the beginning of a text.
pub(super) struct Markup {
    /// In the order of the text. None is inside another.
    spans: Vec<Span>,
    /// Strong text, which is cut only if there is no other blank.
    strong: Vec<(usize, usize)>,
}

/// Bytes that must stay together: a link, a mention, code, an escape, an entity, a run of backticks.
struct Span {
    from: usize,
    to: usize,
    /// For code: the number of backticks on each side.
    code: Option<usize>,
}

/// A place to cut a text.
#[derive(Debug)]
pub(super) struct CutPlace {
    /// The end of the first piece.
    pub(super) end: usize,
    /// The beginning of the next piece.
    pub(super) next: usize,
    /// Whether the next piece begins a line.
    pub(super) starts_line: bool,
}

impl Markup {
    /// Reads as much of the text as a message of `room` bytes may contain.
    pub(super) fn of(text: &str, room: usize) -> Markup {
        let mut markup = Markup { spans: Vec::new(), strong: Vec::new() };
        let (mut from, mut to) = (0, paragraph(text));
        while from <= room && from < text.len() {
            markup.read(text, from, to, room);
            from = to;
            to += 1 + paragraph(text.get(to + 1..).unwrap_or_default());
            to = to.min(text.len());
        }
        markup
    }

    /// Reads one paragraph or item. No markup continues beyond it.
    fn read(&mut self, text: &str, from: usize, to: usize, room: usize) {
        let (mut at, mut strong, mut unclosed) = (from, None, Vec::new());
        while at <= room
            && let Some(c) = text[at..to].chars().next()
        {
            let rest = &text[at..to];
            let mut code = None;
            let length = match c {
                '\\' => rest[1..].starts_with(|c: char| c.is_ascii_punctuation()).then_some(2),
                '`' => {
                    let ticks = run(rest);
                    code = code_at(rest, ticks, &mut unclosed).map(|_| ticks);
                    code_at(rest, ticks, &mut unclosed).or(Some(ticks))
                }
                '&' => entity(rest),
                '<' => tag(rest),
                '[' => link(rest),
                '*' if rest.starts_with("**") => {
                    match strong.take() {
                        Some(from) => self.strong.push((from, at)),
                        None => strong = Some(at),
                    }
                    Some(2)
                }
                _ => None,
            };
            if let Some(length) = length {
                self.spans.push(Span { from: at, to: at + length, code });
            }
            at += length.unwrap_or(c.len_utf8());
        }
        // Strong text may end beyond what fits.
        self.strong.extend(strong.filter(|_| text[at..to.max(at)].contains("**")).map(|from| (from, to)));
    }

    /// If the text begins with code: the number of backticks on each side, and the end of the code.
    pub(super) fn code_at_front(&self) -> Option<(usize, usize)> {
        let first = self.spans.first().filter(|span| span.from == 0)?;
        Some((first.code?, first.to))
    }

    /// The last place to cut within `room` bytes: between lines; else at a blank outside strong text; else at any
    /// blank; else between letters. None if the text begins with something longer.
    pub(super) fn place(&self, text: &str, room: usize) -> Option<CutPlace> {
        let front = text.len() - text.trim_start().len();
        let (mut line, mut free, mut blank, mut letter) = (None, None, None, None);
        let mut spans = self.spans.iter().peekable();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            at = spans.next_if(|span| span.from == at).map_or(at + c.len_utf8(), |span| span.to);
            if at > room || at == text.len() {
                break;
            }
            if at <= front {
                continue;
            }
            let next = at + text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
            let place = |next, starts_line| Some(CutPlace { end: at, next, starts_line });
            if text[next..].starts_with('\n') {
                line = place(next + 1, true);
            } else if text[at..].starts_with(is_break) {
                // The blanks here are not plain ones, so markdown does not skip them. One of them is left out, like a
                // plain blank.
                let next = if next > at { next } else { at + text[at..].chars().next().map_or(0, char::len_utf8) };
                blank = place(next, false);
                if !self.strong.iter().any(|(from, to)| (from..to).contains(&&at)) {
                    free = place(next, false);
                }
            } else if !is_joined(text, at) {
                letter = place(at, false);
            }
        }
        line.or(free).or(blank).or(letter)
    }
}

/// The end of the first paragraph, list item, heading or quoted line.
fn paragraph(text: &str) -> usize {
    let ends = |(at, _): &(usize, &str)| starts_block(text[at + 1..].trim_start_matches([' ', '\t']));
    text.match_indices('\n').find(ends).map_or(text.len(), |(at, _)| at)
}

fn run(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b'`').count()
}

/// The length of the code that begins with this many backticks, up to a run of as many. `unclosed` has the lengths of
/// runs that no later run closes, so that none is searched for twice.
fn code_at(text: &str, ticks: usize, unclosed: &mut Vec<usize>) -> Option<usize> {
    if unclosed.contains(&ticks) {
        return None;
    }
    let mut from = ticks;
    while let Some(found) = text[from..].find('`').map(|found| from + found) {
        let length = run(&text[found..]);
        if length == ticks {
            return Some(found + length);
        }
        from = found + length;
    }
    unclosed.push(ticks);
    None
}

fn entity(text: &str) -> Option<usize> {
    let end = text.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    is_name.then_some(end + 1)
}

/// The length of a mention, an address in angles, or text that looks like HTML.
fn tag(text: &str) -> Option<usize> {
    let is_tag = text[1..].starts_with(|c: char| matches!(c, '@' | '/') || c.is_ascii_alphabetic());
    let end = text.bytes().take(LONGEST_TAG).position(|byte| byte == b'>').filter(|_| is_tag)?;
    Some(end + 1)
}

/// The length of a text in brackets with its target in parentheses.
fn link(text: &str) -> Option<usize> {
    let label = closing(text, b'[', b']')?;
    let target = text[label..].starts_with('(').then(|| closing(&text[label..], b'(', b')'))??;
    Some(label + target)
}

/// The length of a text up to the bracket that closes its first one.
fn closing(text: &str, open: u8, close: u8) -> Option<usize> {
    let (mut depth, mut escaped) = (0_usize, false);
    let end = text.bytes().take(LONGEST_TAG).position(|byte| {
        let was_escaped = escaped;
        escaped = byte == b'\\' && !was_escaped;
        match byte {
            _ if was_escaped => {}
            byte if byte == open => depth += 1,
            byte if byte == close => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    Some(end + 1)
}
