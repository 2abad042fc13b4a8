//! Stores requests to be let in. A decision and the message about it are written in one transaction.

use std::time::Duration;

use rusqlite::Row;

use super::database::Sqlite;
use super::reader::Reader;
use super::statements::{Statements, column};
use crate::clock::millis;
use crate::store::{
    Due, NewPairing, Pairing, PairingOutcome, PairingQuery, PairingRequest, PairingState, RequestDecision, StoreError,
};

const HOUR_MS: i64 = 3_600_000;

/// The newest request of a person.
const NEWEST: &str = "SELECT * FROM pairing WHERE person = ?1 ORDER BY id DESC LIMIT 1";

const RECENT: &str = "SELECT count(*) FROM pairing WHERE requested_at > ?1";

impl Sqlite {
    pub fn request_pairing(
        &mut self,
        NewPairing { request, seen, per_hour }: &NewPairing,
    ) -> Result<PairingOutcome, StoreError> {
        let sql = "SELECT id, decisions FROM pairing WHERE person = ?1 ORDER BY id DESC LIMIT 1";
        let newest = self.connection.first(sql, [&request.person], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if newest != *seen {
            return Ok(PairingOutcome::Again);
        }
        let recent: i64 = self.connection.value(RECENT, [request.requested_at - HOUR_MS])?;
        if recent >= i64::from(*per_hour) {
            return Ok(PairingOutcome::Crowd);
        }
        let sql = "INSERT INTO pairing (code, person, person_id, email, room, event, asked, requested_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING";
        let PairingRequest { code, person, person_id, email, room, event, asked, requested_at, expires_at } = request;
        let added = self.run(sql, (code, person, person_id, email, room, event, asked, requested_at, expires_at))?;
        Ok(if added == 0 { PairingOutcome::Again } else { PairingOutcome::New })
    }

    pub fn decide_pairing(&mut self, decision: &RequestDecision, due: &mut Due) -> Result<bool, StoreError> {
        let RequestDecision { id, decisions, state, by, entries } = decision;
        let sql = "UPDATE pairing SET state = ?3, decisions = decisions + 1, decided_at = ?4, decided_by = ?5
             WHERE id = ?1 AND decisions = ?2";
        let decided = self.run(sql, (id, decisions, *state as i64, self.clock.wall_ms(), by))?;
        if decided == 0 {
            return Ok(false);
        }
        self.put(entries.iter(), due)?;
        Ok(true)
    }

    /// Forgets requests that no longer count, and the texts of the others. People who were let in or denied stay.
    pub(super) fn prune_pairings(&mut self, retention: Duration) -> Result<(), StoreError> {
        let before = self.clock.wall_ms() - millis(retention);
        let sql = "DELETE FROM pairing WHERE max(requested_at, expires_at, coalesce(decided_at, 0)) <= ?1 AND state IN (0, 3)";
        self.run(sql, [before])?;
        let sql = "UPDATE pairing SET asked = '' WHERE requested_at <= ?1 AND asked <> ''";
        self.run(sql, [before]).map(drop)
    }
}

impl Reader {
    pub async fn pairing_of(&self, person: &str) -> Result<Option<Pairing>, StoreError> {
        let person = person.to_owned();
        self.read(move |ledger| ledger.first(NEWEST, [person], pairing)).await
    }

    pub async fn find_pairing(&self, who: &PairingQuery) -> Result<Option<Pairing>, StoreError> {
        let sql = "SELECT person FROM pairing WHERE code = ?1 OR email = ?2 OR person = ?3 ORDER BY id DESC LIMIT 1";
        let PairingQuery { code, email, person } = who.clone();
        self.read(move |ledger| match ledger.first(sql, (code, email, person), column::<String>)? {
            Some(person) => ledger.first(NEWEST, [person], pairing),
            None => Ok(None),
        })
        .await
    }

    pub async fn pairings(&self) -> Result<Vec<Pairing>, StoreError> {
        self.read(|ledger| ledger.all("SELECT * FROM pairing ORDER BY id DESC", (), pairing)).await
    }

    pub async fn is_crowd(&self, per_hour: u32, now: i64) -> Result<bool, StoreError> {
        let recent: i64 = self.read(move |ledger| ledger.value(RECENT, [now - HOUR_MS])).await?;
        Ok(recent >= i64::from(per_hour))
    }
}

fn pairing(row: &Row<'_>) -> rusqlite::Result<Pairing> {
    Ok(Pairing {
        id: row.get("id")?,
        request: PairingRequest {
            code: row.get("code")?,
            person: row.get("person")?,
            person_id: row.get("person_id")?,
            email: row.get("email")?,
            room: row.get("room")?,
            event: row.get("event")?,
            asked: row.get("asked")?,
            requested_at: row.get("requested_at")?,
            expires_at: row.get("expires_at")?,
        },
        state: match row.get::<_, i64>("state")? {
            0 => PairingState::Pending,
            1 => PairingState::Approved,
            2 => PairingState::Denied,
            _ => PairingState::Revoked,
        },
        decisions: row.get("decisions")?,
        decided_at: row.get("decided_at")?,
        decided_by: row.get("decided_by")?,
    })
}
