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
    /// A page of a list that is all in memory: `cursor` says how many items earlier pages had.
    pub(super) fn page<T: Serialize>(&self, cloud: &Cloud, all: Vec<T>, default: usize) -> Result<Response, Refusal> {
        self.page_of(cloud, all, default, 1000)
    }

    /// The same where a page has fewer items.
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

    /// The address of the next page: this one's with one parameter changed.
    pub(super) fn next(&self, cloud: &Cloud, key: &str, value: &str) -> Option<Url> {
        let mut url = Url::parse(&format!("{}{}", cloud.api_url(), self.path)).ok()?;
        let kept = self.pairs.iter().filter(|(name, _)| name != key);
        url.query_pairs_mut().extend_pairs(kept).append_pair(key, value);
        Some(url)
    }
}

/// `{"items": [...]}`, and where the next ones are.
pub(super) fn page<T: Serialize>(items: &[T], next: Option<Url>) -> Response {
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
