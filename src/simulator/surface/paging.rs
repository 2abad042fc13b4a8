//! Pages of lists.

use axum::Json;
use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use url::Url;

use super::request::Query;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::world::Refusal;

impl Query {
    /// A page of a list that is completely in memory. `cursor` is the number of items on earlier pages.
    pub(super) fn page<T: Serialize>(&self, cloud: &Cloud, all: Vec<T>, default: usize) -> Result<Response, Refusal> {
        self.page_of(cloud, all, default, 1000)
    }

    /// Like `page`, with at most `most` items on a page.
    pub(super) fn page_of<T: Serialize>(
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

    /// The address of the next page: this page's address with one parameter changed.
    pub(super) fn next(&self, cloud: &Cloud, key: &str, value: &str) -> Option<Url> {
        let mut url = Url::parse(&format!("{}{}", cloud.api_url(), self.path)).ok()?;
        let kept = self.pairs.iter().filter(|(name, _)| name != key);
        url.query_pairs_mut().extend_pairs(kept).append_pair(key, value);
        Some(url)
    }
}

/// The answer `{"items": [...]}`, with a link to the next page.
pub(super) fn page<T: Serialize>(items: &[T], next: Option<Url>) -> Response {
    // The items are not turned into a JSON value, which would sort their fields.
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
