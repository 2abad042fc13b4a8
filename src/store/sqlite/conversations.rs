//! Stores questions to people. They are written with settlements, and looked up when the person writes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::database::Sqlite;
use super::read::Reader;
use super::values::{PRUNE_STEP, hex, json};
use crate::clock::millis;
use crate::store::{Conversation, QuestionShown, RowState, StoreError};
use crate::verdict::Verdict;

/// How long a question is kept after its time is over, unless `store.retention` is shorter.
const REMEMBERED: Duration = Duration::from_secs(86_400);

/// Changes of questions in a batch of settlements. Each begins with the room, the person and the event that asked.
#[derive(Default)]
pub(super) struct ConversationRow<'a> {
    pub(super) asked: Vec<&'a Conversation>,
    /// And when it was in the space by Webex's clock, and the message's id.
    pub(super) shown: Vec<(&'a str, &'a str, String, i64, &'a str)>,
    /// And the event that ends it.
    pub(super) ended: Vec<(&'a str, &'a str, String, String)>,
}

impl Sqlite {
    /// Ends questions and notes which are in the space, unless a newer one replaced them. Then writes new questions
    /// over older ones.
    pub(super) async fn write_questions(
        &mut self,
        ConversationRow { asked, shown, ended }: &ConversationRow<'_>,
    ) -> Result<(), StoreError> {
        if !ended.is_empty() {
            let sql = "UPDATE conversation SET ended_by = over.ended_by
                 FROM (SELECT value->>0 AS room, value->>1 AS person, unhex(value->>2) AS event,
                     unhex(value->>3) AS ended_by FROM json_each(?1)) AS over
                 WHERE conversation.room = over.room AND conversation.person = over.person
                     AND conversation.event = over.event";
            self.run(sqlx::query(sql).bind(json(ended)?)).await?;
        }
        if !shown.is_empty() {
            // The time that sending took is added to the time to answer, since nobody could answer before.
            let sql = "UPDATE conversation SET shown_at = sent.shown_at, shown_as = sent.shown_as,
                     until_at = until_at + max(0, ?2 - asked_at)
                 FROM (SELECT value->>0 AS room, value->>1 AS person, unhex(value->>2) AS event,
                     value->>3 AS shown_at, value->>4 AS shown_as FROM json_each(?1)) AS sent
                 WHERE conversation.room = sent.room AND conversation.person = sent.person
                     AND conversation.event = sent.event AND conversation.shown_at IS NULL";
            self.run(sqlx::query(sql).bind(json(shown)?).bind(self.clock.wall_ms())).await?;
        }
        if asked.is_empty() {
            return Ok(());
        }
        let asked: Vec<_> = asked
            .iter()
            .map(|Conversation { room, person, event, asked_at, until, body, message, .. }| {
                (room, person, hex(*event), asked_at, until, body, hex(*message))
            })
            .collect();
        let sql = "INSERT OR REPLACE INTO conversation (room, person, event, asked_at, until_at, body, message)
             SELECT value->>0, value->>1, unhex(value->>2), value->>3, value->>4, value->>5, unhex(value->>6)
             FROM json_each(?1)";
        self.run(sqlx::query(sql).bind(json(&asked)?)).await?;
        // Set before the commit, so that the question is looked up as soon as anybody can have read it.
        self.reader.asks.store(true, Ordering::Release);
        Ok(())
    }

    /// Forgets some questions whose time has long been over. Returns how many.
    pub(super) async fn prune_conversations(&mut self, retention: Duration) -> Result<u64, StoreError> {
        let sql = "DELETE FROM conversation WHERE (room, person) IN
             (SELECT room, person FROM conversation WHERE until_at <= ?1 LIMIT ?2)";
        let until = self.clock.wall_ms() - millis(retention.min(REMEMBERED));
        self.run(sqlx::query(sql).bind(until).bind(PRUNE_STEP)).await
    }
}

impl Reader {
    pub async fn conversation(&self, room: &str, person: &str) -> Result<Option<Conversation>, StoreError> {
        if !self.asks.load(Ordering::Acquire) {
            return Ok(None);
        }
        // Few lookups by key: the message that asks is looked up only while it is not known to be in the space.
        let sql = "SELECT asks.event, asked_at, until_at, asks.body, ended_by, message, shown_at, shown_as, state,
                 ledger.verdict, ledger.uncertain, lane.head = ledger.seq AND lane.leased > 0 AS leased
             FROM conversation AS asks LEFT JOIN ledger ON asks.shown_at IS NULL AND ledger.id = asks.message
                 LEFT JOIN lane ON lane.id = ledger.lane
             WHERE room = ?1 AND person = ?2";
        let row = sqlx::query(sql);
        let row = row.bind(room).bind(person).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Conversation {
            room: room.to_owned(),
            person: person.to_owned(),
            event: row.try_get("event")?,
            asked_at: row.try_get("asked_at")?,
            until: row.try_get("until_at")?,
            body: row.try_get("body")?,
            ended_by: row.try_get("ended_by")?,
            message: row.try_get::<Option<Uuid>, _>("message")?.unwrap_or_default(),
            shown: shown(&row)?,
        }))
    }
}

fn shown(row: &SqliteRow) -> Result<QuestionShown, sqlx::Error> {
    if let Some(at) = row.try_get("shown_at")? {
        return Ok(QuestionShown::At { at, message: row.try_get::<Option<_>, _>("shown_as")?.unwrap_or_default() });
    }
    // The message is of an older version, or older than what the ledger keeps.
    let Some(state) = row.try_get::<Option<i64>, _>("state")? else { return Ok(QuestionShown::Perhaps) };
    let is_sent = row.try_get::<Option<String>, _>("verdict")?.as_deref() == Some(Verdict::Sent.word());
    let (leased, uncertain): (Option<bool>, bool) = (row.try_get("leased")?, row.try_get("uncertain")?);
    Ok(match RowState::of(state) {
        RowState::Open if leased == Some(true) => QuestionShown::Sending,
        RowState::Open if uncertain => QuestionShown::Perhaps,
        RowState::Done if is_sent => QuestionShown::Perhaps,
        RowState::Forgotten => QuestionShown::Perhaps,
        RowState::Open | RowState::Done | RowState::Dead => QuestionShown::No,
    })
}
