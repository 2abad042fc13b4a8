//! Stores approval requests, and what events and operators do to them.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::database::Sqlite;
use super::read::Reader;
use super::values::{PRUNE_STEP, hex, json};
use crate::clock::millis;
use crate::store::{Approval, ApprovalRequest, ApprovalState, ApprovalStep, Approver, Due, Overdue, StoreError};

impl Sqlite {
    /// Carries out what the events of a batch do to requests, in order.
    pub(super) async fn approve(&mut self, steps: &[(Uuid, &ApprovalStep)]) -> Result<(), StoreError> {
        for (event, step) in steps {
            match step {
                ApprovalStep::Ask(request) => self.ask_approval(request).await?,
                ApprovalStep::Approve { card, by, void } => self.count_approval(*card, by, void).await?,
                ApprovalStep::Run { card, by } => self.run_approval(*card, *by).await?,
                ApprovalStep::Unasked { card } => self.unask_approval(*card).await?,
                ApprovalStep::End { card, state, by } => self.end_approval(*card, *state, by, *event).await?,
            }
        }
        Ok(())
    }

    async fn ask_approval(&mut self, request: &ApprovalRequest) -> Result<(), StoreError> {
        let sql = "INSERT INTO approval (card, event, command, asked, person, person_id, email, room, thread, message,
                 files, requested_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO NOTHING";
        self.run(
            sqlx::query(sql)
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
                .bind(json(&request.files)?)
                .bind(request.requested_at)
                .bind(request.expires_at),
        )
        .await
        .map(drop)
    }

    async fn count_approval(&mut self, card: Uuid, by: &Approver, void: &[String]) -> Result<(), StoreError> {
        if !void.is_empty() {
            let sql = "DELETE FROM approval_vote WHERE card = ?1 AND person IN (SELECT value FROM json_each(?2))";
            self.run(sqlx::query(sql).bind(card).bind(json(&void)?)).await?;
        }
        let sql = "INSERT INTO approval_vote (card, person, person_id, email, at, event, message)
             SELECT card, ?2, ?3, ?4, ?5, ?6, ?7 FROM approval WHERE card = ?1 AND state = 0 ON CONFLICT DO NOTHING";
        self.run(
            sqlx::query(sql)
                .bind(card)
                .bind(&by.person)
                .bind(&by.person_id)
                .bind(&by.email)
                .bind(by.at)
                .bind(by.event)
                .bind(&by.message),
        )
        .await
        .map(drop)
    }

    /// Records the event that runs the command: it will also end the request.
    async fn run_approval(&mut self, card: Uuid, by: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE approval SET state = ?2, ended_event = ?3 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        self.run(sqlx::query(sql).bind(card).bind(ApprovalState::Running as i64).bind(by)).await.map(drop)
    }

    async fn unask_approval(&mut self, card: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE approval SET ends = ?2 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        self.run(sqlx::query(sql).bind(card).bind(ApprovalState::Unasked as i64)).await.map(drop)
    }

    pub async fn withdraw_approval(&mut self, card: Uuid, by: &str, due: &mut Due) -> Result<bool, StoreError> {
        let sql = "UPDATE approval SET ends = ?2, ended_by = ?3 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        let withdrawing = sqlx::query(sql).bind(card).bind(ApprovalState::Withdrawn as i64).bind(by);
        let withdrawn = self.run(withdrawing).await? > 0;
        due.approvals |= withdrawn;
        Ok(withdrawn)
    }

    async fn end_approval(
        &mut self,
        card: Uuid,
        state: ApprovalState,
        by: &str,
        event: Uuid,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE approval SET state = ?2, ended_at = ?3, ended_by = ?4, ended_event = ?5
             WHERE card = ?1 AND (state IN (0, 7) OR (state = 5 AND ?2 IN (1, 5, 6, 8)))";
        self.run(sqlx::query(sql).bind(card).bind(state as i64).bind(self.clock.wall_ms()).bind(by).bind(event))
            .await
            .map(drop)
    }

    /// Forgets requests that ended longer ago than this, and who approved them. Open ones end by themselves.
    pub(super) async fn prune_approvals(&mut self, retention: Duration) -> Result<(), StoreError> {
        let sql = "DELETE FROM approval WHERE card IN (SELECT card FROM approval WHERE ended_at <= ?1 LIMIT ?2) RETURNING card";
        let gone: Vec<Uuid> = sqlx::query_scalar(sql)
            .bind(self.clock.wall_ms() - millis(retention))
            .bind(PRUNE_STEP)
            .fetch_all(&mut self.connection)
            .await?;
        if !gone.is_empty() {
            let gone: Vec<_> = gone.into_iter().map(hex).collect();
            let sql = "DELETE FROM approval_vote WHERE card IN (SELECT unhex(value) FROM json_each(?1))";
            self.run(sqlx::query(sql).bind(json(&gone)?)).await?;
        }
        Ok(())
    }
}

impl Reader {
    pub async fn approval(&self, card: Uuid) -> Result<Option<Approval>, StoreError> {
        let sql = "SELECT * FROM approval WHERE card = ?1";
        let row = sqlx::query(sql).bind(card).fetch_optional(&self.pool).await?;
        self.with_approvers(row.as_slice()).await.map(|mut found| found.pop())
    }

    pub async fn approvals_of(&self, event: Uuid) -> Result<Vec<Approval>, StoreError> {
        let rows = sqlx::query("SELECT * FROM approval WHERE event = ?1").bind(event);
        self.with_approvers(&rows.fetch_all(&self.pool).await?).await
    }

    pub async fn approvals(&self, open: bool, most: u32) -> Result<Vec<Approval>, StoreError> {
        let sql = "SELECT * FROM approval WHERE state IN (0, 7) OR NOT ?1 ORDER BY requested_at DESC LIMIT ?2";
        let rows = sqlx::query(sql);
        self.with_approvers(&rows.bind(open).bind(most).fetch_all(&self.pool).await?).await
    }

    pub async fn open_approvals(&self, person: &str, room: &str, now: i64) -> Result<(u64, u64), StoreError> {
        let sql = "SELECT count(*) FILTER (WHERE person = ?1), count(*) FILTER (WHERE room = ?2) FROM approval
             WHERE state = 0 AND ends IS NULL AND expires_at > ?3";
        let row = sqlx::query(sql).bind(person).bind(room).bind(now).fetch_one(&self.pool).await?;
        Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get::<i64, _>(1)?.unsigned_abs()))
    }

    pub async fn overdue_approvals(&self, now: i64) -> Result<(Vec<Overdue>, Option<i64>), StoreError> {
        let sql = "SELECT card, room, expires_at FROM approval
             WHERE (state = 0 AND (expires_at <= ?1 OR ends IS NOT NULL
                     OR EXISTS (SELECT 1 FROM ledger WHERE id = card AND (ledger.state = 2 OR verdict = 'dropped'))))
                 OR (state = 7 AND NOT EXISTS (SELECT 1 FROM ledger WHERE id = ended_event AND ledger.state = 0))";
        let rows = sqlx::query(sql).bind(now).fetch_all(&self.pool).await?;
        let overdue = rows.iter().map(|row| {
            let (card, room, expires_at) = (row.try_get("card")?, row.try_get("room")?, row.try_get("expires_at")?);
            Ok(Overdue { card, room, expires_at })
        });
        let overdue = overdue.collect::<Result<_, sqlx::Error>>()?;
        let next = sqlx::query_scalar("SELECT min(expires_at) FROM approval WHERE state = 0 AND expires_at > ?1");
        Ok((overdue, next.bind(now).fetch_one(&self.pool).await?))
    }

    async fn with_approvers(&self, rows: &[SqliteRow]) -> Result<Vec<Approval>, StoreError> {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let mut approval = approval(row)?;
            let votes = sqlx::query("SELECT * FROM approval_vote WHERE card = ?1 ORDER BY at, person");
            let votes = votes.bind(approval.request.card).fetch_all(&self.pool).await?;
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
