//! Reads rows as people see them, on connections of their own, which never hold up the writer.

use bytes::Bytes;
use rusqlite::{Params, Row as SqlRow};
use uuid::Uuid;

use super::by_id::seq_of;
use super::reader::Reader;
use super::statements::{Statements, column};
use crate::store::{Filter, Queue, Receipt, Row, RowState, StoreError};
use crate::telemetry::Depths;
use crate::verdict::Verdict;

pub(super) const COLUMNS: &str =
    "SELECT ledger.id, state, ledger.queue, attempts + deaths AS attempts, accepted_at,
    settled_at, iif(state = 0, lane.due_at, NULL) AS due_at, state = 0 AND lane.head = seq AND lane.leased > 0 AS leased,
    verdict, subject, label, note, answers, sent_as, without_card, without_thread, edits, body FROM ledger LEFT JOIN lane ON lane.id = ledger.lane";

impl Reader {
    pub async fn goes_before(&self, id: Uuid, seq: i64) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM ledger one, ledger other WHERE one.seq = ?1 AND other.seq = ?2
             AND one.queue = other.queue AND one.lane = other.lane AND one.state = 0
             AND NOT other.begun
             AND (one.happened_at, one.seq) < (other.happened_at, other.seq))";
        self.read(move |ledger| ledger.value(sql, (seq_of(ledger, id)?, seq))).await
    }

    pub async fn depths(&self, now: i64) -> Result<Depths, StoreError> {
        let open = "SELECT rows, (SELECT accepted_at FROM ledger WHERE seq = oldest) FROM
             (SELECT count(*) AS rows, min(row) AS oldest FROM open_row WHERE queue = ?1)";
        let of_queue = |row: &SqlRow<'_>| Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get::<_, Option<i64>>(1)?));
        let (inbox, outbox, dead): (_, _, i64) = self
            .read(move |ledger| {
                let inbox = ledger.first(open, [Queue::Inbox.number()], of_queue)?.unwrap_or_default();
                let outbox = ledger.first(open, [Queue::Outbox.number()], of_queue)?.unwrap_or_default();
                Ok((inbox, outbox, ledger.value("SELECT count(*) FROM ledger WHERE state = 2", ())?))
            })
            .await?;
        let coverage = self.coverage().await?;
        let seconds = |accepted: Option<i64>| accepted.map_or(0.0, |at| (now - at).max(0) as f64 / 1000.0);
        Ok(Depths {
            inbox: inbox.0,
            outbox: outbox.0,
            inbox_seconds: seconds(inbox.1),
            outbox_seconds: seconds(outbox.1),
            dead: dead.unsigned_abs(),
            complete_seconds: coverage.as_ref().map(|coverage| (now - coverage.complete_until) as f64 / 1000.0),
            gaps: coverage.map_or(0, |coverage| coverage.gaps.len() as u64),
        })
    }

    pub async fn list(&self, queue: Queue, filter: Filter, most: u32) -> Result<Vec<Row>, StoreError> {
        // The state is checked too, since a row that was closed by hand may still have its entry.
        let states = match filter {
            Filter::Unsettled => {
                "seq IN (SELECT row FROM open_row UNION ALL SELECT seq FROM ledger WHERE state = 2) AND state IN (0, 2)"
            }
            Filter::In(RowState::Open) => "seq IN (SELECT row FROM open_row) AND state = 0",
            Filter::In(RowState::Done) => "state = 1",
            Filter::In(RowState::Dead) => "state = 2",
            Filter::In(RowState::Forgotten) => "state = 3",
            Filter::All => "state < 3",
        };
        let which = format!("ledger.queue = ?1 AND {states} ORDER BY seq DESC LIMIT ?2");
        self.rows(which, (queue.number(), most)).await
    }

    pub async fn row(&self, id: Uuid) -> Result<Option<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE seq = ?1");
        self.read(move |ledger| ledger.first(&sql, [seq_of(ledger, id)?], shown)).await
    }

    pub async fn between(&self, from: Uuid, to: Uuid) -> Result<Vec<Row>, StoreError> {
        self.rows(
            "seq IN (SELECT row FROM row_by_id WHERE id BETWEEN ?1 AND ?2)
             AND ledger.id BETWEEN ?1 AND ?2 ORDER BY seq LIMIT 100",
            (from, to),
        )
        .await
    }

    pub async fn ending_in(&self, digits: &str) -> Result<Vec<Row>, StoreError> {
        let most = u32::try_from(digits.len()).unwrap_or(u32::MAX);
        // The index of the ids is a twentieth of the rows.
        let which = "seq IN (SELECT row FROM row_by_id WHERE substr(lower(hex(id)), -?2) = ?1)
             ORDER BY seq LIMIT 100";
        self.rows(which, (digits.to_owned(), most)).await
    }

    pub async fn noting(&self, text: &str) -> Result<Vec<Row>, StoreError> {
        let which = "instr(note, ?1) > 0 OR instr(sent_as, ?1) > 0
             OR (ledger.queue = 0 AND instr(label, '/') > 0 AND instr(body, ?1) > 0) ORDER BY seq LIMIT 100";
        self.rows(which, [text.to_owned()]).await
    }

    pub async fn raw(&self, id: Uuid) -> Result<Option<Bytes>, StoreError> {
        let sql = "SELECT bytes FROM raw WHERE row = ?1";
        let found: Option<Vec<u8>> = self.read(move |ledger| ledger.first(sql, [seq_of(ledger, id)?], column)).await?;
        Ok(found.map(Bytes::from))
    }

    pub async fn unhandled(&self) -> Result<Vec<Row>, StoreError> {
        self.rows("verdict = 'unhandled' ORDER BY seq", ()).await
    }

    /// Reads the rows that these conditions choose.
    async fn rows(&self, which: impl AsRef<str>, values: impl Params + Send + 'static) -> Result<Vec<Row>, StoreError> {
        let sql = format!("{COLUMNS} WHERE {}", which.as_ref());
        self.read(move |ledger| ledger.all(&sql, values, shown)).await
    }
}

pub(super) fn shown(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get("id")?,
        queue: Queue::of(row.get("queue")?),
        state: RowState::of(row.get("state")?),
        attempts: row.get("attempts")?,
        accepted_at: row.get("accepted_at")?,
        settled_at: row.get("settled_at")?,
        due_at: row.get("due_at")?,
        leased: row.get::<_, Option<bool>>("leased")?.unwrap_or(false),
        verdict: verdict(row)?,
        subject: row.get("subject")?,
        label: row.get("label")?,
        note: row.get("note")?,
        answers: row.get("answers")?,
        receipt: receipt(row)?,
        edits: row.get("edits")?,
        body: row.get("body")?,
    })
}

fn receipt(row: &SqlRow<'_>) -> rusqlite::Result<Option<Receipt>> {
    let Some(message) = row.get("sent_as")? else { return Ok(None) };
    Ok(Some(Receipt { message, without_card: row.get("without_card")?, without_thread: row.get("without_thread")? }))
}

pub(super) fn verdict(row: &SqlRow<'_>) -> rusqlite::Result<Option<Verdict>> {
    Ok(row.get::<_, Option<String>>("verdict")?.as_deref().and_then(Verdict::of))
}
