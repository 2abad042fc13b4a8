//! Cards that were used, and the key that seals them where the settings have none.

use std::time::Duration;

use uuid::Uuid;

use super::database::{Sqlite, hex, json, millis};
use crate::clock;
use crate::store::writer::Op;
use crate::store::{Claimed, Store, StoreError};

impl Store {
    /// Whether the one use of a card is spent.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn is_used(&self, card: Uuid) -> Result<bool, StoreError> {
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM used WHERE card = ?1)").bind(card);
        Ok(found.fetch_one(self.0.reader.pool()).await?)
    }

    /// Whether the one use of one of these cards was spent on this action, or nobody knows on what.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn is_used_for(&self, cards: &[Uuid], action: &str) -> Result<bool, StoreError> {
        let cards: Vec<_> = cards.iter().map(|card| hex(*card)).collect();
        let found = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM used WHERE card IN (SELECT unhex(value) FROM json_each(?1))
                 AND coalesce(action, ?2) = ?2)",
        );
        Ok(found.bind(json(&cards)?).bind(action).fetch_one(self.0.reader.pool()).await?)
    }

    /// What may be done once is about to be begun for this event: it goes first in its lane until it is settled, whatever
    /// ends the process. `false` when the lease was lost, and somebody else may be at it.
    ///
    /// # Errors
    /// When the engine fails; it is not to be begun then.
    pub async fn begin_once(&self, row: &Claimed) -> Result<bool, StoreError> {
        let (seq, lane, fence) = (row.seq, row.lane, row.fence);
        self.ask(|answer| Op::BeginOnce { seq, lane, fence, answer }).await
    }

    /// A secret that was made with the ledger and never leaves it.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn own_secret(&self) -> Result<Vec<u8>, StoreError> {
        let found = sqlx::query_scalar("SELECT bytes FROM own_secret");
        Ok(found.fetch_one(self.0.reader.pool()).await?)
    }
}

impl Sqlite {
    pub(in crate::store) async fn begin_once(&mut self, seq: i64, lane: Uuid, fence: i64) -> Result<u64, sqlx::Error> {
        let started = sqlx::query(
            "UPDATE ledger SET begun = 1 WHERE seq = ?1 AND state = 0
                 AND EXISTS (SELECT 1 FROM lane WHERE id = ?2 AND fence = ?3 AND leased > 0)",
        );
        Ok(started.bind(seq).bind(lane).bind(fence).execute(&mut self.connection).await?.rows_affected())
    }

    /// Makes the secret of a ledger that has none yet. A uuid of version 4 is 122 bits of the system's randomness.
    pub(in crate::store) async fn make_own_secret(&mut self) -> Result<(), sqlx::Error> {
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        sqlx::query("INSERT INTO own_secret (id, bytes) VALUES (1, ?1) ON CONFLICT DO NOTHING")
            .bind(bytes)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }

    pub(in crate::store) async fn spend(
        &mut self,
        used: &[(String, &i64, &Option<String>)],
    ) -> Result<(), sqlx::Error> {
        if used.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO used (card, until_at, action) SELECT unhex(value->>0), value->>1, value->>2 FROM json_each(?1)
             WHERE true ON CONFLICT DO NOTHING",
        )
        .bind(json(used)?)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    /// Forgets cards whose buttons have stopped working, `spare` ago so that a clock set back opens none of them again.
    pub(in crate::store) async fn prune_used(&mut self, spare: Duration) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM used WHERE until_at <= ?1")
            .bind(clock::wall_ms() - millis(spare))
            .execute(&mut self.connection)
            .await
            .map(drop)
    }
}
