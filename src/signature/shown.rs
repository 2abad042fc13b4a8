//! What a request shows in a header to be let in.

use axum::http::{HeaderMap, HeaderName, header};

/// The bytes of a header that is there once. None if it is missing or there several times. The scheme of
/// `Authorization` is given as `Bearer ` or `Basic `, whether it was written in small or capital letters.
pub fn shown(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let bytes = value.as_bytes();
    if *name != header::AUTHORIZATION {
        return Some(bytes.to_vec());
    }
    for scheme in ["Bearer ", "Basic "] {
        if let Some((found, rest)) = bytes.split_at_checked(scheme.len())
            && found.eq_ignore_ascii_case(scheme.as_bytes())
        {
            return Some([scheme.as_bytes(), rest.trim_ascii()].concat());
        }
    }
    Some(bytes.to_vec())
}
