//! What events and operators do to requests, as statements.

use std::time::Duration;

use uuid::Uuid;

use super::database::{Due, PRUNE_STEP, Sqlite, hex, json, millis};
use crate::clock;
use crate::store::{ApprovalRequest, ApprovalState, ApprovalStep, Approver};

impl Sqlite {
    /// Does what the events of a batch do to requests, in their order.
    pub(in crate::store) async fn approve(&mut self, steps: &[(Uuid, &ApprovalStep)]) -> Result<(), sqlx::Error> {
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

    async fn count_approval(&mut self, card: Uuid, by: &Approver, void: &[String]) -> Result<(), sqlx::Error> {
        if !void.is_empty() {
            sqlx::query("DELETE FROM approval_vote WHERE card = ?1 AND person IN (SELECT value FROM json_each(?2))")
                .bind(card)
                .bind(json(&void)?)
                .execute(&mut self.connection)
                .await?;
        }
        sqlx::query(
            "INSERT INTO approval_vote (card, person, person_id, email, at, event, message)
             SELECT card, ?2, ?3, ?4, ?5, ?6, ?7 FROM approval WHERE card = ?1 AND state = 0 ON CONFLICT DO NOTHING",
        )
        .bind(card)
        .bind(&by.person)
        .bind(&by.person_id)
        .bind(&by.email)
        .bind(by.at)
        .bind(by.event)
        .bind(&by.message)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// The event that runs it is the one that is to end it.
    async fn run_approval(&mut self, card: Uuid, by: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE approval SET state = ?2, ended_event = ?3 WHERE card = ?1 AND state = 0 AND ends IS NULL")
            .bind(card)
            .bind(ApprovalState::Running as i64)
            .bind(by)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    async fn unask_approval(&mut self, card: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE approval SET ends = ?2 WHERE card = ?1 AND state = 0 AND ends IS NULL")
            .bind(card)
            .bind(ApprovalState::Unasked as i64)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    pub(in crate::store) async fn withdraw_approval(
        &mut self,
        card: Uuid,
        by: &str,
        due: &mut Due,
    ) -> Result<bool, sqlx::Error> {
        let sql = "UPDATE approval SET ends = ?2, ended_by = ?3 WHERE card = ?1 AND state = 0 AND ends IS NULL";
        let withdrawn = sqlx::query(sql).bind(card).bind(ApprovalState::Withdrawn as i64).bind(by);
        let withdrawn = withdrawn.execute(&mut self.connection).await?.rows_affected() > 0;
        due.approvals |= withdrawn;
        Ok(withdrawn)
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
             WHERE card = ?1 AND (state IN (0, 7) OR (state = 5 AND ?2 IN (1, 5, 6, 8)))",
        )
        .bind(card)
        .bind(state as i64)
        .bind(clock::wall_ms())
        .bind(by)
        .bind(event)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// Forgets requests that ended so long ago, and who approved them. Open ones end by themselves.
    pub(in crate::store) async fn prune_approvals(&mut self, retention: Duration) -> Result<(), sqlx::Error> {
        let gone: Vec<Uuid> = sqlx::query_scalar(
            "DELETE FROM approval WHERE card IN (SELECT card FROM approval WHERE ended_at <= ?1 LIMIT ?2) RETURNING card",
        )
        .bind(clock::wall_ms() - millis(retention))
        .bind(PRUNE_STEP)
        .fetch_all(&mut self.connection)
        .await?;
        if !gone.is_empty() {
            let gone: Vec<_> = gone.into_iter().map(hex).collect();
            sqlx::query("DELETE FROM approval_vote WHERE card IN (SELECT unhex(value) FROM json_each(?1))")
                .bind(json(&gone)?)
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
    }
}
