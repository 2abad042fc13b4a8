//! Claims: each lane that is due is reserved for a worker, with its next row.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Row;
use uuid::Uuid;

use super::database::Sqlite;
use super::statements::Statements;
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

/// A lane that was claimed.
struct ClaimedLane {
    id: Uuid,
    fence: i64,
    /// How often it was claimed since it was last settled.
    leased: i64,
    /// The row that goes next. None if the lane has no open row any more.
    head: Option<i64>,
    /// The row that was claimed before.
    before: Option<i64>,
    mark: Option<String>,
    claimed_at: Option<i64>,
    is_back: bool,
}

impl ClaimedLane {
    fn read(row: &Row<'_>) -> rusqlite::Result<ClaimedLane> {
        Ok(ClaimedLane {
            id: row.get(0)?,
            fence: row.get(1)?,
            leased: row.get(2)?,
            head: row.get(3)?,
            before: row.get(4)?,
            mark: row.get(5)?,
            claimed_at: row.get(6)?,
            is_back: row.get(7)?,
        })
    }
}

impl Sqlite {
    /// Frees the lanes of dead instances: a killed process left them reserved. A pause that still runs ends within its
    /// full length from now, even if the clock was set back meanwhile.
    pub(super) fn take_back_leases(&mut self) -> Result<(), StoreError> {
        /// Assumed of a ledger from before pauses were written down.
        const LONGEST_PAUSE_MS: i64 = 3_600_000;
        let sql = "UPDATE ledger SET deaths = deaths + 1, uncertain = 1,
                 doubt_from = iif(uncertain, doubt_from, lane.claimed_at), doubt_at = lane.claimed_at
             FROM lane WHERE lane.leased > 0 AND ledger.seq = lane.head
                 AND NOT EXISTS (SELECT 1 FROM instance WHERE id = lane.holder)";
        self.run(sql, ())?;
        let sql = "UPDATE lane SET leased = 0, due_at = iif(leased > 0, ?1, min(due_at, ?1 + coalesce(pause, ?2)))
             WHERE due_at IS NOT NULL AND (leased = 0 OR NOT EXISTS (SELECT 1 FROM instance WHERE id = lane.holder))";
        self.run(sql, (self.clock.steady_ms(), LONGEST_PAUSE_MS)).map(drop)
    }

    pub fn claim(&mut self, claim: &Claim) -> Result<Claims, StoreError> {
        let (&Claim { queue, most, most_back, lease, .. }, at) = (claim, (claim.now_there)());
        let now = self.clock.steady_ms();
        let mut lanes: Vec<ClaimedLane> = Vec::new();
        // The first `any` lanes may come back after a pause. The rest may not.
        let any = most.min(most_back);
        for (up_to, are_back) in [(any, true), (most, false)] {
            let limit = up_to.saturating_sub(lanes.len());
            if limit == 0 || (!are_back && lanes.len() < any) {
                continue;
            }
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let values = (queue.number(), now, millis(lease), limit, at, are_back, self.instance);
            lanes.extend(self.connection.all(CLAIM, values, ClaimedLane::read)?);
        }
        let mut rows = Vec::with_capacity(lanes.len());
        for lane in lanes {
            // The lane was claimed while it was still reserved: its lease ran out.
            if let Some(before) = lane.before.filter(|_| lane.leased > 1) {
                self.count_death(before)?;
            }
            let id = lane.id;
            match self.claimed(lane, now)? {
                Some(row) => rows.push(row),
                None => self.idle(id)?,
            }
        }
        if !rows.is_empty() {
            // A question that another process wrote is seen here in time: it was committed before its answer was said,
            // and the answer is claimed after that.
            let asks = self.connection.value("SELECT EXISTS (SELECT 1 FROM conversation)", ())?;
            self.reader.asks.store(asks, Ordering::Release);
        }
        let back = rows.iter().filter(|row: &&Claimed| row.is_back).count();
        let next = if rows.len() < most { self.next_due(queue, back < most_back)? } else { None };
        rows.sort_by_key(|row| row.seq);
        Ok(Claims { rows, next: next.map(|due| Duration::from_millis((due - now).max(0).unsigned_abs())) })
    }

    fn count_death(&mut self, seq: i64) -> Result<(), StoreError> {
        let sql = "UPDATE ledger SET deaths = deaths + 1, uncertain = 1, doubt_at = (SELECT claimed_at FROM lane WHERE id = ledger.lane)
             WHERE state = 0 AND seq = ?1";
        self.run(sql, [seq]).map(drop)
    }

    /// Reads the row that goes next in a claimed lane.
    fn claimed(&self, lane: ClaimedLane, now: i64) -> Result<Option<Claimed>, StoreError> {
        let Some(seq) = lane.head else { return Ok(None) };
        let sql =
            "SELECT id, accepted_at, failing_at, attempts, deaths, uncertain, doubt_from, doubt_at, answers, body,
                 EXISTS (SELECT 1 FROM file WHERE row = ledger.seq) FROM ledger WHERE seq = ?1";
        let row = self.connection.first(sql, [seq], |row| {
            let failing_at: Option<i64> = row.get(2)?;
            let failing = failing_at.map_or(0, |at| (now - at).max(0));
            let uncertain = UncertainTries { from: row.get(6)?, at: row.get(7)? };
            Ok(Claimed {
                id: row.get(0)?,
                accepted_at: row.get(1)?,
                failing: Duration::from_millis(failing.unsigned_abs()),
                attempts: row.get(3)?,
                deaths: row.get(4)?,
                doubt: row.get::<_, bool>(5)?.then_some(uncertain),
                claimed: (clock::instant(), lane.claimed_at),
                answers: row.get(8)?,
                body: row.get(9)?,
                has_file: row.get(10)?,
                mark: lane.mark,
                is_back: lane.is_back,
                seq,
                lane: lane.id,
                fence: lane.fence,
            })
        })?;
        Ok(row)
    }

    /// Marks a lane as idle whose last open row was discarded.
    fn idle(&mut self, lane: Uuid) -> Result<(), StoreError> {
        self.run("UPDATE lane SET due_at = NULL, leased = 0, pause = 0 WHERE id = ?1", [lane]).map(drop)
    }

    fn next_due(&self, queue: Queue, also_back: bool) -> Result<Option<i64>, StoreError> {
        let of_each = |row: &Row<'_>| Ok::<[Option<i64>; 2], _>([row.get(0)?, row.get(1)?]);
        let due = self.connection.first(NEXT_DUE, (queue.number(), also_back), of_each)?;
        Ok(due.into_iter().flatten().flatten().min())
    }
}
