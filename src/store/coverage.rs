//! What of all that is said the ledger is known to hold: a cursor per space, one interval with nothing missing, and the
//! gaps before it.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::Row as _;

use super::Store;
use super::read::Reader;
use super::sqlite::database::{Sqlite, json};
use super::{StoreError, writer::Op};

/// So many gaps are remembered.
const MOST_GAPS: i64 = 100;

/// How complete the ledger is. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Coverage {
    /// What was said before is history: it was there before the very first start. By Webex's clock.
    #[serde(skip)]
    pub floor: i64,
    /// Nothing is missing from then, by our clock,
    pub complete_from: i64,
    /// until then.
    pub complete_until: i64,
    /// What may be missing for good, newest first.
    pub gaps: Vec<Gap>,
}

/// A time of which something may be missing for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Milliseconds since 1970, by our clock.
    pub from: i64,
    /// Milliseconds since 1970, by our clock.
    pub until: i64,
    /// A sentence for the operator.
    pub why: String,
}

/// From where on the coverage is kept.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// What was said before is history, by Webex's clock.
    pub floor: i64,
    /// From when nothing is missing, by our clock.
    pub from: i64,
    /// What is missing before that, if something may be.
    pub gap: Option<Gap>,
}

/// What a look at Webex adds to the coverage; written as one.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Spaces, and up to when everything said there is in the ledger, by Webex's clock.
    pub cursors: Vec<(String, i64)>,
    /// Up to when nothing is missing but what the gaps name, by our clock.
    pub until: Option<i64>,
    /// What was found to be missing.
    pub gaps: Vec<Gap>,
}

impl Store {
    /// How complete the ledger is; `None` before the first look at Webex.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        self.0.reader.coverage().await
    }

    /// Up to when each space is complete, by Webex's clock.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn cursors(&self) -> Result<HashMap<String, i64>, StoreError> {
        self.0.reader.cursors().await
    }

    /// Begins to keep the coverage, or begins anew.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn begin_coverage(&self, beginning: Beginning) -> Result<(), StoreError> {
        self.ask(|answer| Op::Begin(beginning, answer)).await
    }

    /// When the newest event was accepted, by our clock.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn last_event(&self) -> Result<Option<i64>, StoreError> {
        self.0.reader.last_event().await
    }

    /// Writes down how far a look at Webex has come.
    ///
    /// # Errors
    /// When the engine fails; the next look then reads the same again, which does no harm.
    pub async fn progress(&self, progress: Progress) -> Result<(), StoreError> {
        self.ask(|answer| Op::Progress(progress, answer)).await
    }
}

impl Sqlite {
    pub(super) async fn begin_coverage(&mut self, beginning: &Beginning) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT OR REPLACE INTO coverage (id, floor, complete_from, complete_until) VALUES (1, ?1, ?2, ?2)",
        )
        .bind(beginning.floor)
        .bind(beginning.from)
        .execute(&mut self.connection)
        .await?;
        sqlx::query("DELETE FROM cursor").execute(&mut self.connection).await?;
        self.progress(&Progress { gaps: beginning.gap.iter().cloned().collect(), ..Progress::default() }).await
    }

    pub(super) async fn progress(&mut self, progress: &Progress) -> Result<(), sqlx::Error> {
        if !progress.cursors.is_empty() {
            sqlx::query(
                "INSERT INTO cursor (room, at) SELECT value->>0, value->>1 FROM json_each(?1) WHERE true
                 ON CONFLICT (room) DO UPDATE SET at = max(at, excluded.at)",
            )
            .bind(json(&progress.cursors)?)
            .execute(&mut self.connection)
            .await?;
        }
        for gap in &progress.gaps {
            // What goes on for a while is one gap.
            let longer = sqlx::query(
                "UPDATE gap SET until_at = max(until_at, ?2)
                 WHERE id = (SELECT max(id) FROM gap) AND why = ?3 AND ?1 BETWEEN from_at AND until_at",
            );
            let longer = longer.bind(gap.from).bind(gap.until).bind(&gap.why).execute(&mut self.connection).await?;
            if longer.rows_affected() == 0 {
                sqlx::query("INSERT INTO gap (from_at, until_at, why) VALUES (?1, ?2, ?3)")
                    .bind(gap.from)
                    .bind(gap.until)
                    .bind(&gap.why)
                    .execute(&mut self.connection)
                    .await?;
            }
            sqlx::query("UPDATE coverage SET complete_from = max(complete_from, ?1)")
                .bind(gap.until)
                .execute(&mut self.connection)
                .await?;
            sqlx::query("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?1")
                .bind(MOST_GAPS)
                .execute(&mut self.connection)
                .await?;
        }
        if let Some(until) = progress.until {
            sqlx::query("UPDATE coverage SET complete_until = max(complete_until, ?1)")
                .bind(until)
                .execute(&mut self.connection)
                .await?;
        }
        Ok(())
    }
}

impl Reader {
    pub(super) async fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        let row = sqlx::query("SELECT floor, complete_from, complete_until FROM coverage")
            .fetch_optional(self.pool())
            .await?;
        let Some(row) = row else { return Ok(None) };
        let gaps =
            sqlx::query("SELECT from_at, until_at, why FROM gap ORDER BY id DESC").fetch_all(self.pool()).await?;
        let gap = |row: sqlx::sqlite::SqliteRow| {
            Ok(Gap { from: row.try_get("from_at")?, until: row.try_get("until_at")?, why: row.try_get("why")? })
        };
        Ok(Some(Coverage {
            floor: row.try_get("floor")?,
            complete_from: row.try_get("complete_from")?,
            complete_until: row.try_get("complete_until")?,
            gaps: gaps.into_iter().map(gap).collect::<Result<_, sqlx::Error>>()?,
        }))
    }

    async fn last_event(&self) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar("SELECT max(accepted_at) FROM ledger WHERE queue = 0").fetch_one(self.pool()).await?)
    }

    async fn cursors(&self) -> Result<HashMap<String, i64>, StoreError> {
        let rows = sqlx::query("SELECT room, at FROM cursor").fetch_all(self.pool()).await?;
        let cursors = rows.into_iter().map(|row| Ok((row.try_get("room")?, row.try_get("at")?)));
        Ok(cursors.collect::<Result<_, sqlx::Error>>()?)
    }
}
