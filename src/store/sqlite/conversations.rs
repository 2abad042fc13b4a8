//! Stores questions to people. They are written with settlements, and looked up when the person writes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use uuid::Uuid;

use super::by_id::seq_of;
use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{PRUNE_STEP, Statements, column};
use crate::clock::millis;
use crate::store::{Conversation, QuestionShown, RowState, StoreError};
use crate::verdict::Verdict;

/// How long a question is kept after its time is over, unless `store.retention` is shorter.
const REMEMBERED: Duration = Duration::from_secs(86_400);

impl Sqlite {
    /// Writes a question, over the person's earlier one in that space.
    pub(super) fn ask(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        let Conversation { room, person, event, asked_at, until, body, message, .. } = conversation;
        let sql = "INSERT OR REPLACE INTO conversation (room, person, event, asked_at, until_at, body, message)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.run(sql, (room, person, event, asked_at, until, body, message))?;
        // Set before the commit, so that the question is looked up as soon as anybody can have read it.
        self.reader.asks.store(true, Ordering::Release);
        Ok(())
    }

    /// Notes that the message of a question is in the space, unless a newer question replaced it. The time that sending
    /// took is added to the time to answer, since nobody could answer before.
    pub(super) fn note_shown(
        &mut self,
        room: &str,
        person: &str,
        event: Uuid,
        at: i64,
        message: &str,
    ) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET shown_at = ?4, shown_as = ?5, until_at = until_at + max(0, ?6 - asked_at)
             WHERE room = ?1 AND person = ?2 AND event = ?3 AND shown_at IS NULL";
        self.run(sql, (room, person, event, at, message, self.clock.wall_ms())).map(drop)
    }

    /// Ends a question, unless a newer one replaced it.
    pub(super) fn end_question(&mut self, room: &str, person: &str, event: Uuid, by: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE conversation SET ended_by = ?4 WHERE room = ?1 AND person = ?2 AND event = ?3";
        self.run(sql, (room, person, event, by)).map(drop)
    }

    /// Forgets some questions whose time has long been over. Returns how many.
    pub(super) fn prune_conversations(&mut self, retention: Duration) -> Result<u64, StoreError> {
        let sql = "DELETE FROM conversation WHERE (room, person) IN
             (SELECT room, person FROM conversation WHERE until_at <= ?1 LIMIT ?2)";
        let until = self.clock.wall_ms() - millis(retention.min(REMEMBERED));
        self.run(sql, (until, PRUNE_STEP))
    }
}

impl Reader {
    pub async fn conversation(&self, room: &str, person: &str) -> Result<Option<Conversation>, StoreError> {
        if !self.asks.load(Ordering::Acquire) {
            return Ok(None);
        }
        // The message that asks is looked up only while it is not known to be in the space.
        let hidden = "SELECT message FROM conversation WHERE room = ?1 AND person = ?2 AND shown_at IS NULL
             AND message IS NOT NULL";
        let sql = "SELECT asks.event, asked_at, until_at, asks.body, ended_by, message, shown_at, shown_as, state,
                 ledger.verdict, ledger.uncertain, lane.head = ledger.seq AND lane.leased > 0 AS leased
             FROM conversation AS asks LEFT JOIN ledger ON ledger.seq = ?3
                 LEFT JOIN lane ON lane.id = ledger.lane
             WHERE room = ?1 AND person = ?2";
        let (room, person) = (room.to_owned(), person.to_owned());
        self.read(move |ledger| {
            let message: Option<Uuid> = ledger.first(hidden, (&room, &person), column)?;
            let seq = message.map(|id| seq_of(ledger, id)).transpose()?.flatten();
            ledger.first(sql, (&room, &person, seq), |row| {
                Ok(Conversation {
                    room: room.clone(),
                    person: person.clone(),
                    event: row.get("event")?,
                    asked_at: row.get("asked_at")?,
                    until: row.get("until_at")?,
                    body: row.get("body")?,
                    ended_by: row.get("ended_by")?,
                    message: row.get::<_, Option<Uuid>>("message")?.unwrap_or_default(),
                    shown: shown(row)?,
                })
            })
        })
        .await
    }
}

fn shown(row: &rusqlite::Row<'_>) -> rusqlite::Result<QuestionShown> {
    if let Some(at) = row.get("shown_at")? {
        return Ok(QuestionShown::At { at, message: row.get::<_, Option<_>>("shown_as")?.unwrap_or_default() });
    }
    // The message is of an older version, or older than what the ledger keeps.
    let Some(state) = row.get::<_, Option<i64>>("state")? else { return Ok(QuestionShown::Perhaps) };
    let is_sent = row.get::<_, Option<String>>("verdict")?.as_deref() == Some(Verdict::Sent.word());
    let (leased, uncertain): (Option<bool>, bool) = (row.get("leased")?, row.get("uncertain")?);
    Ok(match RowState::of(state) {
        RowState::Open if leased == Some(true) => QuestionShown::Sending,
        RowState::Open if uncertain => QuestionShown::Perhaps,
        RowState::Done if is_sent => QuestionShown::Perhaps,
        RowState::Forgotten => QuestionShown::Perhaps,
        RowState::Open | RowState::Done | RowState::Dead => QuestionShown::No,
    })
}
