//! Files that a message names by URL: Webex fetches them itself.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use url::Url;

use super::outward::Outward;
use super::reach;
use crate::simulator::world::Refusal;
use crate::simulator::world::draft::Upload;

const TIMEOUT: Duration = Duration::from_secs(10);
/// The most redirects that are followed to a file.
const MOST_REDIRECTS: usize = 5;
/// Webex's limit for a file, in bytes.
pub(crate) const LARGEST: usize = 100 * 1024 * 1024;

/// Fetches the file at a public address. Its name is the one that the answer or the address gives.
pub(crate) async fn fetch(outward: &Outward, address: &str) -> Result<Upload, Refusal> {
    let failed = |why: String| Refusal::bad_request(format!("Unable to fetch the file at {address}: {why}"));
    let source = Some(address.to_owned());
    let url = Url::parse(address).map_err(|error| failed(error.to_string()))?;
    if !outward.fetches {
        let content_type = "application/octet-stream".to_owned();
        return Ok(Upload { name: last_part(&url), content_type, bytes: Bytes::new(), source });
    }
    let (url, mut answer) = follow_redirects(outward, url).await.map_err(failed)?;
    if !answer.status().is_success() {
        return Err(failed(format!("it answers {}", answer.status())));
    }
    let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or("application/octet-stream").to_owned();
    let named = header(CONTENT_DISPOSITION).and_then(|value| value.split_once("filename=\""));
    let named = named.and_then(|(_, rest)| rest.split('"').next()).map(str::to_owned);
    let mut bytes = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|error| failed(error.without_url().to_string()))? {
        if bytes.len() + part.len() > LARGEST {
            return Err(failed("it is larger than 100 MB".to_owned()));
        }
        bytes.extend_from_slice(&part);
    }
    let name = named.filter(|name| !name.is_empty()).unwrap_or_else(|| last_part(&url));
    Ok(Upload { name, content_type, bytes: bytes.into(), source })
}

/// The file's name by its address: the last part of the path.
fn last_part(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    if last.is_empty() { "file".to_owned() } else { last.to_owned() }
}

/// Follows redirects, and gives the last answer and its address. Each address on the way is checked.
async fn follow_redirects(outward: &Outward, mut url: Url) -> Result<(Url, Response), String> {
    for _ in 0..=MOST_REDIRECTS {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("only http and https addresses can be fetched, and this is {}", url.scheme()));
        }
        if !outward.fetches_private() {
            reach::check(&url).map_err(|private| private.to_string())?;
        }
        let answer = outward.fetching(url.as_str()).get(url.clone()).timeout(TIMEOUT).send().await;
        let answer = answer.map_err(|error| match reach::private(&error) {
            Some(private) => private.to_string(),
            None => error.without_url().to_string(),
        })?;
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        match location.filter(|_| answer.status().is_redirection()) {
            None => return Ok((url, answer)),
            Some(location) => url = url.join(location).map_err(|error| error.to_string())?,
        }
    }
    Err(format!("it redirects more than {MOST_REDIRECTS} times"))
}
