//! Counts what was settled in a period, for a report.

use std::collections::BTreeMap;

use rusqlite::Row;

use super::read::verdict;
use super::reader::Reader;
use crate::store::{EventCount, Queue, SettledActivity, StoreError};

/// Counts events by label, person and end, and sent replies by label and time, in one pass over the rows. A time of a
/// second and more is rounded down to a tenth of a second, so few times differ.
///
/// Parameters: the time since when, in milliseconds since 1970.
const COUNTS: &str = "SELECT queue, label, iif(queue = 0, subject, NULL) AS subject, verdict,
         CASE WHEN queue = 0 THEN NULL WHEN took < 1000 THEN max(took, 0) ELSE took / 100 * 100 END AS time, count(*)
     FROM (SELECT queue, label, subject, verdict, settled_at - accepted_at AS took FROM ledger
         WHERE settled_at >= ?1 AND verdict <> 'unhandled' AND (queue = 0 OR verdict = 'sent'))
     GROUP BY queue, label, subject, verdict, time";

impl Reader {
    pub async fn activity(&self, since: i64) -> Result<SettledActivity, StoreError> {
        self.read(move |ledger| {
            let (mut events, mut replies) = (Vec::new(), BTreeMap::<String, Vec<_>>::new());
            let mut statement = ledger.prepare_cached(COUNTS)?;
            let mut rows = statement.query([since])?;
            while let Some(row) = rows.next()? {
                match Queue::of(row.get("queue")?) {
                    Queue::Inbox => events.push(event_count(row)?),
                    Queue::Outbox => {
                        let label = row.get::<_, Option<String>>("label")?.unwrap_or_default();
                        let time = u32::try_from(row.get::<_, i64>("time")?).unwrap_or(u32::MAX);
                        replies.entry(label).or_default().push((time, count(row)?));
                    }
                }
            }
            Ok(SettledActivity { events, replies: replies.into_iter().collect() })
        })
        .await
    }
}

fn event_count(row: &Row<'_>) -> rusqlite::Result<EventCount> {
    Ok(EventCount {
        label: row.get("label")?,
        subject: row.get("subject")?,
        verdict: verdict(row)?,
        count: count(row)?,
    })
}

fn count(row: &Row<'_>) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>("count(*)")?.unsigned_abs())
}
