//! A row before it is in the ledger: its queue, its lane, what it holds.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Which of the two queues.
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

/// Which lanes go first when more are due than can be worked on. The order within a lane stays. A lane with something that
/// is awaited goes among the first until it is idle. What is announced waits for as long as awaited letters take every
/// slot of `worker.concurrency`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Urgency {
    /// Somebody waits for it.
    #[default]
    Awaited,
    /// Nobody waits for it.
    Announced,
}

/// A row to be added.
#[derive(Clone, Debug, Default)]
pub struct Entry {
    /// The dedupe key: a second entry of the same id is not added, even long after the first was settled.
    pub id: Uuid,
    /// Where it goes.
    pub queue: Queue,
    /// The lane's name; rows of one lane are worked on one at a time, in order.
    pub lane: String,
    /// When the event that this is about was accepted, in milliseconds since 1970.
    pub accepted_at: i64,
    /// The order in the lane. Rows with the same number go in order of arrival.
    pub happened_at: i64,
    /// Opaque to the store.
    pub body: String,
    /// Who it is about, when that is known.
    pub subject: Option<String>,
    /// What it is about, when that is known.
    pub label: Option<String>,
    /// A file that goes with the body. It is dropped once the row is done.
    pub file: Option<Bytes>,
    /// How soon its lane goes on.
    pub urgency: Urgency,
    /// What it edits, if it is an edit. Of the waiting edits of the same in one lane only the last is carried out.
    pub target: Option<Uuid>,
    /// The exact bytes that the row was made from, for people. They are kept as long as the body.
    pub raw: Option<Bytes>,
}

impl Entry {
    /// Bytes of all that it holds.
    pub(super) fn size(&self) -> usize {
        let size = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        self.body.len() + size(&self.file) + size(&self.raw)
    }
}

/// A lane's key: the same name in the other queue is another lane.
pub(super) fn lane_id(queue: Queue, name: &str) -> Uuid {
    const LANES: Uuid = Uuid::from_u128(0x5f0c_51d7_6a0e_4b0a_9d3e_61f2_8a77_10c4);
    Uuid::new_v5(&LANES, format!("{}:{name}", queue.number()).as_bytes())
}
