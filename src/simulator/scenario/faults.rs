//! What a test or a demonstration has go wrong with calls of the API.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::watch;

use crate::webex::local_part;

/// No client waits longer.
const LONGEST_DELAY: Duration = Duration::from_secs(600);
/// So many things whose first reads are hidden are remembered; then all are forgotten.
const MOST_HIDDEN: usize = 100_000;

/// Something that goes wrong with calls of one kind. Faults are used up in the order they were set.
///
/// ```
/// use axum::http::Method;
/// use switchboard::simulator::Fault;
///
/// let twice = Fault::on(Method::POST, "/messages").times(2).answer(429, &[("retry-after", "1")], "slow down");
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    #[serde(default = "any")]
    method: String,
    #[serde(default = "any")]
    path: String,
    /// Only calls whose query holds this text.
    #[serde(default)]
    query: String,
    /// 0 until it is cleared.
    #[serde(default = "once")]
    times: usize,
    /// So many matching calls pass first.
    #[serde(default)]
    after: usize,
    #[serde(default = "always")]
    chance: f64,
    effect: Effect,
}

fn any() -> String {
    "*".to_owned()
}

fn once() -> usize {
    1
}

fn always() -> f64 {
    1.0
}

/// What a fault does to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) enum Effect {
    /// It is not carried out and answered so.
    Answer {
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
    },
    /// It is carried out, and these fields of the answer, or of each item of a list, are set to these values.
    Alter(Map<String, Value>),
    /// It is carried out after so many milliseconds.
    Delay(u64),
    /// It is carried out only once `Cloud::release` is called.
    Stall,
    /// It is not carried out; the connection is dropped without an answer.
    Reset,
    /// It is carried out, and then the connection is dropped: the caller cannot know.
    ApplyThenReset,
    /// It is carried out, but the answer comes only once `Cloud::release` is called.
    ApplyThenStall,
}

impl Effect {
    /// For the record of calls.
    pub(crate) fn name(&self) -> String {
        match self {
            Effect::Answer { status, .. } => status.to_string(),
            Effect::Alter(fields) => {
                format!("{} altered", fields.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            Effect::Delay(pause) => format!("{pause} ms late"),
            Effect::Stall => "stalled".to_owned(),
            Effect::Reset => "reset".to_owned(),
            Effect::ApplyThenReset => "carried out, then reset".to_owned(),
            Effect::ApplyThenStall => "carried out, then stalled".to_owned(),
        }
    }
}

impl Fault {
    /// For calls with this method to this path below `/v1`, such as `/messages`, or to one of what a websocket needs,
    /// such as `/wdm/api/v1/devices`. A path that ends in a slash stands for everything below it, and one that ends in
    /// `*` for all that begin so: `/messages/` is any one message, `/messages*` their list as well. Goes wrong once, with
    /// a plain 500, until told otherwise.
    pub fn on(method: Method, path: &str) -> Fault {
        Fault::of(method.as_str(), path)
    }

    /// For every call of whatever method and path.
    pub fn on_any() -> Fault {
        Fault::of("*", "*")
    }

    fn of(method: &str, path: &str) -> Fault {
        let effect = Effect::Answer { status: 500, headers: Vec::new(), body: String::new() };
        Fault {
            method: method.to_owned(),
            path: path.to_owned(),
            query: String::new(),
            times: 1,
            after: 0,
            chance: 1.0,
            effect,
        }
    }

    /// Only for calls whose query holds this text, such as the id of a space.
    pub fn about(self, text: &str) -> Fault {
        Fault { query: text.to_owned(), ..self }
    }

    /// So many times; 0 is [`Fault::always`].
    pub fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    /// Until `Cloud::clear_faults`.
    pub fn always(self) -> Fault {
        self.times(0)
    }

    /// Lets so many matching calls pass first.
    pub fn after(self, calls: usize) -> Fault {
        Fault { after: calls, ..self }
    }

    /// Strikes a matching call with this probability only, from 0 to 1, as the cloud's seed has it.
    pub fn chance(self, probability: f64) -> Fault {
        Fault { chance: probability, ..self }
    }

    /// Answers with this status, these headers and this body, and does nothing.
    pub fn answer(self, status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fault { effect: Effect::Answer { status, headers, body: body.to_owned() }, ..self }
    }

    /// Carries the call out, and sets these fields of its answer, or of each item of a list: Webex may leave out or
    /// change what is not documented as always there.
    ///
    /// ```
    /// use axum::http::Method;
    /// use switchboard::simulator::Fault;
    ///
    /// let untitled = Fault::on(Method::GET, "/rooms").always().alter(&[("title", serde_json::Value::Null)]);
    /// ```
    pub fn alter(self, fields: &[(&str, Value)]) -> Fault {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Fault { effect: Effect::Alter(fields), ..self }
    }

    /// Carries the call out so much later.
    pub fn delay(self, pause: Duration) -> Fault {
        Fault { effect: Effect::Delay(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)), ..self }
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

    /// What is wrong with a fault that somebody wrote by hand.
    pub(crate) fn problem(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.chance) {
            return Some(format!("chance is {}, but a probability is from 0 to 1", self.chance));
        }
        if !(self.path == "*" || self.path.starts_with('/')) {
            return Some("path is below /v1 and begins with a slash, or is \"*\"".to_owned());
        }
        match &self.effect {
            Effect::Delay(pause) if Duration::from_millis(*pause) > LONGEST_DELAY => {
                Some(format!("delay is {pause} ms, but at most {} s", LONGEST_DELAY.as_secs()))
            }
            Effect::Answer { status, .. } if !(200..600).contains(status) => {
                Some(format!("status is {status}, but an answer has one from 200 to 599"))
            }
            _ => None,
        }
    }
}

/// Which calls are meant.
#[derive(Clone, Debug)]
pub(crate) struct Pattern<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
}

impl Pattern<'_> {
    /// A call whose path ends in a slash is the same call as without it.
    pub(crate) fn matches(&self, method: &Method, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        (self.method == "*" || self.method.eq_ignore_ascii_case(method.as_str()))
            && match self.path {
                all if all.ends_with('*') => path.starts_with(all.trim_end_matches('*')),
                below if below.ends_with('/') => path.starts_with(below),
                exact => path == exact,
            }
    }
}

/// A fault that waits for its calls.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Armed {
    id: u64,
    /// How often it will still strike; `null` until it is cleared.
    left: Option<usize>,
    #[serde(skip)]
    skip: usize,
    #[serde(flatten)]
    fault: Fault,
}

/// The faults that are set.
pub(crate) struct Faults {
    armed: Mutex<(Vec<Armed>, u64)>,
    dice: Mutex<fastrand::Rng>,
    /// How often stalled calls were released; each waits for the next time.
    releases: watch::Sender<u64>,
    stalled: watch::Sender<usize>,
    hidden: Mutex<Hidden>,
}

/// Things that REST does not show yet although their webhook was delivered.
#[derive(Default)]
struct Hidden {
    reads: usize,
    seen: HashMap<String, usize>,
}

/// What is to happen to a call.
pub(crate) struct Struck {
    pub(crate) effect: Effect,
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
        armed.0.push(Armed { id, left, skip: fault.after, fault });
    }

    pub(crate) fn clear(&self) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).0.clear();
    }

    pub(crate) fn all(&self) -> Vec<Armed> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Lets stalled calls go on, and has no further ones stall.
    pub(crate) fn release(&self) {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner).0.retain(|armed| !armed.fault.is_stall());
        self.releases.send_modify(|releases| *releases += 1);
    }

    /// What is to happen to this call. What a stalled one waits on is taken under the same lock as the fault, so that a
    /// release in between is not missed.
    pub(crate) fn strike(&self, method: &Method, path: &str, query: &str) -> Option<Struck> {
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
            return Some(Struck { effect, release: self.releases.subscribe() });
        }
        None
    }

    /// How many calls are held now.
    pub(crate) fn stalled(&self) -> usize {
        *self.stalled.borrow()
    }

    /// Counts a call as held until what this gives is dropped.
    pub(crate) fn stall(&self) -> impl Drop + use<> {
        self.stalled.send_modify(|held| *held += 1);
        Stalled(self.stalled.clone())
    }

    /// Returns once a call is held.
    pub(crate) async fn held(&self) {
        // The sender lives as long as `self`.
        let _ = self.stalled.subscribe().wait_for(|held| *held > 0).await;
    }

    /// Hides each message and click from its first so many reads, as when REST lags behind the webhook.
    pub(crate) fn hide(&self, reads: usize) {
        *self.hidden.lock().unwrap_or_else(PoisonError::into_inner) = Hidden { reads, seen: HashMap::new() };
    }

    pub(crate) fn hidden_reads(&self) -> usize {
        self.hidden.lock().unwrap_or_else(PoisonError::into_inner).reads
    }

    /// Whether this call reads something that is still hidden from it.
    pub(crate) fn hides(&self, method: &Method, path: &str) -> bool {
        let id = path.strip_prefix("/messages/").or_else(|| path.strip_prefix("/attachment/actions/"));
        id.is_some_and(|id| method == Method::GET && id != "direct" && self.hides_from_read(id))
    }

    /// Whether this is still hidden; a list without it counts as a read.
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
