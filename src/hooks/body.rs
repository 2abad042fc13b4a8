//! Reads the body of a delivery as one value, in whatever way it is written: JSON, XML or a form.

mod multipart;
mod sound;
mod xml;

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use sound::Sound;

/// The header of an event of CloudEvents whose attributes are in headers.
const EVENT_HEADER: &str = "ce-specversion";

/// The field of a form that holds the payload, as GitHub sends it unless it is told otherwise.
const PAYLOAD: &str = "payload";

/// The most fields of a form that are read.
const MOST_FIELDS: usize = 1000;

/// The most values of a body. An object with one field takes 2 bytes of a body for each of its parts, and 700 bytes of
/// memory. The largest payload that GitHub sends has about half as many.
const MOST_VALUES: usize = 250_000;

/// Why a body cannot be read. It has no word of the body.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BodyError {
    #[error("{0}")]
    NotJson(String),
    #[error("{0}")]
    NotXml(String),
}

impl BodyError {
    fn compressed() -> BodyError {
        BodyError::NotJson("compressed bodies are not read; have the sender post the body as it is".to_owned())
    }
}

/// How a body is written.
enum Form<'a> {
    Json,
    Xml,
    Fields,
    Parts(&'a str),
    /// Neither the type nor the first byte says it.
    Unknown,
}

/// The value of a body.
///
/// - JSON is what it is.
/// - XML becomes an object with the name of its outermost element; see [`xml`].
/// - A form with JSON in its field `payload`, or `data` if it comes in parts, is that JSON. Another form is an object of
///   texts, without its files.
///
/// JSON and XML may be called a form, as curl does with `-d`. An event of CloudEvents whose attributes are in headers
/// may have any data, and none: text is a text, and other bytes are null.
pub(super) fn read(headers: &BTreeMap<String, String>, body: &[u8]) -> Result<Value, BodyError> {
    read_plain(headers, body)
        .map_err(|error| if is_compressed(headers, body) { BodyError::compressed() } else { error })
}

/// Whether a body that cannot be read is compressed: a header says so, or its first bytes are those of gzip.
fn is_compressed(headers: &BTreeMap<String, String>, body: &[u8]) -> bool {
    let encoding = headers.get("content-encoding").map(|encoding| encoding.trim());
    encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) || body.starts_with(b"\x1f\x8b")
}

fn read_plain(headers: &BTreeMap<String, String>, body: &[u8]) -> Result<Value, BodyError> {
    let kind = content_type(headers);
    if !headers.contains_key(EVENT_HEADER) {
        return parse(kind, body);
    }
    match kind.map(|kind| form(Some(kind), b' ')) {
        _ if body.is_empty() => Ok(Value::Null),
        Some(Form::Unknown) => Ok(std::str::from_utf8(body).map_or(Value::Null, Value::from)),
        Some(Form::Json | Form::Xml | Form::Fields | Form::Parts(_)) | None => parse(kind, body),
    }
}

/// Whether [`read`] can read a body, which JSON says without becoming a value.
///
/// # Errors
/// It cannot.
pub(super) fn check(headers: &BTreeMap<String, String>, body: &[u8]) -> Result<(), BodyError> {
    let bare = without_mark(body);
    let first = bare.trim_ascii_start().first().filter(|_| !headers.contains_key(EVENT_HEADER));
    match first.map(|first| form(content_type(headers), *first)) {
        Some(Form::Json | Form::Unknown) => json::<Sound>(bare).map(drop),
        Some(Form::Xml | Form::Fields | Form::Parts(_)) | None => read(headers, body).map(drop),
    }
}

/// A body without the byte order mark that some senders begin it with.
fn without_mark(body: &[u8]) -> &[u8] {
    const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
    body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body)
}

fn parse(content_type: Option<&str>, body: &[u8]) -> Result<Value, BodyError> {
    let body = without_mark(body);
    let Some(first) = body.trim_ascii_start().first() else {
        return Err(BodyError::NotJson("the body is empty".to_owned()));
    };
    match form(content_type, *first) {
        Form::Json | Form::Unknown => json(body),
        Form::Xml => xml::parse(body, MOST_VALUES).map_err(BodyError::NotXml),
        Form::Fields => {
            let fields = url::form_urlencoded::parse(body).take(MOST_FIELDS);
            let fields = fields.map(|(name, value)| (name.into_owned(), Value::String(value.into_owned()))).collect();
            of_fields(fields, [PAYLOAD])
        }
        Form::Parts(content_type) => {
            let fields = multipart::fields(content_type, body).map_err(BodyError::NotJson)?;
            of_fields(fields, [PAYLOAD, multipart::DATA])
        }
    }
}

/// The type that a request says its body has.
pub(super) fn content_type(headers: &BTreeMap<String, String>) -> Option<&str> {
    headers.get("content-type").map(String::as_str)
}

fn form(content_type: Option<&str>, first: u8) -> Form<'_> {
    let text = content_type.unwrap_or_default();
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is = |name: &str| kind.ends_with(&format!("/{name}")) || kind.ends_with(&format!("+{name}"));
    match (kind.as_str(), first) {
        ("multipart/form-data", _) => Form::Parts(text),
        _ if is("json") => Form::Json,
        _ if is("xml") => Form::Xml,
        (_, b'<') => Form::Xml,
        ("application/x-www-form-urlencoded", first) if !matches!(first, b'{' | b'[') => Form::Fields,
        (_, b'{' | b'[') => Form::Json,
        _ => Form::Unknown,
    }
}

/// The JSON in the first of these fields that there is, or all of them.
fn of_fields<const N: usize>(fields: Map<String, Value>, payloads: [&str; N]) -> Result<Value, BodyError> {
    match payloads.into_iter().find_map(|name| fields.get(name)?.as_str()) {
        Some(payload) => json(payload.as_bytes()),
        None => Ok(Value::Object(fields)),
    }
}

fn json<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, BodyError> {
    if body.len() / 2 > MOST_VALUES && values(body) > MOST_VALUES {
        return Err(BodyError::NotJson(format!("it has more than {MOST_VALUES} values, which is too many")));
    }
    let place =
        |error: serde_json::Error| format!("it is not JSON at line {}, column {}", error.line(), error.column());
    serde_json::from_slice(body).map_err(|error| BodyError::NotJson(place(error)))
}

/// About how many values JSON has: as many as what begins a list or an object, or divides one.
fn values(body: &[u8]) -> usize {
    let (mut values, mut is_text, mut is_escaped) = (1, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b'[' | b'{' | b',' if !is_text => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_forms_with_json_are_read() {
        let form = Some("application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(parse(None, br#"{"a":1}"#).unwrap()["a"], 1);
        assert_eq!(parse(None, b"\xef\xbb\xbf{\"a\":1}").unwrap()["a"], 1);
        assert_eq!(parse(form, b"payload=%7B%22a%22%3A1%7D").unwrap()["a"], 1);
        assert_eq!(parse(form, br#" {"a":1}"#).unwrap()["a"], 1);
        assert_eq!(parse(form, b"a=1&b=two+words").unwrap(), serde_json::json!({"a": "1", "b": "two words"}));
        for (kind, body, says) in
            [(None, &b" \n"[..], "empty"), (None, b"{\"a\":\n}", "line 2"), (form, b"payload=x", "not JSON")]
        {
            let error = parse(kind, body).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let deep = "[".repeat(100_000);
        assert!(parse(None, deep.as_bytes()).is_err(), "the depth is bounded");
    }

    #[test]
    fn a_body_that_is_only_checked_is_judged_as_one_that_is_read() {
        let of_type = |kind: &str| BTreeMap::from([("content-type".to_owned(), kind.to_owned())]);
        let event = BTreeMap::from([(EVENT_HEADER.to_owned(), "1.0".to_owned())]);
        let deep = "[".repeat(129) + &"]".repeat(129);
        let long = format!("[{}0]", "0,".repeat(MOST_VALUES));
        for body in [
            &b""[..],
            b" ",
            b"\xef\xbb\xbf{}",
            br#"{"a":[1,-2,3.5,true,false,null,"x\ud83d\ude00"]}"#,
            b"{\"a\":1}x",
            b"7",
            b"x",
            br#""\ud83d""#,
            b"\"\xff\"",
            b"1e999",
            br#"{"a":1,"a":2}"#,
            br#"{1:2}"#,
            b"<a>1</a>",
            b"<a>",
            b"a=1",
            b"payload={",
            deep.as_bytes(),
            long.as_bytes(),
        ] {
            for headers in [
                BTreeMap::new(),
                event.clone(),
                of_type("text/plain"),
                of_type("application/json"),
                of_type("application/xml"),
                of_type("application/x-www-form-urlencoded"),
                of_type("multipart/form-data; boundary=x"),
            ] {
                let text = String::from_utf8_lossy(&body[..body.len().min(50)]).into_owned();
                assert_eq!(check(&headers, body), read(&headers, body).map(drop), "{text} {headers:?}");
            }
        }
    }

    #[test]
    fn a_compressed_body_is_called_so() {
        let encoding = |value: &str| BTreeMap::from([("content-encoding".to_owned(), value.to_owned())]);
        for (headers, body) in [(BTreeMap::new(), &b"\x1f\x8b\x08\0"[..]), (encoding("br"), b"\x0b\x02\x80")] {
            let error = read(&headers, body).unwrap_err().to_string();
            assert!(error.starts_with("compressed bodies are not read"), "{error}");
        }
        assert!(read(&encoding("identity"), b"x").unwrap_err().to_string().contains("not JSON"));
        assert!(read(&encoding("gzip"), b"{}").is_ok(), "a proxy has unpacked it");
    }

    #[test]
    fn the_data_of_an_event_may_be_anything() {
        let event = |kind: Option<&str>, body: &[u8]| {
            let kind = kind.map(|kind| ("content-type".to_owned(), kind.to_owned()));
            let version = (EVENT_HEADER.to_owned(), "1.0".to_owned());
            read(&BTreeMap::from_iter(kind.into_iter().chain([version])), body)
        };
        assert_eq!(event(None, b""), Ok(Value::Null));
        assert_eq!(event(Some("application/json"), b"7"), Ok(Value::from(7)));
        assert_eq!(event(Some("text/plain"), b"{ hello"), Ok(Value::from("{ hello")));
        assert_eq!(event(Some("image/png"), b"\xff"), Ok(Value::Null));
        assert!(event(Some("application/json"), b"{").is_err() && read(&BTreeMap::new(), b"").is_err());
    }

    #[test]
    fn the_type_decides_and_otherwise_the_first_byte() {
        let xml = b"<a>1</a>";
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("Application/SOAP+XML")]
        {
            assert_eq!(parse(kind, xml).unwrap()["a"], "1", "{kind:?}");
        }
        for kind in ["application/json", "application/cloudevents+json; charset=utf-8", "text/JSON"] {
            assert!(matches!(parse(Some(kind), xml), Err(BodyError::NotJson(_))), "{kind}");
        }
        for kind in ["application/xml", "text/xml;charset=utf-8", "application/rss+xml"] {
            assert!(matches!(parse(Some(kind), b"{}"), Err(BodyError::NotXml(_))), "{kind}");
        }
    }

    #[test]
    fn a_list_of_very_many_numbers_is_refused_before_it_takes_memory() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 1)).into_bytes();
        assert!(parse(None, &list(MOST_VALUES - 1)).is_ok());
        let error = parse(None, &list(12 * 1024 * 1024)).unwrap_err();
        assert!(error.to_string().contains("more than 250000 values"), "{error}");
        // A long text is one value, whatever is in it.
        let text = serde_json::to_vec(&",[{\\\"".repeat(MOST_VALUES)).unwrap();
        assert!(parse(None, &text).is_ok());
    }
}
