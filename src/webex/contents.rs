//! Files in messages: their addresses, their names and types, and their bytes as they arrive.

use std::io;
use std::path::Path;

use bytes::Bytes;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use reqwest::{Method, Response};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use url::Url;

use super::answer::Expects;
use super::call::{ApiAnswer, ApiCall, RequestBody};
use super::filename::{UNKNOWN_TYPE, named, safe_name, type_of};
use super::lost::Lost;
use super::{Client, Error, File};

/// The name of the endpoint in metrics and errors.
const ENDPOINT: &str = "contents/{id}";

/// The most bytes of a media type. No known one is longer.
const LONGEST_TYPE: usize = 127;

/// The id of a file. It can be made only from an address at the configured Webex, so the token can go nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentId(String);

/// The description of a file, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FileInfo {
    /// The file's name, made harmless: without a path, without invisible characters, and not hidden.
    pub name: String,
    /// The media type, as the person who posted the file gave it.
    pub content_type: String,
    /// The size in bytes, if known.
    pub size: Option<u64>,
}

/// A file that is being downloaded.
#[derive(Debug)]
pub struct Download {
    /// The description of the file.
    pub info: FileInfo,
    body: Option<Response>,
}

impl Download {
    /// The next bytes. None at the end.
    ///
    /// # Errors
    /// The connection was lost, or `webex.timeout` has passed since the call began. Download the file again.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(body) = &mut self.body else { return Ok(None) };
        body.chunk().await.map_err(|error| Error::Unreachable {
            endpoint: ENDPOINT,
            is_sent: true,
            cause: Lost::from(error).cause,
        })
    }
}

impl Client {
    /// The file at an address that a message names. None unless the address is below `contents` of the configured
    /// Webex: a message is foreign text, and so are its addresses.
    pub fn content_id(&self, address: &str) -> Option<ContentId> {
        let url = Url::parse(address).ok()?;
        let (id, is_id) = (url.path_segments()?.next_back()?, |c: char| c.is_ascii_alphanumeric() || "-_=".contains(c));
        let id = Some(id).filter(|id| !id.is_empty() && id.chars().all(is_id))?;
        (url == self.url(&["contents", id], &[])).then(|| ContentId(id.to_owned()))
    }

    /// The description of a file. With `unscannable`, also of one that cannot be scanned for malware.
    ///
    /// # Errors
    /// [`Error::Locked`] while the file is being scanned: try again after its pause. Status 410 if the file is
    /// infected, 428 if it cannot be scanned, 404 if it is gone.
    pub async fn content_info(&self, id: &ContentId, unscannable: bool) -> Result<FileInfo, Error> {
        self.open_content(Method::HEAD, id, unscannable).await.map(|download| download.info)
    }

    /// Downloads a file. With `unscannable`, also one that cannot be scanned for malware.
    ///
    /// # Errors
    /// The same errors as [`Client::content_info`].
    pub async fn content(&self, id: &ContentId, unscannable: bool) -> Result<Download, Error> {
        self.open_content(Method::GET, id, unscannable).await
    }

    async fn open_content(&self, method: Method, id: &ContentId, unscannable: bool) -> Result<Download, Error> {
        let query: &[_] = if unscannable { &[("allow", "unscannable")] } else { &[] };
        let url = self.url(&["contents", &id.0], query);
        let call = ApiCall {
            endpoint: ENDPOINT,
            method,
            url: url.into(),
            body: RequestBody::None,
            repeatable: true,
            expects: Expects::File,
        };
        let ApiAnswer { headers, unread, .. } = self.send(call).await?;
        Ok(Download { info: FileInfo::of(&headers), body: unread })
    }
}

impl FileInfo {
    fn of(headers: &HeaderMap) -> FileInfo {
        let name = headers.get(CONTENT_DISPOSITION).and_then(|value| named(value.as_bytes())).unwrap_or_default();
        let text = |header| headers.get(header).and_then(|value| value.to_str().ok()).map(str::trim);
        let is_type = |text: &&str| text.contains('/') && text.len() <= LONGEST_TYPE;
        FileInfo {
            name: safe_name(&name),
            content_type: text(CONTENT_TYPE).filter(is_type).unwrap_or(UNKNOWN_TYPE).to_owned(),
            size: text(CONTENT_LENGTH).and_then(|text| text.parse().ok()),
        }
    }
}

impl File {
    /// The largest file that Webex accepts, in bytes.
    pub const LARGEST: u64 = 100 * 1024 * 1024;

    /// A file with these bytes. Its name is made harmless.
    pub fn new(name: &str, content_type: &str, bytes: impl Into<Bytes>) -> File {
        File { name: safe_name(name), content_type: content_type.to_owned(), bytes: bytes.into() }
    }

    /// Reads a local file. The ending of its name gives its type.
    ///
    /// # Errors
    /// The file cannot be read, or is larger than Webex accepts. The error names the file.
    pub async fn read(path: impl AsRef<Path>) -> io::Result<File> {
        let path = path.as_ref();
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut bytes = Vec::new();
        let file = tokio::fs::File::open(path).await.map_err(named)?;
        file.take(File::LARGEST + 1).read_to_end(&mut bytes).await.map_err(named)?;
        if bytes.len() as u64 > File::LARGEST {
            return Err(named(io::Error::new(io::ErrorKind::FileTooLarge, "larger than the 100 MB that Webex takes")));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok(File::new(&name, type_of(&name).unwrap_or(UNKNOWN_TYPE), bytes))
    }

    /// The description of the file.
    pub fn info(&self) -> FileInfo {
        let File { name, content_type, bytes } = self;
        FileInfo { name: name.clone(), content_type: content_type.clone(), size: Some(bytes.len() as u64) }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::super::{Attachment, Fault, NewMessage};
    use super::*;
    use crate::config::Config;
    use crate::telemetry::Metrics;

    fn client() -> Client {
        // No call is made here.
        let settings = Config::from_parts("[webex]\napi_url = \"https://webexapis.com/v1\"", &[]).unwrap().webex;
        Client::new(&settings, &SecretString::from("t"), Metrics::default()).unwrap()
    }

    #[tokio::test]
    async fn a_file_with_a_card_or_another_file_is_refused_before_anything_is_sent() {
        let file = || File::new("a", "text/plain", "a");
        let card = Attachment::adaptive_card(serde_json::json!({}));
        let with_card = NewMessage { attachments: vec![card], ..NewMessage::default() };
        let with_file = NewMessage { files: vec!["https://example.com/b".to_owned()], ..NewMessage::default() };
        for message in [with_card, with_file] {
            let error = client().upload(&message, file()).await.unwrap_err();
            assert!(error.to_string().contains("send them as two messages"), "{error}");
            assert_eq!(error.fault(), Fault::Final);
        }
    }

    #[test]
    fn only_an_address_at_the_configured_webex_is_a_file() {
        let client = client();
        let own = "https://webexapis.com/v1/contents/Y2lzY29z-_";
        assert_eq!(client.content_id(own), Some(ContentId("Y2lzY29z-_".to_owned())));
        assert!(
            client.content_id("HTTPS://WEBEXAPIS.COM:443/v1/x/../contents/abc").is_some(),
            "the same, spelled oddly"
        );
        for foreign in [
            "https://evil.test/v1/contents/abc",
            "https://webexapis.com.evil.test/v1/contents/abc",
            "https://webexapis.com@evil.test/v1/contents/abc",
            "https://user:pass@webexapis.com/v1/contents/abc",
            "http://webexapis.com/v1/contents/abc",
            "https://webexapis.com:8443/v1/contents/abc",
            "https://webexapis.com/v1/messages/abc",
            "https://webexapis.com/v2/contents/abc",
            "https://webexapis.com/v1/contents/../messages",
            "https://webexapis.com/v1/contents/a/b",
            "https://webexapis.com/v1/contents/a%2f..%2fb",
            "https://webexapis.com/v1/contents/..%2f",
            "https://webexapis.com/v1/contents/",
            "https://webexapis.com/v1/contents/abc?allow=unscannable",
            "https://webexapis.com/v1/contents/abc#x",
            "//webexapis.com/v1/contents/abc",
            "/v1/contents/abc",
            "file:///etc/passwd",
            "",
        ] {
            assert_eq!(client.content_id(foreign), None, "{foreign}");
        }
    }
}
