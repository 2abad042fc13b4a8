//! The REST API under `/v1`: its routes, the caller, and the form of answers and pages. The files beside this one carry
//! the calls out; `traffic` lets faults strike them.

pub(crate) mod control;
mod devices;
mod directory;
mod dress;
pub(crate) mod guard;
mod in_person;
mod kept;
mod meetings;
mod memberships;
mod messages;
mod paging;
mod people;
mod refusal;
mod request;
mod rooms;
mod teams;
mod traffic;
mod webhooks;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn_with_state, map_request};
use axum::routing::{any, get, post};

use super::scenario::cloud::Cloud;
use super::world::Refusal;
use dress::without_faults;

/// The largest body: a file of 100 MB, and the small rest of a form.
const LARGEST_BODY: usize = 101 * 1024 * 1024;

/// The routes of Webex's API: for callers with a token, and for people without one.
pub(crate) fn routes(cloud: &Cloud) -> (Router<Cloud>, Router<Cloud>) {
    let routes = webex();
    let in_person = routes.clone().layer(DefaultBodyLimit::max(LARGEST_BODY)).with_state(cloud.clone());
    let webex = Router::new().nest("/v1", routes).merge(devices::routes()).fallback(unknown).with_state(cloud.clone());
    // A call is recorded with its original path. Then the path is corrected, and then the call is routed.
    let webex = Router::new()
        .fallback_service(webex)
        .layer(map_request(in_person::without_slash))
        .layer(from_fn_with_state(cloud.clone(), traffic::on_the_way))
        .layer(DefaultBodyLimit::max(LARGEST_BODY));
    let in_person = Router::new()
        .route("/as/{person}/{*path}", any(in_person::in_person).with_state((cloud.clone(), in_person)))
        .layer(from_fn_with_state(cloud.clone(), without_faults));
    (webex, in_person)
}

/// The routes below `/v1`.
fn webex() -> Router<Cloud> {
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
            .route(&format!("/{kind}"), get(async move |caller, query| directory::list(caller, kind, query).await))
            .route(&format!("/{kind}/{{id}}"), get(async move |caller, id| directory::read(caller, kind, id).await))
    });
    routes
        .method_not_allowed_fallback(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed.") })
        .fallback(unknown)
}

async fn unknown() -> Refusal {
    Refusal::not_found("The requested resource could not be found.")
}
