//! The chat page: plain HTML, CSS and JavaScript modules, which the binary contains as they are in the repository.
//! There is no build step, and nothing comes from other servers.

use axum::Router;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

const HTML: &str = "text/html;charset=UTF-8";
const CSS: &str = "text/css;charset=UTF-8";
const SCRIPT: &str = "text/javascript;charset=UTF-8";

/// Allows only our own scripts and no styles in attributes. Other servers may be asked only for the pictures of cards.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob: https:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The files of the page: path, content type and content.
const FILES: [(&str, &str, &str); 14] = [
    ("/", HTML, include_str!("index.html")),
    ("/assets/page.css", CSS, include_str!("page.css")),
    ("/assets/cards.css", CSS, include_str!("cards.css")),
    ("/assets/main.js", SCRIPT, include_str!("main.js")),
    ("/assets/dom.js", SCRIPT, include_str!("dom.js")),
    ("/assets/model.js", SCRIPT, include_str!("model.js")),
    ("/assets/rooms.js", SCRIPT, include_str!("rooms.js")),
    ("/assets/conversation.js", SCRIPT, include_str!("conversation.js")),
    ("/assets/composer.js", SCRIPT, include_str!("composer.js")),
    ("/assets/rich.js", SCRIPT, include_str!("rich.js")),
    ("/assets/cards.js", SCRIPT, include_str!("cards.js")),
    ("/assets/inputs.js", SCRIPT, include_str!("inputs.js")),
    ("/assets/inspector.js", SCRIPT, include_str!("inspector.js")),
    ("/assets/faults.js", SCRIPT, include_str!("faults.js")),
];

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES
        .into_iter()
        .fold(Router::new(), |routes, (path, kind, content)| routes.route(path, get(async move || file(kind, content))))
}

fn file(kind: &'static str, content: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, content).into_response()
}
