//! Webex ids: base64 of `ciscospark://<cluster>/<TYPE>/<local>`.
//!
//! The same thing is spelled differently by different clusters, padded or not, so ids are compared by type and
//! local part. The string Webex gave is kept and sent back, since the cluster in it routes the call.

use std::fmt;
use std::hash::{Hash, Hasher};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

/// The part of an id that is the same in every cluster. For a person, message or room it is the UUID. An id that is not
/// base64 of a Webex URI, such as a bare UUID, is its own local part.
pub fn local_part(id: &str) -> String {
    match decode(id).as_deref().and_then(Uri::parse) {
        Some(uri) => uri.local.to_ascii_lowercase(),
        None => uuid::Uuid::try_parse(id).map_or_else(|_| id.to_owned(), |uuid| uuid.to_string()),
    }
}

/// Spells an id as Webex does.
pub(crate) fn encode(cluster: &str, kind: &str, local: &str) -> String {
    BASE64.encode(format!("ciscospark://{cluster}/{kind}/{local}"))
}

/// The cluster in an id. None if the id is not base64 of a Webex URI.
pub(crate) fn cluster(id: &str) -> Option<String> {
    decode(id).as_deref().and_then(Uri::parse).map(|uri| uri.cluster.to_owned())
}

/// Whether an id says that it is a person's.
pub(crate) fn is_person_id(id: &str) -> bool {
    decode(id).as_deref().and_then(Uri::parse).is_some_and(|uri| uri.kind.eq_ignore_ascii_case("PEOPLE"))
}

/// The text of an id that is base64.
fn decode(id: &str) -> Option<String> {
    // Webex leaves the padding off, while others add it.
    String::from_utf8(BASE64.decode(id.trim().trim_end_matches('=')).ok()?).ok()
}

/// The parts of a Webex URI. The case of `kind` and `local` does not matter.
struct Uri<'a> {
    cluster: &'a str,
    kind: &'a str,
    local: &'a str,
}

impl Uri<'_> {
    fn parse(text: &str) -> Option<Uri<'_>> {
        let mut parts = text.strip_prefix("ciscospark://")?.splitn(3, '/');
        Some(Uri { cluster: parts.next()?, kind: parts.next()?, local: parts.next()? })
    }
}

/// Whether two spellings mean the same thing. A bare UUID matches an id of any type.
fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (text_a, text_b) = (decode(a), decode(b));
    match (text_a.as_deref().and_then(Uri::parse), text_b.as_deref().and_then(Uri::parse)) {
        (Some(a), Some(b)) => a.kind.eq_ignore_ascii_case(b.kind) && a.local.eq_ignore_ascii_case(b.local),
        (None, Some(uri)) => a.eq_ignore_ascii_case(uri.local),
        (Some(uri), None) => b.eq_ignore_ascii_case(uri.local),
        (None, None) => local_part(a) == local_part(b),
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The id as Webex spelled it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The part of the id that is the same in every cluster.
            pub fn local(&self) -> String {
                local_part(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                $name(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                $name(id.to_owned())
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                same(&self.0, &other.0)
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.local().hash(state);
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

ids! {
    /// A person's or bot's id; equal across clusters.
    PersonId
    /// A space's id; equal across clusters.
    RoomId
    /// A message's id; equal across clusters.
    MessageId
    /// A webhook's id.
    WebhookId
    /// The id of one click on a card.
    ActionId
}

#[cfg(test)]
mod tests {
    use super::*;

    const US: &str = "Y2lzY29zcGFyazovL3VzL01FU1NBR0UvNDQ0NDQ0NDQtNDQ0NC0xMWYxLTg0NDQtNDQ0NDQ0NDQ0NDQ0";
    const GEO: &str =
        "Y2lzY29zcGFyazovL3VybjpURUFNOnVzLXdlc3QtMl9yL01FU1NBR0UvNDQ0NDQ0NDQtNDQ0NC0xMWYxLTg0NDQtNDQ0NDQ0NDQ0NDQ0";

    #[test]
    fn ids_of_another_cluster_are_recognised() {
        assert_eq!(MessageId::from(US), MessageId::from(GEO));
        assert_eq!(local_part(GEO), "44444444-4444-11f1-8444-444444444444");
    }

    #[test]
    fn padding_case_and_bare_uuids_do_not_matter_but_the_type_does() {
        let uuid = "11111111-1111-4111-8111-111111111111";
        let person = encode("us", "PEOPLE", uuid);
        assert_eq!(PersonId::from(format!("{person}==")), PersonId::from(person.clone()));
        assert_eq!(PersonId::from(uuid), PersonId::from(person.clone()));
        assert_ne!(PersonId::from(encode("us", "ROOM", uuid)), PersonId::from(person));
    }
}
