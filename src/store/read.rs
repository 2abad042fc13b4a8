//! Rows as they are shown to people.

use serde::Serialize;
use uuid::Uuid;

use super::entry::Queue;
use crate::verdict::Verdict;

/// How far a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowState {
    /// To be worked on.
    Open,
    /// Settled.
    Done,
    /// Given up; it can be tried again by hand.
    Dead,
    /// Older than `store.retention`: only the id is left, so that a repeat is known as one.
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
    /// All but the forgotten.
    All,
}

/// A row as it is shown.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct Row {
    pub id: Uuid,
    #[serde(skip)]
    pub queue: Queue,
    pub state: RowState,
    pub attempts: u32,
    /// Milliseconds since 1970.
    pub accepted_at: i64,
    /// Milliseconds since 1970.
    pub settled_at: Option<i64>,
    /// Milliseconds since 1970: when it is tried next, if it waits.
    pub due_at: Option<i64>,
    /// Whether somebody is working on it just now.
    pub leased: bool,
    /// None while it is open, and of a word that this version does not know.
    pub verdict: Option<Verdict>,
    pub subject: Option<String>,
    pub label: Option<String>,
    pub note: Option<String>,
    /// The event whose question it answered.
    pub answers: Option<Uuid>,
    #[serde(skip)]
    pub receipt: Option<Receipt>,
    /// How often the message of a letter was edited.
    #[serde(skip)]
    pub edits: u32,
    #[serde(skip)]
    pub body: Option<String>,
}

/// The other side's answer to a letter that it took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// Its id of the message that was posted or edited.
    pub message: String,
    /// Why the message was posted without its card.
    pub without_card: Option<String>,
    /// Why it was posted outside of its thread.
    pub without_thread: Option<String>,
}

/// The message that began a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadRoot {
    /// The other side's id of it.
    pub message: String,
    /// The letter that posted it.
    pub letter: Uuid,
}

/// What was settled in a period.
#[derive(Clone, Debug, Default)]
pub struct SettledActivity {
    /// Events, by what they were about, who they came from and how they ended.
    pub events: Vec<EventCount>,
    /// Milliseconds from accepted to sent of each sent reply, by what it was about; ascending.
    pub replies: Vec<(String, Vec<u32>)>,
}

/// Events that are alike.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct EventCount {
    pub label: Option<String>,
    pub subject: Option<String>,
    /// None of a word that this version does not know.
    pub verdict: Option<Verdict>,
    pub count: u64,
}
