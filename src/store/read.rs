//! Rows as people see them.

use serde::Serialize;
use uuid::Uuid;

use super::entry::Queue;
use crate::verdict::Verdict;

/// The state of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowState {
    /// Not settled yet.
    Open,
    /// Settled.
    Done,
    /// Given up. It can be tried again by hand.
    Dead,
    /// Older than `store.retention`: only the id is left, so that a repeat is recognised.
    Forgotten,
}

impl RowState {
    pub(super) fn of(number: i64) -> RowState {
        match number {
            0 => RowState::Open,
            1 => RowState::Done,
            2 => RowState::Dead,
            _ => RowState::Forgotten,
        }
    }
}

/// Which rows to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Open rows and dead letters.
    Unsettled,
    /// Rows in one state.
    In(RowState),
    /// All rows except the forgotten ones.
    All,
}

/// A row as people see it.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Row {
    pub id: Uuid,
    #[serde(skip)]
    pub queue: Queue,
    pub state: RowState,
    pub attempts: u32,
    /// When it was accepted, in milliseconds since 1970.
    pub accepted_at: i64,
    /// When it was settled, in milliseconds since 1970.
    pub settled_at: Option<i64>,
    /// When it is tried next, if it waits, in milliseconds since 1970.
    pub due_at: Option<i64>,
    /// Whether a worker has it at this moment.
    pub leased: bool,
    /// How it ended. None while it is open, or if this version does not know the word.
    pub verdict: Option<Verdict>,
    pub subject: Option<String>,
    pub label: Option<String>,
    pub note: Option<String>,
    /// The event whose question it answered.
    pub answers: Option<Uuid>,
    #[serde(skip)]
    pub receipt: Option<Receipt>,
    /// How many times the message of the letter was edited.
    #[serde(skip)]
    pub edits: u32,
    #[serde(skip)]
    pub body: Option<String>,
}

/// The other side's answer to a letter that it accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The other side's id of the message that was posted or edited.
    pub message: String,
    /// Why the message was posted without its card.
    pub without_card: Option<String>,
    /// Why it was posted outside of its thread.
    pub without_thread: Option<String>,
}

/// The message that began a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadRoot {
    /// The other side's id of the message.
    pub message: String,
    /// The letter that posted it.
    pub letter: Uuid,
    /// What it shows, if letters keep that up to date.
    pub text: Option<ThreadText>,
}

/// What the root of a thread shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadText {
    /// The state that it shows.
    pub state: String,
    /// The hash of the text.
    pub digest: String,
    /// How many edits it has had.
    pub edits: u32,
    /// When it was edited last, in milliseconds since 1970.
    pub edited_at: Option<i64>,
    /// Whether it is newer than the row for which it was looked up.
    pub is_newer: bool,
    /// The address of the message that was the root before.
    pub before: Option<String>,
}

/// Events and replies that were settled in a period.
#[derive(Clone, Debug, Default)]
pub struct SettledActivity {
    /// Events, by what they were about, who they came from and how they ended.
    pub events: Vec<EventCount>,
    /// For each label, how many replies took how many milliseconds from acceptance to sending: the times, ascending,
    /// each with its number. Times of a second and more are rounded down to a tenth of a second.
    pub replies: Vec<(String, Vec<(u32, u64)>)>,
}

/// The number of events with the same label, sender and end.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct EventCount {
    pub label: Option<String>,
    pub subject: Option<String>,
    /// How they ended. None if this version does not know the word.
    pub verdict: Option<Verdict>,
    pub count: u64,
}
