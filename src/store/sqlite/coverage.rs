//! Stores the cursors, the interval in which nothing is missing, and the gaps.

use std::collections::HashMap;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::database::Sqlite;
use super::read::Reader;
use super::values::json;
use crate::store::{Beginning, Coverage, Gap, Progress, StoreError};

/// The most gaps that are kept.
const MOST_GAPS: i64 = 100;

impl Sqlite {
    pub async fn begin_coverage(&mut self, beginning: &Beginning) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO coverage (id, floor, complete_from, complete_until) VALUES (1, ?1, ?2, ?2)";
        self.run(sqlx::query(sql).bind(beginning.floor).bind(beginning.from)).await?;
        self.run(sqlx::query("DELETE FROM cursor")).await?;
        self.progress(&Progress { gaps: beginning.gap.iter().cloned().collect(), ..Progress::default() }).await
    }

    pub async fn progress(&mut self, progress: &Progress) -> Result<(), StoreError> {
        if !progress.cursors.is_empty() {
            let sql = "INSERT INTO cursor (room, at) SELECT value->>0, value->>1 FROM json_each(?1) WHERE true
                 ON CONFLICT (room) DO UPDATE SET at = max(at, excluded.at)";
            self.run(sqlx::query(sql).bind(json(&progress.cursors)?)).await?;
        }
        for gap in &progress.gaps {
            // A gap that continues is extended and stays one gap.
            let sql = "UPDATE gap SET until_at = max(until_at, ?2)
                 WHERE id = (SELECT max(id) FROM gap) AND why = ?3 AND ?1 BETWEEN from_at AND until_at";
            let longer = sqlx::query(sql);
            let longer = longer.bind(gap.from).bind(gap.until).bind(&gap.why);
            if self.run(longer).await? == 0 {
                let sql = "INSERT INTO gap (from_at, until_at, why) VALUES (?1, ?2, ?3)";
                self.run(sqlx::query(sql).bind(gap.from).bind(gap.until).bind(&gap.why)).await?;
            }
            self.run(sqlx::query("UPDATE coverage SET complete_from = max(complete_from, ?1)").bind(gap.until)).await?;
            self.run(sqlx::query("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?1").bind(MOST_GAPS)).await?;
        }
        if let Some(until) = progress.until {
            self.run(sqlx::query("UPDATE coverage SET complete_until = max(complete_until, ?1)").bind(until)).await?;
        }
        Ok(())
    }
}

impl Reader {
    pub async fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        let sql = "SELECT floor, complete_from, complete_until FROM coverage";
        let row = sqlx::query(sql).fetch_optional(&self.pool).await?;
        let Some(row) = row else { return Ok(None) };
        let gaps = sqlx::query("SELECT from_at, until_at, why FROM gap ORDER BY id DESC").fetch_all(&self.pool).await?;
        let gap = |row: SqliteRow| {
            Ok(Gap { from: row.try_get("from_at")?, until: row.try_get("until_at")?, why: row.try_get("why")? })
        };
        Ok(Some(Coverage {
            floor: row.try_get("floor")?,
            complete_from: row.try_get("complete_from")?,
            complete_until: row.try_get("complete_until")?,
            gaps: gaps.into_iter().map(gap).collect::<Result<_, StoreError>>()?,
        }))
    }

    pub async fn last_event(&self) -> Result<Option<i64>, StoreError> {
        Ok(sqlx::query_scalar("SELECT max(accepted_at) FROM ledger WHERE queue = 0").fetch_one(&self.pool).await?)
    }

    pub async fn cursors(&self) -> Result<HashMap<String, i64>, StoreError> {
        let rows = sqlx::query("SELECT room, at FROM cursor").fetch_all(&self.pool).await?;
        let cursors = rows.into_iter().map(|row| Ok((row.try_get("room")?, row.try_get("at")?)));
        cursors.collect()
    }
}
