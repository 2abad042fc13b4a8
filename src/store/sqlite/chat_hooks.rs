//! Stores hooks that were made from the chat. A change and the letters about it are written in one transaction.

use std::time::Duration;

use rusqlite::Row;
use uuid::Uuid;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::Statements;
use crate::clock::millis;
use crate::store::{ChatHook, Due, HookChange, HookSalt, HookStep, StoreError};

impl Sqlite {
    /// Makes the step and puts the letters, if the step changes anything. Returns whether it did.
    pub fn change_hook(
        &mut self,
        HookChange { step, entries }: &HookChange,
        due: &mut Due,
    ) -> Result<bool, StoreError> {
        let changed = match step {
            HookStep::Make(hook) => self.make_hook(hook)?,
            HookStep::Rotate { id, from, to, until, event } => {
                let sql = "UPDATE chat_hook SET old_salt = salt, old_until = ?5, salt = ?3, key_mark = ?4, event = ?6, told = told & ~4
                     WHERE id = ?1 AND salt = ?2 AND removed_at IS NULL";
                self.run(sql, (id, from, to.salt, &to.key_mark, until, event))?
            }
            HookStep::Remove { id, event } => {
                let sql = "UPDATE chat_hook SET removed_at = ?2, event = ?3 WHERE id = ?1 AND removed_at IS NULL";
                self.run(sql, (id, self.clock.wall_ms(), event))?
            }
            HookStep::Tell(id, notice) => {
                let sql =
                    "UPDATE chat_hook SET told = told | ?2 WHERE id = ?1 AND told & ?2 = 0 AND removed_at IS NULL";
                self.run(sql, (id, *notice as i64))?
            }
        };
        if changed > 0 {
            self.put(entries.iter(), due)?;
        }
        Ok(changed > 0)
    }

    fn make_hook(&mut self, hook: &ChatHook) -> Result<u64, StoreError> {
        let ChatHook { id, name, preset, to, maker, email, made_at, event, salt, expires_at, told, .. } = hook;
        let sql = "INSERT INTO chat_hook (id, name, preset, target, maker, email, made_at, event, salt, key_mark, expires_at, told)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO NOTHING";
        let HookSalt { salt, key_mark } = salt;
        self.run(sql, (id, name, preset, to, maker, email, made_at, event, salt, key_mark, expires_at, told))
    }

    /// Forgets hooks that were removed this long ago.
    pub(super) fn prune_hooks(&mut self, retention: Duration) -> Result<(), StoreError> {
        let before = self.clock.wall_ms() - millis(retention);
        self.run("DELETE FROM chat_hook WHERE removed_at <= ?1", [before]).map(drop)
    }
}

impl Reader {
    pub async fn chat_hooks(&self) -> Result<Vec<ChatHook>, StoreError> {
        let sql = "SELECT * FROM chat_hook WHERE removed_at IS NULL ORDER BY name";
        self.read(|ledger| ledger.all(sql, (), hook)).await
    }

    pub async fn chat_hook_changed_by(&self, event: Uuid) -> Result<Option<ChatHook>, StoreError> {
        self.read(move |ledger| ledger.first("SELECT * FROM chat_hook WHERE event = ?1", [event], hook)).await
    }
}

fn hook(row: &Row<'_>) -> rusqlite::Result<ChatHook> {
    let old: (Option<Uuid>, Option<i64>) = (row.get("old_salt")?, row.get("old_until")?);
    Ok(ChatHook {
        id: row.get("id")?,
        name: row.get("name")?,
        preset: row.get("preset")?,
        to: row.get("target")?,
        maker: row.get("maker")?,
        email: row.get("email")?,
        made_at: row.get("made_at")?,
        event: row.get("event")?,
        salt: HookSalt { salt: row.get("salt")?, key_mark: row.get("key_mark")? },
        old: old.0.zip(old.1),
        expires_at: row.get("expires_at")?,
        told: row.get("told")?,
    })
}
