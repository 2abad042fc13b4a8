//! What must not be cut in a paragraph of markdown, and the best place to cut one.

use super::markdown::starts_block;
use super::{is_break, is_joined};

/// Brackets and angles that are further apart than this belong to no link and no mention.
const LONGEST_TAG: usize = 4096;

/// The longest name of a character that HTML has, as in `&CounterClockwiseContourIntegral;`.
const LONGEST_ENTITY: usize = 34;

/// The markup at the front of a text.
pub(super) struct Markup {
    /// In the order of the text, none within another.
    spans: Vec<Span>,
    /// What is strong: cut only where there is no other blank.
    strong: Vec<(usize, usize)>,
}

/// Bytes that stay together: a link, a mention, code, an escape, an entity, a run of backticks.
struct Span {
    from: usize,
    to: usize,
    /// How many backticks there are on each side of code.
    code: Option<usize>,
}

/// Where to cut.
#[derive(Debug)]
pub(super) struct CutPlace {
    /// Of the first piece.
    pub(super) end: usize,
    /// Where the next piece begins.
    pub(super) next: usize,
    /// Whether a line begins there.
    pub(super) starts_line: bool,
}

impl Markup {
    /// Of as much of the text as a message of `room` bytes may hold.
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

    /// Reads one paragraph or item: no markup goes on beyond it.
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
        // What is strong may end beyond what fits.
        self.strong.extend(strong.filter(|_| text[at..to.max(at)].contains("**")).map(|from| (from, to)));
    }

    /// How many backticks there are on each side of the code that the text begins with, and its end.
    pub(super) fn code_at_front(&self) -> Option<(usize, usize)> {
        let first = self.spans.first().filter(|span| span.from == 0)?;
        Some((first.code?, first.to))
    }

    /// The last place within `room` bytes: between lines, else at a blank in nothing strong, else at a blank, else
    /// between letters. None where the text begins with something that is longer.
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
                // What is no plain blank is none of markdown either, and is left out as one.
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

/// The end of the first paragraph, or of an item of a list, a heading or a quoted line.
fn paragraph(text: &str) -> usize {
    let ends = |(at, _): &(usize, &str)| starts_block(text[at + 1..].trim_start_matches([' ', '\t']));
    text.match_indices('\n').find(ends).map_or(text.len(), |(at, _)| at)
}

fn run(text: &str) -> usize {
    text.bytes().take_while(|byte| *byte == b'`').count()
}

/// The length of the code that begins with so many backticks, up to a run of as many. `unclosed` has the runs that no
/// further one closes, so that nothing is looked for twice.
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

/// A mention, an address in angles, or what looks like html.
fn tag(text: &str) -> Option<usize> {
    let is_tag = text[1..].starts_with(|c: char| matches!(c, '@' | '/') || c.is_ascii_alphabetic());
    let end = text.bytes().take(LONGEST_TAG).position(|byte| byte == b'>').filter(|_| is_tag)?;
    Some(end + 1)
}

/// A text in brackets and its target in parentheses.
fn link(text: &str) -> Option<usize> {
    let label = closing(text, b'[', b']')?;
    let target = text[label..].starts_with('(').then(|| closing(&text[label..], b'(', b')'))??;
    Some(label + target)
}

/// The length of a text up to what closes the bracket that it begins with.
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
