//! Reads the file that a secret is kept in.

use super::file::utf_16;
use super::tree::{Node, SettingFinding, SettingPlace, SettingSource, Value};

/// The secret in the file that `key` names.
pub(super) fn kept_in(key: &str, path: &str, at: &SettingPlace) -> Result<Node, SettingFinding> {
    let (text, place) = content(key, path, at)?;
    if text.trim().is_empty() {
        return Err(SettingFinding::at(&place, "it is empty; put the secret into it, or take the key out"));
    }
    Ok(Node::new(Value::Text(without_line_end(&text).to_owned()), place))
}

/// All that a file holds that `key` names, and the place of it.
pub(super) fn content(key: &str, path: &str, at: &SettingPlace) -> Result<(String, SettingPlace), SettingFinding> {
    if path.trim().is_empty() {
        return Err(SettingFinding::at(at, format!("{key} is empty; give the path of a file, or take it out")));
    }
    if path.contains("${") || path.starts_with('$') {
        return Err(SettingFinding::at(
            at,
            format!("{key} holds the name of a variable, and variables are not replaced here; give the path"),
        ));
    }
    let bytes = std::fs::read(path).map_err(|error| {
        let what = format!("{key} names a file that cannot be read ({path}): {error}");
        SettingFinding::at(at, format!("{what}; check the path, and who may read it"))
    })?;
    let place = SettingPlace::new(SettingSource::SecretFile, format!("{path} ({key})"));
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
    Ok((text, place))
}

fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}
