//! Finds the approval requests that are to be ended.

use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::by_id::seqs_of;
use super::reader::Reader;
use super::statements::Statements;
use crate::store::{Overdue, StoreError};

/// A request that is open, or that an event ends.
struct Waiting {
    request: Overdue,
    /// Whether its time is over, or an operator withdrew it.
    is_due: bool,
    is_ending: bool,
    /// The id of the row that decides this: the event that ends it, or the letter with its card.
    row: Option<Uuid>,
}

impl Reader {
    /// A request is overdue if it is due, if nobody will see its card, or if the event that was to end it did not.
    pub async fn overdue_approvals(&self, now: i64) -> Result<(Vec<Overdue>, Option<i64>), StoreError> {
        let sql = "SELECT card, room, expires_at, expires_at <= ?1 OR ends IS NOT NULL, state = 7,
                 iif(state = 7, ended_event, card) FROM approval WHERE state IN (0, 7)";
        let next = "SELECT min(expires_at) FROM approval WHERE state = 0 AND expires_at > ?1";
        self.read(move |ledger| {
            let all = ledger.all(sql, [now], waiting)?;
            let seqs = seqs_of(ledger, all.iter().filter_map(|waiting| waiting.row))?;
            let mut overdue = Vec::new();
            for Waiting { request, is_due, is_ending, row } in all {
                let seq = row.and_then(|id| seqs.get(&id).copied());
                let is_over = if is_ending {
                    !is_row(ledger, seq, "state = 0")?
                } else {
                    is_due || is_row(ledger, seq, "state = 2 OR verdict = 'dropped'")?
                };
                overdue.extend(is_over.then_some(request));
            }
            Ok((overdue, ledger.value(next, [now])?))
        })
        .await
    }
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        request: Overdue { card: row.get(0)?, room: row.get(1)?, expires_at: row.get(2)? },
        is_due: row.get(3)?,
        is_ending: row.get(4)?,
        row: row.get(5)?,
    })
}

/// Whether this row exists and meets the condition.
fn is_row(ledger: &Connection, seq: Option<i64>, condition: &str) -> rusqlite::Result<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM ledger WHERE seq = ?1 AND ({condition}))");
    ledger.value(&sql, [seq])
}
