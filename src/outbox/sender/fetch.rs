//! Fetches the file of a letter that names it by its address.

use url::Url;

use super::{Outbox, closing};
use crate::sources::{FetchError, Fetched};
use crate::store::{Claimed, Settlement};
use crate::verdict::Verdict;
use crate::webex::File;

/// Why a message cannot be posted.
pub(super) enum Unprepared {
    /// It is tried again.
    Again(String),
    /// It will never be possible.
    Never(String),
}

impl Outbox {
    /// The file at an address. If it has no name, the last part of its address is its name.
    pub(super) async fn fetch(&self, address: &str) -> Result<File, Unprepared> {
        let told = |error: FetchError| {
            let why = format!("its file cannot be fetched: {error}");
            if error.is_passing() { Unprepared::Again(why) } else { Unprepared::Never(why) }
        };
        let url = Url::parse(address).map_err(|_| told(FetchError::NotHttp))?;
        // Half of the lease is left for the post.
        let fetching = tokio::time::timeout(self.lease.mul_f64(0.45), self.sources.get(url, &[])).await;
        let within_lease = || Unprepared::Again("its file does not come within half of worker.lease".to_owned());
        let Fetched { bytes, content_type, name, url } = fetching.map_err(|_| within_lease())?.map_err(told)?;
        let name = name.unwrap_or_else(|| url.path().to_owned());
        Ok(File::new(&name, &content_type, bytes))
    }

    /// The picture at an address.
    ///
    /// # Errors
    /// Why the message is posted without it.
    pub(super) async fn picture(&self, address: &str) -> Result<File, String> {
        let why = match self.fetch(address).await {
            Ok(file) if file.content_type.starts_with("image/") && !file.bytes.is_empty() => return Ok(file),
            Ok(_) => "its file is no picture".to_owned(),
            Err(Unprepared::Again(why) | Unprepared::Never(why)) => why,
        };
        tracing::warn!(why, "a message is posted without its picture");
        Err(format!("posted without its picture: {why}"))
    }

    /// Gives up a message whose file can never be fetched.
    pub(super) fn unfetched(&self, row: Claimed, why: String) -> Settlement {
        tracing::error!(why, "a message is given up; `switchboard outbox list` shows it");
        row.dead(closing(Verdict::Failed, why))
    }
}
