//! Secrets that are kept in files of their own, or in `[secrets]`.

use super::environment::Variables;
use super::named::NamedSecrets;
use super::secret_file::{content, kept_in};
use super::secret_keys::{LISTS_OF_HOOKS, OF_API_KEYS, OF_HOOKS, SECRETS};
use super::tree::{Node, SettingFinding, SettingSource, Value};

/// Replaces each `<key>_file` by the content of that file. Adds failures to `wrong`, and the keys they leave without a
/// value to `spoiled`.
pub(super) fn resolve(
    layers: &mut Vec<Node>,
    defaults: &Node,
    variables: &Variables,
    wrong: &mut Vec<SettingFinding>,
    spoiled: &mut Vec<String>,
) {
    let named = NamedSecrets::read(layers, variables, wrong, spoiled);
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
    for (list, keys) in [("hook", &OF_HOOKS[..]), ("api_key", &OF_API_KEYS)] {
        resolve_in_list(list, keys, layers, &named, wrong, spoiled);
    }
}

/// Does the same inside each table of a list, and replaces each `secret.NAME` by that entry of `[secrets]`. Lists are
/// given in one layer, the file.
fn resolve_in_list(
    list: &str,
    keys: &[&str],
    layers: &mut [Node],
    named: &NamedSecrets,
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
            named.put_in(&path, layer, wrong, spoiled);
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

/// The secret, or the list of secrets, in the file that is named at this node.
fn read(key: &str, file: &Node, is_list: bool) -> Result<Node, SettingFinding> {
    let (file_key, at) = (format!("{key}_file"), &file.place);
    let path = file
        .text()
        .ok_or_else(|| SettingFinding::at(at, format!("{file_key} has the wrong type; give a path in quotes")))?;
    if !is_list {
        return kept_in(&file_key, path, at);
    }
    let (text, place) = content(&file_key, path, at)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let secrets = lines.map(|line| Node::new(Value::Text(line.to_owned()), place.clone()));
    Ok(Node::new(Value::List(secrets.collect()), place.clone()))
}
