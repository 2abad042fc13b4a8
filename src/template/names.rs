//! Finds filters, tests and functions that a template names and that do not exist. Otherwise only their first use tells.

use minijinja::{Environment, ErrorKind};

/// The first name that does not exist, in a sentence.
pub(super) fn unknown(environment: &Environment<'_>, source: &str) -> Option<String> {
    for (before, name, after) in words(source) {
        let (kind, tried, says) = match (before, after) {
            (Before::Pipe, _) => (ErrorKind::UnknownFilter, format!("{{{{ '' | {name} }}}}"), "filter"),
            (Before::Is, _) => (ErrorKind::UnknownTest, format!("{{{{ '' is {name} }}}}"), "test"),
            (Before::Other, '(') => (ErrorKind::UnknownFunction, format!("{{{{ {name}() }}}}"), "function"),
            (Before::Other, _) => continue,
        };
        let is_unknown = |error: minijinja::Error| error.kind() == kind;
        if environment.render_str(&tried, ()).is_err_and(is_unknown) {
            return Some(format!("there is no {says} {name}"));
        }
    }
    None
}

/// What stands before a name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Pipe,
    Is,
    Other,
}

/// The names inside of the tags of a source, each with what stands before and after it. Texts in quotes are left out.
fn words(source: &str) -> Vec<(Before, &str, char)> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
        let inside = &rest[at + 2..];
        let end = inside.find("}}").into_iter().chain(inside.find("%}")).min().unwrap_or(inside.len());
        rest = &inside[end..];
        if inside[..end].trim_matches(['-', '+', ' ']) == "raw" {
            // What stands there is not for us.
            rest = rest.find("endraw").map_or("", |end| &rest[end..]);
        } else {
            words_of(&inside[..end], &mut found);
        }
    }
    found
}

fn words_of<'a>(inside: &'a str, found: &mut Vec<(Before, &'a str, char)>) {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut at, mut before) = (0, Before::Other);
    while let Some(c) = inside[at..].chars().next() {
        if c == '"' || c == '\'' {
            at += 1 + inside[at + 1..].find(c).map_or(inside.len() - at - 1, |end| end + 1);
            before = Before::Other;
        } else if is_word(c) {
            let end = inside[at..].find(|c| !is_word(c)).map_or(inside.len(), |length| at + length);
            let word = &inside[at..end];
            let is_attribute = inside[..at].trim_end().ends_with('.');
            let after = inside[end..].trim_start().chars().next().unwrap_or(' ');
            let is_name = !word.starts_with(|c: char| c.is_ascii_digit()) && !is_attribute;
            before = match (word, before) {
                ("is", _) => Before::Is,
                ("not", Before::Is) => Before::Is,
                // `in (…)` and the like are no functions.
                ("in" | "and" | "or" | "not" | "if" | "elif" | "else" | "for" | "filter" | "call", _) => Before::Other,
                (_, before) => {
                    if is_name {
                        found.push((before, word, after));
                    }
                    Before::Other
                }
            };
            at = end;
        } else {
            if !c.is_whitespace() {
                before = if c == '|' { Before::Pipe } else { Before::Other };
            }
            at += c.len_utf8();
        }
    }
}
