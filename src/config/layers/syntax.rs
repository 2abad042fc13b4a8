//! Explains a line that is not TOML: what it was meant to be, and what to write. A line may hold a secret, so only its
//! key is shown.

use std::ops::Range;

use super::tree::LISTS;
use crate::config::values::{parse_duration, parse_size};

/// What is wrong with this line, and what to write. `message` is the parser's own.
pub(super) fn explain(line: &str, message: &str) -> String {
    let line = line.trim();
    if line.contains(['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{ab}', '\u{bb}']) {
        return "the line has typographic quotes; write plain ones, \" or '".to_owned();
    }
    if ["<<<<<<<", "=======", ">>>>>>>"].iter().any(|mark| line.starts_with(mark)) {
        return "that is the mark of a merge with a conflict; settle the conflict".to_owned();
    }
    if ["//", ";", "--", "/*"].iter().any(|mark| line.starts_with(mark)) {
        return "a comment begins with #".to_owned();
    }
    let is_twice = message.starts_with("duplicate key");
    if line.starts_with('[') && !line.contains('=') {
        return if is_twice {
            "that section is there twice; put its keys together, under one heading".to_owned()
        } else {
            "the name of a section stands alone in brackets, such as [webex]".to_owned()
        };
    }
    if is_twice {
        return match line.split('=').next().map(str::trim).filter(|key| is_key(key)) {
            Some(key) => format!("{key} is there twice; keep one of them"),
            None => "that key is there twice; keep one of them".to_owned(),
        };
    }
    if message.contains("missing comma") {
        return "a comma is missing between two entries, here or at the end of the line before".to_owned();
    }
    match line.split_once('=') {
        Some((key, value)) => of_pair(key.trim(), without_comment(value).trim(), message),
        None => without_assignment(line),
    }
}

/// Rewrites the heading of a section as it was meant, if that is clear. Gives the end of the lines to clear: `at` after
/// a rewrite, else the next heading. Lines are counted from 0.
pub(super) fn mend_heading(lines: &mut [String], at: usize, message: &str) -> usize {
    let line = lines[at].trim();
    let name: String = line.trim_start_matches(['[', ' ']).chars().take_while(|c| is_part_of_key(*c)).collect();
    let heading = if LISTS.contains(&name.as_str()) { format!("[[{name}]]") } else { format!("[{name}]") };
    if name.is_empty() || message.starts_with("duplicate key") || line == heading {
        return next_heading(lines, at);
    }
    lines[at] = heading;
    at
}

/// What stays of a line that is taken out, so that the brackets of the lines around it still match.
pub(super) fn remnant(line: &str) -> String {
    let remnant = match line.split_once('=') {
        Some((key, value)) if value.trim_start().starts_with('[') && !value.trim_end().ends_with(']') => {
            format!("{key}= [")
        }
        Some(_) => String::new(),
        None => line.trim_start_matches(|c| c != ']' && c != '}').to_owned(),
    };
    let is_closing = |c: char| "]}, ".contains(c);
    let is_less = remnant.len() < line.trim().len() && (line.contains('=') || remnant.chars().all(is_closing));
    if is_less { remnant } else { String::new() }
}

/// The next line that names a section, or the end.
pub(super) fn next_heading(lines: &[String], at: usize) -> usize {
    let is_heading = |line: &String| {
        let name = line.trim_start().trim_start_matches('[');
        line.trim_start().starts_with('[') && name.starts_with(|c: char| c.is_ascii_alphabetic())
    };
    lines[at + 1..].iter().position(is_heading).map_or(lines.len(), |next| at + 1 + next)
}

/// The paths of the keys on these lines, counted from 0.
pub(super) fn keys(lines: &[String], range: Range<usize>) -> Vec<String> {
    let heading = |line: &&String| line.trim_start().starts_with('[');
    let section = |at: usize| {
        let found = lines[..=at].iter().rev().find(heading);
        found.map(|line| line.trim().trim_matches(['[', ']', ' ']).to_owned()).unwrap_or_default()
    };
    let keys = range.filter_map(|at| {
        let key = lines[at].split(['=', ':']).next()?.trim();
        is_key(key).then(|| format!("{}.{key}", section(at)).trim_start_matches('.').to_owned())
    });
    keys.collect()
}

fn without_assignment(line: &str) -> String {
    match line.split_once(':') {
        Some((key, _)) if is_key(key.trim()) => format!("write {0} = ..., with = and not with a colon", key.trim()),
        _ => "a key and its value are joined by =, such as mode = \"webhook\"".to_owned(),
    }
}

fn of_pair(key: &str, value: &str, message: &str) -> String {
    if let Some(key) = key.strip_prefix("export ").or_else(|| key.strip_prefix("set ")) {
        let shown = if is_key(key.trim()) { key.trim() } else { "the key" };
        return format!("this is a settings file and no shell; begin the line with {shown}");
    }
    if !is_key(key.trim_matches(['"', '\''])) && !message.starts_with("string values") {
        return format!("{message}; a key is made of letters, digits, - and _, such as dm_policy = \"open\"");
    }
    let key = if is_key(key) { key } else { "key" };
    let is_begun = |quote: char| value.starts_with(quote) && (value.len() < 2 || !value.ends_with(quote));
    match value {
        "" => format!("{key} has no value; give one, or put # before the line"),
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "True" | "TRUE" | "enabled" => format!("write {key} = true"),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" | "False" | "FALSE" | "disabled" => format!("write {key} = false"),
        "null" | "nil" | "none" | "None" | "~" => format!("there is no null; put # before the line to leave {key} out"),
        _ if value.starts_with('$') => {
            "no variable is put into this file; give the value in quotes, or set it in the environment".to_owned()
        }
        _ if message.contains("escape") => {
            format!("a backslash begins an escape in \"...\"; write the value of {key} in single quotes, '...'")
        }
        _ if message.starts_with("a bracket") => format!("the brackets of {key} are not closed"),
        _ if is_begun('"') || is_begun('\'') => {
            format!("the quotes of {key} are not closed, or something stands behind them; write {key} = \"...\"")
        }
        _ if parse_duration(value).is_some() => format!("a duration stands in quotes; write {key} = \"{value}\""),
        _ => match parse_size(value) {
            Some(bytes) => format!("a size is a number of bytes; write {key} = {bytes}"),
            None if value.starts_with(|c: char| c.is_ascii_digit()) && number(value).is_some() => {
                format!("write {key} = {}", number(value).unwrap_or_default())
            }
            None if message.starts_with("string values") || value.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                format!("a text stands in quotes; write {key} = \"...\"")
            }
            None => format!("{message}, in the value of {key}"),
        },
    }
}

/// A number as people write it in letters: with separators or leading zeros.
fn number(value: &str) -> Option<u64> {
    let is_part = |c: char| c.is_ascii_digit() || ",_'".contains(c);
    value.chars().all(is_part).then(|| value.replace([',', '_', '\''], ""))?.parse().ok()
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.len() <= 40 && text.chars().all(is_part_of_key)
}

fn is_part_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

/// The value without a comment after it. Inside quotes `#` begins no comment.
fn without_comment(value: &str) -> &str {
    match value.trim_start().chars().next() {
        Some('"' | '\'') => value,
        _ => value.split('#').next().unwrap_or(value),
    }
}
