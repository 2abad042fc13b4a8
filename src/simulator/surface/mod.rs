//! The REST surface under `/v1`: its routes, who calls, and the shape of answers and pages. What the calls do is in the
//! files beside this one; what goes wrong with them is in `traffic`.

pub(crate) mod control;
mod devices;
mod directory;
pub(crate) mod guard;
mod meetings;
mod memberships;
mod messages;
mod people;
mod rooms;
mod teams;
mod traffic;
mod webhooks;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Request};
use axum::http::header::{CONTENT_TYPE, LINK};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::scenario::cloud::Cloud;
use super::world::refusal::Refusal;
use super::world::things::account::Account;
use traffic::undisturbed;

/// A file may have 100 MB; the rest of a form is small.
const LARGEST_BODY: usize = 101 * 1024 * 1024;

/// Webex's surface for whoever has a token, and the same in person.
pub(crate) fn routes(cloud: &Cloud) -> (Router<Cloud>, Router<Cloud>) {
    let routes = Router::new()
        .route("/people/me", get(people::me))
        .route("/people", get(people::list).post(people::create))
        .route("/people/{id}", get(people::read).put(people::update).delete(people::delete))
        .route("/rooms", get(rooms::list).post(rooms::create))
        .route("/rooms/{id}", get(rooms::read).put(rooms::update).delete(rooms::delete))
        .route("/memberships", get(memberships::list).post(memberships::create))
        .route("/memberships/{id}", get(memberships::read).put(memberships::update).delete(memberships::delete))
        .route("/teams", get(teams::list).post(teams::create))
        .route("/teams/{id}", get(teams::read).put(teams::update).delete(teams::delete))
        .route("/team/memberships", get(memberships::list_of_team).post(memberships::create_in_team))
        .route(
            "/team/memberships/{id}",
            get(memberships::read_of_team).put(memberships::update_in_team).delete(memberships::delete_from_team),
        )
        .route("/messages", get(messages::list).post(messages::create))
        .route("/messages/direct", get(messages::list_direct))
        .route("/messages/{id}", get(messages::read).put(messages::edit).delete(messages::delete))
        .route("/contents/{id}", get(messages::download))
        .route("/attachment/actions", post(messages::click))
        .route("/attachment/actions/{id}", get(messages::read_action))
        .route("/webhooks", get(webhooks::list).post(webhooks::create))
        .route("/webhooks/{id}", get(webhooks::read).put(webhooks::update).delete(webhooks::delete))
        .route("/meetings", get(meetings::list).post(meetings::create))
        .route(
            "/meetings/{id}",
            get(meetings::read).put(meetings::replace).patch(meetings::update).delete(meetings::delete),
        )
        .route("/access_token", post(directory::access_token));
    let routes = ["organizations", "licenses", "roles"].into_iter().fold(routes, |routes, kind| {
        routes
            .route(
                &format!("/{kind}"),
                get(async move |cloud, actor, query| directory::list(cloud, actor, kind, query).await),
            )
            .route(&format!("/{kind}/{{id}}"), get(async move |actor, id| directory::read(actor, kind, id).await))
    });
    let routes = routes
        .method_not_allowed_fallback(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.") });
    let unknown = || async { Refusal::not_found("The requested resource could not be found.") };
    let routes = routes.fallback(unknown);
    let in_person = routes.clone().layer(DefaultBodyLimit::max(LARGEST_BODY)).with_state(cloud.clone());
    let webex = Router::new().nest("/v1", routes).merge(devices::routes()).fallback(unknown).with_state(cloud.clone());
    // A call is noted as it was made; only then is its path put right, and only then does it find its route.
    let webex = Router::new()
        .fallback_service(webex)
        .layer(map_request(traffic::without_slash))
        .layer(from_fn_with_state(cloud.clone(), traffic::on_the_way))
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    let in_person = Router::new()
        .route("/as/{person}/{*path}", any(traffic::in_person).with_state((cloud.clone(), in_person)))
        .layer(from_fn_with_state(cloud.clone(), undisturbed));
    (webex, in_person)
}

/// Whoever the token belongs to, or acts in person.
struct Actor(Account);

impl FromRequestParts<Cloud> for Actor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, cloud: &Cloud) -> Result<Actor, Refusal> {
        if let Some(InPerson(account)) = parts.extensions.get() {
            return Ok(Actor(account.clone()));
        }
        let account = traffic::bearer(&parts.headers).and_then(|token| cloud.world().by_token(token).cloned());
        account.map(Actor).ok_or_else(|| {
            let message = "The request requires a valid access token set in the Authorization request header.";
            Refusal::new(StatusCode::UNAUTHORIZED, message)
        })
    }
}

/// Put into a request by the cloud itself: somebody at a Webex app, who needs no token here.
#[derive(Clone)]
struct InPerson(Account);

/// A JSON body. Webex refuses other content types with 415, and what it cannot read with 400.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Cloud> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, cloud: &Cloud) -> Result<Self, Refusal> {
        let kind = content_type(request.headers());
        if !is_media_type(&kind, "application/json") {
            let message = format!("Content type '{kind}' not supported");
            return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        let body = Bytes::from_request(request, cloud)
            .await
            .map_err(|error| Refusal::new(error.status(), error.body_text()))?;
        let parsed = serde_json::from_slice(&body);
        parsed
            .map(JsonBody)
            .map_err(|error| Refusal::bad_request(format!("The request could not be understood: {error}")))
    }
}

fn content_type(headers: &HeaderMap) -> String {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
}

/// Whether a `Content-Type` is this one, whatever parameters (such as the charset) follow.
fn is_media_type(header: &str, wanted: &str) -> bool {
    header.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case(wanted))
}

/// The query of a call, and its path, from which the next page's address is made.
pub(super) struct Query {
    path: String,
    pairs: Vec<(String, String)>,
}

impl FromRequestParts<Cloud> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Cloud) -> Result<Query, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Query { path: parts.uri.path().to_owned(), pairs })
    }
}

impl Query {
    /// A parameter that is there and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// How many items a page has. More than `most` is silently less.
    pub(super) fn max(&self, default: usize, most: usize) -> Result<usize, Refusal> {
        match self.get("max") {
            None => Ok(default),
            Some(max) => match max.parse::<usize>() {
                Ok(max @ 1..) => Ok(max.min(most)),
                Ok(0) | Err(_) => Err(Refusal::bad_request("max must be a positive number")),
            },
        }
    }

    /// A page of a list that is all in memory: `cursor` says how many items earlier pages had.
    fn page<T: Serialize>(&self, cloud: &Cloud, all: Vec<T>, default: usize) -> Result<Response, Refusal> {
        self.page_of(cloud, all, default, 1000)
    }

    /// The same where a page has fewer items.
    fn page_of<T: Serialize>(
        &self,
        cloud: &Cloud,
        all: Vec<T>,
        default: usize,
        most: usize,
    ) -> Result<Response, Refusal> {
        let max = self.max(default, most)?;
        if cloud.world().quirks.empty_pages && self.get("cursor").is_none() {
            return Ok(page::<T>(&[], self.next(cloud, "cursor", "0")));
        }
        let cursor = self.get("cursor").and_then(|cursor| cursor.parse::<usize>().ok()).unwrap_or(0);
        let next = cursor.saturating_add(max);
        let is_last = next >= all.len();
        let items: Vec<_> = all.into_iter().skip(cursor).take(max).collect();
        Ok(page(&items, (!is_last).then(|| self.next(cloud, "cursor", &next.to_string())).flatten()))
    }

    /// The address of the next page: this one's with one parameter changed.
    fn next(&self, cloud: &Cloud, key: &str, value: &str) -> Option<Url> {
        let mut url = Url::parse(&format!("{}{}", cloud.api_url(), self.path)).ok()?;
        let kept = self.pairs.iter().filter(|(name, _)| name != key);
        url.query_pairs_mut().extend_pairs(kept).append_pair(key, value);
        Some(url)
    }
}

/// `{"items": [...]}`, and where the next ones are.
fn page<T: Serialize>(items: &[T], next: Option<Url>) -> Response {
    // Not through a JSON value, which would sort the fields of each item.
    #[derive(Serialize)]
    struct Page<'a, T> {
        items: &'a [T],
    }
    let mut response = Json(Page { items }).into_response();
    if let Some(link) = next.and_then(|url| HeaderValue::from_str(&format!("<{url}>; rel=\"next\"")).ok()) {
        response.headers_mut().insert(LINK, link);
    }
    response
}
