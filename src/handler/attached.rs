//! Files that people attach. They are looked up and fetched only when a handler asks for them.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;

use super::{FileError, Services};
use crate::clock;
use crate::webex::{Client, ContentId, Download, Error, File, FileInfo};

/// The part of a command's time that is kept for its answer while it waits for a scan.
const TIME_TO_ANSWER: Duration = Duration::from_secs(1);

/// A file attached to the message that called the command. Webex is asked for it only by the `async` methods.
///
/// While Webex scans the file for malware, these wait as long as `files.scan_wait` and the command's deadline allow.
///
/// ```no_run
/// use switchboard::{Args, CommandError, Context, Reply, Result};
///
/// async fn count(context: Context, args: Args) -> Result<Reply> {
///     args.finish()?;
///     let Some(attached) = context.files().into_iter().next() else {
///         return Err(CommandError::User("Attach the file whose lines I am to count.".to_owned()));
///     };
///     // If the file is infected, gone or too large, `?` tells the person.
///     let file = attached.at_most(1_000_000).download().await?;
///     let lines = String::from_utf8_lossy(&file.bytes).lines().count();
///     Ok(Reply::text(format!("{} has {lines} lines.", file.name)))
/// }
/// ```
#[derive(Clone)]
pub struct Attached {
    webex: Client,
    /// None if the address of the file is not one of Webex.
    content: Option<ContentId>,
    largest: u64,
    unscannable: bool,
    scan_wait: Duration,
    deadline: Instant,
}

impl Attached {
    pub(super) fn new(services: &Services, deadline: Instant, address: &str) -> Attached {
        Attached {
            webex: services.webex.clone(),
            content: services.webex.content_id(address),
            largest: services.files.largest,
            unscannable: false,
            scan_wait: services.files.scan_wait,
            deadline,
        }
    }

    /// Lowers the largest size that is fetched, in bytes; it is `files.largest` otherwise.
    #[must_use]
    pub fn at_most(self, bytes: u64) -> Attached {
        Attached { largest: self.largest.min(bytes), ..self }
    }

    /// Fetches the file even if Webex cannot scan it for malware, for example because it is encrypted. The handler
    /// takes the risk.
    #[must_use]
    pub fn even_if_unscannable(self) -> Attached {
        Attached { unscannable: true, ..self }
    }

    /// Its name, type and size, without its bytes. The name is safe to show and to give to a file.
    ///
    /// # Errors
    /// The [`FileError`] says why the file cannot be had; return it with `?`. A file that is too large is no error
    /// here.
    pub async fn info(&self) -> Result<FileInfo, FileError> {
        let (content, until) = (self.content()?, self.patience());
        loop {
            match self.webex.content_info(content, self.unscannable).await {
                Ok(info) => return Ok(info),
                Err(error) => wait_out(error, until).await?,
            }
        }
    }

    /// Fetches the whole file into memory.
    ///
    /// # Errors
    /// The [`FileError`] says why the file cannot be had; return it with `?`. A file that is too large is read no
    /// further than the limit.
    pub async fn download(&self) -> Result<File, FileError> {
        let mut download = self.open().await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = self.next(&mut download, bytes.len() as u64).await? {
            bytes.extend_from_slice(&chunk);
        }
        let FileInfo { name, content_type, .. } = download.info;
        Ok(File { name, content_type, bytes: bytes.into() })
    }

    /// Fetches the file and writes it to disk as it arrives. It is at `path` only once it is complete; until then it is
    /// beside it, with `.part` at the end of its name.
    ///
    /// # Errors
    /// The same errors as [`Attached::download`]; also [`FileError::Disk`] if the file cannot be written.
    pub async fn save_to(&self, path: impl AsRef<Path>) -> Result<FileInfo, FileError> {
        let path = path.as_ref();
        let mut download = self.open().await?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let on_disk = |cause| FileError::Disk { path: path.to_owned(), cause };
        let writing = async {
            let mut file = tokio::fs::File::create(&part).await.map_err(on_disk)?;
            let mut size = 0;
            while let Some(chunk) = self.next(&mut download, size).await? {
                file.write_all(&chunk).await.map_err(on_disk)?;
                size += chunk.len() as u64;
            }
            file.flush().await.map_err(on_disk)?;
            tokio::fs::rename(&part, path).await.map_err(on_disk)?;
            Ok(size)
        };
        match writing.await {
            Ok(size) => Ok(FileInfo { size: Some(size), ..download.info }),
            Err(error) => {
                // The partial file is of no use, and may not exist at all.
                let _ = tokio::fs::remove_file(&part).await;
                Err(error)
            }
        }
    }

    async fn open(&self) -> Result<Download, FileError> {
        let (content, until) = (self.content()?, self.patience());
        loop {
            match self.webex.content(content, self.unscannable).await {
                Ok(download) if download.info.size.is_some_and(|size| size > self.largest) => {
                    return Err(FileError::TooLarge { limit: self.largest });
                }
                Ok(download) => return Ok(download),
                Err(error) => wait_out(error, until).await?,
            }
        }
    }

    /// The next bytes, after `read` were read. They are counted, since the announced size may be wrong.
    async fn next(&self, download: &mut Download, read: u64) -> Result<Option<bytes::Bytes>, FileError> {
        let chunk = download.chunk().await?;
        match &chunk {
            Some(chunk) if read + chunk.len() as u64 > self.largest => Err(FileError::TooLarge { limit: self.largest }),
            Some(_) | None => Ok(chunk),
        }
    }

    fn content(&self) -> Result<&ContentId, FileError> {
        self.content.as_ref().ok_or(FileError::Elsewhere)
    }

    /// The latest time until which the handler waits for a scan.
    fn patience(&self) -> Instant {
        let deadline = self.deadline.checked_sub(TIME_TO_ANSWER).unwrap_or(self.deadline);
        clock::instant().checked_add(self.scan_wait).map_or(deadline, |end| end.min(deadline))
    }
}

/// Waits as long as Webex asks, if that ends before `until`. Otherwise gives the reason why the file cannot be had.
async fn wait_out(error: Error, until: Instant) -> Result<(), FileError> {
    match &error {
        Error::Locked { retry_after, .. } | Error::RateLimited { retry_after, .. }
            if until.saturating_duration_since(clock::instant()) >= *retry_after =>
        {
            tokio::time::sleep(*retry_after).await;
            Ok(())
        }
        Error::Locked { .. } => Err(FileError::Scanning),
        Error::Status { status: 410, .. } => Err(FileError::Infected),
        Error::Status { status: 428, .. } => Err(FileError::Unscannable),
        Error::Status { status: 404, .. } => Err(FileError::Gone),
        Error::RateLimited { .. }
        | Error::Status { .. }
        | Error::Unreachable { .. }
        | Error::NotWebex { .. }
        | Error::Unreadable { .. }
        | Error::Unsendable { .. } => Err(FileError::Webex(error)),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;
    use crate::telemetry::Metrics;

    /// A Webex that answers each request with this, then repeats the rest until nobody listens any more.
    async fn answering(webex: &TcpListener, head: &str, rest: &str) -> std::convert::Infallible {
        loop {
            let (mut connection, _) = webex.accept().await.unwrap();
            let _ = connection.read(&mut [0; 4096]).await.unwrap();
            let _ = connection.write_all(head.as_bytes()).await;
            while connection.write_all(rest.as_bytes()).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
    }

    fn attached(webex: &TcpListener) -> Attached {
        let api_url = format!("http://{}/v1", webex.local_addr().unwrap());
        let settings = Config::from_parts(&format!("[webex]\napi_url = \"{api_url}\""), &[]).unwrap().webex;
        let client = Client::new(&settings, &SecretString::from("t"), Metrics::default()).unwrap();
        Attached {
            content: client.content_id(&format!("{api_url}/contents/abc")),
            webex: client,
            largest: 100_000,
            unscannable: false,
            scan_wait: Duration::ZERO,
            deadline: clock::instant() + Duration::from_secs(30),
        }
    }

    #[tokio::test]
    async fn a_file_that_does_not_end_is_read_no_further_than_the_limit() {
        let webex = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let attached = attached(&webex);
        let folder = tempfile::tempdir().unwrap();
        let reading = async {
            let error = attached.download().await.unwrap_err();
            assert!(matches!(error, FileError::TooLarge { limit: 100_000 }), "{error}");
            let error = attached.save_to(folder.path().join("a")).await.unwrap_err();
            assert!(matches!(error, FileError::TooLarge { limit: 100_000 }), "{error}");
        };
        let head = "HTTP/1.1 200 OK\r\nTrackingID: T\r\nTransfer-Encoding: chunked\r\n\r\n";
        tokio::select! { _ = answering(&webex, head, "5\r\nbytes\r\n") => {}, () = reading => {} }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left of it");
    }

    #[tokio::test]
    async fn a_file_that_is_announced_as_too_large_is_not_waited_for() {
        let webex = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let attached = attached(&webex);
        let head = "HTTP/1.1 200 OK\r\nTrackingID: T\r\nContent-Length: 100001\r\n\r\n";
        tokio::select! {
            _ = answering(&webex, head, "") => {}
            result = attached.download() => assert!(matches!(result, Err(FileError::TooLarge { .. }))),
        }
    }
}
