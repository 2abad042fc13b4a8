//! Claims: each lane that is due is reserved for a worker, with its next row.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rusqlite::Row;
use uuid::Uuid;

use super::database::Sqlite;
use super::statements::{Statements, column};
use super::unindexed::Place;
use crate::clock::{self, millis};
use crate::store::{Claim, Claimed, Claims, Queue, StoreError, UncertainTries};

/// Finds the lanes that are due: the most urgent ones first, and of those the ones that are due for longest.
///
/// Parameters: the queue, now, the most lanes, whether lanes that come back after a pause count too.
pub(super) const DUE: &str =
    "SELECT * FROM (SELECT id, fence, leased, head, mark, coalesce(pause, 0) > 0 AS is_back FROM lane
         WHERE queue = ?1 AND urgency = 0 AND due_at <= ?2 AND (?4 OR coalesce(pause, 0) = 0) ORDER BY due_at LIMIT ?3)
     UNION ALL
     SELECT * FROM (SELECT id, fence, leased, head, mark, coalesce(pause, 0) > 0 AS is_back FROM lane
         WHERE queue = ?1 AND urgency = 1 AND due_at <= ?2 AND (?4 OR coalesce(pause, 0) = 0) ORDER BY due_at LIMIT ?3)
     LIMIT ?3";

/// When the next lane of each urgency is due. Parameters: the queue, and whether lanes that come back after a pause count too.
pub(super) const NEXT_DUE: &str = "SELECT
    (SELECT min(due_at) FROM lane WHERE queue = ?1 AND urgency = 0 AND due_at IS NOT NULL AND (?2 OR coalesce(pause, 0) = 0)),
    (SELECT min(due_at) FROM lane WHERE queue = ?1 AND urgency = 1 AND due_at IS NOT NULL AND (?2 OR coalesce(pause, 0) = 0))";

/// A lane that is due.
struct DueLane {
    id: Uuid,
    /// Grows with each claim.
    fence: i64,
    /// How often it was claimed since it was last settled.
    leased: i64,
    /// The row that was claimed before.
    head: Option<i64>,
    mark: Option<String>,
    is_back: bool,
}

impl DueLane {
    fn read(row: &Row<'_>) -> rusqlite::Result<DueLane> {
        Ok(DueLane {
            id: row.get(0)?,
            fence: row.get(1)?,
            leased: row.get(2)?,
            head: row.get(3)?,
            mark: row.get(4)?,
            is_back: row.get(5)?,
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
        let &Claim { queue, most, most_back, .. } = claim;
        let at = (claim.now_there)();
        let now = self.clock.steady_ms();
        let (mut rows, mut looked_at) = (Vec::new(), 0);
        // The first `any` lanes may come back after a pause. The rest may not.
        let any = most.min(most_back);
        for (up_to, are_back) in [(any, true), (most, false)] {
            let limit = up_to.saturating_sub(looked_at);
            if limit == 0 || (!are_back && looked_at < any) {
                continue;
            }
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            for lane in self.connection.all(DUE, (queue.number(), now, limit, are_back), DueLane::read)? {
                looked_at += 1;
                rows.extend(self.claim_lane(lane, claim.lease, at, now)?);
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

    /// Reserves a lane, and reads the row that goes next in it. A lane without an open row becomes idle.
    fn claim_lane(
        &mut self,
        lane: DueLane,
        lease: Duration,
        at: Option<i64>,
        now: i64,
    ) -> Result<Option<Claimed>, StoreError> {
        let Some(place) = self.next_of(&lane)? else {
            let sql = "UPDATE lane SET due_at = NULL, leased = 0, pause = 0 WHERE id = ?1";
            self.run(sql, [lane.id])?;
            return Ok(None);
        };
        let sql = "UPDATE lane SET due_at = ?2, claimed_at = ?3, leased = leased + 1, holder = ?4, fence = fence + 1, head = ?5
             WHERE id = ?1";
        self.run(sql, (lane.id, now + millis(lease), at, self.instance, place.seq))?;
        // The lane was claimed while it was still reserved: its lease ran out.
        if let Some(before) = lane.head.filter(|_| lane.leased > 0) {
            self.count_death(before)?;
        }
        let id = lane.id;
        let row = self.claimed(lane, place, at, now)?;
        if row.is_none() {
            // Somebody closed or deleted the row by hand, and its entry stayed.
            self.note_closed(place)?;
            self.run("UPDATE lane SET leased = 0, due_at = ?2 WHERE id = ?1", (id, now))?;
        }
        Ok(row)
    }

    /// The row that goes next in a lane. A row that began something that may be done only once, and is not settled, goes
    /// first: otherwise the same would be done again, for somebody else. Then comes the row that happened first.
    fn next_of(&self, lane: &DueLane) -> Result<Option<Place>, StoreError> {
        if let Some(seq) = lane.head {
            let sql = "SELECT happened_at FROM ledger WHERE seq = ?1 AND lane = ?2 AND state = 0 AND begun";
            if let Some(happened_at) = self.connection.first(sql, (seq, lane.id), column)? {
                return Ok(Some(Place { lane: lane.id, happened_at, seq }));
            }
        }
        self.first_of(lane.id)
    }

    fn count_death(&mut self, seq: i64) -> Result<(), StoreError> {
        let sql = "UPDATE ledger SET deaths = deaths + 1, uncertain = 1, doubt_at = (SELECT claimed_at FROM lane WHERE id = ledger.lane)
             WHERE state = 0 AND seq = ?1";
        self.run(sql, [seq]).map(drop)
    }

    /// Reads the open row that goes next in a lane that was claimed at this time of the other side.
    fn claimed(&self, lane: DueLane, place: Place, at: Option<i64>, now: i64) -> Result<Option<Claimed>, StoreError> {
        let seq = place.seq;
        let sql =
            "SELECT id, accepted_at, failing_at, attempts, deaths, uncertain, doubt_from, doubt_at, answers, body,
                 EXISTS (SELECT 1 FROM file WHERE row = ledger.seq) FROM ledger WHERE seq = ?1 AND lane = ?2 AND state = 0";
        let row = self.connection.first(sql, (seq, lane.id), |row| {
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
                claimed: (clock::instant(), at),
                answers: row.get(8)?,
                body: row.get(9)?,
                has_file: row.get(10)?,
                mark: lane.mark,
                is_back: lane.is_back,
                seq,
                happened_at: place.happened_at,
                lane: lane.id,
                fence: lane.fence + 1,
            })
        })?;
        Ok(row)
    }

    fn next_due(&self, queue: Queue, also_back: bool) -> Result<Option<i64>, StoreError> {
        let of_each = |row: &Row<'_>| Ok::<[Option<i64>; 2], _>([row.get(0)?, row.get(1)?]);
        let due = self.connection.first(NEXT_DUE, (queue.number(), also_back), of_each)?;
        Ok(due.into_iter().flatten().flatten().min())
    }
}
