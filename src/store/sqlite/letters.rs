//! Stores what remains of letters besides their rows: threads that later letters join, and how often a message was
//! edited.

use std::time::Duration;

use uuid::Uuid;

use super::database::Sqlite;
use super::read::{COLUMNS, shown};
use super::reader::Reader;
use super::statements::{PRUNE_STEP, Statements};
use crate::clock::millis;
use crate::store::{Claimed, RootText, Row, StoreError, ThreadRoot, ThreadText};

impl Sqlite {
    /// Remembers the root of a thread that a letter began, or that a letter joined the thread or edited the root.
    pub(super) fn keep_thread(
        &mut self,
        row: &Claimed,
        key: &str,
        root: Option<&str>,
        shows: Option<&RootText>,
    ) -> Result<(), StoreError> {
        let now = self.clock.wall_ms();
        let (state, digest) = shows.map(|shows| (&shows.state, &shows.digest)).unzip();
        let by = shows.map(|_| row.seq);
        let Some(message) = root else {
            let sql = "UPDATE thread SET used_at = ?3, state = coalesce(?4, state), digest = coalesce(?5, digest),
                 shown_by = coalesce(?6, shown_by), edits = edits + (?6 IS NOT NULL),
                 edited_at = iif(?6 IS NULL, edited_at, ?3)
                 WHERE lane = ?1 AND key = ?2";
            return self.run(sql, (row.lane, key, now, state, digest, by)).map(drop);
        };
        let before = shows.and_then(|shows| shows.before.as_ref());
        let sql = "INSERT INTO thread (lane, key, used_at, message, letter, state, digest, shown_by, before)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE
             SET used_at = excluded.used_at, message = excluded.message, letter = excluded.letter,
                 state = excluded.state, digest = excluded.digest, shown_by = excluded.shown_by,
                 before = excluded.before, edits = 0, edited_at = NULL";
        self.run(sql, (row.lane, key, now, message, row.id, state, digest, by, before)).map(drop)
    }

    pub(super) fn count_edit(&mut self, letter: Uuid) -> Result<(), StoreError> {
        let Some(seq) = self.seq_of(letter)? else { return Ok(()) };
        self.run("UPDATE ledger SET edits = edits + 1 WHERE seq = ?1", [seq]).map(drop)
    }

    /// Forgets threads that no letter has joined for this long. Returns how many.
    pub(super) fn prune_threads(&mut self, unused: Duration) -> Result<u64, StoreError> {
        let sql = "DELETE FROM thread WHERE (lane, key) IN (SELECT lane, key FROM thread WHERE used_at <= ?1 LIMIT ?2)";
        self.run(sql, (self.clock.wall_ms() - millis(unused), PRUNE_STEP))
    }
}

impl Reader {
    pub async fn thread(&self, lane: Uuid, key: &str, seq: i64) -> Result<Option<ThreadRoot>, StoreError> {
        let sql = "SELECT message, letter, state, digest, edits, edited_at, before,
                 coalesce(shown_by > ?3, FALSE) AS is_newer
             FROM thread WHERE lane = ?1 AND key = ?2";
        let key = key.to_owned();
        self.read(move |ledger| ledger.first(sql, (lane, key, seq), thread_root)).await
    }

    pub async fn newer_edits(&self, lane: Uuid, seq: i64, target: Uuid) -> Result<Vec<(Uuid, String)>, StoreError> {
        let sql = "SELECT id, body FROM ledger WHERE lane = ?1 AND target = ?2 AND state = 0 AND seq > ?3
             ORDER BY seq DESC LIMIT 10";
        self.read(move |ledger| ledger.all(sql, (lane, target, seq), |row| Ok((row.get(0)?, row.get(1)?)))).await
    }

    pub async fn deliveries(&self, label: &str, most: u32) -> Result<Vec<Row>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE ledger.queue = 0 AND (ledger.label = ?1 OR ledger.label > ?1 || '/' AND ledger.label < ?1 || '0')
             ORDER BY seq DESC LIMIT ?2"
        );
        let label = label.to_owned();
        self.read(move |ledger| ledger.all(&sql, (label, most), shown)).await
    }

    pub async fn caused_by(&self, event: Uuid) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE cause = ?1 ORDER BY seq LIMIT 10000");
        self.read(move |ledger| ledger.all(&sql, [event], shown)).await
    }

    pub async fn editing(&self, targets: &[Uuid]) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE target = ?1 ORDER BY seq LIMIT 100");
        let targets = targets.to_owned();
        self.read(move |ledger| {
            let mut found = Vec::new();
            for target in targets {
                found.extend(ledger.all(&sql, [target], shown)?);
            }
            Ok(found)
        })
        .await
    }
}

fn thread_root(row: &rusqlite::Row<'_>) -> rusqlite::Result<ThreadRoot> {
    let (state, digest): (Option<String>, Option<String>) = (row.get("state")?, row.get("digest")?);
    let text = match state.zip(digest) {
        None => None,
        Some((state, digest)) => Some(ThreadText {
            state,
            digest,
            edits: row.get("edits")?,
            edited_at: row.get("edited_at")?,
            is_newer: row.get("is_newer")?,
            before: row.get("before")?,
        }),
    };
    Ok(ThreadRoot { message: row.get("message")?, letter: row.get("letter")?, text })
}
