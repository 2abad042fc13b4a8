//! Finds out who sent an answer, and what a refusal says. A proxy, a gateway or a captive portal between us and Webex
//! may answer in Webex's place, with any status and a page of its own. Nothing it says counts as said by Webex.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use serde::Deserialize;
use serde_json::Value;

use super::error::{Error, retry_after};
use crate::clock;

/// The header that every answer of Webex has.
const TRACKING_ID: &str = "trackingid";

/// The most bytes of a refusal that are read. It is usually a sentence or two.
pub(super) const MOST_OF_A_REFUSAL: usize = 64 * 1024;

/// The body that a success must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expects {
    /// JSON.
    Json,
    /// JSON or nothing, and it is not read.
    Nothing,
    /// A file, which is left to the caller to read.
    File,
}

/// Why a success is not from Webex. `None` if it is.
pub(super) fn foreign_success(expects: Expects, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let is_webex = match expects {
        Expects::File => has_tracking_id(headers) || headers.contains_key(CONTENT_DISPOSITION),
        Expects::Json => !is_html(headers, body) && (has_tracking_id(headers) || is_json(body)),
        Expects::Nothing => !is_html(headers, body) && (body.trim_ascii().is_empty() || is_json(body)),
    };
    (!is_webex).then(|| of_whom(headers, body))
}

/// Why a refusal is not from Webex. `None` if it is.
///
/// Webex explains a refusal in JSON, with two exceptions: a 429 may be HTML, and a gateway of Webex may answer 5xx in
/// any form. Both are waited out in any case. A status that Webex documents for no call, such as a redirect or the
/// request to use another proxy, comes from somebody else.
pub(super) fn foreign_refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Explanation {
        errors: Option<Value>,
        tracking_id: Option<Value>,
    }
    let is_webex = match status.as_u16() {
        429 => true,
        501 | 511 => !is_html(headers, body) && has_tracking_id(headers),
        500.. => true,
        300..=399 | 407 | 408 | 421 | 425 => false,
        _ if body.trim_ascii().is_empty() => has_tracking_id(headers),
        _ if has_tracking_id(headers) => is_json(body),
        // Gateways of others have a `message` too.
        _ => serde_json::from_slice::<Explanation>(body)
            .is_ok_and(|said| said.errors.is_some_and(|errors| errors.is_array()) || said.tracking_id.is_some()),
    };
    (!is_webex).then(|| of_whom(headers, body))
}

/// Whether an answer has the id that Webex puts on each of its own.
pub(super) fn has_tracking_id(headers: &HeaderMap) -> bool {
    headers.get(TRACKING_ID).is_some_and(|id| !id.is_empty())
}

/// Whether the body is a page, by its declared type or by its beginning. An empty body is no page, whatever its type.
fn is_html(headers: &HeaderMap, body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    let says_so = || kind(headers).is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html"));
    body.starts_with(b"<") || (!body.is_empty() && says_so() && !is_json(body))
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok()
}

fn kind(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE)?.to_str().ok()
}

/// What came in place of Webex's answer, in words that quote nothing of it.
fn of_whom(headers: &HeaderMap, body: &[u8]) -> String {
    if body.trim_ascii().is_empty() {
        "no body, and no trackingid header".to_owned()
    } else if is_html(headers, body) {
        "an HTML page".to_owned()
    } else if is_json(body) {
        "JSON that is not Webex's".to_owned()
    } else {
        "a body that is not JSON".to_owned()
    }
}

/// The most bytes of the body that are read into memory.
pub(super) fn most_bytes(status: StatusCode) -> usize {
    /// A page or a long list is far smaller.
    const OF_A_SUCCESS: usize = 16 * 1024 * 1024;
    if status.is_success() { OF_A_SUCCESS } else { MOST_OF_A_REFUSAL }
}

/// The body of an answer. If it is longer than `most` bytes, only its beginning.
pub(super) async fn read<B>(mut body: B, most: usize) -> Result<Bytes, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut first = next_chunk(&mut body).await?.unwrap_or_default();
    first.truncate(most);
    // A short body usually comes as a whole, and is not copied.
    if first.len() == most || body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = Vec::from(first);
    while whole.len() < most
        && let Some(chunk) = next_chunk(&mut body).await?
    {
        whole.extend_from_slice(&chunk[..chunk.len().min(most - whole.len())]);
    }
    Ok(whole.into())
}

async fn next_chunk<B>(body: &mut B) -> Result<Option<Bytes>, B::Error>
where
    B: Body<Data = Bytes> + Unpin,
{
    while let Some(frame) = body.frame().await {
        if let Ok(chunk) = frame?.into_data() {
            return Ok(Some(chunk));
        }
    }
    Ok(None)
}

/// The error for a refusal. Its body is JSON, HTML or nothing. If the body has no tracking id, the header may have it.
pub(super) fn refusal(endpoint: &'static str, status: StatusCode, headers: &HeaderMap, body: &str) -> Error {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Explanation {
        message: Option<String>,
        tracking_id: Option<String>,
    }
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let said = super::lenient::read::<Explanation>(body.as_bytes()).map(|read| read.value).unwrap_or_default();
    let tracking_id = said.tracking_id.or_else(|| header(TRACKING_ID).map(str::to_owned));
    let pause = || retry_after(header(RETRY_AFTER.as_str()), clock::wall());
    match status {
        StatusCode::TOO_MANY_REQUESTS => {
            return Error::RateLimited { now: true, endpoint, retry_after: pause(), tracking_id };
        }
        StatusCode::LOCKED => return Error::Locked { endpoint, retry_after: pause(), tracking_id },
        _ => {}
    }
    let message = said.message.unwrap_or_else(|| {
        let words = status.canonical_reason().unwrap_or("no explanation");
        match header(CONTENT_TYPE.as_str()) {
            Some(kind) if !body.is_empty() => format!("{words} (the body is {kind})"),
            _ => words.to_owned(),
        }
    });
    Error::Status { endpoint, status: status.as_u16(), message, tracking_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    const HTML: &[(&str, &str)] = &[("content-type", "text/html; charset=utf-8")];
    const OWN: &[(&str, &str)] = &[("trackingid", "ROUTER_1")];
    const PAGE: &[u8] = b"<html>Please sign in</html>";

    #[test]
    fn a_refusal_is_webexs_if_it_has_webexs_form() {
        for (status, of, body, is_webex) in [
            (403, OWN, &br#"{"message":"no","errors":[],"trackingId":"R"}"#[..], true),
            (403, &[], br#"{"message":"Forbidden"}"#, false),
            (403, &[], br#"{"message":"no","errors":[]}"#, true),
            (403, &[], br#"{"message":"no","trackingId":"R"}"#, true),
            (404, OWN, b"", true),
            (404, &[], b"", false),
            (403, HTML, PAGE, false),
            (400, OWN, PAGE, false),
            (401, HTML, PAGE, false),
            (403, &[], br#"{"error":"policy"}"#, false),
            (403, &[], b"blocked", false),
            (302, OWN, b"", false),
            (407, &[], br#"{"message":"sign in"}"#, false),
            (408, HTML, PAGE, false),
            (421, OWN, b"", false),
            (425, &[], b"", false),
            (405, HTML, PAGE, false),
            (405, OWN, br#"{"message":"no"}"#, true),
            (429, HTML, PAGE, true),
            (502, HTML, PAGE, true),
            (501, HTML, PAGE, false),
            (501, OWN, b"", true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let foreign = foreign_refusal(status, &headers(of), body);
            assert_eq!(foreign.is_none(), is_webex, "{status} {of:?} {}: {foreign:?}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn a_success_is_webexs_if_its_body_can_be() {
        for (expects, of, body, is_webex) in [
            (Expects::Json, HTML, PAGE, false),
            (Expects::Json, OWN, PAGE, false),
            (Expects::Json, &[], b"", false),
            (Expects::Json, OWN, b"", true),
            (Expects::Json, &[], br#"{"id":"m"}"#, true),
            (Expects::Json, &[], b"welcome", false),
            (Expects::Nothing, &[], b"", true),
            (Expects::Nothing, HTML, b"", true),
            (Expects::Nothing, HTML, PAGE, false),
            (Expects::File, HTML, b"", false),
            (Expects::File, &[("content-disposition", "attachment"), ("content-type", "text/html")], b"", true),
            (Expects::File, OWN, b"", true),
        ] {
            let foreign = foreign_success(expects, &headers(of), body);
            assert_eq!(foreign.is_none(), is_webex, "{expects:?} {of:?} {}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_html_refusal_keeps_its_status_and_tracking_id() {
        let of = headers(&[("trackingid", "ROUTER_1"), ("content-type", "text/html")]);
        let error = refusal("messages", StatusCode::BAD_GATEWAY, &of, "<html>oops</html>");
        assert_eq!(
            error.to_string(),
            "Webex answered 502 to messages: Bad Gateway (the body is text/html) (tracking id ROUTER_1)"
        );
    }
}
