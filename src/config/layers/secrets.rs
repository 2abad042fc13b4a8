//! Secrets that are kept in files of their own.

use super::file::utf_16;
use super::tree::{Node, SettingFinding, SettingPlace, SettingSource, Value};

/// Keys that are secrets: each may be given as `<key>_file`.
pub(super) const SECRETS: [&str; 8] = [
    "webex.token",
    "webhook.secret",
    "cards.secret",
    "cards.previous_secrets",
    "hooks.secret",
    "store.url",
    "audit.key",
    "audit.old_key",
];

/// Keys of a `[[hook]]` that are secrets, or keys, and may be given in the same way.
const OF_HOOKS: [&str; 8] = [
    "auth.bearer",
    "auth.basic",
    "auth.service_key",
    "auth.url_token",
    "auth.header.value",
    "auth.jwt.secret",
    "auth.jwt.key",
    "signature.secrets",
];

/// The same of an `[[api_key]]`.
const OF_API_KEYS: [&str; 1] = ["key"];

/// Those of hooks that may be lists.
const LISTS_OF_HOOKS: [&str; 3] = ["auth.service_key", "auth.jwt.secret", "signature.secrets"];

/// Replaces each `<key>_file` by the content of that file. Adds failures to `wrong`, and the keys they leave without a
/// value to `spoiled`.
pub(super) fn resolve(
    layers: &mut Vec<Node>,
    defaults: &Node,
    wrong: &mut Vec<SettingFinding>,
    spoiled: &mut Vec<String>,
) {
    for key in SECRETS {
        let found = from_file(key, layers, defaults);
        for layer in layers.iter_mut() {
            layer.remove(&format!("{key}_file"));
        }
        match found {
            Ok(None) => {}
            Ok(Some(layer)) => layers.push(layer),
            Err(finding) => {
                layers.iter_mut().for_each(|layer| layer.remove(key));
                wrong.push(finding);
                spoiled.push(key.to_owned());
            }
        }
    }
    resolve_in_list("hook", &OF_HOOKS, layers, wrong, spoiled);
    resolve_in_list("api_key", &OF_API_KEYS, layers, wrong, spoiled);
}

/// Does the same inside each table of a list. Lists are given in one layer, the file.
fn resolve_in_list(
    list: &str,
    keys: &[&str],
    layers: &mut [Node],
    wrong: &mut Vec<SettingFinding>,
    spoiled: &mut Vec<String>,
) {
    for layer in layers {
        let count = match layer.get(list).map(|node| &node.value) {
            Some(Value::List(tables)) => tables.len(),
            _ => 0,
        };
        for (nth, key) in (0..count).flat_map(|nth| keys.iter().map(move |key| (nth, *key))) {
            let path = format!("{list}.{nth}.{key}");
            let file_path = format!("{path}_file");
            let Some(file) = layer.get(&file_path).cloned() else { continue };
            layer.remove(&file_path);
            let found = match layer.get(&path) {
                Some(_) => Err(SettingFinding::at(
                    &file.place,
                    format!("{key} and {key}_file are both given; keep one of them"),
                )),
                None => read(key, &file, LISTS_OF_HOOKS.contains(&key)),
            };
            match found {
                Ok(value) => layer.put(&path, value),
                Err(finding) => {
                    wrong.push(finding);
                    spoiled.push(path);
                }
            }
        }
    }
}

/// The highest layer that gives `key` or `<key>_file` decides; both at once in one place is an error.
fn from_file(key: &str, layers: &[Node], defaults: &Node) -> Result<Option<Node>, SettingFinding> {
    let file_key = format!("{key}_file");
    // The variables are one place, though each is a layer of its own.
    let in_environment = |key: &str| {
        let variables = layers.iter().filter(|layer| layer.place.source == SettingSource::Environment);
        variables.filter_map(|layer| layer.get(key)).next()
    };
    if let (Some(value), Some(file)) = (in_environment(key), in_environment(&file_key)) {
        let says = format!("{} and {} are both given; keep one of them", value.place, file.place);
        return Err(SettingFinding::of_all(says));
    }
    for layer in layers.iter().rev() {
        match (layer.get(key), layer.get(&file_key)) {
            (None, None) => {}
            (Some(_), None) => return Ok(None),
            (Some(_), Some(file)) => {
                let says = format!("{key} and {file_key} are both given; keep one of them");
                return Err(SettingFinding::at(&file.place, says));
            }
            (None, Some(file)) => {
                let is_list = matches!(defaults.get(key).map(|node| &node.value), Some(Value::List(_)));
                let value = read(key, file, is_list)?;
                let place = value.place.clone();
                return Ok(Some(Node::single(key, value.value, place)));
            }
        }
    }
    Ok(None)
}

/// The content of the file that is named at this node.
fn read(key: &str, file: &Node, is_list: bool) -> Result<Node, SettingFinding> {
    let (file_key, at) = (format!("{key}_file"), &file.place);
    let path = file
        .text()
        .ok_or_else(|| SettingFinding::at(at, format!("{file_key} has the wrong type; give a path in quotes")))?;
    if path.trim().is_empty() {
        return Err(SettingFinding::at(at, format!("{file_key} is empty; give the path of a file, or take it out")));
    }
    if path.contains("${") || path.starts_with('$') {
        return Err(SettingFinding::at(
            at,
            format!("{file_key} holds the name of a variable, and variables are not replaced here; give the path"),
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        let what = format!("{file_key} names a file that cannot be read ({path}): {error}");
        SettingFinding::at(at, format!("{what}; check the path, and who may read it"))
    })?;
    let place = SettingPlace::new(SettingSource::SecretFile, format!("{path} ({file_key})"));
    let odd = |says: &str| Err(SettingFinding::at(&place, says));
    if utf_16(&bytes).is_some() {
        return odd("it is in UTF-16; save it as UTF-8, such as by `iconv -f UTF-16 -t UTF-8`");
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return odd("it holds bytes that are not UTF-8; is it the right file?");
    };
    if text.starts_with('\u{feff}') {
        return odd(
            "it begins with a byte order mark, which would be part of the secret; save it as UTF-8 without BOM",
        );
    }
    let value = match is_list {
        true => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            Value::List(lines.map(|line| Node::new(Value::Text(line.to_owned()), place.clone())).collect())
        }
        _ if text.trim().is_empty() => return odd("it is empty; put the secret into it, or take the key out"),
        _ => Value::Text(without_line_end(&text).to_owned()),
    };
    Ok(Node::new(value, place))
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
