//! What people were asked and may still answer: one question a person and space, the newest.
//!
//! A row that was answered stays for a while: what it asked for can be tried again by hand, and whoever is late is told.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::Row as _;
use uuid::Uuid;

use super::sqlite::{PRUNE_STEP, Sqlite, hex, json, millis};
use super::{Store, StoreError, now_ms};

/// For so long after its time a question is remembered, unless the ledger keeps everything shorter.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// What somebody was asked in a space.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Conversation {
    pub room: String,
    pub person: String,
    /// The event whose reply asks.
    pub event: Uuid,
    /// Milliseconds since 1970.
    pub asked_at: i64,
    /// Milliseconds since 1970: what is said later is no answer.
    pub until: i64,
    /// Opaque to the store.
    pub body: String,
    /// The event that answered it, or ended it otherwise.
    pub ended_by: Option<Uuid>,
}

/// The end of a question: its room, person and event, and the event that ends it.
pub(super) type Ended<'a> = (&'a str, &'a str, Uuid, Uuid);

impl Store {
    /// What somebody was asked last in a space, whether it is over or not.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn conversation(&self, room: &str, person: &str) -> Result<Option<Conversation>, StoreError> {
        if !self.0.asks.load(Ordering::Acquire) {
            return Ok(None);
        }
        let sql = "SELECT event, asked_at, until_at, body, ended_by FROM conversation WHERE room = ?1 AND person = ?2";
        let row = sqlx::query(sql).bind(room).bind(person).fetch_optional(self.0.reader.pool()).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Conversation {
            room: room.to_owned(),
            person: person.to_owned(),
            event: row.try_get("event")?,
            asked_at: row.try_get("asked_at")?,
            until: row.try_get("until_at")?,
            body: row.try_get("body")?,
            ended_by: row.try_get("ended_by")?,
        }))
    }
}

impl Sqlite {
    /// Most bots never ask, and then nothing is looked up for what people say.
    pub(super) async fn look_for_conversations(&mut self) -> Result<(), sqlx::Error> {
        let found = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM conversation)").fetch_one(&mut self.connection);
        self.asks.store(found.await?, Ordering::Release);
        Ok(())
    }

    /// Ends what is over, if nothing else was asked meanwhile, and then writes what is asked over what was asked before.
    pub(super) async fn converse(&mut self, ended: &[Ended<'_>], asked: &[&Conversation]) -> Result<(), sqlx::Error> {
        if !ended.is_empty() {
            let ended: Vec<_> =
                ended.iter().map(|(room, person, event, by)| (room, person, hex(*event), hex(*by))).collect();
            sqlx::query(
                "UPDATE conversation SET ended_by = over.ended_by
                 FROM (SELECT value->>0 AS room, value->>1 AS person, unhex(value->>2) AS event,
                     unhex(value->>3) AS ended_by FROM json_each(?1)) AS over
                 WHERE conversation.room = over.room AND conversation.person = over.person
                     AND conversation.event = over.event",
            )
            .bind(json(&ended)?)
            .execute(&mut self.connection)
            .await?;
        }
        if asked.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = asked
            .iter()
            .map(|Conversation { room, person, event, asked_at, until, body, .. }| {
                (room, person, hex(*event), asked_at, until, body)
            })
            .collect();
        sqlx::query(
            "INSERT OR REPLACE INTO conversation (room, person, event, asked_at, until_at, body)
             SELECT value->>0, value->>1, unhex(value->>2), value->>3, value->>4, value->>5 FROM json_each(?1)",
        )
        .bind(json(&asked)?)
        .execute(&mut self.connection)
        .await?;
        // Before the commit, so that nobody who can have read the question misses it.
        self.asks.store(true, Ordering::Release);
        Ok(())
    }

    /// Forgets questions long past their time, some at a time; returns how many.
    pub(super) async fn prune_conversations(&mut self, retention: Duration) -> Result<u64, sqlx::Error> {
        let forgotten = sqlx::query(
            "DELETE FROM conversation WHERE (room, person) IN
                 (SELECT room, person FROM conversation WHERE until_at <= ?1 LIMIT ?2)",
        )
        .bind(now_ms() - millis(retention.min(REMEMBERED)))
        .bind(PRUNE_STEP)
        .execute(&mut self.connection)
        .await?;
        Ok(forgotten.rows_affected())
    }
}
