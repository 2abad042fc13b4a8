//! Who asked to be let in, and what was decided. A decision and the message that tells of it are one transaction, so
//! the person hears of it once, whoever decides and whether or not the daemon runs.

use serde::Serialize;
use uuid::Uuid;

use super::entry::Entry;

/// A stranger's request to be let in.
#[derive(Clone, Debug)]
pub struct PairingRequest {
    /// The code that they are given, and by which an admin decides.
    pub code: String,
    /// Their Webex id, in the one spelling.
    pub person: String,
    /// Their Webex id, as Webex spelled it.
    pub person_id: String,
    /// Their address, in lower case.
    pub email: String,
    /// The space in which they asked. The decision is posted there.
    pub room: String,
    /// The event of their message.
    pub event: Uuid,
    /// The beginning of their message.
    pub asked: String,
    /// Milliseconds since 1970.
    pub requested_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// How a request was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairingState {
    /// Not yet.
    Pending,
    /// They were let in.
    Approved,
    /// They were not.
    Denied,
    /// The decision was taken back: they may ask again.
    Revoked,
}

/// A request, and what became of it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Pairing {
    pub request: PairingRequest,
    pub state: PairingState,
    /// How often it was decided on.
    pub decisions: i64,
    /// Milliseconds since 1970.
    pub decided_at: Option<i64>,
    pub decided_by: Option<String>,
    pub(super) id: i64,
}

/// Whether a request was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingOutcome {
    /// It was not: the code is taken, or the request was decided meanwhile.
    Again,
    /// It was.
    New,
    /// It was not: too many asked within an hour.
    Crowd,
}

impl PairingOutcome {
    /// From the number that the writer keeps.
    pub(super) fn of(number: u64) -> PairingOutcome {
        match number {
            1 => PairingOutcome::New,
            2 => PairingOutcome::Crowd,
            _ => PairingOutcome::Again,
        }
    }
}

/// Finds a request by any of these.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct PairingQuery {
    pub code: String,
    pub email: String,
    pub person: String,
}

/// A decision on a request, valid only while the request is as it was read.
pub(super) struct RequestDecision {
    pub(super) id: i64,
    pub(super) decisions: i64,
    pub(super) state: PairingState,
    pub(super) by: String,
    pub(super) entries: Vec<Entry>,
}

/// A request to be written, unless the person has a newer one than `seen`, or too many came within the hour.
pub(super) struct NewPairing {
    pub(super) request: PairingRequest,
    pub(super) seen: Option<(i64, i64)>,
    pub(super) per_hour: u32,
}
