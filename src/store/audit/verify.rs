//! Reading the audit: what is asked of it, and whether it is unbroken.

use futures_util::StreamExt;
use serde::Serialize;
use sqlx::{Row as _, SqlitePool};
use uuid::Uuid;

use super::chain::{Fit, Head, Keys};
use super::{ABOUT_ITSELF, AuditRow, Via};
use crate::signature::Digest;
use crate::store::StoreError;

/// What reading the whole audit came to.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// How many rows were read: all of them, or those up to the first that does not fit.
    pub rows: u64,
    /// When the oldest of them was written, in milliseconds since 1970.
    pub from: Option<i64>,
    /// When the last of them was.
    pub until: Option<i64>,
    /// How many rows were pruned, and when last.
    pub pruned: Option<(i64, i64)>,
    /// What the head's seal says.
    pub seal: Seal,
    /// The row from which on it was sealed, and when that one was written; if it was not from the first on kept.
    pub sealed_since: Option<(i64, i64)>,
    /// The first thing that does not fit.
    pub finding: Option<Finding>,
}

/// What the seal over the head says, and so over every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seal {
    /// There is none, and no key.
    None,
    /// It is the key's.
    Right,
    /// There is one, and no key to look at it with.
    Unchecked,
    /// It is no key's.
    Wrong,
    /// There is a key, and no seal.
    Missing,
}

/// The first thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The number of the row; none where it is not about one.
    pub row: Option<i64>,
    /// What is wrong with it, as a clause.
    pub problem: String,
}

/// Reads everything in one transaction, so that what is written meanwhile is not seen in part.
pub(super) async fn verify(pool: &SqlitePool, keys: &Keys) -> Result<Verification, StoreError> {
    let mut transaction = pool.begin().await?;
    let head = Head::read(&mut transaction).await?;
    let seal = head.as_ref().map_or(Seal::None, |head| match keys.look_at(head) {
        Fit::Open => Seal::None,
        Fit::Sealed | Fit::ByOldKey => Seal::Right,
        Fit::NoKey => Seal::Unchecked,
        Fit::Wrong => Seal::Wrong,
        Fit::Unsealed => Seal::Missing,
    });
    let mut found = Verification {
        rows: 0,
        from: None,
        until: None,
        pruned: head.as_ref().and_then(|head| Some((head.anchor_seq, head.pruned_at?))),
        seal,
        sealed_since: None,
        finding: None,
    };
    let Some(head) = head else {
        found.finding = Some(Finding { row: None, problem: "the record of the chain's ends is missing".to_owned() });
        return Ok(found);
    };
    let mut walk = Walk { seq: head.anchor_seq, hash: head.anchor_hash };
    let mut rows = sqlx::query("SELECT * FROM audit ORDER BY seq").fetch(&mut *transaction);
    while let Some(row) = rows.next().await {
        let row = row?;
        let seq: i64 = row.try_get("seq")?;
        let step = match AuditRow::read(&row) {
            Ok(row) => walk.step(&row, &head).map(|()| row),
            Err(_) => Err(Finding { row: Some(seq), problem: "holds what no row of the audit does".to_owned() }),
        };
        match step {
            Ok(row) => {
                found.rows += 1;
                found.from = found.from.or(Some(row.at));
                found.until = Some(row.at);
                if row.via == Via::Daemon.as_str() && row.action == ABOUT_ITSELF {
                    match row.verdict.as_str() {
                        "sealed" => found.sealed_since = Some((row.seq, row.at)),
                        "unsealed" => found.sealed_since = None,
                        _ => {}
                    }
                }
            }
            Err(finding) => {
                found.finding = Some(finding);
                return Ok(found);
            }
        }
    }
    found.finding = walk.end(&head).or_else(|| sealing(seal));
    Ok(found)
}

/// The last row that fits.
struct Walk {
    seq: i64,
    hash: Digest,
}

impl Walk {
    fn step(&mut self, row: &AuditRow, head: &Head) -> Result<(), Finding> {
        let finding = |problem: String| Err(Finding { row: Some(row.seq), problem });
        let expected = self.seq.saturating_add(1);
        if row.seq < expected {
            return finding(
                "stands before the first row that was kept: it was put there, or comes from before".to_owned(),
            );
        }
        if row.seq > expected && expected <= head.seq {
            return Err(missing(expected, head.seq.min(row.seq - 1)));
        }
        if row.seq > head.seq {
            return finding(format!("stands after row {}, which was the last one", head.seq));
        }
        if row.link(&self.hash) != row.hash {
            let problem = "was altered, or put there in place of another, or does not follow the one before it";
            return finding(problem.to_owned());
        }
        if row.via == Via::Daemon.as_str() && row.action == ABOUT_ITSELF && row.verdict == "broken" {
            return finding(format!("is the daemon's note that something was wrong before it: {}", row.reason));
        }
        (self.seq, self.hash) = (row.seq, row.hash);
        Ok(())
    }

    fn end(&self, head: &Head) -> Option<Finding> {
        if self.seq < head.seq {
            return Some(missing(self.seq.saturating_add(1), head.seq));
        }
        let problem =
            "is not the last row that was written: it and those before it were made anew, or those after it removed";
        (self.hash != head.hash).then(|| Finding { row: Some(self.seq), problem: problem.to_owned() })
    }
}

fn missing(from: i64, to: i64) -> Finding {
    let problem = if from == to { "is missing".to_owned() } else { format!("and all to row {to} are missing") };
    Finding { row: Some(from), problem }
}

fn sealing(seal: Seal) -> Option<Finding> {
    let problem = match seal {
        Seal::None | Seal::Right | Seal::Unchecked => return None,
        Seal::Wrong => {
            "the rows fit each other, but not the seal: whoever altered them had no key, or audit.key is not the one \
             they were sealed with"
        }
        Seal::Missing => {
            "the rows fit each other, but there is no seal: it was taken away, or audit.key was set after the daemon's \
             last start, which seals them at its next one"
        }
    };
    Some(Finding { row: None, problem: problem.to_owned() })
}

pub(super) async fn list(
    pool: &SqlitePool,
    since: i64,
    most: usize,
    wanted: impl Fn(&AuditRow) -> bool,
) -> Result<Vec<AuditRow>, StoreError> {
    let mut rows = sqlx::query("SELECT * FROM audit WHERE at >= ?1 ORDER BY seq DESC").bind(since).fetch(pool);
    let mut found = Vec::new();
    while found.len() < most
        && let Some(row) = rows.next().await
    {
        found.extend(Some(AuditRow::read(&row?)?).filter(&wanted));
    }
    Ok(found)
}

pub(super) async fn of(pool: &SqlitePool, event: Uuid) -> Result<Vec<AuditRow>, StoreError> {
    let rows = sqlx::query("SELECT * FROM audit WHERE event = ?1 ORDER BY seq LIMIT 100").bind(event);
    rows.fetch_all(pool).await?.iter().map(|row| Ok(AuditRow::read(row)?)).collect()
}
