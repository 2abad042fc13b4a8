//! Faults: what a test or a demonstration makes go wrong with calls of the API.

use std::time::Duration;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::simulator::world::Refusal;

/// The longest delay. No client waits longer.
const LONGEST_DELAY: Duration = Duration::from_secs(600);

/// A fault of the API for calls of one kind. Faults are used up in the order in which they were set.
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
    pub(super) method: String,
    #[serde(default = "any")]
    pub(super) path: String,
    /// Only calls whose query contains this text are struck.
    #[serde(default)]
    pub(super) query: String,
    /// How many calls it strikes; 0 means until it is cleared.
    #[serde(default = "once")]
    pub(super) times: usize,
    /// How many matching calls pass first.
    #[serde(default)]
    pub(super) after: usize,
    #[serde(default = "always")]
    pub(super) chance: f64,
    pub(super) effect: FaultEffect,
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
pub(crate) enum FaultEffect {
    /// The call is not carried out, and gets this answer.
    Answer {
        status: u16,
        #[serde(default)]
        headers: Vec<(String, String)>,
        #[serde(default)]
        body: String,
    },
    /// The call is carried out, and these fields of the answer, or of each item of a list, are set to these values.
    Alter(Map<String, Value>),
    /// The call is carried out after this many milliseconds.
    Delay(u64),
    /// The call is carried out only once `Cloud::release` is called.
    Stall,
    /// The call is not carried out, and the connection is dropped without an answer.
    Reset,
    /// The call is carried out, and then the connection is dropped, so the caller cannot know.
    ApplyThenReset,
    /// The call is carried out, but the answer comes only once `Cloud::release` is called.
    ApplyThenStall,
}

impl FaultEffect {
    /// The name of the effect in the record of calls.
    pub(crate) fn name(&self) -> String {
        match self {
            FaultEffect::Answer { status, .. } => status.to_string(),
            FaultEffect::Alter(fields) => {
                format!("{} altered", fields.keys().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            FaultEffect::Delay(pause) => format!("{pause} ms late"),
            FaultEffect::Stall => "stalled".to_owned(),
            FaultEffect::Reset => "reset".to_owned(),
            FaultEffect::ApplyThenReset => "carried out, then reset".to_owned(),
            FaultEffect::ApplyThenStall => "carried out, then stalled".to_owned(),
        }
    }
}

impl Fault {
    /// A fault for calls with this method to this path below `/v1`, such as `/messages`, or to a path that a websocket
    /// needs, such as `/wdm/api/v1/devices`. A path that ends in a slash matches everything below it, and a path that
    /// ends in `*` everything that begins so: `/messages/` is any one message, and `/messages*` is the list as well. By
    /// default the fault strikes once, with a plain 500.
    pub fn on(method: Method, path: &str) -> Fault {
        Fault::of(method.as_str(), path)
    }

    /// A fault for every call, whatever its method and path.
    pub fn on_any() -> Fault {
        Fault::of("*", "*")
    }

    fn of(method: &str, path: &str) -> Fault {
        let effect = FaultEffect::Answer { status: 500, headers: Vec::new(), body: String::new() };
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

    /// Strikes only calls whose query contains this text, such as the id of a space.
    pub fn about(self, text: &str) -> Fault {
        Fault { query: text.to_owned(), ..self }
    }

    /// Strikes this many calls; 0 is the same as [`Fault::always`].
    pub fn times(self, times: usize) -> Fault {
        Fault { times, ..self }
    }

    /// Strikes until `Cloud::clear_faults` is called.
    pub fn always(self) -> Fault {
        self.times(0)
    }

    /// Lets this many matching calls pass first.
    pub fn after(self, calls: usize) -> Fault {
        Fault { after: calls, ..self }
    }

    /// Strikes a matching call only with this probability, from 0 to 1. The cloud's seed decides which calls.
    pub fn chance(self, probability: f64) -> Fault {
        Fault { chance: probability, ..self }
    }

    /// Answers with this status, these headers and this body, and does not carry the call out.
    pub fn answer(self, status: u16, headers: &[(&str, &str)], body: &str) -> Fault {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Fault { effect: FaultEffect::Answer { status, headers, body: body.to_owned() }, ..self }
    }

    /// Carries the call out, and sets these fields of its answer, or of each item of a list. Webex may leave out or
    /// change every field that is not documented as always present.
    ///
    /// ```
    /// use axum::http::Method;
    /// use switchboard::simulator::Fault;
    ///
    /// let untitled = Fault::on(Method::GET, "/rooms").always().alter(&[("title", serde_json::Value::Null)]);
    /// ```
    pub fn alter(self, fields: &[(&str, Value)]) -> Fault {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Fault { effect: FaultEffect::Alter(fields), ..self }
    }

    /// Carries the call out after a pause.
    pub fn delay(self, pause: Duration) -> Fault {
        Fault { effect: FaultEffect::Delay(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)), ..self }
    }

    /// Holds the call until `Cloud::release` is called, and only then carries it out.
    pub fn stall(self) -> Fault {
        Fault { effect: FaultEffect::Stall, ..self }
    }

    /// Carries the call out, and holds the answer until `Cloud::release` is called.
    pub fn apply_then_stall(self) -> Fault {
        Fault { effect: FaultEffect::ApplyThenStall, ..self }
    }

    /// Drops the connection, and does not carry the call out.
    pub fn reset(self) -> Fault {
        Fault { effect: FaultEffect::Reset, ..self }
    }

    /// Carries the call out, then drops the connection instead of answering.
    pub fn apply_then_reset(self) -> Fault {
        Fault { effect: FaultEffect::ApplyThenReset, ..self }
    }

    pub(super) fn is_stall(&self) -> bool {
        matches!(self.effect, FaultEffect::Stall | FaultEffect::ApplyThenStall)
    }

    /// Checks the fault, which may have been written by hand.
    pub(crate) fn checked(self) -> Result<Fault, Refusal> {
        self.problem().map_or(Ok(self), |problem| Err(Refusal::bad_request(problem)))
    }

    fn problem(&self) -> Option<String> {
        if !(0.0..=1.0).contains(&self.chance) {
            return Some(format!("chance is {}, but a probability is from 0 to 1", self.chance));
        }
        if !(self.path == "*" || self.path.starts_with('/')) {
            return Some("path is below /v1 and begins with a slash, or is \"*\"".to_owned());
        }
        match &self.effect {
            FaultEffect::Delay(pause) if Duration::from_millis(*pause) > LONGEST_DELAY => {
                Some(format!("delay is {pause} ms, but at most {} s", LONGEST_DELAY.as_secs()))
            }
            FaultEffect::Answer { status, .. } if !(200..600).contains(status) => {
                Some(format!("status is {status}, but an answer has one from 200 to 599"))
            }
            _ => None,
        }
    }
}
