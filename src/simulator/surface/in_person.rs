//! The calls of people, as the chat page makes them, and the correction of paths.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::request::InPerson;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::Refusal;

/// Serves `/as/{person}/...` as `/v1/...` called by that person.
pub(super) async fn in_person(
    State((cloud, routes)): State<(Cloud, Router)>,
    Path((person, _)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Refusal> {
    let account = {
        let world = cloud.world();
        world.by_email(&person).or_else(|| world.people.get(&person)).cloned()
    };
    let account = account.ok_or_else(|| Refusal::not_found(format!("Nobody here is {person}.")))?;
    let below = request.uri().path_and_query().map_or("", |whole| whole.as_str());
    let below = below.splitn(4, '/').nth(3).unwrap_or_default();
    let uri = format!("/{below}").parse::<Uri>().map_err(|error| Refusal::bad_request(error.to_string()))?;
    let uri = ending_in_no_slash(&uri).unwrap_or(uri);
    // A new request is made, since the old one carries the parameters of its own path.
    let (parts, body) = request.into_parts();
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (parts.method, uri, parts.headers);
    request.extensions_mut().insert(InPerson(account));
    Ok(routes.oneshot(request).await.into_response())
}

/// Serves `/people/?id=...` as `/people?id=...`, like Webex. Cisco's JavaScript SDK writes the slash.
pub(super) async fn without_slash(mut request: Request) -> Request {
    if let Some(uri) = ending_in_no_slash(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The address without slashes at the end of its path. None if it has none there.
fn ending_in_no_slash(uri: &Uri) -> Option<Uri> {
    let path = trimmed(uri.path());
    if path.len() == uri.path().len() {
        return None;
    }
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(format!("{path}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn trimmed(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    }
}
