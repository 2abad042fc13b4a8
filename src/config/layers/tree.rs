//! A value of the settings before it has a type, and the place it was given at.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Where settings come from, the lowest layer first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SettingSource {
    /// The `bot.toml` inside the program.
    Defaults,
    /// The operator's settings file.
    File,
    /// A variable.
    Environment,
    /// The file a secret is kept in.
    SecretFile,
}

/// The file and line, or the variable, as a message names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SettingPlace {
    pub source: SettingSource,
    pub name: Arc<str>,
    pub line: Option<usize>,
}

impl SettingPlace {
    pub(super) fn new(source: SettingSource, name: impl Into<Arc<str>>) -> SettingPlace {
        SettingPlace { source, name: name.into(), line: None }
    }

    pub(super) fn at(&self, line: usize) -> SettingPlace {
        SettingPlace { line: Some(line), ..self.clone() }
    }
}

impl fmt::Display for SettingPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source, self.line) {
            (SettingSource::Environment, _) => write!(f, "{} (environment)", self.name),
            (SettingSource::File, Some(line)) => write!(f, "{}, line {line}", self.name),
            (SettingSource::Defaults | SettingSource::File | SettingSource::SecretFile, _) => f.write_str(&self.name),
        }
    }
}

/// Something wrong, and where.
#[derive(Debug)]
pub(super) struct SettingFinding {
    place: Option<SettingPlace>,
    says: String,
}

impl SettingFinding {
    pub(super) fn at(place: &SettingPlace, says: impl Into<String>) -> SettingFinding {
        SettingFinding { place: Some(place.clone()), says: says.into() }
    }

    /// A finding whose text names its places.
    pub(super) fn of_all(says: impl Into<String>) -> SettingFinding {
        SettingFinding { place: None, says: says.into() }
    }

    /// Sorts as people read: the file from the top down, then the environment.
    pub(super) fn sort(findings: &mut [SettingFinding]) {
        let order = |place: &SettingPlace| (place.source, place.line, place.name.clone());
        findings.sort_by_cached_key(|finding| finding.place.as_ref().map(order));
    }
}

impl fmt::Display for SettingFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.says),
            None => f.write_str(&self.says),
        }
    }
}

/// A value. It has no `Debug`: it may be a secret.
#[derive(Clone)]
pub(super) enum Value {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    Text(String),
    /// A text that may stand for a number, a boolean or a list: all that a variable can hold.
    Variable(String),
    Integer(i128),
    Fraction(f64),
    Boolean(bool),
    Time,
    /// A wrong entry of a list that is already reported. The other entries keep their numbers.
    Gone,
}

/// A value and its place.
#[derive(Clone)]
pub(super) struct Node {
    pub value: Value,
    pub place: SettingPlace,
}

impl Node {
    pub(super) fn new(value: Value, place: SettingPlace) -> Node {
        Node { value, place }
    }

    pub(super) fn table(place: SettingPlace) -> Node {
        Node::new(Value::Table(BTreeMap::new()), place)
    }

    /// A tree that holds this value alone.
    pub(super) fn single(key: &str, value: Value, place: SettingPlace) -> Node {
        key.rsplit('.').fold(Node::new(value, place.clone()), |inner, part| {
            Node::new(Value::Table(BTreeMap::from([(part.to_owned(), inner)])), place.clone())
        })
    }

    /// The value at a path such as `access.admins`, or `command.0.name`.
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(self, |node, part| match &node.value {
            Value::Table(table) => table.get(part),
            Value::List(list) => list.get(part.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// Puts a value into the table or in place of the entry of a list that the path leads to, which has to be there.
    pub(super) fn put(&mut self, path: &str, node: Node) {
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        match (&mut self.value, rest) {
            (Value::Table(table), None) => drop(table.insert(first.to_owned(), node)),
            (Value::List(list), None) => {
                if let Some(entry) = first.parse::<usize>().ok().and_then(|nth| list.get_mut(nth)) {
                    *entry = node;
                }
            }
            (Value::Table(table), Some(rest)) => {
                if let Some(inner) = table.get_mut(first) {
                    inner.put(rest, node);
                }
            }
            (Value::List(list), Some(rest)) => {
                if let Some(inner) = first.parse::<usize>().ok().and_then(|nth| list.get_mut(nth)) {
                    inner.put(rest, node);
                }
            }
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        match (&mut self.value, rest) {
            (Value::Table(table), None) => drop(table.remove(first)),
            (Value::Table(table), Some(rest)) => {
                if let Some(inner) = table.get_mut(first) {
                    inner.remove(rest);
                }
            }
            (Value::List(list), rest) => {
                if let Some(inner) = first.parse::<usize>().ok().and_then(|index| list.get_mut(index)) {
                    match rest {
                        Some(rest) => inner.remove(rest),
                        None => inner.value = Value::Gone,
                    }
                }
            }
            _ => {}
        }
    }

    /// Puts `upper` above this: tables key by key, everything else as a whole.
    pub(super) fn merge(&mut self, upper: Node) {
        match (&mut self.value, upper.value) {
            (Value::Table(lower), Value::Table(upper)) => {
                for (key, node) in upper {
                    match lower.get_mut(&key) {
                        Some(inner) => inner.merge(node),
                        None => drop(lower.insert(key, node)),
                    }
                }
            }
            (_, value) => *self = Node::new(value, upper.place),
        }
    }

    /// Every value that is no table and no list, with its path.
    pub(super) fn leaves(&self) -> Vec<(String, &Node)> {
        fn walk<'a>(node: &'a Node, path: &str, found: &mut Vec<(String, &'a Node)>) {
            let inner = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
            match &node.value {
                Value::Table(table) => table.iter().for_each(|(key, node)| walk(node, &inner(key), found)),
                Value::List(list) => {
                    list.iter().enumerate().for_each(|(index, node)| walk(node, &inner(&index.to_string()), found));
                }
                _ => found.push((path.to_owned(), node)),
            }
        }
        let mut found = Vec::new();
        walk(self, "", &mut found);
        found
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Variable(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is an empty text or an empty list.
    pub(super) fn is_blank(&self) -> bool {
        match &self.value {
            Value::List(list) => list.is_empty(),
            _ => self.text().is_some_and(|text| text.trim().is_empty()),
        }
    }
}

/// The sections that may be there several times, each written in double brackets.
pub(super) const LISTS: [&str; 3] = ["command", "hook", "api_key"];

/// Whether a path leads into one of the tables of such a section, or is one.
pub(super) fn is_in_list(path: &str) -> bool {
    path.split_once('.').is_some_and(|(first, _)| LISTS.contains(&first))
}

/// A path as people read it: entries of a list are counted from 1.
pub(super) fn key(path: &str) -> String {
    let mut key = String::new();
    for part in path.split('.') {
        match part.parse::<usize>() {
            Ok(index) if LISTS.contains(&key.as_str()) => key = format!("{key} {}", index + 1),
            Ok(index) => key = format!("{key} entry {}", index + 1),
            Err(_) if key.is_empty() => key.push_str(part),
            Err(_) => key = format!("{key}.{part}"),
        }
    }
    key
}
