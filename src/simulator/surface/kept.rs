//! The bodies of calls and answers as the record keeps them: cut, and without secrets.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_LENGTH;
use axum::response::Response;
use serde_json::Value;

use super::dress::no_answer;
use super::request::{content_type, is_media_type};

/// The most bytes of a body in the record.
const LONGEST_KEPT: usize = 16 * 1024;

/// Fields whose values are left out of the record.
const SECRETS: [&str; 7] = ["secret", "token", "access_token", "refresh_token", "client_secret", "password", "hostKey"];

/// The body of a small JSON request, for the record.
pub(super) async fn keep_request(request: Request) -> (Request, Option<String>) {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let is_json = is_media_type(&content_type(request.headers()), "application/json");
    if !is_json || length.is_none_or(|length| length > LONGEST_KEPT) {
        let kept = length.filter(|length| *length > 0).map(|length| format!("({length} bytes)"));
        return (request, kept);
    }
    let (parts, body) = request.into_parts();
    match to_bytes(body, LONGEST_KEPT).await {
        Ok(bytes) => {
            let kept = for_the_record(&bytes);
            (Request::from_parts(parts, Body::from(bytes)), Some(kept))
        }
        // The client went away in the middle of the body, so nobody reads the answer.
        Err(_) => (Request::from_parts(parts, Body::empty()), None),
    }
}

/// The body of an answer, for the record. Of a file only its length is kept.
pub(super) async fn keep_answer(answer: Response) -> (Response, Option<String>) {
    let kind = content_type(answer.headers());
    if !is_media_type(&kind, "application/json") && !is_media_type(&kind, "text/html") {
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        let kept = length.map_or_else(String::new, |length| format!("({length} bytes)"));
        return (answer, Some(kept));
    }
    let (parts, body) = answer.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => {
            let kept = for_the_record(&bytes);
            (Response::from_parts(parts, Body::from(bytes)), Some(kept))
        }
        Err(_) => (no_answer(), None),
    }
}

fn for_the_record(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(mut value) if SECRETS.iter().any(|name| text.contains(&format!("\"{name}\""))) => {
            blot_out(&mut value);
            value.to_string().into()
        }
        Ok(_) | Err(_) => text,
    };
    let end = text.floor_char_boundary(LONGEST_KEPT);
    if end < text.len() { format!("{}…", &text[..end]) } else { text.into_owned() }
}

fn blot_out(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                if SECRETS.contains(&name.as_str()) { *value = "***".into() } else { blot_out(value) }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blot_out),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
