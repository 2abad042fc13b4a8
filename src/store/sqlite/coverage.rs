//! Stores the cursors, the interval in which nothing is missing, and the gaps.

use std::collections::HashMap;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::Statements;
use crate::store::{Beginning, Coverage, Gap, Progress, StoreError};

/// The most gaps that are kept.
const MOST_GAPS: i64 = 100;

impl Sqlite {
    pub fn begin_coverage(&mut self, beginning: &Beginning) -> Result<(), StoreError> {
        let sql = "INSERT OR REPLACE INTO coverage (id, floor, complete_from, complete_until) VALUES (1, ?1, ?2, ?2)";
        self.run(sql, (beginning.floor, beginning.from))?;
        self.run("DELETE FROM cursor", ())?;
        self.progress(&Progress { gaps: beginning.gap.iter().cloned().collect(), ..Progress::default() })
    }

    pub fn progress(&mut self, progress: &Progress) -> Result<(), StoreError> {
        for (room, at) in &progress.cursors {
            let sql = "INSERT INTO cursor (room, at) VALUES (?1, ?2)
                 ON CONFLICT (room) DO UPDATE SET at = max(at, excluded.at)";
            self.run(sql, (room, at))?;
        }
        for gap in &progress.gaps {
            // A gap that continues is extended and stays one gap.
            let sql = "UPDATE gap SET until_at = max(until_at, ?2)
                 WHERE id = (SELECT max(id) FROM gap) AND why = ?3 AND ?1 BETWEEN from_at AND until_at";
            if self.run(sql, (gap.from, gap.until, &gap.why))? == 0 {
                let sql = "INSERT INTO gap (from_at, until_at, why) VALUES (?1, ?2, ?3)";
                self.run(sql, (gap.from, gap.until, &gap.why))?;
            }
            self.run("UPDATE coverage SET complete_from = max(complete_from, ?1)", [gap.until])?;
            self.run("DELETE FROM gap WHERE id <= (SELECT max(id) FROM gap) - ?1", [MOST_GAPS])?;
        }
        if let Some(until) = progress.until {
            self.run("UPDATE coverage SET complete_until = max(complete_until, ?1)", [until])?;
        }
        Ok(())
    }
}

impl Reader {
    pub async fn coverage(&self) -> Result<Option<Coverage>, StoreError> {
        let sql = "SELECT floor, complete_from, complete_until FROM coverage";
        self.read(move |ledger| {
            ledger.first(sql, (), |row| {
                let gaps = ledger.all("SELECT from_at, until_at, why FROM gap ORDER BY id DESC", (), |row| {
                    Ok(Gap { from: row.get(0)?, until: row.get(1)?, why: row.get(2)? })
                })?;
                Ok(Coverage { floor: row.get(0)?, complete_from: row.get(1)?, complete_until: row.get(2)?, gaps })
            })
        })
        .await
    }

    pub async fn last_event(&self) -> Result<Option<i64>, StoreError> {
        self.read(|ledger| ledger.value("SELECT max(accepted_at) FROM ledger WHERE queue = 0", ())).await
    }

    pub async fn cursors(&self) -> Result<HashMap<String, i64>, StoreError> {
        let cursors = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        let cursors = self.read(move |ledger| ledger.all("SELECT room, at FROM cursor", (), cursors)).await?;
        Ok(cursors.into_iter().collect())
    }
}
