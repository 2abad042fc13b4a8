//! Claims that found no row, and stand until one is due.

use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::{Again, Claim, Claimed, Claims, Due, Op, OpAnswer};
use crate::clock;

/// Rows on their way to whoever claimed them. If nobody takes them, they are put back.
pub(super) struct HandedRows {
    rows: Vec<Claimed>,
    ops: mpsc::WeakSender<Op>,
}

impl HandedRows {
    pub(super) fn new(rows: Vec<Claimed>, ops: &mpsc::WeakSender<Op>) -> HandedRows {
        HandedRows { rows, ops: ops.clone() }
    }

    pub(super) fn take(mut self) -> Vec<Claimed> {
        std::mem::take(&mut self.rows)
    }
}

impl Drop for HandedRows {
    fn drop(&mut self) {
        let Some(ops) = Some(&self.ops).filter(|_| !self.rows.is_empty()).and_then(mpsc::WeakSender::upgrade) else {
            return;
        };
        for row in self.rows.drain(..) {
            // If there is no room for this, the row is claimed again when its lease ends.
            let (nobody, _) = oneshot::channel();
            let _ = ops.try_send(Op::Settle(Box::new(row.again(Again::default())), nobody));
        }
    }
}

/// A claim, and who waits for its rows.
pub(super) struct AskedClaim {
    pub(super) claim: Claim,
    pub(super) answer: OpAnswer<HandedRows>,
    /// What it found when it was tried in this batch.
    pub(super) found: Option<Claims>,
    /// When it has to be tried again. None if it was never tried.
    look_at: Option<Instant>,
}

impl AskedClaim {
    pub(super) fn new(claim: Claim, answer: OpAnswer<HandedRows>) -> AskedClaim {
        AskedClaim { claim, answer, found: None, look_at: None }
    }

    /// Whether there may be a row for it.
    pub(super) fn is_to_be_tried(&self, due: &Due) -> bool {
        self.look_at.is_none() || due.has(self.claim.queue)
    }

    /// How long it still stands after it was tried and found nothing. None if it has rows, or no patience.
    fn stands_for(&self) -> Option<Duration> {
        let left = self.claim.left();
        match &self.found {
            Some(claims) if claims.rows.is_empty() && !left.is_zero() => {
                Some(claims.next.map_or(left, |next| next.min(left)))
            }
            Some(_) | None => None,
        }
    }
}

/// The claims that stand.
#[derive(Default)]
pub(super) struct StandingClaims(Vec<AskedClaim>);

impl StandingClaims {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Moves the claims that somebody still waits for to those of a batch.
    pub(super) fn join(&mut self, asked: &mut Vec<AskedClaim>) {
        asked.extend(self.0.drain(..).filter(|standing| !standing.answer.is_closed()));
    }

    /// Takes back the claims of a batch that stand, and leaves those that are to be answered.
    pub(super) fn keep(&mut self, asked: &mut Vec<AskedClaim>) {
        for mut claim in std::mem::take(asked) {
            let stands = claim.stands_for();
            if let Some(stands) = stands {
                claim.look_at = Some(clock::instant() + stands);
            }
            if stands.is_some() || claim.found.is_none() {
                self.0.push(AskedClaim { found: None, ..claim });
            } else {
                asked.push(claim);
            }
        }
    }

    /// When the first of them has to be tried again, whatever becomes due before.
    pub(super) fn look_at(&self) -> Option<Instant> {
        self.0.iter().filter_map(|standing| standing.look_at).min()
    }
}
