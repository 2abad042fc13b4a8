//! A settings file as a tree: its encoding, its syntax, and what people get wrong in either.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::syntax;
use super::tree::{Node, Place, Source, Value};

/// What a file says, and what is wrong with how it says it.
pub(super) struct Parsed {
    pub root: Node,
    pub wrong: Vec<String>,
    /// The keys whose line is wrong.
    pub spoiled: BTreeSet<String>,
}

/// Reads the bytes of a file as far as they can be read.
pub(super) fn parse(place: &Place, bytes: &[u8]) -> Parsed {
    let (text, odd) = decode(bytes);
    let mut parsed = parse_text(place, &text);
    if let Some((line, says)) = odd {
        let place = line.map_or_else(|| place.clone(), |line| place.at(line));
        parsed.wrong.insert(0, format!("{place}: {says}"));
    }
    parsed
}

/// The text in these bytes, and what is odd about how it is written in them.
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
pub(super) fn parse_text(place: &Place, text: &str) -> Parsed {
    let (text, lone) = with_line_feeds(text);
    let mut wrong = Vec::new();
    if let Some(line) = lone {
        let says = "a line ends in a carriage return alone; save the file with LF or CRLF as line ends";
        wrong.push(format!("{}: not valid TOML: {says}", place.at(line)));
    }
    let (table, errors) = DeTable::parse_recoverable(&text);
    let last = text.lines().count();
    // What is open to the end of the file swallows whatever stands below it.
    let opened = errors.iter().filter(|error| error.message().starts_with("unclosed"));
    let opened = opened.filter_map(|error| opening(table.get_ref(), error.span()?.start)).min();
    let opened = opened.map_or(usize::MAX, |at| line_of(&text, at));
    // One mistake often has several consequences; the first one of a line tells it.
    let mut lines = BTreeMap::new();
    for error in &errors {
        let line = line_of(&text, error.span().map_or(0, |span| span.start));
        let (line, message) =
            if line >= opened { (opened, "a bracket is not closed") } else { (line, error.message()) };
        lines.entry(line).or_insert(message);
    }
    for (line, message) in &lines {
        let written = text.lines().nth(line - 1).unwrap_or_default();
        wrong.push(format!("{}: not valid TOML: {}", place.at(*line), syntax::explain(written, message)));
    }
    let broken = lines.keys().copied().chain(if lines.contains_key(&opened) { opened..=last } else { 0..=0 });
    let mut walk = Walk { text: &text, place, broken: broken.collect(), spoiled: BTreeSet::new(), wrong };
    // Below a section whose name is not closed nothing is what it looks like.
    let root = match lines.values().any(|message| message.starts_with("unclosed")) {
        true => None,
        false => Some(walk.table(table.get_ref(), 1, "")),
    };
    Parsed { root: root.unwrap_or_else(|| Node::table(place.clone())), wrong: walk.wrong, spoiled: walk.spoiled }
}

/// The text with line feeds as line ends, and the first line that ends otherwise.
fn with_line_feeds(text: &str) -> (String, Option<usize>) {
    let unified = text.replace("\r\n", "\n");
    let lone = unified.find('\r').map(|at| 1 + unified[..at].matches('\n').count());
    (unified.replace('\r', "\n"), lone)
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count()
}

/// Where the list or inline table begins that is still open at this offset.
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

struct Walk<'a> {
    text: &'a str,
    place: &'a Place,
    broken: BTreeSet<usize>,
    spoiled: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, line: usize, path: &str) -> Node {
        let mut found = BTreeMap::new();
        for (key, value) in table {
            let name = key.get_ref().to_string();
            if name.contains('.') {
                let place = self.place.at(line_of(self.text, key.span().start));
                self.wrong.push(format!("{place}: the quotes make one name of {name}; write it without them"));
                continue;
            }
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            if let Some(node) = self.node(value, line_of(self.text, key.span().start), &path) {
                found.insert(name, node);
            }
        }
        Node::new(Value::Table(found), self.place.at(line))
    }

    /// None where the line is wrong, which is said already.
    fn node(&mut self, value: &Spanned<DeValue<'_>>, line: usize, path: &str) -> Option<Node> {
        let value = match value.get_ref() {
            DeValue::Table(table) => return Some(self.table(table, line, path)),
            _ if self.broken.contains(&line) || self.broken.contains(&line_of(self.text, value.span().start)) => {
                self.spoiled.insert(path.to_owned());
                return None;
            }
            DeValue::Array(array) => {
                let mut list = Vec::new();
                for (index, item) in array.iter().enumerate() {
                    let line = line_of(self.text, item.span().start);
                    let Some(node) = self.node(item, line, &format!("{path}.{index}")) else {
                        self.spoiled.insert(path.to_owned());
                        return None;
                    };
                    list.push(node);
                }
                Value::List(list)
            }
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Boolean(value) => Value::Boolean(*value),
            DeValue::Datetime(_) => Value::Time,
            DeValue::Float(_) => Value::Fraction,
            DeValue::Integer(number) => {
                let parsed = i128::from_str_radix(number.as_str(), number.radix());
                // What has more digits than that is too large for anything.
                Value::Integer(parsed.unwrap_or(if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX }))
            }
        };
        Some(Node::new(value, self.place.at(line)))
    }
}

/// The tree of the built-in defaults.
pub(super) fn defaults(text: &str) -> Node {
    parse_text(&Place::new(Source::Defaults, "the built-in defaults"), text).root
}
