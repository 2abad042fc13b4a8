//! Claims: each lane that is due is reserved for a worker, with its next row.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::database::Sqlite;
use super::values::{hex, json};
use crate::clock::{self, millis};
use crate::store::{Claim, Claimed, Claims, Queue, StoreError, UncertainTries};

/// Reserves due lanes and finds the next row of each.
///
/// A row that began something that may be done only once, and is not settled, goes first: otherwise the same would be
/// done again, for somebody else. Then comes the row that happened first.
///
/// The most urgent lanes go first, and of those the ones that are due for longest.
///
/// Parameters: the queue, now, the lease in milliseconds, the most lanes, now by the other side's clock, whether lanes
/// that come back after a pause count too, the instance.
pub(super) const CLAIM: &str =
    "UPDATE lane SET due_at = ?2 + ?3, claimed_at = ?5, leased = leased + 1, holder = ?7, fence = fence + 1,
         before = head,
         head = coalesce(
             (SELECT seq FROM ledger WHERE seq = lane.head AND queue = ?1 AND lane = lane.id AND state = 0 AND begun),
             (SELECT seq FROM ledger WHERE queue = ?1 AND lane = lane.id AND state = 0 ORDER BY happened_at, seq LIMIT 1))
     WHERE id IN (
         SELECT id FROM (SELECT id FROM lane WHERE queue = ?1 AND urgency = 0 AND due_at <= ?2
             AND (?6 OR coalesce(pause, 0) = 0) ORDER BY due_at LIMIT ?4)
         UNION ALL
         SELECT id FROM (SELECT id FROM lane WHERE queue = ?1 AND urgency = 1 AND due_at <= ?2
             AND (?6 OR coalesce(pause, 0) = 0) ORDER BY due_at LIMIT ?4)
         LIMIT ?4)
     RETURNING id, fence, leased, head, before, mark, claimed_at, coalesce(pause, 0) > 0 AS is_back";

/// When the next lane of each urgency is due. Parameters: the queue, and whether lanes that come back after a pause count too.
pub(super) const NEXT_DUE: &str = "SELECT
    (SELECT min(due_at) FROM lane WHERE queue = ?1 AND urgency = 0 AND due_at IS NOT NULL AND (?2 OR coalesce(pause, 0) = 0)),
    (SELECT min(due_at) FROM lane WHERE queue = ?1 AND urgency = 1 AND due_at IS NOT NULL AND (?2 OR coalesce(pause, 0) = 0))";

impl Sqlite {
    /// Frees the lanes of dead instances: a killed process left them reserved. A pause that still runs ends within its
    /// full length from now, even if the clock was set back meanwhile.
    pub(super) async fn take_back_leases(&mut self) -> Result<(), StoreError> {
        /// Assumed of a ledger from before pauses were written down.
        const LONGEST_PAUSE_MS: i64 = 3_600_000;
        let sql = "UPDATE ledger SET deaths = deaths + 1, uncertain = 1,
                 doubt_from = iif(uncertain, doubt_from, lane.claimed_at), doubt_at = lane.claimed_at
             FROM lane WHERE lane.leased > 0 AND ledger.seq = lane.head
                 AND NOT EXISTS (SELECT 1 FROM instance WHERE id = lane.holder)";
        self.run(sqlx::query(sql)).await?;
        let sql = "UPDATE lane SET leased = 0, due_at = iif(leased > 0, ?1, min(due_at, ?1 + coalesce(pause, ?2)))
             WHERE due_at IS NOT NULL AND (leased = 0 OR NOT EXISTS (SELECT 1 FROM instance WHERE id = lane.holder))";
        self.run(sqlx::query(sql).bind(self.clock.steady_ms()).bind(LONGEST_PAUSE_MS)).await?;
        Ok(())
    }

    pub async fn claim(&mut self, claim: Claim) -> Result<Claims, StoreError> {
        let Claim { queue, most, most_back, lease, at } = claim;
        let now = self.clock.steady_ms();
        let mut lanes: Vec<SqliteRow> = Vec::new();
        // The first `any` lanes may come back after a pause. The rest may not.
        let any = most.min(most_back);
        for (up_to, are_back) in [(any, true), (most, false)] {
            let limit = up_to.saturating_sub(lanes.len());
            if limit == 0 || (!are_back && lanes.len() < any) {
                continue;
            }
            let claimed = sqlx::query(CLAIM)
                .bind(queue.number())
                .bind(now)
                .bind(millis(lease))
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .bind(at)
                .bind(are_back)
                .bind(self.instance);
            lanes.extend(claimed.fetch_all(&mut self.connection).await?);
        }
        let mut rows = Vec::with_capacity(lanes.len());
        if !lanes.is_empty() {
            self.count_deaths(&lanes).await?;
            let heads: Vec<Option<i64>> = lanes.iter().map(|lane| lane.try_get("head")).collect::<Result<_, _>>()?;
            let bodies = self.bodies(&heads).await?;
            let mut idle = Vec::new();
            for (lane, head) in lanes.iter().zip(heads) {
                match head.and_then(|seq| bodies.get(&seq)) {
                    Some(body) => rows.push(claimed(lane, body, now)?),
                    None => idle.push(hex(lane.try_get("id")?)),
                }
            }
            self.idle(&idle).await?;
        }
        let back = rows.iter().filter(|row: &&Claimed| row.is_back).count();
        let next = if rows.len() < most { self.next_due(queue, back < most_back).await? } else { None };
        rows.sort_by_key(|row| row.seq);
        Ok(Claims { rows, next: next.map(|due| Duration::from_millis((due - now).max(0).unsigned_abs())) })
    }

    /// Counts a death for each row whose lane was claimed while it was still reserved: its lease ran out.
    async fn count_deaths(&mut self, lanes: &[SqliteRow]) -> Result<(), StoreError> {
        let mut lost = Vec::new();
        for lane in lanes {
            if lane.try_get::<i64, _>("leased")? > 1 {
                lost.push(lane.try_get::<Option<i64>, _>("before")?);
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        let sql = "UPDATE ledger SET deaths = deaths + 1, uncertain = 1, doubt_at = (SELECT claimed_at FROM lane WHERE id = ledger.lane)
             WHERE state = 0 AND seq IN (SELECT value FROM json_each(?1))";
        self.run(sqlx::query(sql).bind(json(&lost)?)).await.map(drop)
    }

    /// Reads the claimed rows, and whether any question is open. A question that another process wrote is seen here in
    /// time: it was committed before its answer was said, and the answer is claimed after that.
    async fn bodies(&mut self, seqs: &[Option<i64>]) -> Result<HashMap<i64, SqliteRow>, StoreError> {
        let sql = "SELECT seq, id, accepted_at, failing_at, attempts, deaths, uncertain, doubt_from, doubt_at,
                 answers, body, EXISTS (SELECT 1 FROM file WHERE row = ledger.seq) AS has_file,
                 EXISTS (SELECT 1 FROM conversation) AS asks FROM ledger
             WHERE seq IN (SELECT value FROM json_each(?1))";
        let rows = sqlx::query(sql).bind(json(seqs)?).fetch_all(&mut self.connection).await?;
        if let Some(row) = rows.first() {
            self.reader.asks.store(row.try_get("asks")?, Ordering::Release);
        }
        rows.into_iter().map(|row| Ok((row.try_get("seq")?, row))).collect()
    }

    /// Marks lanes as idle whose last open row was discarded.
    async fn idle(&mut self, lanes: &[String]) -> Result<(), StoreError> {
        if lanes.is_empty() {
            return Ok(());
        }
        let sql =
            "UPDATE lane SET due_at = NULL, leased = 0, pause = 0 WHERE id IN (SELECT unhex(value) FROM json_each(?1))";
        self.run(sqlx::query(sql).bind(json(lanes)?)).await.map(drop)
    }

    async fn next_due(&mut self, queue: Queue, also_back: bool) -> Result<Option<i64>, StoreError> {
        let due = sqlx::query_as(NEXT_DUE).bind(queue.number()).bind(also_back);
        let (awaited, announced): (Option<i64>, Option<i64>) = due.fetch_one(&mut self.connection).await?;
        Ok(awaited.into_iter().chain(announced).min())
    }
}

fn claimed(lane: &SqliteRow, row: &SqliteRow, now: i64) -> Result<Claimed, StoreError> {
    let failing_at: Option<i64> = row.try_get("failing_at")?;
    let failing = failing_at.map_or(0, |at| (now - at).max(0));
    Ok(Claimed {
        id: row.try_get("id")?,
        attempts: row.try_get("attempts")?,
        deaths: row.try_get("deaths")?,
        accepted_at: row.try_get("accepted_at")?,
        failing: Duration::from_millis(failing.unsigned_abs()),
        doubt: row
            .try_get::<bool, _>("uncertain")?
            .then_some(UncertainTries { from: row.try_get("doubt_from")?, at: row.try_get("doubt_at")? }),
        claimed: (clock::instant(), lane.try_get("claimed_at")?),
        body: row.try_get("body")?,
        mark: lane.try_get("mark")?,
        answers: row.try_get("answers")?,
        has_file: row.try_get("has_file")?,
        seq: row.try_get("seq")?,
        is_back: lane.try_get("is_back")?,
        lane: lane.try_get("id")?,
        fence: lane.try_get("fence")?,
    })
}
