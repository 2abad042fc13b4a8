//! The record of every call of the API, for tests and for the page's inspector.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Method;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use tokio::sync::watch;

use super::record::{Record, Recorded};
use crate::simulator::world::time;

/// One call of the API.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// How many calls arrived before this one.
    pub number: u64,
    /// When the call arrived.
    #[serde(serialize_with = "time::millis")]
    pub at: Timestamp,
    /// The HTTP method.
    #[serde(serialize_with = "method")]
    pub method: Method,
    /// The path below `/v1`, such as `/messages`.
    pub path: String,
    /// The query, after the question mark.
    pub query: Option<String>,
    /// The address of the token's owner.
    pub actor: Option<String>,
    /// The status of the answer. None while there is no answer yet, or if there never was one.
    pub status: Option<u16>,
    /// The time until the answer began.
    #[serde(rename = "latencyMs", serialize_with = "time::as_millis")]
    pub latency: Duration,
    /// The tracking id of the answer, which Cisco's support would ask for.
    pub tracking_id: Option<String>,
    /// The body of the call, cut and without secrets. It is kept for the latest calls only.
    pub request: Option<String>,
    /// The body of the answer, cut and without secrets. It is kept for the latest calls only.
    pub response: Option<String>,
    /// The fault that struck the call.
    pub fault: Option<String>,
}

fn method<S: Serializer>(method: &Method, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(method.as_str())
}

impl Call {
    pub(crate) fn new(method: Method, path: String, query: Option<String>, at: Timestamp) -> Call {
        Call {
            number: 0,
            at,
            method,
            path,
            query,
            actor: None,
            status: None,
            latency: Duration::ZERO,
            tracking_id: None,
            request: None,
            response: None,
            fault: None,
        }
    }
}

impl Recorded for Call {
    fn numbered(self, number: u64) -> Call {
        Call { number, ..self }
    }

    fn forget_bodies(&mut self) {
        (self.request, self.response) = (None, None);
    }
}

/// A pattern of calls, by method and path.
#[derive(Clone, Debug)]
pub(crate) struct Pattern<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
}

impl Pattern<'_> {
    /// Whether the pattern matches a call. A slash at the end of the call's path is ignored.
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

/// The calls in the order they arrived.
pub(crate) struct Calls {
    kept: Mutex<Record<Call>>,
    arrived: watch::Sender<u64>,
}

impl Default for Calls {
    fn default() -> Self {
        Calls { kept: Mutex::default(), arrived: watch::Sender::new(0) }
    }
}

impl Calls {
    /// Records a call, and gives the number under which its answer is recorded.
    pub(crate) fn arrived(&self, call: Call) -> u64 {
        let number = self.kept().push(call);
        self.arrived.send_modify(|calls| *calls = (*calls).max(number + 1));
        number
    }

    /// Records the end of a call, and gives the whole record.
    pub(crate) fn ended(&self, number: u64, end: impl FnOnce(&mut Call)) -> Option<Call> {
        let mut kept = self.kept();
        let call = kept.get_mut(number)?;
        end(call);
        Some(call.clone())
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Record<Call>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `count` calls that match have arrived since the start.
    pub(crate) async fn wait_for(&self, pattern: Pattern<'_>, count: usize) {
        let mut arrived = self.arrived.subscribe();
        let (mut looked_at, mut found) = (0, 0);
        loop {
            arrived.mark_unchanged();
            {
                let kept = self.kept();
                found += kept.since(looked_at).filter(|call| pattern.matches(&call.method, &call.path)).count();
                looked_at = kept.count();
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
    use crate::simulator::watch::record::MOST_BODIES;

    fn call(path: &str) -> Call {
        Call::new(Method::POST, path.to_owned(), None, Timestamp::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn waiting_counts_calls_before_and_after_it_began() {
        let calls = Calls::default();
        calls.arrived(call("/messages"));
        calls.arrived(call("/rooms"));
        let wait = calls.wait_for(Pattern { method: "POST", path: "/messages" }, 2);
        let ((), number) = tokio::join!(wait, async { calls.arrived(call("/messages")) });
        let ended = calls.ended(number, |call| call.status = Some(200));
        assert_eq!(ended.map(|call| call.number), Some(2));
        assert_eq!(calls.kept().all().last().and_then(|call| call.status), Some(200));
    }

    #[test]
    fn only_the_latest_calls_keep_their_bodies() {
        let calls = Calls::default();
        for _ in 0..=MOST_BODIES {
            calls.arrived(Call { request: Some("{}".to_owned()), ..call("/messages") });
        }
        let all = calls.kept().all();
        assert_eq!((all[0].request.as_deref(), all[1].request.as_deref()), (None, Some("{}")));
    }
}
