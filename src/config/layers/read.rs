//! Reads typed settings from a tree. A mistake carries its path, its place and the kind of value that was wanted.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{self, Deserializer, IntoDeserializer, MapAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::tree::{Node, SettingPlace, Value};
use crate::config::values::duration;

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Boolean,
    Integer,
    Fraction,
    Text,
    List,
    Section,
    /// A form that only the setting's type knows.
    Other,
}

/// What is wrong with a value.
#[derive(Clone, Debug)]
pub(super) enum Mistake {
    UnknownKey {
        key: String,
        known: &'static [&'static str],
    },
    NoneOf(&'static [&'static str]),
    Missing(&'static str),
    Type(Wanted),
    /// A number too large or too small.
    Range,
    /// A sentence without its subject, which is the key.
    Says(String),
    /// The message of a type's own deserializer.
    Foreign(String),
}

/// A mistake, with the path of the value that has it.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub path: Option<String>,
    pub place: Option<SettingPlace>,
    pub mistake: Mistake,
}

/// The keys of each table that was read, by its path.
pub(super) type Keys = RefCell<BTreeMap<String, &'static [&'static str]>>;

impl Problem {
    fn new(mistake: Mistake) -> Problem {
        Problem { path: None, place: None, mistake }
    }

    /// Adds the path and place of the value, unless a value inside it has added its own.
    fn within(self, path: &str, place: &SettingPlace) -> Problem {
        match self.path {
            Some(_) => self,
            None => Problem { path: Some(path.to_owned()), place: Some(place.clone()), ..self },
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting is wrong")
    }
}

impl std::error::Error for Problem {}

impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Problem {
        Problem::new(Mistake::Foreign(message.to_string()))
    }

    fn invalid_type(_: de::Unexpected<'_>, _: &dyn de::Expected) -> Problem {
        Problem::new(Mistake::Type(Wanted::Other))
    }

    fn invalid_value(value: de::Unexpected<'_>, wanted: &dyn de::Expected) -> Problem {
        Problem::new(match value {
            // The value itself may be a secret.
            de::Unexpected::Str(_) => Mistake::Foreign(wanted.to_string()),
            _ => Mistake::Range,
        })
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Problem {
        Problem::new(Mistake::NoneOf(known))
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Problem {
        Problem::new(Mistake::UnknownKey { key: key.to_owned(), known })
    }

    fn missing_field(key: &'static str) -> Problem {
        Problem::new(Mistake::Missing(key))
    }
}

/// Reads one value.
pub(super) struct SettingReader<'a> {
    node: &'a Node,
    path: String,
    keys: &'a Keys,
}

impl<'a> SettingReader<'a> {
    pub(super) fn new(node: &'a Node, keys: &'a Keys) -> SettingReader<'a> {
        SettingReader { node, path: String::new(), keys }
    }

    /// Reads a node that stands at `path`.
    pub(super) fn within(node: &'a Node, path: &str, keys: &'a Keys) -> SettingReader<'a> {
        SettingReader { node, path: path.to_owned(), keys }
    }

    /// The reader of a value inside this one.
    fn inner(&self, node: &'a Node, key: &str) -> SettingReader<'a> {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        SettingReader { node, path, keys: self.keys }
    }

    fn fields(&self, table: &'a BTreeMap<String, Node>) -> impl MapAccess<'a, Error = Problem> {
        MapDeserializer::new(table.iter().map(|(key, node)| (key.as_str(), self.inner(node, key))))
    }

    fn table<V: Visitor<'a>>(&self, table: &'a BTreeMap<String, Node>, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_map(self.fields(table))
    }

    fn list<V: Visitor<'a>>(&self, list: &'a [Node], visitor: V) -> Result<V::Value, Problem> {
        let there = list.iter().enumerate().filter(|(_, node)| !matches!(node.value, Value::Gone));
        visitor.visit_seq(SeqDeserializer::new(there.map(|(index, node)| self.inner(node, &index.to_string()))))
    }

    fn integer<V: Visitor<'a>>(number: i128, visitor: V) -> Result<V::Value, Problem> {
        match (i64::try_from(number), u64::try_from(number)) {
            (Ok(number), _) => visitor.visit_i64(number),
            (Err(_), Ok(number)) => visitor.visit_u64(number),
            (Err(_), Err(_)) => Err(Problem::new(Mistake::Range)),
        }
    }

    fn any<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match &self.node.value {
            Value::Table(table) => self.table(table, visitor),
            Value::List(list) => self.list(list, visitor),
            Value::Text(text) | Value::Variable(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => Self::integer(*number, visitor),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Fraction(number) => visitor.visit_f64(*number),
            Value::Time | Value::Gone => Err(Problem::new(Mistake::Type(Wanted::Other))),
        }
    }

    /// A number, which a variable holds as a text.
    fn number<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match &self.node.value {
            Value::Integer(number) => Self::integer(*number, visitor),
            Value::Variable(text) => match text.trim().parse() {
                Ok(number) => Self::integer(number, visitor),
                Err(_) => Err(Problem::new(Mistake::Type(Wanted::Integer))),
            },
            _ => Err(Problem::new(Mistake::Type(Wanted::Integer))),
        }
    }

    /// A number that may have a fraction.
    fn fraction<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match &self.node.value {
            Value::Fraction(number) => visitor.visit_f64(*number),
            Value::Variable(text) => match text.trim().parse() {
                Ok(number) => visitor.visit_f64(number),
                Err(_) => Err(Problem::new(Mistake::Type(Wanted::Fraction))),
            },
            Value::Integer(number) => Self::integer(*number, visitor),
            _ => Err(Problem::new(Mistake::Type(Wanted::Fraction))),
        }
    }

    fn boolean<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        let parsed = match &self.node.value {
            Value::Boolean(value) => Some(*value),
            Value::Variable(text) => text.trim().parse().ok(),
            _ => None,
        };
        visitor.visit_bool(parsed.ok_or_else(|| Problem::new(Mistake::Type(Wanted::Boolean)))?)
    }

    fn text<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match self.node.text() {
            Some(text) => visitor.visit_borrowed_str(text),
            None => Err(Problem::new(Mistake::Type(Wanted::Text))),
        }
    }

    fn seq<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match &self.node.value {
            Value::List(list) => self.list(list, visitor),
            Value::Variable(text) => {
                let items = list(text).ok_or_else(|| Problem::new(Mistake::Type(Wanted::List)))?;
                visitor.visit_seq(SeqDeserializer::new(items.into_iter()))
            }
            _ => Err(Problem::new(Mistake::Type(Wanted::List))),
        }
    }

    fn section<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match &self.node.value {
            Value::Table(table) => self.table(table, visitor),
            _ => Err(Problem::new(Mistake::Type(Wanted::Section))),
        }
    }

    /// Reads a section, all of whose keys must be known. A `Duration` is read from a text, not from serde's form with
    /// two keys.
    fn structure<V: Visitor<'a>>(
        &self,
        name: &str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        if name == "Duration" {
            return self.duration(visitor);
        }
        self.keys.borrow_mut().insert(self.path.clone(), known);
        match &self.node.value {
            Value::Table(table) => match table.keys().find(|key| !known.contains(&key.as_str())) {
                Some(key) => Err(Problem::new(Mistake::UnknownKey { key: key.clone(), known })),
                None => self.table(table, visitor),
            },
            _ => Err(Problem::new(Mistake::Type(Wanted::Section))),
        }
    }

    fn duration<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        let duration = match &self.node.value {
            Value::Text(text) | Value::Variable(text) => duration(text),
            Value::Integer(number) => match i64::try_from(*number) {
                Ok(number) => duration(&number.to_string()),
                Err(_) => return Err(Problem::new(Mistake::Range)),
            },
            Value::Boolean(_) => duration(""),
            _ => return Err(Problem::new(Mistake::Type(Wanted::Other))),
        };
        let duration = duration.map_err(|says| Problem::new(Mistake::Says(says)))?;
        visitor.visit_seq(SeqDeserializer::new([duration.as_secs(), duration.subsec_nanos().into()].into_iter()))
    }

    fn variant<V: Visitor<'a>>(&self, visitor: V) -> Result<V::Value, Problem> {
        match &self.node.value {
            Value::Table(table) => visitor.visit_enum(MapAccessDeserializer::new(self.fields(table))),
            _ => match self.node.text() {
                Some(text) => visitor.visit_enum(StrDeserializer::new(text.trim())),
                None => Err(Problem::new(Mistake::Type(Wanted::Text))),
            },
        }
    }
}

/// The entries of a list in a variable, separated by commas. A text that begins with `[` must be JSON.
fn list(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
}

macro_rules! read {
    ($($name:ident => $by:ident),* $(,)?) => {
        $(fn $name<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
            self.$by(visitor).map_err(|problem| problem.within(&self.path, &self.node.place))
        })*
    };
}

impl<'de> Deserializer<'de> for SettingReader<'de> {
    type Error = Problem;

    read! {
        deserialize_any => any, deserialize_bool => boolean,
        deserialize_i8 => number, deserialize_i16 => number, deserialize_i32 => number, deserialize_i64 => number,
        deserialize_u8 => number, deserialize_u16 => number, deserialize_u32 => number, deserialize_u64 => number,
        deserialize_i128 => number, deserialize_u128 => number, deserialize_f32 => fraction, deserialize_f64 => fraction,
        deserialize_char => text, deserialize_str => text, deserialize_string => text, deserialize_identifier => text,
        deserialize_seq => seq, deserialize_map => section,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Problem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.structure(name, known, visitor).map_err(|problem| problem.within(&self.path, &self.node.place))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Problem> {
        self.variant(visitor).map_err(|problem| problem.within(&self.path, &self.node.place))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Problem> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct tuple_struct ignored_any }
}

impl<'de> IntoDeserializer<'de, Problem> for SettingReader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
