//! Requests to be let in, and the decisions on them. A decision and the message about it are written in one
//! transaction. So the person is told once, whoever decides and whether or not the daemon runs.

use serde::Serialize;
use uuid::Uuid;

use super::entry::Entry;

/// A stranger's request to be let in.
#[derive(Clone, Debug)]
pub struct PairingRequest {
    /// The code that the stranger gets, and by which an admin decides.
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
    /// When it was made, in milliseconds since 1970.
    pub requested_at: i64,
    /// When the code expires, in milliseconds since 1970.
    pub expires_at: i64,
}

/// The decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairingState {
    /// Not decided yet.
    Pending,
    /// The person was let in.
    Approved,
    /// The person was not let in.
    Denied,
    /// The decision was taken back, and the person may ask again.
    Revoked,
}

/// A request and the decision on it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Pairing {
    pub request: PairingRequest,
    pub state: PairingState,
    /// How often it was decided on.
    pub decisions: i64,
    /// When it was last decided on, in milliseconds since 1970.
    pub decided_at: Option<i64>,
    pub decided_by: Option<String>,
    pub(super) id: i64,
}

/// The result of making a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingOutcome {
    /// Not stored: the code is taken, or a request of the person was decided meanwhile.
    Again,
    /// Stored.
    New,
    /// Not stored: too many strangers asked within an hour.
    Crowd,
}

impl PairingOutcome {
    /// Reads the number by which the writer returns it.
    pub(super) fn of(number: u64) -> PairingOutcome {
        match number {
            1 => PairingOutcome::New,
            2 => PairingOutcome::Crowd,
            _ => PairingOutcome::Again,
        }
    }
}

/// The values to find a request by. Any of them may match.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct PairingQuery {
    pub code: String,
    pub email: String,
    pub person: String,
}

/// A decision that is valid only while the request is still as it was read.
pub(super) struct RequestDecision {
    pub(super) id: i64,
    pub(super) decisions: i64,
    pub(super) state: PairingState,
    pub(super) by: String,
    pub(super) entries: Vec<Entry>,
}

/// A request to be stored, unless the person has a newer one than `seen`, or too many came within the hour.
pub(super) struct NewPairing {
    pub(super) request: PairingRequest,
    pub(super) seen: Option<(i64, i64)>,
    pub(super) per_hour: u32,
}
