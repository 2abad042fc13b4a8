//! Who asked to be let in, and what was decided. A decision and the message that tells of it are one transaction, so the
//! person hears of it once, whoever decides and whether or not the daemon runs.

use std::time::Duration;

use serde::Serialize;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::sqlite::database::{Due, Sqlite, millis};
use super::writer::Op;
use super::{AuditEntry, Entry, Store, StoreError};
use crate::clock;

const HOUR_MS: i64 = 3_600_000;

const RECENT: &str = "SELECT count(*) FROM pairing WHERE requested_at > ?1";

/// What somebody whom nobody knows asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What they are given, and whoever decides names.
    pub code: String,
    /// Who, in the one spelling.
    pub person: String,
    /// Who, as spelled where it came from.
    pub person_id: String,
    /// Their address, in lower case.
    pub email: String,
    /// Where they asked, and are told.
    pub room: String,
    /// The row of what they wrote.
    pub event: Uuid,
    /// The beginning of it.
    pub asked: String,
    /// Milliseconds since 1970.
    pub requested_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// How a request was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PairingState {
    /// Not yet.
    Pending,
    /// They were let in.
    Approved,
    /// They were not.
    Denied,
    /// As if they had never asked.
    Revoked,
}

/// A request, and what became of it.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Pairing {
    pub request: Request,
    pub state: PairingState,
    /// How often it was decided on.
    pub decisions: i64,
    /// Milliseconds since 1970.
    pub decided_at: Option<i64>,
    pub decided_by: Option<String>,
    id: i64,
}

/// Whether a request was written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was not: the code is somebody's, or something was decided meanwhile.
    Again,
    /// It was.
    New,
    /// It was not: too many asked within an hour.
    Crowd,
}

impl Asked {
    /// From the number that the writer keeps.
    pub(super) fn of(number: u64) -> Asked {
        match number {
            1 => Asked::New,
            2 => Asked::Crowd,
            _ => Asked::Again,
        }
    }
}

/// Whom a decision is about: whichever of these fits.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Who {
    pub code: String,
    pub email: String,
    pub person: String,
}

/// A decision on a request, as it was read.
#[derive(Debug)]
pub(super) struct Deciding {
    id: i64,
    decisions: i64,
    state: PairingState,
    by: String,
    entries: Vec<Entry>,
    pub(super) audit: AuditEntry,
}

/// A request, unless there is a newer one of the person than the one that was read, or too many within the hour.
#[derive(Debug)]
pub(super) struct Asking {
    request: Request,
    seen: Option<(i64, i64)>,
    per_hour: u32,
}

impl Store {
    /// The newest request of a person.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn pairing_of(&self, person: &str) -> Result<Option<Pairing>, StoreError> {
        let sql = "SELECT * FROM pairing WHERE person = ?1 ORDER BY id DESC LIMIT 1";
        let row = sqlx::query(sql).bind(person).fetch_optional(self.0.reader.pool()).await?;
        Ok(row.as_ref().map(pairing).transpose()?)
    }

    /// The newest request of whoever has this code, address or id.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn find_pairing(&self, who: &Who) -> Result<Option<Pairing>, StoreError> {
        let person: Option<String> = sqlx::query_scalar(
            "SELECT person FROM pairing WHERE code = ?1 OR email = ?2 OR person = ?3 ORDER BY id DESC LIMIT 1",
        )
        .bind(&who.code)
        .bind(&who.email)
        .bind(&who.person)
        .fetch_optional(self.0.reader.pool())
        .await?;
        match person {
            Some(person) => self.pairing_of(&person).await,
            None => Ok(None),
        }
    }

    /// Every request, newest first.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn pairings(&self) -> Result<Vec<Pairing>, StoreError> {
        let rows = sqlx::query("SELECT * FROM pairing ORDER BY id DESC").fetch_all(self.0.reader.pool()).await?;
        Ok(rows.iter().map(pairing).collect::<Result<_, _>>()?)
    }

    /// Whether so many requests were made within an hour that there is none more for now.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn is_crowd(&self, per_hour: u32) -> Result<bool, StoreError> {
        let since = clock::wall_ms() - HOUR_MS;
        let recent: i64 = sqlx::query_scalar(RECENT).bind(since).fetch_one(self.0.reader.pool()).await?;
        Ok(recent >= i64::from(per_hour))
    }

    /// Writes a request down, if the newest one of the person is still the one that was `seen`.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn request_pairing(
        &self,
        request: Request,
        seen: Option<&Pairing>,
        per_hour: u32,
    ) -> Result<Asked, StoreError> {
        let seen = seen.map(|pairing| (pairing.id, pairing.decisions));
        self.ask(|answer| Op::Ask(Box::new(Asking { request, seen, per_hour }), answer)).await
    }

    /// Decides on a request as it was read, and adds what follows from that. `false` when somebody else has decided
    /// meanwhile, and nothing was changed.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn decide_pairing(
        &self,
        pairing: &Pairing,
        state: PairingState,
        by: &str,
        entries: Vec<Entry>,
        audit: AuditEntry,
    ) -> Result<bool, StoreError> {
        let Pairing { id, decisions, .. } = *pairing;
        let deciding = Deciding { id, decisions, state, by: by.to_owned(), entries, audit };
        self.ask(|answer| Op::Decide(Box::new(deciding), answer)).await
    }
}

impl Sqlite {
    pub(super) async fn ask(&mut self, Asking { request, seen, per_hour }: &Asking) -> Result<Asked, sqlx::Error> {
        let newest = sqlx::query("SELECT id, decisions FROM pairing WHERE person = ?1 ORDER BY id DESC LIMIT 1")
            .bind(&request.person)
            .fetch_optional(&mut self.connection)
            .await?;
        let newest = newest.map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
        if newest != *seen {
            return Ok(Asked::Again);
        }
        let recent: i64 =
            sqlx::query_scalar(RECENT).bind(request.requested_at - HOUR_MS).fetch_one(&mut self.connection).await?;
        if recent >= i64::from(*per_hour) {
            return Ok(Asked::Crowd);
        }
        let added = sqlx::query(
            "INSERT INTO pairing (code, person, person_id, email, room, event, asked, requested_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        )
        .bind(&request.code)
        .bind(&request.person)
        .bind(&request.person_id)
        .bind(&request.email)
        .bind(&request.room)
        .bind(request.event)
        .bind(&request.asked)
        .bind(request.requested_at)
        .bind(request.expires_at)
        .execute(&mut self.connection)
        .await?;
        Ok(if added.rows_affected() == 0 { Asked::Again } else { Asked::New })
    }

    pub(super) async fn decide(&mut self, deciding: &Deciding, due: &mut Due) -> Result<bool, sqlx::Error> {
        let Deciding { id, decisions, state, by, entries, audit: _ } = deciding;
        let decided = sqlx::query(
            "UPDATE pairing SET state = ?3, decisions = decisions + 1, decided_at = ?4, decided_by = ?5
             WHERE id = ?1 AND decisions = ?2",
        )
        .bind(id)
        .bind(decisions)
        .bind(*state as i64)
        .bind(clock::wall_ms())
        .bind(by)
        .execute(&mut self.connection)
        .await?;
        if decided.rows_affected() == 0 {
            return Ok(false);
        }
        self.put(entries.iter(), due).await?;
        Ok(true)
    }

    /// Forgets what counts no more, and what was written. Those who were let in or denied stay.
    pub(super) async fn prune_pairings(&mut self, retention: Duration) -> Result<(), sqlx::Error> {
        let before = clock::wall_ms() - millis(retention);
        sqlx::query("DELETE FROM pairing WHERE max(requested_at, expires_at, coalesce(decided_at, 0)) <= ?1 AND state IN (0, 3)")
            .bind(before)
            .execute(&mut self.connection)
            .await?;
        sqlx::query("UPDATE pairing SET asked = '' WHERE requested_at <= ?1 AND asked <> ''")
            .bind(before)
            .execute(&mut self.connection)
            .await
            .map(drop)
    }
}

fn pairing(row: &SqliteRow) -> Result<Pairing, sqlx::Error> {
    Ok(Pairing {
        id: row.try_get("id")?,
        request: Request {
            code: row.try_get("code")?,
            person: row.try_get("person")?,
            person_id: row.try_get("person_id")?,
            email: row.try_get("email")?,
            room: row.try_get("room")?,
            event: row.try_get("event")?,
            asked: row.try_get("asked")?,
            requested_at: row.try_get("requested_at")?,
            expires_at: row.try_get("expires_at")?,
        },
        state: match row.try_get::<i64, _>("state")? {
            0 => PairingState::Pending,
            1 => PairingState::Approved,
            2 => PairingState::Denied,
            _ => PairingState::Revoked,
        },
        decisions: row.try_get("decisions")?,
        decided_at: row.try_get("decided_at")?,
        decided_by: row.try_get("decided_by")?,
    })
}
