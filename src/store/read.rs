//! What can be asked of the ledger, on connections of their own that never hold up the writer.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqlitePool};
use uuid::Uuid;

use super::{Claimed, Queue, Store, StoreError};
use crate::clock;
use crate::telemetry::Depths;

/// How far a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// To be worked on.
    Open,
    /// Settled.
    Done,
    /// Given up; it can be tried again by hand.
    Dead,
    /// Older than `store.retention`: only the id is left, so that a repeat is known as one.
    Forgotten,
}

impl State {
    pub(super) fn of(number: i64) -> State {
        match number {
            0 => State::Open,
            1 => State::Done,
            2 => State::Dead,
            _ => State::Forgotten,
        }
    }
}

/// Which rows to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Open rows and dead letters: what somebody may have to do something about.
    Unsettled,
    /// Rows in one state.
    In(State),
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
    pub state: State,
    pub attempts: u32,
    /// Milliseconds since 1970.
    pub accepted_at: i64,
    /// Milliseconds since 1970.
    pub settled_at: Option<i64>,
    /// Milliseconds since 1970: when it is tried next, if it waits.
    pub due_at: Option<i64>,
    /// Whether somebody is working on it just now.
    pub leased: bool,
    pub verdict: Option<String>,
    pub subject: Option<String>,
    pub label: Option<String>,
    pub note: Option<String>,
    /// The event whose question it answered.
    pub answers: Option<Uuid>,
    #[serde(skip)]
    pub body: Option<String>,
}

/// What was settled in a period.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Events, by what they were about, who they came from and how they ended.
    pub events: Vec<Group>,
    /// Milliseconds from accepted to sent of each sent reply, by what it was about; ascending.
    pub replies: Vec<(String, Vec<u32>)>,
}

/// Events that are alike.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Group {
    pub label: Option<String>,
    pub subject: Option<String>,
    pub verdict: String,
    pub count: u64,
}

pub(super) const COLUMNS: &str =
    "SELECT ledger.id, state, ledger.queue, attempts + deaths AS attempts, accepted_at,
    settled_at, iif(state = 0, lane.due_at, NULL) AS due_at, state = 0 AND lane.head = seq AND lane.leased > 0 AS leased,
    verdict, subject, label, note, answers, body FROM ledger LEFT JOIN lane ON lane.id = ledger.lane";

impl Store {
    /// How deep the queues are.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn depths(&self) -> Result<Depths, StoreError> {
        self.0.reader.depths(clock::wall_ms()).await
    }

    /// Rows of one queue, newest first.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn list(&self, queue: Queue, filter: Filter, most: u32) -> Result<Vec<Row>, StoreError> {
        self.0.reader.list(queue, filter, most).await
    }

    /// Rows whose id lies between the two, oldest first: one row when they are equal.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn between(&self, from: Uuid, to: Uuid) -> Result<Vec<Row>, StoreError> {
        self.0.reader.between(from, to).await
    }

    /// Whether an open row is to be worked on before this one: it is of the same lane, its place is an earlier one, and
    /// nothing that may be done once was begun for this one.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn goes_before(&self, id: Uuid, row: &Claimed) -> Result<bool, StoreError> {
        self.0.reader.goes_before(id, row.seq).await
    }

    /// Rows whose id ends in these hexadecimal digits, oldest first. Looks at every row.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn ending_in(&self, digits: &str) -> Result<Vec<Row>, StoreError> {
        self.0.reader.ending_in(digits).await
    }

    /// Rows whose note holds this text, oldest first. Looks at every row.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn noting(&self, text: &str) -> Result<Vec<Row>, StoreError> {
        self.0.reader.noting(text).await
    }

    /// What was settled since then, in milliseconds since 1970, grouped for a report.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn activity(&self, since: i64) -> Result<Activity, StoreError> {
        self.0.reader.activity(since).await
    }
}

#[derive(Clone)]
pub(super) struct Reader {
    pool: SqlitePool,
}

impl Reader {
    pub(super) fn new(pool: SqlitePool) -> Reader {
        Reader { pool }
    }

    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    async fn goes_before(&self, id: Uuid, seq: i64) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM ledger one, ledger other WHERE one.id = ?1 AND other.seq = ?2
                 AND one.queue = other.queue AND one.lane = other.lane AND one.state = 0
                 AND NOT other.begun
                 AND (one.happened_at, one.seq) < (other.happened_at, other.seq))",
        );
        Ok(found.bind(id).bind(seq).fetch_one(&self.pool).await?)
    }

    async fn depths(&self, now: i64) -> Result<Depths, StoreError> {
        let open = sqlx::query(
            "SELECT queue, count(*) AS rows, min(seq) AS oldest FROM ledger WHERE state = 0 GROUP BY queue",
        )
        .fetch_all(&self.pool)
        .await?;
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
            let accepted: Option<i64> = sqlx::query_scalar("SELECT accepted_at FROM ledger WHERE seq = ?1")
                .bind(row.try_get::<i64, _>("oldest")?)
                .fetch_optional(&self.pool)
                .await?;
            let age = accepted.map_or(0.0, |at| (now - at).max(0) as f64 / 1000.0);
            match Queue::of(row.try_get("queue")?) {
                Queue::Inbox => (depths.inbox, depths.inbox_seconds) = (rows.unsigned_abs(), age),
                Queue::Outbox => (depths.outbox, depths.outbox_seconds) = (rows.unsigned_abs(), age),
            }
        }
        Ok(depths)
    }

    pub(super) async fn list(&self, queue: Queue, filter: Filter, most: u32) -> Result<Vec<Row>, StoreError> {
        let states = match filter {
            Filter::Unsettled => "state IN (0, 2)",
            Filter::In(State::Open) => "state = 0",
            Filter::In(State::Done) => "state = 1",
            Filter::In(State::Dead) => "state = 2",
            Filter::In(State::Forgotten) => "state = 3",
            Filter::All => "state < 3",
        };
        let sql = format!("{COLUMNS} WHERE ledger.queue = ?1 AND {states} ORDER BY seq DESC LIMIT ?2");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(queue.number()).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub(super) async fn between(&self, from: Uuid, to: Uuid) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE ledger.id BETWEEN ?1 AND ?2 ORDER BY seq LIMIT 100");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(from).bind(to).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub(super) async fn ending_in(&self, digits: &str) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE substr(lower(hex(ledger.id)), -?2) = ?1 ORDER BY seq LIMIT 100");
        let most = u32::try_from(digits.len()).unwrap_or(u32::MAX);
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(digits).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    async fn noting(&self, text: &str) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE instr(note, ?1) > 0 ORDER BY seq LIMIT 100");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(text).fetch_all(&self.pool).await?;
        rows.iter().map(shown).collect()
    }

    pub(super) async fn activity(&self, since: i64) -> Result<Activity, StoreError> {
        let groups = sqlx::query(
            "SELECT label, subject, verdict, count(*) AS rows FROM ledger
             WHERE settled_at >= ?1 AND queue = 0 AND verdict != 'unhandled' GROUP BY label, subject, verdict",
        )
        .bind(since)
        .fetch_all(&self.pool)
        .await?;
        let sent = sqlx::query(
            "SELECT coalesce(label, '') AS label, settled_at - accepted_at AS took FROM ledger
             WHERE settled_at >= ?1 AND queue = 1 AND verdict = 'sent' ORDER BY 1, 2",
        )
        .bind(since)
        .fetch_all(&self.pool)
        .await?;
        let mut activity = Activity::default();
        for row in &groups {
            activity.events.push(Group {
                label: row.try_get("label")?,
                subject: row.try_get("subject")?,
                verdict: row.try_get("verdict")?,
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
        state: State::of(row.try_get("state")?),
        attempts: row.try_get("attempts")?,
        accepted_at: row.try_get("accepted_at")?,
        settled_at: row.try_get("settled_at")?,
        due_at: row.try_get("due_at")?,
        leased: row.try_get::<Option<bool>, _>("leased")?.unwrap_or(false),
        verdict: row.try_get("verdict")?,
        subject: row.try_get("subject")?,
        label: row.try_get("label")?,
        note: row.try_get("note")?,
        answers: row.try_get("answers")?,
        body: row.try_get("body")?,
    })
}
