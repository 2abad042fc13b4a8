//! What happens to a call on its way: it is recorded, faults strike it, and its answer gets Webex's headers. Calls of
//! people, as the chat page makes them, meet no faults and are not recorded.

use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tokio::sync::watch;

use super::dress::{fault_answer, no_answer, stamp, too_many_calls, with_webex_headers};
use super::kept::{keep_answer, keep_request};
use super::request::bearer;
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::scenario::fault::FaultEffect;
use crate::simulator::scenario::faults::StruckCall;
use crate::simulator::watch::calls::Call;
use crate::simulator::watch::journal::Happening;
use crate::simulator::world::Refusal;

/// Records each call, lets faults strike it, and gives each answer Webex's headers.
pub(super) async fn on_the_way(State(cloud): State<Cloud>, request: Request, next: Next) -> Response {
    let inner = &cloud.inner;
    let began = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri());
    let path = uri.path().strip_prefix("/v1").unwrap_or(uri.path()).to_owned();
    let query = uri.query().map(str::to_owned);
    let actor = bearer(request.headers()).and_then(|token| Some(cloud.world().by_token(token)?.email.clone()));
    let (tracking_id, at) = stamp(&cloud);
    let (request, kept) = keep_request(request).await;
    let number = inner.calls.arrived(Call {
        actor: actor.clone(),
        request: kept,
        ..Call::new(method.clone(), path.clone(), query, at)
    });
    let too_many = actor.as_deref().and_then(|actor| inner.limiter.refuses(actor, began));
    let query = request.uri().query().unwrap_or_default();
    let struck = if too_many.is_none() { inner.faults.strike(&method, &path, query) } else { None };
    let fault = struck.as_ref().map(|struck| struck.effect.name());
    if struck.is_some() {
        cloud.tell_controls();
    }
    let answer = match (too_many, struck) {
        (Some(seconds), _) => Some(too_many_calls(seconds)),
        (None, Some(struck)) => apply_fault(&cloud, struck, request, next).await,
        (None, None) if inner.faults.hides(&method, path.trim_end_matches('/')) => {
            Some(Refusal::no_such_message().into_response())
        }
        (None, None) => Some(next.run(request).await),
    };
    let answer = answer.map(|answer| with_webex_headers(answer, &tracking_id, at));
    let (answer, kept) = match answer {
        Some(answer) => keep_answer(answer).await,
        None => (no_answer(), None),
    };
    let status = answer.status().as_u16();
    let ended = inner.calls.ended(number, |call| {
        // A broken connection is no answer and has no status.
        call.status = kept.is_some().then_some(status);
        call.latency = began.elapsed();
        (call.tracking_id, call.response, call.fault) = (Some(tracking_id), kept, fault);
    });
    if let Some(call) = ended {
        cloud.live.journal.tell(Happening::Called(call.into()));
    }
    answer
}

/// Applies the effect of a fault to a call. None if the call gets no answer.
async fn apply_fault(
    cloud: &Cloud,
    StruckCall { effect, mut release }: StruckCall,
    request: Request,
    next: Next,
) -> Option<Response> {
    match effect {
        FaultEffect::Answer { status, headers, body } => Some(fault_answer(status, &headers, body)),
        FaultEffect::Alter(fields) => Some(alter_answer(next.run(request).await, &fields).await),
        FaultEffect::Reset => None,
        FaultEffect::ApplyThenReset => {
            next.run(request).await;
            None
        }
        FaultEffect::Delay(pause) => {
            let stopping = cloud.live.stopping.clone();
            // Webex carries a call out even if the caller does not wait any more.
            let late = tokio::spawn(async move {
                let pause = tokio::time::sleep(Duration::from_millis(pause));
                stopping.run_until_cancelled(pause).await?;
                Some(next.run(request).await)
            });
            late.await.ok()?
        }
        FaultEffect::Stall => {
            cloud.wait_for_release(&mut release).await?;
            Some(next.run(request).await)
        }
        FaultEffect::ApplyThenStall => {
            let answer = next.run(request).await;
            cloud.wait_for_release(&mut release).await?;
            Some(answer)
        }
    }
}

impl Cloud {
    /// Waits for the release of stalled calls. None if the cloud stops first.
    async fn wait_for_release(&self, release: &mut watch::Receiver<u64>) -> Option<()> {
        let stalled = self.inner.faults.stall();
        self.tell_controls();
        let released = self.live.stopping.run_until_cancelled(release.changed()).await;
        drop(stalled);
        self.tell_controls();
        released?.ok()
    }
}

/// The answer with some fields set to other values.
async fn alter_answer(answer: Response, fields: &Map<String, Value>) -> Response {
    let (mut parts, body) = answer.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else { return no_answer() };
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return Response::from_parts(parts, bytes.into());
    };
    let objects = match &mut value["items"] {
        Value::Array(items) => items.iter_mut().collect(),
        _ => vec![&mut value],
    };
    for object in objects.into_iter().filter_map(Value::as_object_mut) {
        object.extend(fields.clone());
    }
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, value.to_string().into())
}
