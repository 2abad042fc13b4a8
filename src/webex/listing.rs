//! Reads lists that come in pages, to the end or as far as they can be read.

use std::collections::HashSet;

use reqwest::Method;
use reqwest::header::{HeaderMap, LINK};
use serde::de::DeserializeOwned;
use url::Url;

use super::answer::Expects;
use super::call::{ApiCall, RequestBody};
use super::{Client, Error, lenient};

/// A list, as far as it could be read.
#[derive(Debug)]
pub struct Listing<T> {
    /// The items, in Webex's order.
    pub items: Vec<T>,
    /// How many items could not be read.
    pub passed_over: usize,
    /// Why the next page could not be read. The items are those of the pages before it.
    pub broke: Option<Error>,
}

impl<T> Listing<T> {
    /// Notes that the list is not complete, so that a part is not taken for the whole.
    fn cut(&mut self, endpoint: &'static str, why: &str) {
        self.broke = Some(Error::Unreadable { endpoint, cause: format!("{why}, so this list is not complete") });
    }

    /// The items of the list, if all its pages could be read.
    ///
    /// # Errors
    /// A page could not be read, so the list is not complete. Try again.
    pub fn all(self) -> Result<Vec<T>, Error> {
        match self.broke {
            None => Ok(self.items),
            Some(error) => Err(error),
        }
    }
}

impl Client {
    /// Follows `Link: rel="next"` to the end, or until there are `most` items. An empty page may still have a next one.
    pub(super) async fn list<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        first: Url,
        most: usize,
    ) -> Result<Vec<T>, Error> {
        self.list_while(endpoint, first, most, |_| true).await.all()
    }

    /// Like [`Client::list`], but reads no further page once `more` says that there are enough.
    pub(super) async fn list_while<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        first: Url,
        most: usize,
        more: impl Fn(&[T]) -> bool,
    ) -> Listing<T> {
        let mut listing = Listing { items: Vec::new(), passed_over: 0, broke: None };
        let mut seen = HashSet::new();
        let mentioned =
            first.query_pairs().find(|(name, _)| name == "mentionedPeople").map(|(_, who)| who.into_owned());
        let mut next = Some(first);
        while let Some(url) = next.take() {
            if !seen.insert(url.clone()) {
                listing.cut(endpoint, "a page names an earlier one as the next");
                break;
            }
            let (page, headers) = match self.page(endpoint, url).await {
                Ok(page) => page,
                Err(error) => {
                    listing.broke = Some(error);
                    break;
                }
            };
            listing.passed_over += page.passed_over;
            listing.items.extend(page.value);
            if listing.items.len() >= most {
                listing.items.truncate(most);
                break;
            }
            if !more(&listing.items) {
                break;
            }
            let Some(mut link) = next_page(&headers) else { break };
            // The token is sent to the configured host and to no other, whatever a page names as the next.
            if !self.is_at_home(&link) {
                listing.cut(endpoint, "the next page is said to be on another host");
                break;
            }
            // Older servers lose this parameter, without which they refuse a bot. (The Python SDK adds it too.)
            if let Some(who) = &mentioned
                && !link.query_pairs().any(|(name, _)| name == "mentionedPeople")
            {
                link.query_pairs_mut().append_pair("mentionedPeople", who);
            }
            next = Some(link);
        }
        listing
    }

    async fn page<T: DeserializeOwned>(
        &self,
        endpoint: &'static str,
        url: Url,
    ) -> Result<(lenient::Read<Vec<T>>, HeaderMap), Error> {
        if let Some(error) = self.absent().get(endpoint) {
            return Err(error);
        }
        let call = ApiCall {
            endpoint,
            method: Method::GET,
            url: url.into(),
            body: RequestBody::None,
            repeatable: true,
            expects: Expects::Json,
        };
        let answer = self.send(call).await.inspect_err(|error| {
            if error.is_no_route() {
                tracing::warn!(%error, "Webex does not give this list; it is not asked for again within a minute");
                self.absent().remember(endpoint, error);
            }
        })?;
        let read = lenient::read_page(&answer.body);
        let passed_over = read.as_ref().map_or(0, |read| read.passed_over);
        let value = self.understood(endpoint, &answer, read)?;
        Ok((lenient::Read { value, odd: Vec::new(), passed_over }, answer.headers))
    }
}

fn next_page(headers: &HeaderMap) -> Option<Url> {
    headers.get_all(LINK).iter().filter_map(|link| link.to_str().ok()).find_map(next_link)
}

/// `<https://...>; rel="next"`, possibly among others. A URL may hold commas, but no angle brackets.
fn next_link(header: &str) -> Option<Url> {
    header.split('<').skip(1).find_map(|link| {
        let (url, parameters) = link.split_once('>')?;
        let is_next = parameters.split([';', ',']).any(|part| matches!(part.trim(), "rel=\"next\"" | "rel=next"));
        is_next.then(|| Url::parse(url).ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found_among_other_links() {
        let header = r#"<https://x.test/a?max=1>; rel="first", <https://x.test/a?max=1&before=2,3>; rel="next""#;
        assert_eq!(next_link(header).unwrap().as_str(), "https://x.test/a?max=1&before=2,3");
        assert_eq!(next_link(r#"<https://x.test/a>; rel="first""#), None);
    }
}
