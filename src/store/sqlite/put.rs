//! Adds rows to the ledger, and makes their lanes due.

use std::collections::HashMap;

use uuid::Uuid;

use super::database::Sqlite;
use crate::store::{Due, Entry, Queue, StoreError, Urgency, lane_id};

/// Lanes that get rows, each with the queue of the lane and the most urgent of the rows.
pub(super) type Woken = HashMap<Uuid, (Queue, Urgency)>;

impl Sqlite {
    pub fn put<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a Entry>,
        due: &mut Due,
    ) -> Result<Vec<bool>, StoreError> {
        let mut lanes = Woken::new();
        let mut results = Vec::new();
        for entry in entries {
            let lane = lane_id(entry.queue, &entry.lane);
            let is_new = self.add(entry, lane)?;
            if is_new {
                due.mark(entry.queue);
                let (_, urgency) = lanes.entry(lane).or_insert((entry.queue, entry.urgency));
                *urgency = entry.urgency.min(*urgency);
            }
            results.push(is_new);
        }
        self.wake(&lanes)?;
        Ok(results)
    }

    fn add(&mut self, entry: &Entry, lane: Uuid) -> Result<bool, StoreError> {
        let Entry { id, queue, accepted_at, happened_at, subject, label, body, target, cause, .. } = entry;
        // A repeat is heard too: its sender is alive.
        if let Some(hook) = &entry.heard {
            self.hear(hook)?;
        }
        if self.seq_of(*id)?.is_some() {
            return Ok(false);
        }
        let sql = "INSERT INTO ledger (id, queue, lane, accepted_at, happened_at, subject, label, body, target, cause)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let queue = queue.number();
        self.run(sql, (id, queue, lane, accepted_at, happened_at, subject, label, body, target, cause))?;
        let seq = self.note_added((*id, lane), queue, *happened_at, true)?;
        if let Some(bytes) = &entry.file {
            self.keep_file(seq, bytes)?;
        }
        if let Some(bytes) = &entry.raw {
            self.keep_raw(seq, bytes, entry.is_payload)?;
        }
        Ok(true)
    }

    /// Makes idle lanes due. A lane that waits or is reserved stays as it is, unless it becomes more urgent.
    pub(super) fn wake(&mut self, lanes: &Woken) -> Result<(), StoreError> {
        let sql = "INSERT INTO lane (id, queue, urgency, due_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET due_at = coalesce(due_at, excluded.due_at), urgency = excluded.urgency
             WHERE due_at IS NULL OR urgency > excluded.urgency";
        for (lane, (queue, urgency)) in lanes {
            self.run(sql, (lane, queue.number(), *urgency as i64, self.at_once()))?;
        }
        Ok(())
    }
}
