//! A row before it is in the ledger: its queue, its lane and its contents.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One of the two queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// Events to be handled.
    #[default]
    Inbox,
    /// Letters to be sent.
    Outbox,
}

impl Queue {
    pub(super) fn number(self) -> i64 {
        self as i64
    }

    pub(super) fn of(number: i64) -> Queue {
        if number == Queue::Inbox.number() { Queue::Inbox } else { Queue::Outbox }
    }
}

/// Which lanes go first if more are due than can be worked on. The order within a lane stays. A lane that has an
/// awaited row is among the first until the lane is idle. Announced rows wait as long as awaited letters take every
/// slot of `worker.concurrency`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Urgency {
    /// Somebody waits for the row.
    #[default]
    Awaited,
    /// Nobody waits for the row.
    Announced,
}

/// A row to be added.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The dedupe key: a second entry of the same id is not added, even long after the first was settled.
    pub id: Uuid,
    /// The queue it goes into.
    pub queue: Queue,
    /// The lane's name; rows of one lane are worked on one at a time, in order.
    pub lane: String,
    /// When the event that this is about was accepted, in milliseconds since 1970.
    pub accepted_at: i64,
    /// The order in the lane. Rows with the same number go in order of arrival.
    pub happened_at: i64,
    /// The contents, which the store does not read.
    pub body: String,
    /// The person it is about, if known.
    pub subject: Option<String>,
    /// The command or kind of event it is about, if known.
    pub label: Option<String>,
    /// A file that goes with the body. It is dropped once the row is done.
    pub file: Option<Bytes>,
    /// Whether somebody waits for it.
    pub urgency: Urgency,
    /// The message it edits, if it is an edit. If several edits of one message wait in a lane, only the last is carried
    /// out.
    pub target: Option<Uuid>,
    /// The event that it belongs to, if its id is not one that follows from the event's.
    pub cause: Option<Uuid>,
    /// The exact bytes that the row was made from, for people to look at. They are kept as long as the body.
    pub raw: Option<Bytes>,
    /// Whether these bytes count towards the limit of payloads.
    pub is_payload: bool,
    /// The hook that it was posted to, if that hook expects something to come.
    pub heard: Option<String>,
}

impl Entry {
    /// The number of bytes of everything in it.
    pub(super) fn size(&self) -> usize {
        let size = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        self.body.len() + size(&self.file) + size(&self.raw)
    }
}

/// The key of a lane. A lane of the same name in the other queue is another lane.
pub(super) fn lane_id(queue: Queue, name: &str) -> Uuid {
    const LANES: Uuid = Uuid::from_u128(0x5f0c_51d7_6a0e_4b0a_9d3e_61f2_8a77_10c4);
    Uuid::new_v5(&LANES, format!("{}:{name}", queue.number()).as_bytes())
}
