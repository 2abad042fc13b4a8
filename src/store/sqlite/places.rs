//! Stores which spaces the titles of the settings mean.

use rusqlite::Row;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::Statements;
use crate::store::{Pin, StoreError};

impl Sqlite {
    pub fn pin(&mut self, Pin { title, room, seen, made_at }: &Pin) -> Result<u64, StoreError> {
        let sql = "INSERT OR REPLACE INTO place (title, room, seen, made_at) VALUES (?1, ?2, ?3, ?4)";
        self.run(sql, (title, room, seen, made_at))
    }
}

impl Reader {
    pub async fn pin(&self, title: &str) -> Result<Option<Pin>, StoreError> {
        let title = title.to_owned();
        self.read(move |ledger| ledger.first("SELECT * FROM place WHERE title = ?1", [title], pin)).await
    }

    pub async fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        self.read(|ledger| ledger.all("SELECT * FROM place ORDER BY title", (), pin)).await
    }
}

fn pin(row: &Row<'_>) -> rusqlite::Result<Pin> {
    let (title, room, seen) = (row.get("title")?, row.get("room")?, row.get("seen")?);
    Ok(Pin { title, room, seen, made_at: row.get("made_at")? })
}
