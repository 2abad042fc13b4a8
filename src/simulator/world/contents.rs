//! Files: their bytes, who may have them, and the malware scan that stands before them.

use axum::http::StatusCode;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ids;
use super::people::Account;
use super::refusal::Refusal;
use super::state::World;
use crate::webex::local_part;

/// Asked to wait while a file is scanned, in seconds.
const SCAN_PAUSE: u32 = 1;

/// A file that was posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Content {
    pub name: String,
    pub content_type: String,
    #[serde(with = "base64_bytes")]
    pub bytes: Bytes,
    pub(crate) message_id: String,
    #[serde(default)]
    pub(crate) scan: Scan,
}

/// What the malware scan makes of a file (Webex's REST API Basics).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scan {
    /// So many requests are answered 423 with `Retry-After` first.
    pub locked_reads: u32,
    /// What it finds.
    pub verdict: Verdict,
}

/// What the scan finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing.
    #[default]
    Clean,
    /// Malware: 410, for good.
    Infected,
    /// It cannot tell: 428, unless the caller takes the risk with `?allow=unscannable`.
    Unscannable,
}

/// For `with`: the bytes of a file in JSON.
mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        STANDARD.decode(String::deserialize(from)?).map(Bytes::from).map_err(D::Error::custom)
    }
}

impl World {
    /// A file, if this account may read its message.
    pub(crate) fn content_for(&self, actor: &Account, id: &str) -> Result<&Content, Refusal> {
        let content = self.contents.get(&local_part(id)).ok_or_else(no_such_content)?;
        self.message_for(actor, &content.message_id).map_err(|_| no_such_content())?;
        Ok(content)
    }

    /// The same for a Webex app, which does not count against the scan and warns of what it cannot tell.
    pub(crate) fn shown(&self, actor: &Account, id: &str) -> Result<&Content, Refusal> {
        let content = self.content_for(actor, id)?;
        if content.scan.verdict == Verdict::Infected { Err(infected()) } else { Ok(content) }
    }

    /// The same for a program, which has to wait for the scan.
    pub(crate) fn scanned(&mut self, actor: &Account, id: &str, takes_risk: bool) -> Result<&Content, Refusal> {
        self.content_for(actor, id)?;
        let content = self.contents.get_mut(&local_part(id)).ok_or_else(no_such_content)?;
        if content.scan.locked_reads > 0 {
            content.scan.locked_reads -= 1;
            return Err(Refusal::new(StatusCode::LOCKED, "The file is being scanned for malware.").retry_in(SCAN_PAUSE));
        }
        match content.scan.verdict {
            Verdict::Clean => Ok(content),
            Verdict::Unscannable if takes_risk => Ok(content),
            Verdict::Unscannable => {
                let why = "The file cannot be scanned for malware; add allow=unscannable to download it.";
                Err(Refusal::new(StatusCode::PRECONDITION_REQUIRED, why))
            }
            Verdict::Infected => Err(infected()),
        }
    }

    /// Forgets the files of a message that is gone.
    pub(crate) fn drop_files(&mut self, message_id: &str, count: usize) {
        for index in 0..count {
            self.contents.remove(&local_part(&ids::content(message_id, index)));
        }
    }
}

fn infected() -> Refusal {
    Refusal::new(StatusCode::GONE, "The file is infected with malware.")
}

fn no_such_content() -> Refusal {
    Refusal::not_found("Unable to get content.")
}
