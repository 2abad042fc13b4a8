//! What a test or a demonstration has go wrong, and the record of every call that was made.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use tokio::sync::watch;

/// So many calls are remembered; older ones are forgotten.
const MOST_CALLS: usize = 100_000;

/// Something that goes wrong with calls of one kind. Faults are used up in the order they were set.
///
/// ```
/// use axum::http::Method;
/// use switchboard::simulator::Fault;
///
/// let twice = Fault::on(Method::POST, "/messages").times(2).answer(429, &[("retry-after", "1")], "slow down");
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    calls: Pattern,
    times: usize,
    skip: usize,
    pub(super) effect: Effect,
}

/// What a fault does to a call.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// It is not carried out and answered so.
    Answer { status: u16, headers: Vec<(String, String)>, body: String },
    /// It is carried out only once `Cloud::release` is called.
    Stall,
    /// It is not carried out; the connection is dropped without an answer.
    Reset,
    /// It is carried out, and then the connection is dropped: the caller cannot know.
    ApplyThenReset,
    /// It is carried out, but the answer comes only once `Cloud::release` is called.
    ApplyThenStall,
}

impl Fault {
    /// For calls with this method to this path below `/v1`, such as `/messages`. A path that ends in a slash stands for
    /// everything below it: `/messages/` is any one message. Goes wrong once, with a plain 500, until told otherwise.
    pub fn on(method: Method, path: &str) -> Fault {
        let effect = Effect::Answer { status: 500, headers: Vec::new(), body: String::new() };
        Fault { calls: Pattern::new(method, path), times: 1, skip: 0, effect }
    }

    /// So many times.
    pub fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    /// Until `Cloud::clear_faults`.
    pub fn always(self) -> Fault {
        self.times(usize::MAX)
    }

    /// Lets so many matching calls pass first.
    pub fn after(self, calls: usize) -> Fault {
        Fault { skip: calls, ..self }
    }

    /// Answers with this status, these headers and this body, and does nothing.
    pub fn answer(self, status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fault { effect: Effect::Answer { status, headers, body: body.to_owned() }, ..self }
    }

    /// Holds the call until `Cloud::release`, and only then carries it out.
    pub fn stall(self) -> Fault {
        Fault { effect: Effect::Stall, ..self }
    }

    /// Carries the call out and holds the answer until `Cloud::release`.
    pub fn apply_then_stall(self) -> Fault {
        Fault { effect: Effect::ApplyThenStall, ..self }
    }

    /// Drops the connection and does nothing.
    pub fn reset(self) -> Fault {
        Fault { effect: Effect::Reset, ..self }
    }

    /// Carries the call out, then drops the connection instead of answering.
    pub fn apply_then_reset(self) -> Fault {
        Fault { effect: Effect::ApplyThenReset, ..self }
    }

    fn is_stall(&self) -> bool {
        matches!(self.effect, Effect::Stall | Effect::ApplyThenStall)
    }
}

/// Which calls are meant.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    method: Method,
    path: String,
}

impl Pattern {
    pub(super) fn new(method: Method, path: &str) -> Pattern {
        Pattern { method, path: path.to_owned() }
    }

    pub(super) fn matches(&self, method: &Method, path: &str) -> bool {
        *method == self.method
            && if self.path.ends_with('/') { path.starts_with(&self.path) } else { path == self.path }
    }
}

/// The faults that are set.
#[derive(Default)]
pub(super) struct Faults {
    set: Mutex<Vec<Fault>>,
    /// How often stalled calls were released; each waits for the next time.
    pub(super) releases: watch::Sender<u64>,
}

impl Faults {
    pub(super) fn add(&self, fault: Fault) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    pub(super) fn clear(&self) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lets stalled calls go on, and has no further ones stall.
    pub(super) fn release(&self) {
        self.set.lock().unwrap_or_else(PoisonError::into_inner).retain(|fault| !fault.is_stall());
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// What is to happen to this call. A stalled one also gets what it waits on, taken under the same lock as the
    /// fault, so that a release in between is not missed.
    pub(super) fn strike(&self, method: &Method, path: &str) -> Option<(Effect, watch::Receiver<u64>)> {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        for fault in set.iter_mut().filter(|fault| fault.times > 0 && fault.calls.matches(method, path)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times -= 1;
            let effect = fault.effect.clone();
            set.retain(|fault| fault.times > 0);
            return Some((effect, self.releases.subscribe()));
        }
        None
    }
}

/// One call of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its method.
    pub method: Method,
    /// Its path below `/v1`, such as `/messages`.
    pub path: String,
    /// What follows the question mark.
    pub query: Option<String>,
    /// The status of the answer; none while it is awaited, or if there was none.
    pub status: Option<u16>,
}

/// The calls in the order they arrived.
pub(super) struct Calls {
    kept: Mutex<Kept>,
    arrived: watch::Sender<u64>,
}

struct Kept {
    calls: VecDeque<Call>,
    forgotten: u64,
}

impl Default for Calls {
    fn default() -> Self {
        let kept = Kept { calls: VecDeque::new(), forgotten: 0 };
        Calls { kept: Mutex::new(kept), arrived: watch::Sender::new(0) }
    }
}

impl Calls {
    /// Notes a call and gives the number under which its answer is noted.
    pub(super) fn arrived(&self, method: Method, path: String, query: Option<String>) -> u64 {
        let number = {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.calls.len() == MOST_CALLS {
                kept.calls.pop_front();
                kept.forgotten += 1;
            }
            kept.calls.push_back(Call { method, path, query, status: None });
            kept.forgotten + kept.calls.len() as u64 - 1
        };
        self.arrived.send_modify(|calls| *calls = (*calls).max(number + 1));
        number
    }

    pub(super) fn answered(&self, number: u64, status: u16) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let place = number.checked_sub(kept.forgotten).and_then(|place| usize::try_from(place).ok());
        if let Some(call) = place.and_then(|place| kept.calls.get_mut(place)) {
            call.status = Some(status);
        }
    }

    pub(super) fn all(&self) -> Vec<Call> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).calls.iter().cloned().collect()
    }

    /// Returns once so many calls of a kind have arrived since the start.
    pub(super) async fn wait_for(&self, pattern: Pattern, count: usize) {
        let mut arrived = self.arrived.subscribe();
        let (mut looked_at, mut found) = (0, 0);
        loop {
            arrived.mark_unchanged();
            {
                let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                let from = usize::try_from(looked_at - kept.forgotten.min(looked_at)).unwrap_or(usize::MAX);
                let new = kept.calls.iter().skip(from);
                found += new.filter(|call| pattern.matches(&call.method, &call.path)).count();
                looked_at = kept.forgotten + kept.calls.len() as u64;
            }
            if found >= count || arrived.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_skips_then_strikes_then_is_used_up() {
        let faults = Faults::default();
        faults.add(Fault::on(Method::GET, "/messages/").after(1).times(2).reset());
        let strikes = |path: &str| faults.strike(&Method::GET, path).is_some();
        let calls = ["/messages", "/messages/a", "/messages/a", "/rooms", "/messages/b", "/messages/b"];
        assert_eq!(calls.map(strikes), [false, false, true, false, true, false]);
    }

    #[tokio::test]
    async fn waiting_counts_calls_before_and_after_it_began() {
        let calls = Calls::default();
        let arrive = |path: &str| calls.arrived(Method::POST, path.to_owned(), None);
        arrive("/messages");
        arrive("/rooms");
        let both = async {
            tokio::join!(calls.wait_for(Pattern::new(Method::POST, "/messages"), 2), async { arrive("/messages") })
        };
        let ((), number) = both.await;
        calls.answered(number, 200);
        assert_eq!(calls.all().last().and_then(|call| call.status), Some(200));
    }
}
