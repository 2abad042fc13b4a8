//! What a test or a demonstration has go wrong with calls of the API.

use std::time::Duration;

use axum::http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::simulator::world::Refusal;

/// No client waits longer.
const LONGEST_DELAY: Duration = Duration::from_secs(600);

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
    pub(super) method: String,
    #[serde(default = "any")]
    pub(super) path: String,
    /// Only calls whose query holds this text.
    #[serde(default)]
    pub(super) query: String,
    /// 0 until it is cleared.
    #[serde(default = "once")]
    pub(super) times: usize,
    /// So many matching calls pass first.
    #[serde(default)]
    pub(super) after: usize,
    #[serde(default = "always")]
    pub(super) chance: f64,
    pub(super) effect: Effect,
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

    pub(super) fn is_stall(&self) -> bool {
        matches!(self.effect, Effect::Stall | Effect::ApplyThenStall)
    }

    /// The fault, unless it is wrong, as one that somebody wrote by hand may be.
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
