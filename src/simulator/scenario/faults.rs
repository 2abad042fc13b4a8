//! The faults that are set, and the decision which calls they strike.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use serde::Serialize;
use tokio::sync::watch;

use super::fault::{Fault, FaultEffect};
use crate::simulator::watch::calls::Pattern;
use crate::webex::local_part;

/// The most messages and clicks whose hidden reads are counted. Beyond that, all counts are forgotten.
const MOST_HIDDEN: usize = 100_000;

/// A fault that is set, with the number of calls it will still strike.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArmedFault {
    id: u64,
    /// How many calls it will still strike; `null` means until it is cleared.
    left: Option<usize>,
    #[serde(skip)]
    skip: usize,
    #[serde(flatten)]
    fault: Fault,
}

/// The faults that are set.
pub(crate) struct Faults {
    armed: Mutex<(Vec<ArmedFault>, u64)>,
    dice: Mutex<fastrand::Rng>,
    /// How many times stalled calls were released. Each stalled call waits for the next release.
    releases: watch::Sender<u64>,
    stalled: watch::Sender<usize>,
    hidden: Mutex<HiddenReads>,
}

/// Messages and clicks that REST does not show yet, although their webhook was delivered.
#[derive(Default)]
struct HiddenReads {
    reads: usize,
    seen: HashMap<String, usize>,
}

/// The effect of a fault on a call.
pub(crate) struct StruckCall {
    pub(crate) effect: FaultEffect,
    /// Changes when stalled calls are released.
    pub(crate) release: watch::Receiver<u64>,
}

struct Stalled(watch::Sender<usize>);

impl Drop for Stalled {
    fn drop(&mut self) {
        self.0.send_modify(|held| *held -= 1);
    }
}

impl Faults {
    pub(crate) fn new(dice: fastrand::Rng) -> Faults {
        Faults {
            armed: Mutex::default(),
            dice: Mutex::new(dice),
            releases: watch::Sender::new(0),
            stalled: watch::Sender::new(0),
            hidden: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, fault: Fault) {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let left = Some(fault.times).filter(|times| *times > 0);
        armed.1 += 1;
        let id = armed.1;
        armed.0.push(ArmedFault { id, left, skip: fault.after, fault });
    }

    pub(crate) fn clear(&self) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).0.clear();
    }

    pub(crate) fn all(&self) -> Vec<ArmedFault> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Lets stalled calls go on, and removes the faults that stall.
    pub(crate) fn release(&self) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).0.retain(|armed| !armed.fault.is_stall());
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// The effect on this call, if a fault strikes it. A stalled call subscribes to the release under the same lock, so
    /// that no release is missed.
    pub(crate) fn strike(&self, method: &Method, path: &str, query: &str) -> Option<StruckCall> {
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        for one in &mut armed.0 {
            let pattern = Pattern { method: &one.fault.method, path: &one.fault.path };
            if !pattern.matches(method, path) || !query.contains(&one.fault.query) {
                continue;
            }
            if one.skip > 0 {
                one.skip -= 1;
                continue;
            }
            if one.fault.chance < 1.0
                && self.dice.lock().unwrap_or_else(PoisonError::into_inner).f64() >= one.fault.chance
            {
                continue;
            }
            one.left = one.left.map(|left| left.saturating_sub(1));
            let effect = one.fault.effect.clone();
            armed.0.retain(|one| one.left != Some(0));
            return Some(StruckCall { effect, release: self.releases.subscribe() });
        }
        None
    }

    /// How many calls are stalled now.
    pub(crate) fn stalled(&self) -> usize {
        *self.stalled.borrow()
    }

    /// Counts a call as stalled until the returned guard is dropped.
    pub(crate) fn stall(&self) -> impl Drop + use<> {
        self.stalled.send_modify(|held| *held += 1);
        Stalled(self.stalled.clone())
    }

    /// Waits until a call is stalled.
    pub(crate) async fn wait_for_stall(&self) {
        // The sender lives as long as `self`.
        let _ = self.stalled.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Hides each message and click from its first `reads` reads, as when REST lags behind the webhook.
    pub(crate) fn hide(&self, reads: usize) {
        *self.hidden.lock().unwrap_or_else(PoisonError::into_inner) = HiddenReads { reads, seen: HashMap::new() };
    }

    pub(crate) fn hidden_reads(&self) -> usize {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).reads
    }

    /// Whether this call reads a message or click that is still hidden.
    pub(crate) fn hides(&self, method: &Method, path: &str) -> bool {
        let id = path.strip_prefix("/messages/").or_else(|| path.strip_prefix("/attachment/actions/"));
        id.is_some_and(|id| method == Method::GET && id != "direct" && self.hides_from_read(id))
    }

    /// Whether this message or click is still hidden. A list that leaves it out counts as a read.
    pub(crate) fn hides_from_read(&self, id: &str) -> bool {
        let mut hidden = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if hidden.reads == 0 {
            return false;
        }
        if hidden.seen.len() >= MOST_HIDDEN {
            hidden.seen.clear();
        }
        let reads = hidden.reads;
        let seen = hidden.seen.entry(local_part(id)).or_default();
        *seen += 1;
        *seen <= reads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_skips_then_strikes_then_is_used_up() {
        let faults = Faults::new(fastrand::Rng::new());
        faults.add(Fault::on(Method::GET, "/messages/").after(1).times(2).reset());
        let strikes = |path: &str| faults.strike(&Method::GET, path, "").is_some();
        let calls = ["/messages", "/messages/a", "/messages/a", "/rooms", "/messages/b", "/messages/b"];
        assert_eq!(calls.map(strikes), [false, false, true, false, true, false]);
    }

    #[test]
    fn the_same_seed_has_the_same_calls_struck() {
        let struck = |seed| {
            let faults = Faults::new(fastrand::Rng::with_seed(seed));
            faults.add(Fault::on_any().always().chance(0.5));
            (0..64).map(|_| faults.strike(&Method::GET, "/rooms", "").is_some()).collect::<Vec<_>>()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
        assert!(struck(7).contains(&true) && struck(7).contains(&false));
    }

    #[test]
    fn each_message_is_hidden_from_its_first_reads_only() {
        let faults = Faults::new(fastrand::Rng::new());
        faults.hide(2);
        let reads =
            ["/messages/a", "/messages/a", "/messages/b", "/messages/a", "/messages", "/messages/b", "/rooms/a"];
        assert_eq!(reads.map(|path| faults.hides(&Method::GET, path)), [true, true, true, false, false, true, false]);
    }
}
