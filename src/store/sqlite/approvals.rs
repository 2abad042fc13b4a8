//! Stores approval requests, and what events and operators do to them.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, Params, Row};
use uuid::Uuid;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{PRUNE_STEP, Statements, column};
use crate::clock::millis;
use crate::store::{Approval, ApprovalRequest, ApprovalState, ApprovalStep, Approver, Due, StoreError};

impl Sqlite {
    /// Carries out what an event does to a request.
    pub(super) fn approve(&mut self, event: Uuid, step: &ApprovalStep) -> Result<(), StoreError> {
        match step {
            ApprovalStep::Ask(request) => self.ask_approval(request),
            ApprovalStep::Approve { card, by, void } => self.count_approval(*card, by, void),
            ApprovalStep::Run { card, by } => self.run_approval(*card, *by),
            ApprovalStep::Unasked { card } => self.unask_approval(*card),
            ApprovalStep::End { card, state, by } => self.end_approval(*card, *state, by, event),
        }
    }

    fn ask_approval(&mut self, request: &ApprovalRequest) -> Result<(), StoreError> {
        let sql = "INSERT INTO approval (card, event, command, asked, person, person_id, email, room, thread, message,
                 files, requested_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING";
        let files = serde_json::to_string(&request.files).map_err(|error| StoreError::Engine(Arc::new(error)))?;
        let values = rusqlite::params![
            request.card,
            request.event,
            request.command,
            request.asked,
            request.person,
            request.person_id,
            request.email,
            request.room,
            request.thread,
            request.message,
            files,
            request.requested_at,
            request.expires_at,
        ];
        self.run(sql, values).map(drop)
    }

    fn count_approval(&mut self, card: Uuid, by: &Approver, void: &[String]) -> Result<(), StoreError> {
        for person in void {
            self.run("DELETE FROM approval_vote WHERE card = ?1 AND person = ?2", (card, person))?;
        }
        let sql = "INSERT INTO approval_vote (card, person, person_id, email, at, event, message)
             SELECT card, ?2, ?3, ?4, ?5, ?6, ?7 FROM approval WHERE card = ?1 AND state = 0 ON CONFLICT DO NOTHING";
        let Approver { person, person_id, email, at, event, message } = by;
        self.run(sql, (card, person, person_id, email, at, event, message)).map(drop)
    }

    /// Records the event that runs the command: it will also end the request.
    fn run_approval(&mut self, card: Uuid, by: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE approval SET state = ?2, ended_event = ?3 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        self.run(sql, (card, ApprovalState::Running as i64, by)).map(drop)
    }

    fn unask_approval(&mut self, card: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE approval SET ends = ?2 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        self.run(sql, (card, ApprovalState::Unasked as i64)).map(drop)
    }

    pub fn withdraw_approval(&mut self, card: Uuid, by: &str, due: &mut Due) -> Result<bool, StoreError> {
        let sql = "UPDATE approval SET ends = ?2, ended_by = ?3 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        let withdrawn = self.run(sql, (card, ApprovalState::Withdrawn as i64, by))? > 0;
        due.approvals |= withdrawn;
        Ok(withdrawn)
    }

    fn end_approval(&mut self, card: Uuid, state: ApprovalState, by: &str, event: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE approval SET state = ?2, ended_at = ?3, ended_by = ?4, ended_event = ?5
             WHERE card = ?1 AND (state IN (0, 7) OR (state = 5 AND ?2 IN (1, 5, 6, 8)))";
        self.run(sql, (card, state as i64, self.clock.wall_ms(), by, event)).map(drop)
    }

    /// Forgets requests that ended longer ago than this, and who approved them. Open ones end by themselves.
    pub(super) fn prune_approvals(&mut self, retention: Duration) -> Result<(), StoreError> {
        let sql = "DELETE FROM approval WHERE card IN (SELECT card FROM approval WHERE ended_at <= ?1 LIMIT ?2) RETURNING card";
        let gone: Vec<Uuid> =
            self.connection.all(sql, (self.clock.wall_ms() - millis(retention), PRUNE_STEP), column)?;
        for card in gone {
            self.run("DELETE FROM approval_vote WHERE card = ?1", [card])?;
        }
        Ok(())
    }
}

impl Reader {
    pub async fn approval(&self, card: Uuid) -> Result<Option<Approval>, StoreError> {
        self.with_approvers("SELECT * FROM approval WHERE card = ?1", [card]).await.map(|mut found| found.pop())
    }

    pub async fn approvals_of(&self, event: Uuid) -> Result<Vec<Approval>, StoreError> {
        self.with_approvers("SELECT * FROM approval WHERE event = ?1", [event]).await
    }

    pub async fn approvals(&self, open: bool, most: u32) -> Result<Vec<Approval>, StoreError> {
        let sql = "SELECT * FROM approval WHERE state IN (0, 7) OR NOT ?1 ORDER BY requested_at DESC LIMIT ?2";
        self.with_approvers(sql, (open, most)).await
    }

    pub async fn open_approvals(&self, person: &str, room: &str, now: i64) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*) FILTER (WHERE person = ?1), count(*) FILTER (WHERE room = ?2) FROM approval
             WHERE state = 0 AND ends IS NULL AND expires_at > ?3";
        let values = (person.to_owned(), room.to_owned(), now);
        let counts =
            move |row: &Row<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, i64>(1)?.unsigned_abs()));
        self.read(move |ledger| ledger.query_row(sql, values, counts)).await
    }

    /// Reads requests, each with those who approved it.
    async fn with_approvers(
        &self,
        sql: &'static str,
        values: impl Params + Send + 'static,
    ) -> Result<Vec<Approval>, StoreError> {
        self.read(move |ledger| {
            let mut found = ledger.all(sql, values, approval)?;
            for approval in &mut found {
                approval.approvers = approvers(ledger, approval.request.card)?;
            }
            Ok(found)
        })
        .await
    }
}

fn approvers(ledger: &Connection, card: Uuid) -> rusqlite::Result<Vec<Approver>> {
    ledger.all("SELECT * FROM approval_vote WHERE card = ?1 ORDER BY at, person", [card], |row| {
        Ok(Approver {
            person: row.get("person")?,
            person_id: row.get("person_id")?,
            email: row.get("email")?,
            at: row.get("at")?,
            event: row.get("event")?,
            message: row.get("message")?,
        })
    })
}

fn approval(row: &Row<'_>) -> rusqlite::Result<Approval> {
    let files: String = row.get("files")?;
    let unreadable = |error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error));
    Ok(Approval {
        request: ApprovalRequest {
            card: row.get("card")?,
            event: row.get("event")?,
            command: row.get("command")?,
            asked: row.get("asked")?,
            person: row.get("person")?,
            person_id: row.get("person_id")?,
            email: row.get("email")?,
            room: row.get("room")?,
            thread: row.get("thread")?,
            message: row.get("message")?,
            files: serde_json::from_str(&files).map_err(unreadable)?,
            requested_at: row.get("requested_at")?,
            expires_at: row.get("expires_at")?,
        },
        state: ApprovalState::of(row.get("state")?),
        ends: row.get::<_, Option<i64>>("ends")?.map(ApprovalState::of),
        approvers: Vec::new(),
        ended_at: row.get("ended_at")?,
        ended_by: row.get("ended_by")?,
        ended_event: row.get("ended_event")?,
    })
}
