//! A settings file as a tree: its encoding, its syntax, and what people get wrong in either.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::syntax;
use super::tree::{Node, SettingFinding, SettingPlace, SettingSource, Value};

/// The tree of a file, and what is wrong with the file's encoding and syntax.
pub(super) struct ParsedFile {
    pub root: Node,
    pub wrong: Vec<SettingFinding>,
    /// The keys whose line is wrong.
    pub spoiled: Vec<String>,
}

/// Reads the bytes of a file as far as they can be read.
pub(super) fn parse(place: &SettingPlace, bytes: &[u8]) -> ParsedFile {
    let (text, odd) = decode(bytes);
    let mut parsed = parse_text(place, &text);
    if let Some((line, says)) = odd {
        let place = line.map_or_else(|| place.clone(), |line| place.at(line));
        parsed.wrong.push(SettingFinding::at(&place, says));
    }
    parsed
}

/// Decodes the bytes. If they are not UTF-8, also gives the line of the first wrong byte and what to do.
fn decode(bytes: &[u8]) -> (String, Option<(Option<usize>, String)>) {
    if let Some(text) = utf_16(bytes) {
        let says = "it is in UTF-16; save it as UTF-8, such as by `iconv -f UTF-16 -t UTF-8`";
        return (text, Some((None, says.to_owned())));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => (text.to_owned(), None),
        Err(error) => {
            let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            let says = "it holds bytes that are not UTF-8; save the file as UTF-8".to_owned();
            (String::from_utf8_lossy(bytes).into_owned(), Some((Some(line), says)))
        }
    }
}

/// The text, if these bytes are UTF-16, with a byte order mark or without.
pub(super) fn utf_16(bytes: &[u8]) -> Option<String> {
    let is_little = match bytes {
        [0xff, 0xfe, ..] => true,
        [0xfe, 0xff, ..] => false,
        [first, 0, ..] if *first != 0 => true,
        [0, second, ..] if *second != 0 => false,
        _ => return None,
    };
    let units = bytes.chunks(2).map(|pair| {
        let pair = [pair[0], pair.get(1).copied().unwrap_or_default()];
        if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) }
    });
    let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    Some(text.skip_while(|c| *c == '\u{feff}').collect())
}

/// Reads a text as far as it can be read.
pub(super) fn parse_text(place: &SettingPlace, text: &str) -> ParsedFile {
    let (text, lone) = with_line_feeds(text);
    let mut parsed = ParsedFile { root: Node::table(place.clone()), wrong: Vec::new(), spoiled: Vec::new() };
    if let Some(line) = lone {
        let says = "not valid TOML: a line ends in a carriage return alone; save the file with LF or CRLF as line ends";
        parsed.wrong.push(SettingFinding::at(&place.at(line), says));
    }
    // A line that cannot be read is removed, so that mistakes on other lines are found too.
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    let mut told = BTreeSet::new();
    for _ in 0..=lines.len() {
        let text = lines.join("\n");
        let (table, errors) = DeTable::parse_recoverable(&text);
        if errors.is_empty() {
            walk(&text, place, table.get_ref(), &mut parsed);
            return parsed;
        }
        for (line, message) in first_of_each_line(&text, table.get_ref(), &errors) {
            let at = line - 1;
            let Some(written) = lines.get(at).filter(|line| !line.is_empty()).cloned() else { continue };
            let is_new = told.insert(line);
            if is_new {
                let says = format!("not valid TOML: {}", syntax::explain(&written, message));
                parsed.wrong.push(SettingFinding::at(&place.at(line), says));
            }
            let end = match message {
                OPEN => syntax::next_heading(&lines, at),
                _ if written.trim_start().starts_with('[') && is_new => syntax::mend_heading(&mut lines, at, message),
                _ if is_new => {
                    parsed.spoiled.extend(syntax::keys(&lines, at..line));
                    lines[at] = syntax::remnant(&written);
                    continue;
                }
                _ => line,
            };
            parsed.spoiled.extend(syntax::keys(&lines, at..end));
            lines[at..end].iter_mut().for_each(String::clear);
        }
        if lines.join("\n") == text {
            break;
        }
    }
    if told.is_empty() {
        parsed.wrong.push(SettingFinding::at(place, "not valid TOML: it cannot be read"));
    }
    parsed
}

/// The message for a list or inline table that is not closed. Everything from there to the next heading cannot be read.
const OPEN: &str = "a bracket is not closed";

/// The wrong lines, counted from 1, each with the parser's first message. One mistake often causes several messages.
fn first_of_each_line<'a>(text: &str, table: &DeTable<'_>, errors: &'a [toml::de::Error]) -> Vec<(usize, &'a str)> {
    let last = text.lines().count().max(1);
    let is_open = |message: &str| message.starts_with("unclosed array,") || message.starts_with("unclosed inline");
    let open = errors.iter().filter(|error| is_open(error.message()));
    let open = open.filter_map(|error| opening(table, error.span()?.start)).min();
    let open = open.map_or(usize::MAX, |at| line_of(text, at));
    let mut lines = BTreeMap::new();
    for error in errors {
        let line = line_of(text, error.span().map_or(0, |span| span.start)).min(last);
        let (line, message) = if line >= open { (open, OPEN) } else { (line, error.message()) };
        lines.entry(line).or_insert(message);
    }
    lines.into_iter().collect()
}

/// The text with line feeds as line ends, and the number of the first line that ends in a carriage return alone.
fn with_line_feeds(text: &str) -> (String, Option<usize>) {
    let unified = text.replace("\r\n", "\n");
    let lone = unified.find('\r').map(|at| 1 + unified[..at].matches('\n').count());
    (unified.replace('\r', "\n"), lone)
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// The offset where a list or inline table begins that is still open at `at`.
fn opening(table: &DeTable<'_>, at: usize) -> Option<usize> {
    fn within(value: &Spanned<DeValue<'_>>, at: usize) -> Option<usize> {
        let is_open = value.span().end >= at;
        match value.get_ref() {
            DeValue::Array(array) => {
                array.iter().find_map(|item| within(item, at)).or(is_open.then_some(value.span().start))
            }
            DeValue::Table(table) => opening(table, at).or(is_open.then_some(value.span().start)),
            _ => None,
        }
    }
    table.iter().find_map(|(_, value)| within(value, at))
}

fn walk(text: &str, place: &SettingPlace, table: &DeTable<'_>, parsed: &mut ParsedFile) {
    let mut walk = FileWalk { text, place, wrong: Vec::new() };
    parsed.root = walk.table(table, 1);
    parsed.wrong.append(&mut walk.wrong);
}

struct FileWalk<'a> {
    text: &'a str,
    place: &'a SettingPlace,
    wrong: Vec<SettingFinding>,
}

impl FileWalk<'_> {
    fn table(&mut self, table: &DeTable<'_>, line: usize) -> Node {
        let mut found = BTreeMap::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let line = line_of(self.text, key.span().start);
            if name.contains('.') {
                let says = format!("the quotes make {name} a single name; write it without them");
                self.wrong.push(SettingFinding::at(&self.place.at(line), says));
                continue;
            }
            found.insert(name, self.node(value, line));
        }
        Node::new(Value::Table(found), self.place.at(line))
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, line: usize) -> Node {
        let value = match value.get_ref() {
            DeValue::Table(table) => return self.table(table, line),
            DeValue::Array(array) => {
                let items = array.iter().map(|item| self.node(item, line_of(self.text, item.span().start)));
                Value::List(items.collect())
            }
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(_) => Value::Time,
            DeValue::Float(number) => Value::Fraction(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(number) => {
                let parsed = i128::from_str_radix(number.as_str(), number.radix());
                // A number of more than 128 bits is out of range for every setting.
                Value::Integer(parsed.unwrap_or(if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX }))
            }
        };
        Node::new(value, self.place.at(line))
    }
}

/// The tree of the built-in defaults.
pub(super) fn defaults(text: &str) -> Node {
    parse_text(&SettingPlace::new(SettingSource::Defaults, "the built-in defaults"), text).root
}
