//! Reads rows as people see them, on connections of their own, which never hold up the writer.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use uuid::Uuid;

use crate::store::{EventCount, Filter, Queue, Receipt, Row, RowState, SettledActivity, StoreError};
use crate::telemetry::Depths;
use crate::verdict::Verdict;

/// Reads the ledger. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    pub(super) pool: SqlitePool,
    /// Whether somebody may have been asked something. The last claim of this process sets it, and so does a question
    /// that this process asked since. Most bots never ask; then no question is looked up for what people say.
    pub(super) asks: Arc<AtomicBool>,
}

pub(super) const COLUMNS: &str =
    "SELECT ledger.id, state, ledger.queue, attempts + deaths AS attempts, accepted_at,
    settled_at, iif(state = 0, lane.due_at, NULL) AS due_at, state = 0 AND lane.head = seq AND lane.leased > 0 AS leased,
    verdict, subject, label, note, answers, sent_as, without_card, without_thread, edits, body FROM ledger LEFT JOIN lane ON lane.id = ledger.lane";

impl Reader {
    pub async fn goes_before(&self, id: Uuid, seq: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM ledger one, ledger other WHERE one.id = ?1 AND other.seq = ?2
             AND one.queue = other.queue AND one.lane = other.lane AND one.state = 0
             AND NOT other.begun
             AND (one.happened_at, one.seq) < (other.happened_at, other.seq))";
        let found = sqlx::query_scalar(sql);
        Ok(found.bind(id).bind(seq).fetch_one(&self.pool).await?)
    }

    pub async fn depths(&self, now: i64) -> Result<Depths, StoreError> {
        let sql = "SELECT queue, count(*) AS rows, min(seq) AS oldest FROM ledger WHERE state = 0 GROUP BY queue";
        let open = sqlx::query(sql).fetch_all(&self.pool).await?;
        let dead: i64 = sqlx::query_scalar("SELECT count(*) FROM ledger WHERE state = 2").fetch_one(&self.pool).await?;
        let coverage = self.coverage().await?;
        let mut depths = Depths {
            dead: dead.unsigned_abs(),
            complete_seconds: coverage.as_ref().map(|coverage| (now - coverage.complete_until) as f64 / 1000.0),
            gaps: coverage.map_or(0, |coverage| coverage.gaps.len() as u64),
            ..Depths::default()
        };
        for row in open {
            let rows: i64 = row.try_get("rows")?;
            let sql = "SELECT accepted_at FROM ledger WHERE seq = ?1";
            let accepted: Option<i64> =
                sqlx::query_scalar(sql).bind(row.try_get::<i64, _>("oldest")?).fetch_optional(&self.pool).await?;
            let age = accepted.map_or(0.0, |at| (now - at).max(0) as f64 / 1000.0);
            match Queue::of(row.try_get("queue")?) {
                Queue::Inbox => (depths.inbox, depths.inbox_seconds) = (rows.unsigned_abs(), age),
                Queue::Outbox => (depths.outbox, depths.outbox_seconds) = (rows.unsigned_abs(), age),
            }
        }
        Ok(depths)
    }

    pub async fn list(&self, queue: Queue, filter: Filter, most: u32) -> Result<Vec<Row>, StoreError> {
        let states = match filter {
            Filter::Unsettled => "state IN (0, 2)",
            Filter::In(RowState::Open) => "state = 0",
            Filter::In(RowState::Done) => "state = 1",
            Filter::In(RowState::Dead) => "state = 2",
            Filter::In(RowState::Forgotten) => "state = 3",
            Filter::All => "state < 3",
        };
        let sql = format!("{COLUMNS} WHERE ledger.queue = ?1 AND {states} ORDER BY seq DESC LIMIT ?2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(queue.number()).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub async fn between(&self, from: Uuid, to: Uuid) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE ledger.id BETWEEN ?1 AND ?2 ORDER BY seq LIMIT 100");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(from).bind(to).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub async fn ending_in(&self, digits: &str) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE substr(lower(hex(ledger.id)), -?2) = ?1 ORDER BY seq LIMIT 100");
        let most = u32::try_from(digits.len()).unwrap_or(u32::MAX);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(digits).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub async fn noting(&self, text: &str) -> Result<Vec<Row>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE instr(note, ?1) > 0 OR instr(sent_as, ?1) > 0
                 OR (ledger.queue = 0 AND instr(label, '/') > 0 AND instr(body, ?1) > 0) ORDER BY seq LIMIT 100"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(text).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub async fn raw(&self, id: Uuid) -> Result<Option<Bytes>, StoreError> {
        let sql = "SELECT bytes FROM raw WHERE row = (SELECT seq FROM ledger WHERE id = ?1)";
        let found: Option<Vec<u8>> = sqlx::query_scalar(sql).bind(id).fetch_optional(&self.pool).await?;
        Ok(found.map(Bytes::from))
    }

    pub async fn unhandled(&self) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE verdict = 'unhandled' ORDER BY seq");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub async fn activity(&self, since: i64) -> Result<SettledActivity, StoreError> {
        let sql = "SELECT label, subject, verdict, count(*) AS rows FROM ledger
             WHERE settled_at >= ?1 AND queue = 0 AND verdict != 'unhandled' GROUP BY label, subject, verdict";
        let groups = sqlx::query(sql).bind(since).fetch_all(&self.pool).await?;
        let sql = "SELECT coalesce(label, '') AS label, settled_at - accepted_at AS took FROM ledger
             WHERE settled_at >= ?1 AND queue = 1 AND verdict = 'sent' ORDER BY 1, 2";
        let sent = sqlx::query(sql).bind(since).fetch_all(&self.pool).await?;
        let mut activity = SettledActivity::default();
        for row in &groups {
            activity.events.push(EventCount {
                label: row.try_get("label")?,
                subject: row.try_get("subject")?,
                verdict: verdict(row)?,
                count: row.try_get::<i64, _>("rows")?.unsigned_abs(),
            });
        }
        for row in &sent {
            let label: String = row.try_get("label")?;
            let took = row.try_get::<i64, _>("took")?.clamp(0, i64::from(u32::MAX));
            let took = u32::try_from(took).unwrap_or(u32::MAX);
            match activity.replies.last_mut() {
                Some((last, times)) if *last == label => times.push(took),
                _ => activity.replies.push((label, vec![took])),
            }
        }
        Ok(activity)
    }
}

pub(super) fn shown(row: &SqliteRow) -> Result<Row, StoreError> {
    Ok(Row {
        id: row.try_get("id")?,
        queue: Queue::of(row.try_get("queue")?),
        state: RowState::of(row.try_get("state")?),
        attempts: row.try_get("attempts")?,
        accepted_at: row.try_get("accepted_at")?,
        settled_at: row.try_get("settled_at")?,
        due_at: row.try_get("due_at")?,
        leased: row.try_get::<Option<bool>, _>("leased")?.unwrap_or(false),
        verdict: verdict(row)?,
        subject: row.try_get("subject")?,
        label: row.try_get("label")?,
        note: row.try_get("note")?,
        answers: row.try_get("answers")?,
        receipt: receipt(row)?,
        edits: row.try_get("edits")?,
        body: row.try_get("body")?,
    })
}

fn receipt(row: &SqliteRow) -> Result<Option<Receipt>, sqlx::Error> {
    let Some(message) = row.try_get("sent_as")? else { return Ok(None) };
    let (without_card, without_thread) = (row.try_get("without_card")?, row.try_get("without_thread")?);
    Ok(Some(Receipt { message, without_card, without_thread }))
}

fn verdict(row: &SqliteRow) -> Result<Option<Verdict>, sqlx::Error> {
    Ok(row.try_get::<Option<String>, _>("verdict")?.as_deref().and_then(Verdict::of))
}
