//! The known sections and keys, and the one that somebody may have meant by an unknown one.

use std::collections::BTreeMap;

use strsim::damerau_levenshtein;

use super::secret_keys::SECRETS;

/// Every section with its keys.
pub(super) struct Names {
    keys: BTreeMap<String, Vec<String>>,
    /// The sections of a bot's author.
    own: Vec<&'static str>,
}

impl Names {
    /// `keys` are those of each table by its path, as they were noted while a complete tree was read.
    pub(super) fn new(keys: &BTreeMap<String, &'static [&'static str]>, own: Vec<&'static str>) -> Names {
        let owned = |keys: &&'static [&'static str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        // A path with a dot is a table inside a list or a section.
        let sections = keys.iter().filter(|(path, _)| !path.is_empty() && !path.contains('.'));
        let mut names = Names { keys: sections.map(|(path, keys)| (path.clone(), owned(keys))).collect(), own };
        for secret in SECRETS {
            if let Some((section, key)) = secret.split_once('.') {
                names.keys.entry(section.to_owned()).or_default().push(format!("{key}_file"));
            }
        }
        names
    }

    /// Whether this path begins at a section of the author's.
    pub(super) fn is_own(&self, path: &str) -> bool {
        path.split('.').next().is_some_and(|section| self.own.contains(&section))
    }

    pub(super) fn has_section(&self, section: &str) -> bool {
        self.keys.contains_key(section)
    }

    pub(super) fn has(&self, section: &str, key: &str) -> bool {
        self.keys.get(section).is_some_and(|keys| keys.iter().any(|known| known == key))
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Every section with each of its keys.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().flat_map(|(section, keys)| keys.iter().map(|key| (section.as_str(), key.as_str())))
    }

    /// The sections that have such a key.
    pub(super) fn sections_of(&self, key: &str) -> Vec<&str> {
        let key = plain(key);
        self.keys.iter().filter(|(_, keys)| keys.contains(&key)).map(|(section, _)| section.as_str()).collect()
    }

    /// What to do about a key that its section does not have.
    pub(super) fn hint(&self, section: &str, key: &str, known: &[&str]) -> String {
        let mut known: Vec<_> = known.to_vec();
        if section.is_empty() {
            known.extend(&self.own);
        }
        known.extend(
            self.keys.get(section).into_iter().flatten().map(String::as_str).filter(|key| key.ends_with("_file")),
        );
        known.sort_unstable();
        known.dedup();
        if let Some(near) = nearest(key, known.iter().copied()) {
            return format!("did you mean {near}?");
        }
        match self.sections_of(key).as_slice() {
            [] => format!("known here: {}", known.join(", ")),
            sections => format!("it belongs to {}", listed(sections)),
        }
    }
}

/// `[webex] or [server]`.
pub(super) fn listed(sections: &[&str]) -> String {
    sections.iter().map(|section| format!("[{section}]")).collect::<Vec<_>>().join(" or ")
}

/// The known word that a misspelt word was probably meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = plain(word);
    let distances = known.map(|known| (damerau_levenshtein(known, &word), known));
    distances.min().filter(|(distance, _)| *distance <= word.chars().count() / 3).map(|(_, known)| known)
}

/// The word in small letters, with underscores for dashes.
fn plain(word: &str) -> String {
    word.trim().to_lowercase().replace('-', "_")
}
