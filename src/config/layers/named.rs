//! The secrets of `[secrets]`, and the keys that are given as `secret.NAME`.

use std::collections::BTreeMap;

use super::environment::Variables;
use super::names::nearest;
use super::secret_file::kept_in;
use super::tree::{Node, SettingFinding, SettingPlace, SettingSource, Value, key};

const SECTION: &str = "secrets";

/// What a key begins with that is given by the name of a secret.
const PREFIX: &str = "secret.";

const FORM: &str = "write where it is kept, such as \"env:CI_TOKEN\" or \"file:/run/secrets/ci\"";

/// The secrets by name. One that cannot be read has no value; that is reported already.
pub(super) struct NamedSecrets(BTreeMap<String, Option<Node>>);

impl NamedSecrets {
    /// Reads each entry of `[secrets]` from where it is kept, and puts the secret in its place.
    pub(super) fn read(
        layers: &mut [Node],
        variables: &Variables,
        wrong: &mut Vec<SettingFinding>,
        spoiled: &mut Vec<String>,
    ) -> NamedSecrets {
        let mut secrets = BTreeMap::new();
        for layer in layers {
            let Some(Value::Table(table)) = layer.get(SECTION).map(|node| &node.value) else { continue };
            for (name, node) in table.clone() {
                let path = format!("{SECTION}.{name}");
                let secret = match secret(&name, &node, variables) {
                    Ok(secret) => Some(secret),
                    Err(finding) => {
                        wrong.push(finding);
                        spoiled.push(path.clone());
                        None
                    }
                };
                match &secret {
                    Some(secret) => layer.put(&path, secret.clone()),
                    None => layer.remove(&path),
                }
                secrets.insert(name, secret);
            }
        }
        NamedSecrets(secrets)
    }

    /// Replaces a value of the form `secret.NAME`, or each such entry of a list, by the secret.
    pub(super) fn put_in(
        &self,
        path: &str,
        layer: &mut Node,
        wrong: &mut Vec<SettingFinding>,
        spoiled: &mut Vec<String>,
    ) {
        let entries = match layer.get(path).map(|node| &node.value) {
            Some(Value::List(list)) => (0..list.len()).map(|nth| format!("{path}.{nth}")).collect(),
            Some(_) => vec![path.to_owned()],
            None => return,
        };
        for entry in entries {
            let Some(node) = layer.get(&entry) else { continue };
            let Some(name) = node.text().and_then(|text| text.trim().strip_prefix(PREFIX)) else { continue };
            match self.0.get(name) {
                Some(Some(secret)) => layer.put(&entry, secret.clone()),
                Some(None) => spoiled.push(path.to_owned()),
                None => {
                    let says = format!("{} names {PREFIX}{name}, which [{SECTION}] does not have", key(&entry));
                    wrong.push(SettingFinding::at(&node.place, format!("{says}; {}", self.hint(name))));
                    spoiled.push(path.to_owned());
                }
            }
        }
    }

    fn hint(&self, name: &str) -> String {
        match nearest(name, self.0.keys().map(String::as_str)) {
            Some(near) => format!("did you mean {PREFIX}{near}?"),
            None => format!("write it there, as {name} = \"env:...\" or \"file:...\""),
        }
    }
}

/// The secret that an entry leads to.
fn secret(name: &str, node: &Node, variables: &Variables) -> Result<Node, SettingFinding> {
    let (path, at) = (format!("{SECTION}.{name}"), &node.place);
    let wrong = |says: String| Err(SettingFinding::at(at, format!("{path} {says}")));
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return wrong("has a name that no template can write; take letters, digits and underscores".to_owned());
    }
    let Some(text) = node.text() else { return wrong(format!("has the wrong type; {FORM}")) };
    if let Some(file) = text.strip_prefix("file:") {
        return kept_in(&path, file, at);
    }
    let Some(variable) = text.strip_prefix("env:") else {
        return wrong(format!("is no place of a secret, and a secret itself does not belong here; {FORM}"));
    };
    let set = variables.set.iter().find(|(name, value)| name == variable && !value.trim().is_empty());
    let Some((_, value)) = set else {
        return wrong(format!("is kept in the variable {variable}, which is not set or is empty; set it"));
    };
    let place = SettingPlace::new(SettingSource::Environment, variable);
    Ok(Node::new(Value::Text(value.clone()), place))
}
