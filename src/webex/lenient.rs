//! Reads JSON from others. A field in an undocumented form counts as missing. So a value is unreadable only if it needs
//! that field. An unreadable item of a list is skipped.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::redact::beginning;

/// The most odd fields that are dropped from one value. With more, the value is not what it claims to be.
const MOST_ODD: usize = 100;

/// A value, and the names of its fields that were in an undocumented form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Read<T> {
    pub value: T,
    /// The fields that counted as missing, such as `title` or `target.tags`.
    pub odd: Vec<String>,
    /// How many items of a list were skipped.
    pub passed_over: usize,
}

/// Why nothing could be read. The messages quote nothing that was sent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    /// It is not JSON.
    #[error("it is not JSON ({0})")]
    Json(String),
    /// It is JSON, but lacks a field that is needed.
    #[error("{0}")]
    Shape(String),
}

/// Reads one value.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<Read<T>, Unreadable> {
    match serde_json::from_slice(json) {
        Ok(value) => Ok(Read { value, odd: Vec::new(), passed_over: 0 }),
        Err(_) => read_value(any(json)?),
    }
}

/// Reads one value from parsed JSON.
pub(crate) fn read_value<T: DeserializeOwned>(mut json: Value) -> Result<Read<T>, Unreadable> {
    let mut odd = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize(&json) {
            Ok(value) => return Ok(Read { value, odd, passed_over: 0 }),
            Err(error) => error,
        };
        match remove(&mut json, error.path()) {
            Some(name) if odd.len() < MOST_ODD => odd.push(name),
            Some(_) | None => return Err(shape(&json, error.inner())),
        }
    }
}

/// Reads the `items` of a page, each separately.
pub(crate) fn read_page<T: DeserializeOwned>(json: &[u8]) -> Result<Read<Vec<T>>, Unreadable> {
    #[derive(serde::Deserialize)]
    struct Page<T> {
        items: Vec<T>,
    }
    if let Ok(Page { items }) = serde_json::from_slice(json) {
        return Ok(Read { value: items, odd: Vec::new(), passed_over: 0 });
    }
    let Value::Array(items) = any(json)?["items"].take() else {
        return Err(Unreadable::Shape("it has no list of `items`".to_owned()));
    };
    let mut page = Read { value: Vec::new(), odd: Vec::new(), passed_over: 0 };
    for item in items {
        match read_value(item) {
            Ok(read) => {
                page.value.push(read.value);
                page.odd.extend(read.odd);
            }
            Err(_) => page.passed_over += 1,
        }
    }
    Ok(page)
}

fn any(json: &[u8]) -> Result<Value, Unreadable> {
    serde_json::from_slice(json)
        .map_err(|error| Unreadable::Json(format!("{:?} error at byte {}", error.classify(), error.column())))
}

/// Removes the part that a path leads to, and gives its name. None if the path leads to the whole value, which cannot
/// be removed.
fn remove(json: &mut Value, path: &Path) -> Option<String> {
    let mut place = json;
    let mut names: Vec<&str> = Vec::new();
    let mut steps = path.iter().filter(|step| matches!(step, Segment::Map { .. } | Segment::Seq { .. })).peekable();
    while let Some(step) = steps.next() {
        let is_last = steps.peek().is_none();
        match (step, place) {
            (Segment::Map { key }, Value::Object(fields)) => {
                names.push(key);
                if is_last {
                    fields.remove(key)?;
                    return Some(names.join("."));
                }
                place = fields.get_mut(key)?;
            }
            (Segment::Seq { index }, Value::Array(items)) => {
                if is_last {
                    (*index < items.len()).then(|| items.remove(*index))?;
                    return Some(names.join("."));
                }
                place = items.get_mut(*index)?;
            }
            _ => return None,
        }
    }
    None
}

/// For an object, the library's message names the missing field. For anything else it would quote the content, so it is
/// not used.
fn shape(json: &Value, error: &serde_json::Error) -> Unreadable {
    let what = match json {
        Value::Object(_) => return Unreadable::Shape(beginning(error)),
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
    };
    Unreadable::Shape(format!("it is {what} and not an object"))
}

#[cfg(test)]
mod tests {
    use super::super::{Listed, Message, Person, Room, RoomType};
    use super::*;

    #[test]
    fn a_field_of_another_form_counts_as_missing() {
        let read: Read<Room> =
            read(br#"{"id":"r","title":null,"type":7,"isLocked":"yes","lastActivity":"","created":{},"new":[null]}"#)
                .unwrap();
        let Room { title, kind, is_locked, last_activity, .. } = read.value;
        assert_eq!((title.as_str(), kind, is_locked, last_activity), ("", RoomType::Group, false, None));
        assert_eq!(read.odd.len(), 5, "{:?}", read.odd);
    }

    #[test]
    fn what_is_odd_inside_a_field_costs_no_more_than_itself() {
        let json = br#"{"id":"m","roomId":"r","personId":"p","personEmail":null,"text":5,
            "mentionedPeople":["a",null,7,"b"],"files":null,"attachments":[{"content":{}},{"contentType":"t","content":null}]}"#;
        let read: Read<Message> = read(json).unwrap();
        let ids: Vec<_> = read.value.mentioned_people.iter().map(|id| id.as_str()).collect();
        assert_eq!(ids, ["a", "b"]);
        assert_eq!((read.value.attachments.len(), read.value.text, read.value.person_email.as_str()), (1, None, ""));
    }

    #[test]
    fn items_that_cannot_be_read_are_passed_over() {
        let page: Read<Vec<Listed>> = read_page(
            br#"{"items":[null,{"id":"a","created":"soon"},{"id":5},[],"x",{"id":"b","personId":null}],"more":1}"#,
        )
        .unwrap();
        let ids: Vec<_> = page.value.iter().map(|listed| listed.id.as_str()).collect();
        assert_eq!((ids, page.passed_over), (vec!["a", "b"], 4));
    }

    #[test]
    fn what_is_needed_must_be_there_and_nothing_is_quoted() {
        for (json, says) in [
            (&br#"{"emails":["secret"]}"#[..], "missing field `id`"),
            (br#""secret""#, "it is a text and not an object"),
            (b"[1]", "it is a list and not an object"),
            (b"<html>secret</html>", "it is not JSON (Syntax error at byte 1)"),
            (b"", "it is not JSON (Eof error at byte 0)"),
        ] {
            let error = read::<Person>(json).unwrap_err();
            assert_eq!(error.to_string(), says);
        }
        for page in [&b"{}"[..], br#"{"items":null}"#, br#"{"items":{}}"#] {
            assert_eq!(read_page::<Room>(page).unwrap_err(), Unreadable::Shape("it has no list of `items`".to_owned()));
        }
    }
}
