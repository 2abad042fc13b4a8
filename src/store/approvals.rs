//! Commands that wait for the approval of others. What is asked, who approves and how it ends are effects of the events
//! that say so: each is written with the settlement of its event, or not at all.

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::writer::Op;
use super::{AuditEntry, Effect, Settlement, State, Step, Store, StoreError};
use crate::clock;

/// A command that somebody asks for and that others have to approve.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// The row of its card, which stands for the whole.
    pub card: Uuid,
    /// The row of the event that asked.
    pub event: Uuid,
    /// The command's name.
    pub command: String,
    /// What was typed.
    pub asked: String,
    /// Who asks, in the one spelling.
    pub person: String,
    /// Who asks, as spelled where it came from.
    pub person_id: String,
    /// Their address.
    pub email: String,
    /// Where: Webex's id of the space.
    pub room: String,
    /// The root of the thread there.
    pub thread: String,
    /// The message that asks.
    pub message: String,
    /// What arrived.
    pub envelope: String,
    /// The addresses of what was attached.
    pub files: Vec<String>,
    /// Milliseconds since 1970.
    pub requested_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// It waits.
    Open,
    /// Enough people approved, and the command ran.
    Approved,
    /// Somebody denied it.
    Denied,
    /// Whoever asked took it back.
    Withdrawn,
    /// Too few approved in time.
    Expired,
    /// Enough people approved, and the command failed for good.
    Failed,
    /// Enough people approved, and then it could not be run for whoever asked.
    Refused,
    /// Enough people approved, and the command is about to run: nobody changes that any more.
    Running,
    /// Enough people approved, and the command said that it would not do it.
    Declined,
    /// It could not be put before anybody.
    Unasked,
}

impl ApprovalState {
    /// Every one.
    pub const ALL: [ApprovalState; 10] = [
        ApprovalState::Open,
        ApprovalState::Approved,
        ApprovalState::Denied,
        ApprovalState::Withdrawn,
        ApprovalState::Expired,
        ApprovalState::Failed,
        ApprovalState::Refused,
        ApprovalState::Running,
        ApprovalState::Declined,
        ApprovalState::Unasked,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ApprovalState::Open => "open",
            ApprovalState::Approved => "approved",
            ApprovalState::Denied => "denied",
            ApprovalState::Withdrawn => "withdrawn",
            ApprovalState::Expired => "expired",
            ApprovalState::Failed => "failed",
            ApprovalState::Refused => "refused",
            ApprovalState::Running => "running",
            ApprovalState::Declined => "declined",
            ApprovalState::Unasked => "unasked",
        }
    }

    fn of(number: i64) -> ApprovalState {
        ApprovalState::ALL.into_iter().find(|state| *state as i64 == number).unwrap_or(ApprovalState::Refused)
    }
}

/// Somebody who approved.
#[derive(Clone, Debug)]
pub struct Approver {
    /// In the one spelling.
    pub person: String,
    /// As spelled where it came from.
    pub person_id: String,
    /// Their address.
    pub email: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The event of their click, where that was written down.
    pub event: Option<Uuid>,
    /// Webex's id of the message on which they pressed it, likewise.
    pub message: Option<String>,
}

/// A request, who approved it, and how it ended.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Approval {
    pub request: ApprovalRequest,
    pub state: ApprovalState,
    /// As what it is to be ended by the daemon as soon as that comes to it.
    pub ends: Option<ApprovalState>,
    /// In the order in which they did.
    pub approvers: Vec<Approver>,
    /// Milliseconds since 1970.
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    pub ended_event: Option<Uuid>,
}

impl Approval {
    /// Whether it can still be decided on.
    pub fn is_open(&self) -> bool {
        self.state == ApprovalState::Open && self.ends.is_none()
    }
}

/// What an event does to a request.
#[derive(Clone, Debug)]
pub enum ApprovalStep {
    /// Makes it.
    Ask(Box<ApprovalRequest>),
    /// Approves it, while it is open.
    Approve {
        /// Which.
        card: Uuid,
        /// Who.
        by: Approver,
        /// Who approved before and does not count any more, in the one spelling.
        void: Vec<String>,
    },
    /// It has the approvals it takes, and this event is about to run its command.
    Run {
        /// Which.
        card: Uuid,
        /// The event's row.
        by: Uuid,
    },
    /// It was put before nobody, and the daemon has to end it.
    Unasked {
        /// Which.
        card: Uuid,
    },
    /// Ends it, unless it has ended. One that failed may be run again by an operator, and ends as that does.
    End {
        /// Which.
        card: Uuid,
        /// How.
        state: ApprovalState,
        /// By whom, for people to read.
        by: String,
    },
}

/// A request that the daemon has to end: its time is over, it was put before nobody, an operator withdrew it, or its run
/// was given up or dropped.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Overdue {
    pub card: Uuid,
    pub room: String,
    pub expires_at: i64,
}

impl Settlement {
    /// Whether the end of a request has to be looked out for since.
    pub(super) fn asks(&self) -> bool {
        let asks =
            |effect: &Effect| matches!(effect, Effect::Approval(ApprovalStep::Ask(_) | ApprovalStep::Unasked { .. }));
        match &self.step {
            // What is given up may be the card of one, or its run.
            Step::Close { state: State::Dead, .. } => true,
            Step::Close { closing, .. } => closing.effects.iter().any(asks),
            Step::Again(_) | Step::Move { .. } => false,
        }
    }
}

impl Store {
    /// The request of a card.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn approval(&self, card: Uuid) -> Result<Option<Approval>, StoreError> {
        let sql = "SELECT * FROM approval WHERE card = ?1";
        let row = sqlx::query(sql).bind(card).fetch_optional(self.0.reader.pool()).await?;
        self.with_approvers(row.as_slice()).await.map(|mut found| found.pop())
    }

    /// The requests that an event made: one, or none.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn approvals_of(&self, event: Uuid) -> Result<Vec<Approval>, StoreError> {
        let rows = sqlx::query("SELECT * FROM approval WHERE event = ?1").bind(event);
        self.with_approvers(&rows.fetch_all(self.0.reader.pool()).await?).await
    }

    /// Requests, newest first; only those that have not ended, or all that are kept.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn approvals(&self, open: bool, most: u32) -> Result<Vec<Approval>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM approval WHERE state IN (0, 7) OR NOT ?1 ORDER BY requested_at DESC LIMIT ?2");
        self.with_approvers(&rows.bind(open).bind(most).fetch_all(self.0.reader.pool()).await?).await
    }

    /// How many requests wait within their time: of this person, and in this space.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn open_approvals(&self, person: &str, room: &str) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query(
            "SELECT count(*) FILTER (WHERE person = ?1), count(*) FILTER (WHERE room = ?2) FROM approval
             WHERE state = 0 AND ends IS NULL AND expires_at > ?3",
        )
        .bind(person)
        .bind(room)
        .bind(clock::wall_ms())
        .fetch_one(self.0.reader.pool())
        .await?;
        Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?.unsigned_abs()))
    }

    /// Requests that the daemon has to end, and when the time of the next one is over, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn overdue_approvals(&self, now: i64) -> Result<(Vec<Overdue>, Option<i64>), StoreError> {
        let rows = sqlx::query(
            "SELECT card, room, expires_at FROM approval
             WHERE (state = 0 AND (expires_at <= ?1 OR ends IS NOT NULL
                     OR EXISTS (SELECT 1 FROM ledger WHERE id = card AND (ledger.state = 2 OR verdict = 'dropped'))))
                 OR (state = 7 AND NOT EXISTS (SELECT 1 FROM ledger WHERE id = ended_event AND ledger.state = 0))",
        )
        .bind(now)
        .fetch_all(self.0.reader.pool())
        .await?;
        let overdue = rows.iter().map(|row| {
            let (card, room, expires_at) = (row.try_get("card")?, row.try_get("room")?, row.try_get("expires_at")?);
            Ok(Overdue { card, room, expires_at })
        });
        let overdue = overdue.collect::<Result<_, sqlx::Error>>()?;
        let next = sqlx::query_scalar("SELECT min(expires_at) FROM approval WHERE state = 0 AND expires_at > ?1");
        Ok((overdue, next.bind(now).fetch_one(self.0.reader.pool()).await?))
    }

    /// Has the daemon end a request as withdrawn by an operator. `false` when it is decided already.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn withdraw_approval(&self, card: Uuid, by: String, audit: AuditEntry) -> Result<bool, StoreError> {
        self.ask(|answer| Op::Withdraw(card, by, audit, answer)).await
    }

    /// Ends when a request may have been made. A call that comes before the wait is not lost.
    pub async fn approval_asked(&self) {
        self.0.wakers[super::ASKED].notified().await;
    }

    async fn with_approvers(&self, rows: &[SqliteRow]) -> Result<Vec<Approval>, StoreError> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let mut approval = approval(row)?;
            let votes = sqlx::query("SELECT * FROM approval_vote WHERE card = ?1 ORDER BY at, person");
            let votes = votes.bind(approval.request.card).fetch_all(self.0.reader.pool()).await?;
            approval.approvers = votes.iter().map(approver).collect::<Result<_, _>>()?;
            found.push(approval);
        }
        Ok(found)
    }
}

fn approval(row: &SqliteRow) -> Result<Approval, sqlx::Error> {
    let files: String = row.try_get("files")?;
    Ok(Approval {
        request: ApprovalRequest {
            card: row.try_get("card")?,
            event: row.try_get("event")?,
            command: row.try_get("command")?,
            asked: row.try_get("asked")?,
            person: row.try_get("person")?,
            person_id: row.try_get("person_id")?,
            email: row.try_get("email")?,
            room: row.try_get("room")?,
            thread: row.try_get("thread")?,
            message: row.try_get("message")?,
            envelope: row.try_get("envelope")?,
            files: serde_json::from_str(&files).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
            requested_at: row.try_get("requested_at")?,
            expires_at: row.try_get("expires_at")?,
        },
        state: ApprovalState::of(row.try_get("state")?),
        ends: row.try_get::<Option<i64>, _>("ends")?.map(ApprovalState::of),
        approvers: Vec::new(),
        ended_at: row.try_get("ended_at")?,
        ended_by: row.try_get("ended_by")?,
        ended_event: row.try_get("ended_event")?,
    })
}

fn approver(row: &SqliteRow) -> Result<Approver, sqlx::Error> {
    Ok(Approver {
        person: row.try_get("person")?,
        person_id: row.try_get("person_id")?,
        email: row.try_get("email")?,
        at: row.try_get("at")?,
        event: row.try_get("event")?,
        message: row.try_get("message")?,
    })
}
