//! Finds rows by their ids for readers, which do not hold the rows without entries in memory, as the writer does.

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;
use uuid::Uuid;

use super::statements::{Statements, column};

/// The number of the row with this id. Rows without an entry are searched from the newest, since those are asked for
/// most.
pub(super) fn seq_of(ledger: &Connection, id: Uuid) -> rusqlite::Result<Option<i64>> {
    match entry_of(ledger, id)? {
        Some(seq) => Ok(Some(seq)),
        None => {
            let sql =
                "SELECT seq FROM ledger WHERE id = ?1 AND seq > (SELECT up_to FROM indexed) ORDER BY seq DESC LIMIT 1";
            ledger.first(sql, [id], column)
        }
    }
}

/// The numbers of the rows with these ids. It reads the rows without an entry once for all.
pub(super) fn seqs_of(ledger: &Connection, ids: impl Iterator<Item = Uuid>) -> rusqlite::Result<HashMap<Uuid, i64>> {
    let (mut seqs, mut others) = (HashMap::new(), HashSet::new());
    for id in ids {
        match entry_of(ledger, id)? {
            Some(seq) => drop(seqs.insert(id, seq)),
            None => drop(others.insert(id)),
        }
    }
    if !others.is_empty() {
        let mut statement =
            ledger.prepare_cached("SELECT id, seq FROM ledger WHERE seq > (SELECT up_to FROM indexed)")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            if others.contains(&id) {
                seqs.insert(id, row.get(1)?);
            }
        }
    }
    Ok(seqs)
}

/// The number of the row with this id, if it has its entry. A row that somebody deleted by hand may have left its
/// entry, so the row is looked at too.
pub(super) fn entry_of(ledger: &Connection, id: Uuid) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT seq FROM id_index JOIN ledger ON seq = row WHERE id_index.id = ?1 AND ledger.id = ?1";
    ledger.first(sql, [id], column)
}
