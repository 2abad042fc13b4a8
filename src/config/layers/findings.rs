//! Sentences about wrong settings: the place, the key, what is wrong, and the right form. A value that may be a secret
//! is never shown.

use super::environment::variable;
use super::names::{Names, listed, nearest};
use super::read::{Mistake, Problem, Wanted};
use super::tree::{LISTS, Node, SettingFinding, SettingSource, Value, is_in_list, key};
use crate::config::values::parse_size;

/// The finding about a value that cannot be read. The value that was given and the built-in default shape the sentence.
pub(super) fn finding(problem: &Problem, settings: &Node, defaults: &Node, names: &Names) -> SettingFinding {
    let path = problem.path.as_deref().unwrap_or_default();
    let under = |last: &str| if path.is_empty() { last.to_owned() } else { format!("{path}.{last}") };
    let (at, says) = match &problem.mistake {
        Mistake::UnknownKey { key: unknown, known } => {
            let hint = names.hint(path, unknown, known);
            (under(unknown), format!("unknown key {}; {hint}", key(&under(unknown))))
        }
        Mistake::Missing(missing) => (path.to_owned(), format!("{} is missing", key(&under(missing)))),
        Mistake::Foreign(says) if names.is_own(path) => (path.to_owned(), format!("{} is wrong: {says}", key(path))),
        Mistake::Says(says) | Mistake::Foreign(says) => (path.to_owned(), format!("{} {says}", key(path))),
        Mistake::NoneOf(known) => {
            let near = settings.get(path).and_then(Node::text).and_then(|text| nearest(text, known.iter().copied()));
            let near = near.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            (path.to_owned(), format!("{} must be one of {}{near}", key(path), known.join(", ")))
        }
        Mistake::Range => (path.to_owned(), format!("{} {}", key(path), range(path, settings, defaults))),
        Mistake::Type(wanted) => {
            (path.to_owned(), format!("{} {}", key(path), wrong_type(*wanted, path, settings, defaults)))
        }
    };
    let node = settings.get(&at).map(|node| &node.place).or(problem.place.as_ref());
    let says = match settings.get(&at) {
        Some(node) if node.place.source == SettingSource::Environment => for_a_variable(&says, node.text()),
        _ => says,
    };
    match node {
        Some(place) => SettingFinding::at(place, says),
        None => SettingFinding::of_all(says),
    }
}

/// Adapts a sentence to a variable: the right form loses its quotes, and a hint names a frequent mistake.
fn for_a_variable(says: &str, text: Option<&str>) -> String {
    let text = text.unwrap_or("-");
    let is_quoted = |quote| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    let hint = if text.trim().is_empty() {
        "; it is empty: unset it to leave the setting as it is"
    } else if is_quoted('"') || is_quoted('\'') {
        "; the quotes are part of the value: take them off"
    } else if text.contains(['\r', '\n']) {
        "; a line end is part of the value: take it off"
    } else {
        ""
    };
    format!("{}{hint}", if says.contains('[') { says.to_owned() } else { says.replace('"', "") })
}

/// How a key is written with its default, such as `concurrency = 16`; none where there is no default.
pub(super) fn default_form(path: &str, defaults: &Node, source: SettingSource) -> Option<String> {
    let last = path.rsplit('.').next()?;
    let value = match &defaults.get(path)?.value {
        Value::Text(text) if source == SettingSource::Environment => text.clone(),
        Value::Text(text) => format!("\"{text}\""),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(value) => value.to_string(),
        _ => return None,
    };
    Some(if source == SettingSource::Environment {
        format!("{}={value}", variable(path))
    } else {
        format!("{last} = {value}")
    })
}

fn example_value(path: &str, settings: &Node, defaults: &Node) -> String {
    let source = settings.get(path).map_or(SettingSource::File, |node| node.place.source);
    default_form(path, defaults, source).map_or_else(String::new, |form| format!(", such as {form}"))
}

fn range(path: &str, settings: &Node, defaults: &Node) -> String {
    let such_as = example_value(path, settings, defaults);
    let number = settings.get(path).and_then(|node| match &node.value {
        Value::Integer(number) => Some(*number),
        Value::Variable(text) => text.trim().parse().ok(),
        _ => None,
    });
    match number {
        Some(number) if number < 0 => format!("is negative; give a whole number of 0 or more{such_as}"),
        _ => {
            let default = such_as.replace(", such as", "; the default is");
            format!("is too large{default}")
        }
    }
}

fn wrong_type(wanted: Wanted, path: &str, settings: &Node, defaults: &Node) -> String {
    let last = path.rsplit('.').next().unwrap_or(path);
    let node = settings.get(path);
    let text = node.and_then(Node::text).map(str::trim);
    let is_variable = node.is_some_and(|node| node.place.source == SettingSource::Environment);
    let write = |value: &str| match is_variable {
        true => format!("write {}={value}", variable(path)),
        false => format!("write {last} = {value}, without quotes"),
    };
    let give = match wanted {
        Wanted::Boolean => match text.map(str::to_lowercase).as_deref() {
            Some("true" | "yes" | "on" | "1" | "y") => write("true"),
            Some("false" | "no" | "off" | "0" | "n") => write("false"),
            _ => "give true or false".to_owned(),
        },
        Wanted::Integer => {
            let plain = text.map(|text| text.replace(['_', ',', '\'', '"'], ""));
            match plain.as_deref().and_then(|plain| plain.parse().ok().or_else(|| parse_size(plain))) {
                Some(number) => write(&number.to_string()),
                None => format!("give a whole number{}", example_value(path, settings, defaults)),
            }
        }
        Wanted::Fraction => "give a number, such as 0.5".to_owned(),
        Wanted::Text => "give a text in quotes".to_owned(),
        Wanted::List if is_variable => {
            "give a list: a@example.org, *@example.org or, as JSON, [\"a@example.org\"]".to_owned()
        }
        Wanted::List if LISTS.contains(&path) => format!("write [[{path}]], in double brackets"),
        Wanted::List => format!("give a list, in brackets: {last} = [\"...\"]"),
        Wanted::Section if last == "approve" => {
            "give a table such as { by = [\"admins\"], quorum = 1, within = \"15m\" }".to_owned()
        }
        Wanted::Section if is_in_list(path) && path.matches('.').count() == 1 => {
            let name = path.split('.').next().unwrap_or_default();
            format!("write [[{name}]], and its keys below")
        }
        Wanted::Section if is_in_list(path) => format!("give a table, in braces: {last} = {{ ... }}"),
        Wanted::Section => format!("write [{path}], and its keys below"),
        Wanted::Other => match example_value(path, settings, defaults).strip_prefix(", such as ") {
            Some(form) => format!("write it as {form}"),
            None => "give a text in quotes".to_owned(),
        },
    };
    format!("has the wrong type: it is {}; {give}", node.map_or("nothing", describe))
}

/// The kind of value only: the value itself may be a secret.
fn describe(node: &Node) -> &'static str {
    match &node.value {
        Value::Table(_) => "a section",
        Value::List(_) => "a list",
        Value::Text(_) | Value::Variable(_) => "a text",
        Value::Integer(_) => "a number",
        Value::Fraction(_) => "a fraction",
        Value::Boolean(_) => "a boolean",
        Value::Time => "a date",
        Value::Gone => "nothing",
    }
}

/// Findings about keys outside every section, and about sections in the wrong kind of brackets. A key is removed. A
/// section is rewritten as it was meant, so that its keys are checked too.
pub(super) fn outside_sections(file: &mut Node, names: &Names, spoiled: &mut Vec<String>) -> Vec<SettingFinding> {
    let Value::Table(table) = &mut file.value else { return Vec::new() };
    let mut wrong = Vec::new();
    for (name, node) in std::mem::take(table) {
        let is_table = |node: &Node| matches!(node.value, Value::Table(_));
        let place = node.place.clone();
        let (says, meant) = match node.value {
            Value::Table(inner) if LISTS.contains(&name.as_str()) => {
                let rule = Node::new(Value::Table(inner), place.clone());
                (format!("[{name}] is one of a list; write [[{name}]]"), Some(Value::List(vec![rule])))
            }
            Value::List(list)
                if !LISTS.contains(&name.as_str()) && names.has_section(&name) && list.iter().all(is_table) =>
            {
                let first = list.into_iter().next().map(|node| node.value);
                (format!("[[{name}]] can be there only once; write [{name}]"), first)
            }
            Value::List(list) if LISTS.contains(&name.as_str()) && list.iter().all(is_table) => {
                table.insert(name, Node::new(Value::List(list), place));
                continue;
            }
            Value::Table(inner) => {
                table.insert(name, Node::new(Value::Table(inner), place));
                continue;
            }
            _ if LISTS.contains(&name.as_str()) => {
                (format!("{name} is outside every section; write [[{name}]], and its keys below"), None)
            }
            _ if names.has_section(&name) => {
                (format!("{name} is outside every section; write [{name}], and its keys below"), None)
            }
            _ => {
                spoiled.extend(names.sections_of(&name).iter().map(|section| format!("{section}.{name}")));
                (format!("{name} is outside every section; {}", home(&name, names)), None)
            }
        };
        wrong.push(SettingFinding::at(&place, says));
        match meant {
            Some(value) => drop(table.insert(name, Node::new(value, place))),
            None => spoiled.push(name),
        }
    }
    wrong
}

/// What to do about a key that stands outside every section.
fn home(name: &str, names: &Names) -> String {
    let sections = names.sections_of(name);
    if !sections.is_empty() {
        return format!("it belongs to {}; write that line before it", listed(&sections));
    }
    match nearest(name, names.all().map(|(_, key)| key).chain(names.sections())) {
        Some(near) if names.has_section(near) => format!("did you mean the section [{near}]?"),
        Some(near) => format!("did you mean {near}, in {}?", listed(&names.sections_of(near))),
        None => {
            let sections: Vec<_> = names.sections().collect();
            format!("keys belong to a section, and this one is not known; the sections are {}", sections.join(", "))
        }
    }
}

/// Findings about placeholders that stand in place of a value, with their paths: `${TOKEN}`, `%TOKEN%`, `{{ token }}`,
/// `<token>`, `...`.
pub(super) fn stand_ins(settings: &Node) -> Vec<(String, SettingFinding)> {
    let set = settings.leaves().into_iter().filter(|(_, node)| node.place.source != SettingSource::Defaults);
    let found = set.filter_map(|(path, node)| {
        let text = node.text().filter(|_| !is_template(&path))?.trim();
        let (place, key, variable) = (&node.place, key(&path), variable(&path));
        let is_within =
            |open: &str, close: &str| text.starts_with(open) && text.ends_with(close) && text.len() > open.len();
        let says = if text == "..." || (is_within("<", ">") && !text.contains('@')) {
            "holds a placeholder; put the value itself there".to_owned()
        } else if is_variable_name(text) || is_within("%", "%") || is_within("{{", "}}") {
            match node.place.source {
                _ if is_in_list(&path) => {
                    "holds the name of a variable, and this file cannot use variables: write the \
                     value itself, or the path of a file that has it under this key with _file"
                        .to_owned()
                }
                SettingSource::Environment => "holds the name of a variable, and not its value; nothing replaces \
                     ${...}: give the value itself"
                    .to_owned(),
                _ => format!(
                    "holds the name of a variable, and this file cannot use variables; leave it out, and set {variable}"
                ),
            }
        } else {
            return None;
        };
        Some((path, SettingFinding::at(place, format!("{key} {says}"))))
    });
    found.collect()
}

/// Whether the value is a template or an expression, in which braces have a meaning.
fn is_template(path: &str) -> bool {
    let ends = |keys: &[&str]| keys.iter().any(|key| path.ends_with(key));
    match path.split_once('.') {
        Some(("command", _)) => ends(&[".text"]),
        Some(("hook", _)) => {
            path.contains(".vars.") || ends(&[".dedupe", ".each", ".when", ".thread", ".template", ".card"])
        }
        _ => false,
    }
}

fn is_variable_name(text: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    let braced = text.split_once("${").and_then(|(_, rest)| rest.split_once('}'));
    braced.is_some() || text.strip_prefix("$(").is_some() || text.strip_prefix('$').is_some_and(is_name)
}
