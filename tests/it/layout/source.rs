//! The files of `src`, and what in them is code.

use std::path::Path;

/// A file with what stands before its tests.
pub struct Source {
    /// From `src`, such as `store/audit.rs`.
    pub file: String,
    pub text: String,
    /// The text without comments, and with nothing in its strings.
    pub code: String,
    /// What its strings hold.
    pub strings: Vec<String>,
}

impl Source {
    /// The top-level module the file belongs to.
    pub fn room(&self) -> &str {
        room(&self.file)
    }
}

pub fn room(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The files of a folder and of those in it, from the repository's root.
pub fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Every Rust file of `src` that ships, in order.
pub fn sources() -> Vec<Source> {
    let ships = |file: &String| file.ends_with(".rs") && !file.ends_with("/tests.rs") && !file.contains("/tests/");
    let ours = files("src").into_iter().filter(ships);
    let read = ours.map(|file| {
        let text = read(&file).split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
        let (code, strings) = code_and_strings(&text);
        Source { file: file.strip_prefix("src/").unwrap().to_owned(), text, code, strings }
    });
    read.collect()
}

fn code_and_strings(text: &str) -> (String, Vec<String>) {
    let (mut code, mut strings, mut rest) = (String::new(), Vec::new(), text);
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            rest = &rest[rest.find("*/").unwrap_or(rest.len() - 2) + 2..];
        } else if let Some((string, after)) = string(rest, code.chars().last()) {
            code.push_str("\"\"");
            strings.push(string.to_owned());
            rest = after;
        } else if let Some(after) = character(rest) {
            code.push_str("' '");
            rest = after;
        } else {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    (code, strings)
}

/// What a string holds that begins here, and what stands after it.
fn string(rest: &str, before: Option<char>) -> Option<(&str, &str)> {
    if let Some(inner) = rest.strip_prefix('"') {
        let mut is_escaped = false;
        let is_end = |c: char| {
            let ends = c == '"' && !is_escaped;
            is_escaped = c == '\\' && !is_escaped;
            ends
        };
        return inner.split_once(is_end);
    }
    let is_in_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let raw = rest.strip_prefix('r').filter(|_| !is_in_name)?;
    let hashes = &raw[..raw.len() - raw.trim_start_matches('#').len()];
    raw.strip_prefix(hashes)?.strip_prefix('"')?.split_once(&format!("\"{hashes}"))
}

/// What stands after a character in quotes; a lifetime is none.
fn character(rest: &str) -> Option<&str> {
    let inner = rest.strip_prefix('\'')?;
    match inner.strip_prefix('\\') {
        Some(escaped) => Some(&escaped[1..][escaped[1..].find('\'')? + 1..]),
        None => inner[inner.chars().next()?.len_utf8()..].strip_prefix('\''),
    }
}

#[test]
fn code_is_told_from_comments_and_strings() {
    let text = r###"a "b \" // c" d // e 'f"
'"' g /* "h" */ '\'' 'i r#"j "k" l"# &'m r "n""###;
    let (code, strings) = code_and_strings(text);
    assert_eq!(code, "a \"\" d \n' ' g  ' ' 'i \"\" &'m r \"\"");
    assert_eq!(strings, ["b \\\" // c", "j \"k\" l", "n"]);
}
