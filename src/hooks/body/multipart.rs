//! Forms in parts, as Uptime Kuma sends them. The parts that are files are not read.

use axum::RequestExt;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Multipart, Request};
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::{Map, Value};

/// The field in which Uptime Kuma has the payload.
pub(super) const DATA: &str = "data";

/// The most parts of a form.
const MOST_PARTS: usize = 100;

/// The fields of a form that are texts.
///
/// # Errors
/// It is not written as its type says, or has too many parts.
pub(super) fn fields(content_type: &str, body: &[u8]) -> Result<Map<String, Value>, String> {
    // The body is there as a whole, so nothing is waited for.
    let read = read(content_type, Bytes::copy_from_slice(body)).now_or_never();
    read.unwrap_or_else(|| Err("it is a form that does not end".to_owned()))
}

async fn read(content_type: &str, body: Bytes) -> Result<Map<String, Value>, String> {
    const ODD: &str = "it is not a form in parts as its content type says";
    let mut request = Request::builder().header(CONTENT_TYPE, content_type).body(Body::from(body)).map_err(|_| ODD)?;
    // The hook has a limit of its own.
    DefaultBodyLimit::disable().apply(&mut request);
    let mut parts: Multipart = request.extract().await.map_err(|_| ODD)?;
    let (mut fields, mut count) = (Map::new(), 0);
    while let Some(part) = parts.next_field().await.map_err(|_| ODD)? {
        count += 1;
        if count > MOST_PARTS {
            return Err(format!("it is a form of more than {MOST_PARTS} parts"));
        }
        let Some(name) = part.name().filter(|_| part.file_name().is_none()).map(str::to_owned) else { continue };
        let bytes = part.bytes().await.map_err(|_| ODD)?;
        fields.insert(name, Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=----x7";

    fn form(parts: &[(&str, &str)]) -> Vec<u8> {
        let part = |(head, value): &(&str, &str)| {
            format!("------x7\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n")
        };
        (parts.iter().map(part).collect::<String>() + "------x7--\r\n").into_bytes()
    }

    #[test]
    fn the_field_data_is_the_payload_and_without_it_the_texts_are() {
        let data = form(&[("name=\"data\"", r#"{"msg":"down"}"#)]);
        assert_eq!(parse(Some(TYPE), &data).unwrap()["msg"], "down");
        let file = ("name=\"log\"; filename=\"a.txt\"", "secret");
        let texts = form(&[("name=\"a\"", "1"), file, ("name=\"b\"", "two\r\nlines")]);
        assert_eq!(parse(Some(TYPE), &texts).unwrap(), serde_json::json!({"a": "1", "b": "two\r\nlines"}));
    }

    #[test]
    fn an_odd_form_and_one_of_too_many_parts_are_refused() {
        let good = form(&[("name=\"a\"", "1")]);
        assert!(fields(TYPE, &good).is_ok());
        for kind in ["multipart/form-data", "multipart/form-data; boundary=other"] {
            assert!(fields(kind, &good).is_err(), "{kind}");
        }
        assert!(fields(TYPE, &good[..good.len() / 2]).is_err());
        let many = form(&vec![("name=\"a\"", "1"); MOST_PARTS + 1]);
        assert!(fields(TYPE, &many).unwrap_err().contains("more than 100 parts"));
    }
}
