//! Adds rows to the ledger, and makes their lanes due.

use std::collections::HashMap;

use sqlx::Row as _;
use uuid::Uuid;

use super::database::Sqlite;
use super::values::{hex, json};
use crate::store::{Due, Entry, StoreError, Urgency, lane_id};

impl Sqlite {
    pub async fn put(
        &mut self,
        entries: impl Iterator<Item = &Entry> + Clone,
        due: &mut Due,
    ) -> Result<Vec<bool>, StoreError> {
        let rows: Vec<_> = entries
            .clone()
            .map(|entry| {
                let (id, lane) = (hex(entry.id), hex(lane_id(entry.queue, &entry.lane)));
                let Entry { queue, accepted_at, happened_at, subject, label, body, target, .. } = entry;
                (id, queue.number(), lane, accepted_at, happened_at, subject, label, body, target.map(hex))
            })
            .collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let sql = "INSERT INTO ledger (id, queue, lane, accepted_at, happened_at, subject, label, body, target)
             SELECT unhex(value->>0), value->>1, unhex(value->>2), value->>3, value->>4, value->>5, value->>6,
                 value->>7, unhex(value->>8)
             FROM json_each(?1) WHERE true
             ON CONFLICT (id) DO NOTHING RETURNING id, seq";
        let added = sqlx::query(sql).bind(json(&rows)?).fetch_all(&mut self.connection).await?;
        let added = added.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let mut added: HashMap<Uuid, i64> = added.collect::<Result<_, sqlx::Error>>()?;
        let mut with_raw = Vec::new();
        let mut lanes = HashMap::new();
        let mut with_file = Vec::new();
        let mut results = Vec::with_capacity(rows.len());
        for (entry, (_, queue, lane, ..)) in entries.zip(&rows) {
            let new = added.remove(&entry.id);
            if let Some(seq) = new {
                due.mark(entry.queue);
                let (_, urgency) = lanes.entry(lane.as_str()).or_insert((*queue, entry.urgency));
                *urgency = entry.urgency.min(*urgency);
                with_file.extend(entry.file.is_some().then_some(entry));
                with_raw.extend(entry.raw.as_deref().map(|bytes| (seq, bytes)));
            }
            results.push(new.is_some());
        }
        self.keep_files(&with_file).await?;
        self.keep_raw(&with_raw).await?;
        self.wake(lanes).await?;
        Ok(results)
    }

    /// Makes idle lanes due. A lane that waits or is reserved stays as it is, unless it becomes more urgent.
    pub(super) async fn wake(&mut self, lanes: HashMap<&str, (i64, Urgency)>) -> Result<(), StoreError> {
        if lanes.is_empty() {
            return Ok(());
        }
        let lanes: Vec<_> = lanes.into_iter().map(|(lane, (queue, urgency))| (lane, queue, urgency as i64)).collect();
        let sql = "INSERT INTO lane (id, queue, urgency, due_at) SELECT unhex(value->>0), value->>1, value->>2, ?2
             FROM json_each(?1) WHERE true
             ON CONFLICT (id) DO UPDATE SET due_at = coalesce(due_at, excluded.due_at), urgency = excluded.urgency
             WHERE due_at IS NULL OR urgency > excluded.urgency";
        self.run(sqlx::query(sql).bind(json(&lanes)?).bind(self.at_once())).await.map(drop)
    }
}
