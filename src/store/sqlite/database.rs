//! The SQLite engine: each function is one or two statements over a whole batch, given as one JSON array.
//!
//! One connection writes, others read, and a third takes the write-ahead log back into the file, so that neither
//! readers nor checkpoints hold up a commit for long. `synchronous=FULL`: a commit that returned survives a power cut.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Connection, Row as _, SqlitePool};
use uuid::Uuid;

use super::log::{self, Log};
use super::presence::{Damage, Presence};
use crate::clock::{self, Clock};
use crate::store::audit::Chain;
use crate::store::read::Reader;
use crate::store::{Claim, Claimed, Claims, Doubt, Entry, Queue, StoreError};

/// Reserves due lanes and finds the row of each that is next: the one for which something that may be done once was begun
/// and not settled; else the oldest open one. What came later and happened before waits for that: the same would otherwise
/// be done a second time, for somebody else. Takes the queue, now, the lease in milliseconds, how many, now by the other
/// side's clock, and whether also those that come back after a pause.
pub(in crate::store) const CLAIM: &str =
    "UPDATE lane SET due_at = ?2 + ?3, claimed_at = ?5, leased = leased + 1, fence = fence + 1, before = head,
         head = coalesce(
             (SELECT seq FROM ledger WHERE seq = lane.head AND queue = ?1 AND lane = lane.id AND state = 0 AND begun),
             (SELECT seq FROM ledger WHERE queue = ?1 AND lane = lane.id AND state = 0 ORDER BY happened_at, seq LIMIT 1))
     WHERE id IN (SELECT id FROM lane WHERE queue = ?1 AND due_at <= ?2 AND (?6 OR coalesce(pause, 0) = 0)
         ORDER BY due_at LIMIT ?4)
     RETURNING id, fence, leased, head, before, mark, claimed_at, coalesce(pause, 0) > 0 AS is_back";

/// Rows touched or looked at by one step of pruning, so that it never holds up the acknowledgements for long.
pub(in crate::store) const PRUNE_STEP: i64 = 500;

pub(in crate::store) struct Sqlite {
    pub(in crate::store) connection: SqliteConnection,
    pub(in crate::store) options: SqliteConnectOptions,
    pub(in crate::store) readers: SqlitePool,
    /// Whether there may be files to drop; most ledgers never have one.
    pub(in crate::store) holds_files: bool,
    /// Bytes of files since the log was last taken back for them.
    pub(in crate::store) file_bytes: usize,
    /// Whether somebody may have been asked something; most bots never ask.
    pub(in crate::store) asks: Arc<AtomicBool>,
    /// The last lane that was looked at for being idle.
    pub(in crate::store) last_lane: Vec<u8>,
    pub(in crate::store) chain: Chain,
    pub(in crate::store) clock: Clock,
    /// The daemon's. Last, since it is let go of after all else.
    pub(in crate::store) care: Option<Care>,
}

/// What a daemon sees to while it has the ledger.
pub(in crate::store) struct Care {
    pub(in crate::store) log: Log,
    /// With the lock.
    pub(in crate::store) presence: Presence,
}

/// Which queues may have something due after a batch.
#[derive(Default)]
pub(in crate::store) struct Due {
    inbox: bool,
    outbox: bool,
    /// Whether something waits for approval since.
    pub(in crate::store) approvals: bool,
}

impl Due {
    pub(in crate::store) fn all() -> Due {
        Due { inbox: true, outbox: true, approvals: true }
    }

    pub(in crate::store) fn mark(&mut self, queue: Queue) {
        match queue {
            Queue::Inbox => self.inbox = true,
            Queue::Outbox => self.outbox = true,
        }
    }

    pub(in crate::store) fn has(&self, queue: Queue) -> bool {
        match queue {
            Queue::Inbox => self.inbox,
            Queue::Outbox => self.outbox,
        }
    }
}

impl Sqlite {
    pub(in crate::store) fn reader(&self) -> Reader {
        Reader::new(self.readers.clone())
    }

    pub(in crate::store) fn asks(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.asks)
    }

    /// A process that was killed left its lanes reserved; the lock says that no other is alive. A pause is no longer from
    /// now on than it was asked to be, whatever became of the clock meanwhile.
    pub(in crate::store) async fn take_back_leases(&mut self) -> Result<(), StoreError> {
        /// What a ledger from before pauses were noted may hold.
        const LONGEST_PAUSE_MS: i64 = 3_600_000;
        sqlx::query(
            "UPDATE ledger SET deaths = deaths + 1, uncertain = 1,
                 doubt_from = iif(uncertain, doubt_from, lane.claimed_at), doubt_at = lane.claimed_at
             FROM lane WHERE lane.leased > 0 AND ledger.seq = lane.head",
        )
        .execute(&mut self.connection)
        .await?;
        sqlx::query(
            "UPDATE lane SET leased = 0, due_at = iif(leased > 0, ?1, min(due_at, ?1 + coalesce(pause, ?2)))
             WHERE due_at IS NOT NULL",
        )
        .bind(self.clock.steady_ms())
        .bind(LONGEST_PAUSE_MS)
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// When what may be done at once is due. The steady time is the daemon's own, so a process beside it names no time.
    pub(in crate::store) fn at_once(&self) -> i64 {
        if self.care.is_some() { self.clock.steady_ms() } else { 0 }
    }

    /// How many pages the ledger has before what now begins.
    pub(in crate::store) async fn begin(&mut self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("BEGIN IMMEDIATE; PRAGMA page_count").fetch_one(&mut self.connection).await
    }

    pub(in crate::store) async fn commit(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query("COMMIT").execute(&mut self.connection).await?;
        self.chain.committed();
        Ok(())
    }

    /// Sees that what is committed is in the files that have the ledger's names; [`Presence::check`]. A verb that looks in
    /// beside the daemon does not stay long enough.
    pub(in crate::store) async fn check(&mut self, pages: Option<i64>) -> Result<(), Damage> {
        match &mut self.care {
            Some(care) => care.presence.check(&mut self.connection, pages).await,
            None => Ok(()),
        }
    }

    /// Stamps the ledger anew; [`Presence::stamp`].
    pub(in crate::store) async fn stamp(&mut self) {
        let Some(Care { log, presence }) = &mut self.care else { return };
        match presence.stamp(&mut self.connection).await {
            Ok(()) => log.take_back(),
            Err(error) => tracing::warn!(%error, "the ledger could not be stamped; trying again in an hour"),
        }
    }

    /// After a commit that is in the files: keeps the write-ahead log short.
    pub(in crate::store) async fn keep_log_short(&mut self) {
        let much = self.wrote_much();
        let Some(Care { log, presence }) = &mut self.care else { return };
        if let Err(error) = log.committed(&mut self.connection, presence.log_size(), much).await {
            tracing::warn!(%error, "the write-ahead log could not be cut; it grows until the next try");
        }
    }

    /// Something is moved and nothing cut off: what is in the log goes into the ledger, under whatever name that now is,
    /// which then needs no log any more; and a log that is left behind holds nothing that could be taken for another's.
    pub(in crate::store) async fn save(&mut self, damage: Damage) {
        if let Damage::Moved(_) = damage {
            let _ = log::cut(&mut self.connection, Duration::ZERO).await;
        }
    }

    /// After a failure: that there is nothing to roll back is as good. A connection that is broken is replaced.
    pub(in crate::store) async fn recover(&mut self) {
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        self.chain.rolled_back();
        if self.connection.ping().await.is_err()
            && let Ok(connection) = SqliteConnection::connect_with(&self.options).await
        {
            self.connection = connection;
        }
    }

    pub(in crate::store) async fn put(
        &mut self,
        entries: impl Iterator<Item = &Entry> + Clone,
        due: &mut Due,
    ) -> Result<Vec<bool>, sqlx::Error> {
        let rows: Vec<_> = entries
            .clone()
            .map(|entry| {
                let (id, lane) = (hex(entry.id), hex(lane_id(entry.queue, &entry.lane)));
                let Entry { queue, accepted_at, happened_at, subject, label, body, .. } = entry;
                (id, queue.number(), lane, accepted_at, happened_at, subject, label, body)
            })
            .collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let added = sqlx::query(
            "INSERT INTO ledger (id, queue, lane, accepted_at, happened_at, subject, label, body)
             SELECT unhex(value->>0), value->>1, unhex(value->>2), value->>3, value->>4, value->>5, value->>6,
                 value->>7
             FROM json_each(?1) WHERE true
             ON CONFLICT (id) DO NOTHING RETURNING id",
        )
        .bind(json(&rows)?)
        .fetch_all(&mut self.connection)
        .await?;
        let mut added: HashSet<Uuid> = added.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        let mut lanes = HashMap::new();
        let mut with_file = Vec::new();
        let mut results = Vec::with_capacity(rows.len());
        for (entry, (_, queue, lane, ..)) in entries.zip(&rows) {
            let new = added.remove(&entry.id);
            if new {
                due.mark(entry.queue);
                lanes.insert(lane.as_str(), *queue);
                with_file.extend(entry.file.is_some().then_some(entry));
            }
            results.push(new);
        }
        self.keep_files(&with_file).await?;
        self.wake(lanes).await?;
        Ok(results)
    }

    /// An idle lane falls due; one that waits, or is reserved, is left as it is.
    pub(in crate::store) async fn wake(&mut self, lanes: HashMap<&str, i64>) -> Result<(), sqlx::Error> {
        if lanes.is_empty() {
            return Ok(());
        }
        let lanes: Vec<_> = lanes.into_iter().collect();
        sqlx::query(
            "INSERT INTO lane (id, queue, due_at) SELECT unhex(value->>0), value->>1, ?2 FROM json_each(?1) WHERE true
             ON CONFLICT (id) DO UPDATE SET due_at = excluded.due_at WHERE due_at IS NULL",
        )
        .bind(json(&lanes)?)
        .bind(self.at_once())
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    pub(in crate::store) async fn claim(&mut self, claim: Claim) -> Result<Claims, sqlx::Error> {
        let Claim { queue, most, most_back, lease, at } = claim;
        let now = self.clock.steady_ms();
        let mut lanes: Vec<SqliteRow> = Vec::new();
        // Of the first ones any may be back after a pause, of the rest none.
        let any = most.min(most_back);
        for (limit, are_back) in [(any, true), (most - any, false)] {
            if limit == 0 || (!are_back && lanes.len() < any) {
                continue;
            }
            let claimed = sqlx::query(CLAIM)
                .bind(queue.number())
                .bind(now)
                .bind(millis(lease))
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .bind(at)
                .bind(are_back);
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

    /// A lane claimed while it was reserved: whoever had it did not settle its row in time.
    async fn count_deaths(&mut self, lanes: &[SqliteRow]) -> Result<(), sqlx::Error> {
        let mut lost = Vec::new();
        for lane in lanes {
            if lane.try_get::<i64, _>("leased")? > 1 {
                lost.push(lane.try_get::<Option<i64>, _>("before")?);
            }
        }
        if lost.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE ledger SET deaths = deaths + 1, uncertain = 1, doubt_at = (SELECT claimed_at FROM lane WHERE id = ledger.lane)
             WHERE state = 0 AND seq IN (SELECT value FROM json_each(?1))",
        )
        .bind(json(&lost)?)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    async fn bodies(&mut self, seqs: &[Option<i64>]) -> Result<HashMap<i64, SqliteRow>, sqlx::Error> {
        let rows = sqlx::query(
            "SELECT seq, id, accepted_at, failing_at, attempts, deaths, uncertain, doubt_from, doubt_at,
                 answers, body FROM ledger
             WHERE seq IN (SELECT value FROM json_each(?1))",
        )
        .bind(json(seqs)?)
        .fetch_all(&mut self.connection)
        .await?;
        rows.into_iter().map(|row| Ok((row.try_get("seq")?, row))).collect()
    }

    /// Lanes whose last open row was discarded have nothing to give.
    async fn idle(&mut self, lanes: &[String]) -> Result<(), sqlx::Error> {
        if lanes.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE lane SET due_at = NULL, leased = 0, pause = 0 WHERE id IN (SELECT unhex(value) FROM json_each(?1))",
        )
        .bind(json(lanes)?)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    async fn next_due(&mut self, queue: Queue, also_back: bool) -> Result<Option<i64>, sqlx::Error> {
        let sql = match also_back {
            true => "SELECT min(due_at) FROM lane WHERE queue = ?1 AND due_at IS NOT NULL",
            false => "SELECT min(due_at) FROM lane WHERE queue = ?1 AND due_at IS NOT NULL AND coalesce(pause, 0) = 0",
        };
        sqlx::query_scalar(sql).bind(queue.number()).fetch_one(&mut self.connection).await
    }

    /// Writes a byte, to see whether it can.
    pub(in crate::store) async fn beat(&mut self) -> Result<(), sqlx::Error> {
        sqlx::query("INSERT OR REPLACE INTO heartbeat (id, at) VALUES (1, ?1)")
            .bind(self.clock.wall_ms())
            .execute(&mut self.connection)
            .await
            .map(drop)
    }
}

fn claimed(lane: &SqliteRow, row: &SqliteRow, now: i64) -> Result<Claimed, sqlx::Error> {
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
            .then_some(Doubt { from: row.try_get("doubt_from")?, at: row.try_get("doubt_at")? }),
        claimed: (clock::instant(), lane.try_get("claimed_at")?),
        body: row.try_get("body")?,
        mark: lane.try_get("mark")?,
        answers: row.try_get("answers")?,
        seq: row.try_get("seq")?,
        is_back: lane.try_get("is_back")?,
        lane: lane.try_get("id")?,
        fence: lane.try_get("fence")?,
    })
}

/// A lane's key: the same name in the other queue is another lane.
pub(in crate::store) fn lane_id(queue: Queue, name: &str) -> Uuid {
    const LANES: Uuid = Uuid::from_u128(0x5f0c_51d7_6a0e_4b0a_9d3e_61f2_8a77_10c4);
    Uuid::new_v5(&LANES, format!("{}:{name}", queue.number()).as_bytes())
}

pub(in crate::store) fn hex(id: Uuid) -> String {
    id.simple().to_string()
}

pub(in crate::store) fn millis(duration: Duration) -> i64 {
    duration.as_millis().try_into().unwrap_or(i64::MAX / 4)
}

pub(in crate::store) fn json(rows: &(impl Serialize + ?Sized)) -> Result<String, sqlx::Error> {
    serde_json::to_string(rows).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}
