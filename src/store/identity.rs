//! What tells one ledger apart from every other.

use sqlx::Row as _;
use uuid::Uuid;

use super::read::Reader;
use super::sqlite::database::Sqlite;
use super::writer::Op;
use super::{Store, StoreError};

/// A ledger, whoever opens it. The older of two comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerId {
    /// When it was made, in milliseconds since 1970.
    pub born_at: i64,
    /// Tells those of the same moment apart.
    pub chance: u32,
}

impl Store {
    /// Which ledger this is.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn ledger_id(&self) -> Result<LedgerId, StoreError> {
        self.0.reader.identity().await.map(|(id, _)| id)
    }

    /// Whether the daemon of this ledger was the one that answers when it last looked.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn answered(&self) -> Result<bool, StoreError> {
        self.0.reader.identity().await.map(|(_, answers)| answers)
    }

    /// Remembers whether the daemon of this ledger is the one that answers.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn set_answers(&self, answers: bool) -> Result<(), StoreError> {
        self.ask(|answer| Op::Answers(answers, answer)).await
    }
}

impl Sqlite {
    /// A ledger from before it had an identity is as old as its oldest event.
    pub(super) async fn make_identity(&mut self) -> Result<(), sqlx::Error> {
        let chance = Uuid::new_v4().as_fields().0;
        sqlx::query(
            "INSERT INTO identity (id, born_at, chance, answers)
             SELECT 1, coalesce((SELECT min(accepted_at) FROM ledger), ?1), ?2, EXISTS (SELECT 1 FROM ledger)
             WHERE true ON CONFLICT DO NOTHING",
        )
        .bind(self.clock.wall_ms())
        .bind(chance)
        .execute(&mut self.connection)
        .await
        .map(drop)
    }

    pub(super) async fn set_answers(&mut self, answers: bool) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE identity SET answers = ?1").bind(answers).execute(&mut self.connection).await.map(drop)
    }
}

impl Reader {
    async fn identity(&self) -> Result<(LedgerId, bool), StoreError> {
        let row = sqlx::query("SELECT born_at, chance, answers FROM identity").fetch_one(self.pool()).await?;
        let id = LedgerId { born_at: row.try_get("born_at")?, chance: row.try_get("chance")? };
        Ok((id, row.try_get("answers")?))
    }
}
