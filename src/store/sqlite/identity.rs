//! Stores what distinguishes this ledger from every other, and what its daemon knows about itself.

use uuid::Uuid;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{Statements, column};
use crate::store::{LedgerId, StoreError};

impl Sqlite {
    /// Begins an instance of the daemon, and takes back the leases of earlier ones. The lock proves that they are dead.
    pub(super) fn begin_instance(&mut self) -> Result<(), StoreError> {
        self.begin()?;
        self.run("DELETE FROM instance", ())?;
        self.take_back_leases()?;
        let sql = "INSERT INTO instance (started_at) VALUES (?1) RETURNING id";
        self.instance = self.connection.first(sql, [self.clock.wall_ms()], column)?;
        self.commit()
    }

    /// Gives the ledger an identity. One from before identities is as old as its oldest event.
    pub(super) fn make_identity(&mut self) -> Result<(), StoreError> {
        let chance = Uuid::new_v4().as_fields().0;
        let sql = "INSERT INTO identity (id, born_at, chance, answers)
             SELECT 1, coalesce((SELECT min(accepted_at) FROM ledger), ?1), ?2, EXISTS (SELECT 1 FROM ledger)
             WHERE true ON CONFLICT DO NOTHING";
        self.run(sql, (self.clock.wall_ms(), chance)).map(drop)
    }

    pub fn set_answers(&mut self, answers: bool) -> Result<u64, StoreError> {
        self.run("UPDATE identity SET answers = ?1", [answers])
    }
}

impl Reader {
    pub async fn identity(&self) -> Result<(LedgerId, bool), StoreError> {
        let read = |row: &rusqlite::Row<'_>| {
            Ok((LedgerId { born_at: row.get("born_at")?, chance: row.get("chance")? }, row.get("answers")?))
        };
        self.read(move |ledger| ledger.query_row("SELECT born_at, chance, answers FROM identity", (), read)).await
    }
}
