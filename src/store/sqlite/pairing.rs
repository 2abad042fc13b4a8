//! Stores requests to be let in. A decision and the message about it are written in one transaction.

use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::database::Sqlite;
use super::read::Reader;
use crate::clock::millis;
use crate::store::{
    Due, NewPairing, Pairing, PairingOutcome, PairingQuery, PairingRequest, PairingState, RequestDecision, StoreError,
};

const HOUR_MS: i64 = 3_600_000;

const RECENT: &str = "SELECT count(*) FROM pairing WHERE requested_at > ?1";

impl Sqlite {
    pub async fn request_pairing(
        &mut self,
        NewPairing { request, seen, per_hour }: &NewPairing,
    ) -> Result<PairingOutcome, StoreError> {
        let sql = "SELECT id, decisions FROM pairing WHERE person = ?1 ORDER BY id DESC LIMIT 1";
        let newest = sqlx::query(sql).bind(&request.person).fetch_optional(&mut self.connection).await?;
        let newest = newest.map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
        if newest != *seen {
            return Ok(PairingOutcome::Again);
        }
        let recent: i64 =
            sqlx::query_scalar(RECENT).bind(request.requested_at - HOUR_MS).fetch_one(&mut self.connection).await?;
        if recent >= i64::from(*per_hour) {
            return Ok(PairingOutcome::Crowd);
        }
        let sql = "INSERT INTO pairing (code, person, person_id, email, room, event, asked, requested_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
        let added = self
            .run(
                sqlx::query(sql)
                    .bind(&request.code)
                    .bind(&request.person)
                    .bind(&request.person_id)
                    .bind(&request.email)
                    .bind(&request.room)
                    .bind(request.event)
                    .bind(&request.asked)
                    .bind(request.requested_at)
                    .bind(request.expires_at),
            )
            .await?;
        Ok(if added == 0 { PairingOutcome::Again } else { PairingOutcome::New })
    }

    pub async fn decide_pairing(&mut self, decision: &RequestDecision, due: &mut Due) -> Result<bool, StoreError> {
        let RequestDecision { id, decisions, state, by, entries } = decision;
        let sql = "UPDATE pairing SET state = ?3, decisions = decisions + 1, decided_at = ?4, decided_by = ?5
             WHERE id = ?1 AND decisions = ?2";
        let decided = self
            .run(sqlx::query(sql).bind(id).bind(decisions).bind(*state as i64).bind(self.clock.wall_ms()).bind(by))
            .await?;
        if decided == 0 {
            return Ok(false);
        }
        self.put(entries.iter(), due).await?;
        Ok(true)
    }

    /// Forgets requests that no longer count, and the texts of the others. People who were let in or denied stay.
    pub(super) async fn prune_pairings(&mut self, retention: Duration) -> Result<(), StoreError> {
        let before = self.clock.wall_ms() - millis(retention);
        let sql = "DELETE FROM pairing WHERE max(requested_at, expires_at, coalesce(decided_at, 0)) <= ?1 AND state IN (0, 3)";
        self.run(sqlx::query(sql).bind(before)).await?;
        let sql = "UPDATE pairing SET asked = '' WHERE requested_at <= ?1 AND asked <> ''";
        self.run(sqlx::query(sql).bind(before)).await.map(drop)
    }
}

impl Reader {
    pub async fn pairing_of(&self, person: &str) -> Result<Option<Pairing>, StoreError> {
        let sql = "SELECT * FROM pairing WHERE person = ?1 ORDER BY id DESC LIMIT 1";
        let row = sqlx::query(sql).bind(person).fetch_optional(&self.pool).await?;
        Ok(row.as_ref().map(pairing).transpose()?)
    }

    pub async fn find_pairing(&self, who: &PairingQuery) -> Result<Option<Pairing>, StoreError> {
        let sql = "SELECT person FROM pairing WHERE code = ?1 OR email = ?2 OR person = ?3 ORDER BY id DESC LIMIT 1";
        let person: Option<String> = sqlx::query_scalar(sql)
            .bind(&who.code)
            .bind(&who.email)
            .bind(&who.person)
            .fetch_optional(&self.pool)
            .await?;
        match person {
            Some(person) => self.pairing_of(&person).await,
            None => Ok(None),
        }
    }

    pub async fn pairings(&self) -> Result<Vec<Pairing>, StoreError> {
        let rows = sqlx::query("SELECT * FROM pairing ORDER BY id DESC").fetch_all(&self.pool).await?;
        Ok(rows.iter().map(pairing).collect::<Result<_, _>>()?)
    }

    pub async fn is_crowd(&self, per_hour: u32, now: i64) -> Result<bool, StoreError> {
        let recent: i64 = sqlx::query_scalar(RECENT).bind(now - HOUR_MS).fetch_one(&self.pool).await?;
        Ok(recent >= i64::from(per_hour))
    }
}

fn pairing(row: &SqliteRow) -> Result<Pairing, sqlx::Error> {
    Ok(Pairing {
        id: row.try_get("id")?,
        request: PairingRequest {
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
