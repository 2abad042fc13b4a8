//! Stores which cards were used, what was begun that may be done once, and the secret that seals cards if the settings
//! give none.

use std::time::Duration;

use uuid::Uuid;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::Statements;
use crate::clock::millis;
use crate::store::error::StoreError;

impl Sqlite {
    pub fn begin_once(&mut self, seq: i64, lane: Uuid, fence: i64) -> Result<u64, StoreError> {
        let sql = "UPDATE ledger SET begun = 1 WHERE seq = ?1 AND state = 0
             AND EXISTS (SELECT 1 FROM lane WHERE id = ?2 AND fence = ?3 AND leased > 0)";
        self.run(sql, (seq, lane, fence))
    }

    /// Makes the secret of a ledger that has none yet. A UUID of version 4 has 122 random bits from the system.
    pub(super) fn make_own_secret(&mut self) -> Result<(), StoreError> {
        let bytes = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
        self.run("INSERT INTO own_secret (id, bytes) VALUES (1, ?1) ON CONFLICT DO NOTHING", [bytes]).map(drop)
    }

    pub(super) fn spend(&mut self, card: Uuid, until: i64, action: Option<&str>) -> Result<(), StoreError> {
        let sql = "INSERT INTO used (card, until_at, action) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(sql, (card, until, action)).map(drop)
    }

    /// Forgets cards whose buttons stopped working more than `spare` ago. So a clock that is set back does not revive
    /// one.
    pub(super) fn prune_used(&mut self, spare: Duration) -> Result<(), StoreError> {
        self.run("DELETE FROM used WHERE until_at <= ?1", [self.clock.wall_ms() - millis(spare)]).map(drop)
    }
}

impl Reader {
    pub async fn is_used(&self, card: Uuid) -> Result<bool, StoreError> {
        self.read(move |ledger| ledger.value("SELECT EXISTS (SELECT 1 FROM used WHERE card = ?1)", [card])).await
    }

    pub async fn is_used_for(&self, cards: &[Uuid], action: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM used WHERE card = ?1 AND coalesce(action, ?2) = ?2)";
        let (cards, action) = (cards.to_owned(), action.to_owned());
        self.read(move |ledger| {
            for card in cards {
                if ledger.value(sql, (card, &action))? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
        .await
    }

    pub async fn own_secret(&self) -> Result<Vec<u8>, StoreError> {
        self.read(|ledger| ledger.value("SELECT bytes FROM own_secret", ())).await
    }
}
