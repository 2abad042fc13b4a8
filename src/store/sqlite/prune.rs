//! Forgets what is old, in small steps.

use std::time::Duration;

use super::database::Sqlite;
use super::statements::{PRUNE_STEP, Statements, column};
use crate::clock::millis;
use crate::store::error::StoreError;

impl Sqlite {
    pub fn prune(&mut self, retention: Duration, dedupe: Duration) -> Result<u64, StoreError> {
        let unhandled = self.prune_unhandled(retention)?;
        let sql =
            "UPDATE ledger SET state = 3, settled_at = NULL, verdict = NULL, subject = NULL, label = NULL, note = NULL,
                 body = NULL, sent_as = NULL, without_card = NULL, without_thread = NULL, target = NULL, cause = NULL
             WHERE seq IN (SELECT seq FROM ledger WHERE settled_at IS NOT NULL AND settled_at <= ?1 LIMIT ?2)
             RETURNING seq";
        let until = self.clock.wall_ms() - millis(retention);
        let emptied = self.drop_raw(sql, (until, PRUNE_STEP))?;
        if emptied > 0 {
            self.prune_files()?;
        }
        self.prune_used(dedupe)?;
        self.prune_pairings(retention)?;
        self.prune_hooks(retention)?;
        let asked = self.prune_conversations(retention)?;
        // Threads are kept as long as the id of a letter is known.
        let threads = self.prune_threads(retention.saturating_add(dedupe))?;
        let states = self.prune_hook_states(retention.saturating_add(dedupe))?;
        self.prune_approvals(retention)?;
        let sql = "DELETE FROM ledger WHERE seq IN (SELECT seq FROM ledger ORDER BY seq LIMIT ?2) AND state = 3 AND accepted_at <= ?1
             RETURNING seq, id";
        let until = until - millis(dedupe);
        let forgotten = self.delete_rows(sql, (until, PRUNE_STEP))?;
        Ok(unhandled + emptied + forgotten + asked + threads + states)
    }

    /// Checks some lanes after those of the last step, and forgets the idle ones. The other side's clock says when a
    /// lane was last claimed. If that is not known, the lane counts as claimed now.
    pub fn prune_lanes(&mut self, idle: Duration) -> Result<u64, StoreError> {
        let sql = "SELECT id FROM lane WHERE id > ?1 ORDER BY id LIMIT ?2";
        let first = std::mem::take(&mut self.last_lane);
        let looked_at: Vec<Vec<u8>> = self.connection.all(sql, (&first, PRUNE_STEP), column)?;
        let Some(last) = looked_at.last().cloned() else { return Ok(0) };
        let now = self.clock.wall_ms();
        let sql = "UPDATE lane SET claimed_at = ?3
             WHERE id > ?1 AND id <= ?2 AND due_at IS NULL AND leased = 0 AND claimed_at IS NULL";
        self.run(sql, (&first, &last, now))?;
        let sql =
            "SELECT id FROM lane WHERE id > ?1 AND id <= ?2 AND due_at IS NULL AND leased = 0 AND claimed_at <= ?3";
        let mut forgotten = 0;
        for lane in self.connection.all(sql, (&first, &last, now - millis(idle)), column)? {
            if self.first_of(lane)?.is_none() {
                forgotten += self.run("DELETE FROM lane WHERE id = ?1", [lane])?;
            }
        }
        self.last_lane = last;
        Ok(forgotten)
    }
}
