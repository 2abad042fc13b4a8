//! Stores what distinguishes this ledger from every other, and what its daemon knows about itself.

use sqlx::Row as _;
use uuid::Uuid;

use super::database::Sqlite;
use super::read::Reader;
use crate::store::{LedgerId, StoreError};

impl Sqlite {
    /// Begins an instance of the daemon, and takes back the leases of earlier ones. The lock proves that they are dead.
    pub(super) async fn begin_instance(&mut self) -> Result<(), StoreError> {
        self.begin().await?;
        self.run(sqlx::query("DELETE FROM instance")).await?;
        self.take_back_leases().await?;
        let sql = "INSERT INTO instance (started_at) VALUES (?1) RETURNING id";
        let id = sqlx::query_scalar(sql).bind(self.clock.wall_ms()).fetch_one(&mut self.connection).await?;
        self.instance = Some(id);
        self.commit().await
    }

    /// Gives the ledger an identity. One from before identities is as old as its oldest event.
    pub(super) async fn make_identity(&mut self) -> Result<(), StoreError> {
        let chance = Uuid::new_v4().as_fields().0;
        let sql = "INSERT INTO identity (id, born_at, chance, answers)
             SELECT 1, coalesce((SELECT min(accepted_at) FROM ledger), ?1), ?2, EXISTS (SELECT 1 FROM ledger)
             WHERE true ON CONFLICT DO NOTHING";
        self.run(sqlx::query(sql).bind(self.clock.wall_ms()).bind(chance)).await.map(drop)
    }

    pub async fn set_answers(&mut self, answers: bool) -> Result<u64, StoreError> {
        self.run(sqlx::query("UPDATE identity SET answers = ?1").bind(answers)).await
    }
}

impl Reader {
    pub async fn identity(&self) -> Result<(LedgerId, bool), StoreError> {
        let row = sqlx::query("SELECT born_at, chance, answers FROM identity").fetch_one(&self.pool).await?;
        let id = LedgerId { born_at: row.try_get("born_at")?, chance: row.try_get("chance")? };
        Ok((id, row.try_get("answers")?))
    }
}
