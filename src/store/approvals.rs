//! Commands that wait for the approval of others. What is asked, who approves and how it ends are effects of the events
//! that say so: each is written with the settlement of its event, or not at all.

use std::time::Duration;

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::sqlite::{Sqlite, json, millis};
use super::{Effect, Settlement, Step, Store, StoreError, now_ms};

/// Forgotten in one step of pruning, so that it never holds up the acknowledgements for long.
const PRUNE_STEP: i64 = 500;

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
}

impl ApprovalState {
    const ALL: [ApprovalState; 7] = [
        ApprovalState::Open,
        ApprovalState::Approved,
        ApprovalState::Denied,
        ApprovalState::Withdrawn,
        ApprovalState::Expired,
        ApprovalState::Failed,
        ApprovalState::Refused,
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
}

/// A request, who approved it, and how it ended.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Approval {
    pub request: ApprovalRequest,
    pub state: ApprovalState,
    /// In the order in which they did.
    pub approvers: Vec<Approver>,
    /// Milliseconds since 1970.
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    pub ended_event: Option<Uuid>,
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
    },
    /// Ends it, if it is open or was ended by this very event, which an operator may have tried again.
    End {
        /// Which.
        card: Uuid,
        /// How.
        state: ApprovalState,
        /// By whom, for people to read.
        by: String,
    },
}

/// An open request whose time is over.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Overdue {
    pub card: Uuid,
    pub room: String,
    pub expires_at: i64,
}

impl Settlement {
    /// Whether it makes a request, so that its end has to be looked out for.
    pub(super) fn asks(&self) -> bool {
        let asks = |effect: &Effect| matches!(effect, Effect::Approval(ApprovalStep::Ask(_)));
        match &self.step {
            Step::Close { closing, .. } => closing.effects.iter().any(asks),
            Step::Again(_) => false,
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

    /// Requests, newest first; only open ones, or all that are kept.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn approvals(&self, open: bool, most: u32) -> Result<Vec<Approval>, StoreError> {
        let rows = sqlx::query("SELECT * FROM approval WHERE state = 0 OR NOT ?1 ORDER BY requested_at DESC LIMIT ?2");
        self.with_approvers(&rows.bind(open).bind(most).fetch_all(self.0.reader.pool()).await?).await
    }

    /// How many requests are open: of this person, and in this space.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn open_approvals(&self, person: &str, room: &str) -> Result<(u64, u64), StoreError> {
        let row = sqlx::query(
            "SELECT count(*) FILTER (WHERE person = ?1), count(*) FILTER (WHERE room = ?2) FROM approval WHERE state = 0",
        )
        .bind(person)
        .bind(room)
        .fetch_one(self.0.reader.pool())
        .await?;
        Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?.unsigned_abs()))
    }

    /// Open requests whose time is over, and when that of the next one is, in milliseconds since 1970.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn overdue_approvals(&self, now: i64) -> Result<(Vec<Overdue>, Option<i64>), StoreError> {
        let rows = sqlx::query("SELECT card, room, expires_at FROM approval WHERE state = 0 AND expires_at <= ?1")
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

impl Sqlite {
    /// Does what the events of a batch do to requests, in their order.
    pub(super) async fn approve(&mut self, steps: &[(Uuid, &ApprovalStep)]) -> Result<(), sqlx::Error> {
        for (event, step) in steps {
            match step {
                ApprovalStep::Ask(request) => self.ask_approval(request).await?,
                ApprovalStep::Approve { card, by } => self.count_approval(*card, by).await?,
                ApprovalStep::End { card, state, by } => self.end_approval(*card, *state, by, *event).await?,
            }
        }
        Ok(())
    }

    async fn ask_approval(&mut self, request: &ApprovalRequest) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO approval (card, event, command, asked, person, person_id, email, room, thread, message, envelope,
                 files, requested_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING",
        )
        .bind(request.card)
        .bind(request.event)
        .bind(&request.command)
        .bind(&request.asked)
        .bind(&request.person)
        .bind(&request.person_id)
        .bind(&request.email)
        .bind(&request.room)
        .bind(&request.thread)
        .bind(&request.message)
        .bind(&request.envelope)
        .bind(json(&request.files)?)
        .bind(request.requested_at)
        .bind(request.expires_at)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    async fn count_approval(&mut self, card: Uuid, by: &Approver) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO approval_vote (card, person, person_id, email, at)
             SELECT card, ?2, ?3, ?4, ?5 FROM approval WHERE card = ?1 AND state = 0 ON CONFLICT DO NOTHING",
        )
        .bind(card)
        .bind(&by.person)
        .bind(&by.person_id)
        .bind(&by.email)
        .bind(by.at)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    async fn end_approval(
        &mut self,
        card: Uuid,
        state: ApprovalState,
        by: &str,
        event: Uuid,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE approval SET state = ?2, ended_at = ?3, ended_by = ?4, ended_event = ?5
             WHERE card = ?1 AND (state = 0 OR ended_event = ?5)",
        )
        .bind(card)
        .bind(state as i64)
        .bind(now_ms())
        .bind(by)
        .bind(event)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// Forgets requests that ended so long ago, and who approved them. Open ones end by themselves.
    pub(super) async fn prune_approvals(&mut self, retention: Duration) -> Result<(), sqlx::Error> {
        let gone =
            sqlx::query("DELETE FROM approval WHERE card IN (SELECT card FROM approval WHERE ended_at <= ?1 LIMIT ?2)")
                .bind(now_ms() - millis(retention))
                .bind(PRUNE_STEP)
                .execute(&mut self.connection)
                .await?;
        if gone.rows_affected() > 0 {
            sqlx::query("DELETE FROM approval_vote WHERE card NOT IN (SELECT card FROM approval)")
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
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
    })
}
