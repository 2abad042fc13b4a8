//! Sections of the settings that belong to the author of a bot, read with the same care as ours.

use std::any::type_name;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;

use super::environment::variable;
use super::read::{Keys, Mistake, Problem, SettingReader};
use super::tree::{Node, SettingPlace, SettingSource};
use crate::config::ConfigError;
use crate::state::State;

/// A section of a bot's author, and the type it is read as.
#[derive(Clone)]
pub(crate) struct Section {
    pub name: &'static str,
    of: &'static str,
    read: fn(SettingReader<'_>, &mut State) -> Result<(), Problem>,
    is_in: fn(&State) -> bool,
}

impl fmt::Debug for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]: {}", self.name, self.of)
    }
}

impl Section {
    pub(crate) fn of<T: DeserializeOwned + Send + Sync + 'static>(name: &'static str) -> Section {
        let read = |reader: SettingReader<'_>, state: &mut State| T::deserialize(reader).map(|value| state.put(value));
        Section { name, of: type_name::<T>(), read, is_in: |state| state.get::<T>().is_some() }
    }

    /// Whether the section was read already.
    pub(crate) fn is_in(&self, state: &State) -> bool {
        (self.is_in)(state)
    }

    /// Reads the section from the whole tree. A section that nobody gave counts as empty.
    pub(super) fn read(&self, settings: &Node, keys: &Keys, state: &mut State) -> Result<(), Problem> {
        let empty = Node::table(SettingPlace::new(SettingSource::Defaults, ""));
        let node = settings.get(self.name).unwrap_or(&empty);
        (self.read)(SettingReader::within(node, self.name, keys), state)
    }

    /// The keys of its type, if that has a fixed set of them.
    fn keys(&self) -> &'static [&'static str] {
        let keys = Keys::default();
        // Reading fails if the type needs a key, but by then serde has named all its keys.
        let _ = self.read(&Node::table(SettingPlace::new(SettingSource::Defaults, "")), &keys, &mut State::default());
        keys.borrow().get(self.name).copied().unwrap_or_default()
    }
}

/// Adds the author's sections to the known ones.
///
/// # Errors
/// A name that the settings cannot have, or have already: a mistake of the program.
pub(super) fn add(
    sections: &[Section],
    known: &mut BTreeMap<String, &'static [&'static str]>,
) -> Result<(), ConfigError> {
    let wrong = |section: &Section, says: &str| {
        let Section { name, of, .. } = section;
        Err(ConfigError::one(format!("the program gives its settings {of} the section [{name}], {says}")))
    };
    let builtin = known.get("").copied().unwrap_or_default();
    for section in sections {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins = section.name.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || !section.name.chars().all(is_plain) || section.name.contains("__") {
            return wrong(section, "which is no name for one: small letters, digits and single underscores are");
        }
        if builtin.contains(&section.name) {
            return wrong(section, "which is one of Switchboard's; take another name");
        }
        if known.insert(section.name.to_owned(), section.keys()).is_some() {
            return wrong(section, "which it has given away already; take another name");
        }
    }
    Ok(())
}

/// If the mistake is a missing key: that key, and the sentence about it.
pub(super) fn missing(problem: &Problem) -> Option<(String, String)> {
    let Mistake::Missing(last) = problem.mistake else { return None };
    let path = problem.path.as_deref().unwrap_or_default();
    let key = format!("{path}.{last}");
    let says = match path.contains('.') {
        true => format!("{key} is missing: give {last} under [{path}] in bot.toml"),
        false => format!("{key} is missing: set {}, or give {last} under [{path}] in bot.toml", variable(&key)),
    };
    Some((key, says))
}
