//! Stores rows for deliveries that nobody works on. They are closed when they are made, never claimed, few, and soon
//! gone.

use std::time::Duration;

use super::database::Sqlite;
use super::statements::PRUNE_STEP;
use crate::clock::millis;
use crate::store::{Entry, StoreError, lane_id};
use crate::verdict::Verdict;

/// The most such rows that are kept. Beyond it the oldest are removed, which bounds what a flood of such deliveries
/// takes on disk.
const MOST_ROWS: i64 = 1000;

/// How long such a row is kept, unless `store.retention` is shorter.
const KEPT_FOR: Duration = Duration::from_secs(24 * 3600);

impl Sqlite {
    pub fn note_unhandled(&mut self, entry: &Entry, reason: &str) -> Result<u64, StoreError> {
        let Entry { id, queue, accepted_at, happened_at, body, .. } = entry;
        if self.seq_of(*id)?.is_some() {
            return Ok(0);
        }
        let sql =
            "INSERT INTO ledger (id, queue, lane, state, accepted_at, happened_at, settled_at, verdict, note, body)
             VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9)";
        let (lane, queue) = (lane_id(entry.queue, &entry.lane), queue.number());
        let (now, verdict) = (self.clock.wall_ms(), Verdict::Unhandled.word());
        self.run(sql, (id, queue, lane, accepted_at, happened_at, now, verdict, reason, body))?;
        let seq = self.note_added((*id, lane), queue, *happened_at, false)?;
        if let Some(bytes) = &entry.raw {
            self.keep_raw(seq, bytes, false)?;
        }
        Ok(1)
    }

    /// Removes the oldest of these rows if there are too many.
    pub fn bound_unhandled(&mut self) -> Result<(), StoreError> {
        let sql = "DELETE FROM ledger WHERE seq IN
             (SELECT seq FROM ledger WHERE verdict = 'unhandled' ORDER BY seq DESC LIMIT -1 OFFSET ?1)
             RETURNING seq, id";
        self.delete_rows(sql, [MOST_ROWS]).map(drop)
    }

    pub(super) fn prune_unhandled(&mut self, retention: Duration) -> Result<u64, StoreError> {
        let sql =
            "DELETE FROM ledger WHERE seq IN (SELECT seq FROM ledger WHERE verdict = 'unhandled' ORDER BY seq LIMIT ?2)
             AND settled_at <= ?1 RETURNING seq, id";
        let until = self.clock.wall_ms() - millis(retention.min(KEPT_FOR));
        self.delete_rows(sql, (until, PRUNE_STEP))
    }
}
