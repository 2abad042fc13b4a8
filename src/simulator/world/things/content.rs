//! Files, and the results of the malware scan.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::simulator::world::refusal::Refusal;

/// A file that was posted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Content {
    pub name: String,
    pub content_type: String,
    #[serde(with = "base64_bytes")]
    pub bytes: Bytes,
    /// The address it was fetched from. None for a file that was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub(crate) message_id: String,
    #[serde(default)]
    pub(crate) scan: Scan,
}

/// How the malware scan treats a file (see Webex's REST API Basics).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Scan {
    /// How many requests are first answered 423 with `Retry-After`.
    pub locked_reads: u32,
    /// The result of the scan.
    pub verdict: ScanVerdict,
}

/// The result of the malware scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScanVerdict {
    /// The file is clean.
    #[default]
    Clean,
    /// The file has malware. It is answered 410, for ever.
    Infected,
    /// The file cannot be scanned. It is answered 428, unless the caller takes the risk with `?allow=unscannable`.
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

pub(crate) fn no_such_content() -> Refusal {
    Refusal::not_found("Unable to get content.")
}
