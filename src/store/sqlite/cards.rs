//! Stores which cards were used, what was begun that may be done once, and the secret that seals cards if the settings
//! give none.

use std::time::Duration;

use uuid::Uuid;

use super::database::Sqlite;
use super::read::Reader;
use super::values::{hex, json};
use crate::clock::millis;
use crate::store::error::StoreError;

impl Sqlite {
    pub async fn begin_once(&mut self, seq: i64, lane: Uuid, fence: i64) -> Result<u64, StoreError> {
        let sql = "UPDATE ledger SET begun = 1 WHERE seq = ?1 AND state = 0
             AND EXISTS (SELECT 1 FROM lane WHERE id = ?2 AND fence = ?3 AND leased > 0)";
        let begun = sqlx::query(sql);
        self.run(begun.bind(seq).bind(lane).bind(fence)).await
    }

    /// Makes the secret of a ledger that has none yet. A UUID of version 4 has 122 random bits from the system.
    pub(super) async fn make_own_secret(&mut self) -> Result<(), StoreError> {
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        let sql = "INSERT INTO own_secret (id, bytes) VALUES (1, ?1) ON CONFLICT DO NOTHING";
        self.run(sqlx::query(sql).bind(bytes)).await.map(drop)
    }

    pub(super) async fn spend(&mut self, used: &[(String, &i64, &Option<String>)]) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        let sql =
            "INSERT INTO used (card, until_at, action) SELECT unhex(value->>0), value->>1, value->>2 FROM json_each(?1)
             WHERE true ON CONFLICT DO NOTHING";
        self.run(sqlx::query(sql).bind(json(used)?)).await.map(drop)
    }

    /// Forgets cards whose buttons stopped working more than `spare` ago. So a clock that is set back does not revive
    /// one.
    pub(super) async fn prune_used(&mut self, spare: Duration) -> Result<(), StoreError> {
        let sql = "DELETE FROM used WHERE until_at <= ?1";
        self.run(sqlx::query(sql).bind(self.clock.wall_ms() - millis(spare))).await.map(drop)
    }
}

impl Reader {
    pub async fn is_used(&self, card: Uuid) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM used WHERE card = ?1)").bind(card);
        Ok(found.fetch_one(&self.pool).await?)
    }

    pub async fn is_used_for(&self, cards: &[Uuid], action: &str) -> Result<bool, StoreError> {
        let cards: Vec<_> = cards.iter().map(|card| hex(*card)).collect();
        let sql = "SELECT EXISTS (SELECT 1 FROM used WHERE card IN (SELECT unhex(value) FROM json_each(?1))
             AND coalesce(action, ?2) = ?2)";
        let found = sqlx::query_scalar(sql);
        Ok(found.bind(json(&cards)?).bind(action).fetch_one(&self.pool).await?)
    }

    pub async fn own_secret(&self) -> Result<Vec<u8>, StoreError> {
        let found = sqlx::query_scalar("SELECT bytes FROM own_secret");
        Ok(found.fetch_one(&self.pool).await?)
    }
}
