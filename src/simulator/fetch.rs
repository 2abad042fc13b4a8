//! Files that a message names by URL: Webex fetches them itself.

use std::time::Duration;

use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use url::Url;

use super::Cloud;
use super::messages::Upload;
use super::refusal::Refusal;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Webex's limit for a file, in bytes.
pub(super) const LARGEST: usize = 100 * 1024 * 1024;

impl Cloud {
    /// The file at an address that anybody may read.
    pub(super) async fn fetch(&self, address: &str) -> Result<Upload, Refusal> {
        let failed = |why: String| Refusal::bad_request(format!("Unable to fetch the file at {address}: {why}"));
        let url = Url::parse(address).map_err(|error| failed(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(failed("only http and https addresses can be fetched".to_owned()));
        }
        let name = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default().to_owned();
        let client = self.inner.courier.outward.to(url.as_str());
        let request = client.get(url).timeout(TIMEOUT).send().await;
        let mut answer = request.map_err(|error| failed(error.without_url().to_string()))?;
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
        let name = named.unwrap_or(name);
        let name = if name.is_empty() { "file".to_owned() } else { name };
        Ok(Upload { name, content_type, bytes: bytes.into() })
    }
}
