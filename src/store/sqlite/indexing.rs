//! The entries of rows in the indexes of ids and of open rows, which are written late; see [`super::unindexed`].

use rusqlite::Row;
use uuid::Uuid;

use super::by_id::entry_of;
use super::database::Sqlite;
use super::statements::Statements;
use super::unindexed::{Indexes, Place, ROUND, RowKeys, Step, Unindexed};
use crate::store::StoreError;

/// The entries that a transaction writes besides two for each row that it adds and for each row beyond those of two rounds.
/// So a round ends before the next begins, even if others write so often that many rounds are left in the middle.
const ENTRIES: usize = 64;

impl Sqlite {
    /// Reads the rows without entries anew if another connection has changed the ledger, which takes some milliseconds
    /// for two rounds of rows. It is called in a transaction.
    pub(super) fn read_unindexed(&mut self) -> Result<(), StoreError> {
        let version = Some(self.connection.value("PRAGMA data_version", ())?);
        if self.indexes.version != version {
            let mut rows = Unindexed::after(self.connection.value("SELECT up_to FROM indexed", ())?, ROUND);
            let sql = "SELECT seq, id, queue, lane, happened_at, state = 0 FROM ledger
                 WHERE seq > (SELECT up_to FROM indexed) ORDER BY seq";
            for (row, is_open) in self.connection.all(sql, (), keys)? {
                rows.add(row, is_open);
            }
            let last_id = self.connection.value("SELECT max(id) FROM id_index", ())?;
            self.indexes = Indexes { rows, version, last_id, ..Indexes::default() };
        }
        self.indexes.added = 0;
        self.indexes.has_open = self.connection.value("SELECT EXISTS (SELECT 1 FROM open_index)", ())?;
        Ok(())
    }

    /// The number of the row with this id.
    pub(super) fn seq_of(&self, id: Uuid) -> Result<Option<i64>, StoreError> {
        let Indexes { rows, last_id, .. } = &self.indexes;
        match rows.seq_of(id) {
            None if last_id.is_some_and(|last| id <= last) => Ok(entry_of(&self.connection, id)?),
            found => Ok(found),
        }
    }

    /// Notes the row that was just added. Gives its number.
    pub(super) fn note_added(
        &mut self,
        (id, lane): (Uuid, Uuid),
        queue: i64,
        happened_at: i64,
        is_open: bool,
    ) -> Result<i64, StoreError> {
        let seq = self.connection.last_insert_rowid();
        let row = RowKeys { id, queue, place: Place { lane, happened_at, seq } };
        self.indexes.added += 1;
        let rows = &mut self.indexes.rows;
        if rows.holds(seq) {
            rows.add(row, is_open);
        }
        // SQLite gives the number of the newest row once more if that was deleted.
        if rows.has_entries(seq) {
            self.write_id(id, seq)?;
            if is_open {
                self.write_open(row.place, queue)?;
            }
        }
        Ok(seq)
    }

    /// Notes that a row was opened again.
    pub(super) fn note_opened(&mut self, place: Place, queue: i64) -> Result<(), StoreError> {
        let rows = &mut self.indexes.rows;
        if rows.holds(place.seq) {
            rows.open(place);
        }
        if rows.has_entries(place.seq) { self.write_open(place, queue) } else { Ok(()) }
    }

    /// Notes that an open row was closed.
    pub(super) fn note_closed(&mut self, place: Place) -> Result<(), StoreError> {
        self.indexes.rows.close(place);
        self.drop_open(place)
    }

    /// Notes that an open row is in another lane.
    pub(super) fn note_moved(&mut self, from: Place, to: Place, queue: i64) -> Result<(), StoreError> {
        let rows = &mut self.indexes.rows;
        if rows.holds(to.seq) {
            rows.relocate(from, to);
        }
        let has_entries = rows.has_entries(to.seq);
        // A round that was left may have written the entry.
        self.drop_open(from)?;
        if has_entries { self.write_open(to, queue) } else { Ok(()) }
    }

    /// Notes that a row, which was not open, was deleted.
    pub(super) fn note_deleted(&mut self, seq: i64, id: Uuid) -> Result<(), StoreError> {
        self.indexes.rows.forget(seq);
        self.run("DELETE FROM id_index WHERE id = ?1 AND row = ?2", (id, seq)).map(drop)
    }

    /// The open row of a lane that goes first.
    pub(super) fn first_of(&self, lane: Uuid) -> Result<Option<Place>, StoreError> {
        let newer = self.indexes.rows.first_of(lane);
        if !self.indexes.has_open {
            return Ok(newer);
        }
        let sql = "SELECT happened_at, row FROM open_index WHERE lane = ?1 ORDER BY happened_at, row LIMIT 1";
        let place = |row: &Row<'_>| Ok(Place { lane, happened_at: row.get(0)?, seq: row.get(1)? });
        let older = self.connection.first(sql, [lane], place)?;
        Ok(older.into_iter().chain(newer).min())
    }

    /// Whether a lane has an open row other than this one.
    pub(super) fn has_other(&self, place: Place) -> Result<bool, StoreError> {
        if self.indexes.rows.has_other(place) {
            return Ok(true);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM open_index WHERE lane = ?1 AND row <> ?2)";
        Ok(self.indexes.has_open && self.connection.value(sql, (place.lane, place.seq))?)
    }

    /// Writes some of the entries that are to be written. It is called before a commit.
    pub(super) fn write_entries(&mut self) -> Result<(), StoreError> {
        // A process beside the daemon ends soon.
        if self.care.is_none() {
            return Ok(());
        }
        let Indexes { added, rows, .. } = &self.indexes;
        for _ in 0..2 * (added + rows.too_many()) + ENTRIES {
            match self.indexes.rows.step() {
                None => break,
                Some(Step::Id(id, seq)) => self.write_id(id, seq)?,
                Some(Step::Open(place, queue)) => self.write_open(place, queue)?,
                Some(Step::Done(up_to)) => self.run("UPDATE indexed SET up_to = ?1", [up_to]).map(drop)?,
            }
        }
        Ok(())
    }

    fn write_id(&mut self, id: Uuid, seq: i64) -> Result<(), StoreError> {
        self.indexes.last_id = self.indexes.last_id.max(Some(id));
        self.run("INSERT OR REPLACE INTO id_index (id, row) VALUES (?1, ?2)", (id, seq)).map(drop)
    }

    fn write_open(&mut self, place: Place, queue: i64) -> Result<(), StoreError> {
        self.indexes.has_open = true;
        let sql = "INSERT OR IGNORE INTO open_index (lane, happened_at, row, queue) VALUES (?1, ?2, ?3, ?4)";
        self.run(sql, (place.lane, place.happened_at, place.seq, queue)).map(drop)
    }

    fn drop_open(&mut self, place: Place) -> Result<(), StoreError> {
        if !self.indexes.has_open {
            return Ok(());
        }
        let sql = "DELETE FROM open_index WHERE lane = ?1 AND happened_at = ?2 AND row = ?3";
        self.run(sql, (place.lane, place.happened_at, place.seq)).map(drop)
    }
}

/// Reads the keys of a row, and whether it is open.
fn keys(row: &Row<'_>) -> rusqlite::Result<(RowKeys, bool)> {
    let place = Place { seq: row.get(0)?, lane: row.get(3)?, happened_at: row.get(4)? };
    Ok((RowKeys { id: row.get(1)?, queue: row.get(2)?, place }, row.get(5)?))
}
