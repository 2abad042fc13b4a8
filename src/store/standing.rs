//! Claims that found no row, and stand until one is due.

use std::time::Instant;

use super::batch::AskedClaim;
use crate::clock;

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
