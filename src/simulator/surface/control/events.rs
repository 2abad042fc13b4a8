//! `GET /control/events`: sends everything that happens, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::{Stream, stream};
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::state::{StatePerson, everything};
use crate::simulator::scenario::cloud::Cloud;
use crate::simulator::watch::journal::Happening;
use crate::simulator::world::change::WorldChange;

/// The shortest pause between two sends of the state, however often it changes.
const STATE_PAUSE: Duration = Duration::from_millis(100);

/// A client of the event stream.
struct Watcher {
    cloud: Cloud,
    happenings: broadcast::Receiver<Happening>,
    /// When the state has to be sent, if it changed.
    state_due: Option<Instant>,
    state_told: Instant,
}

pub(super) async fn events(State(cloud): State<Cloud>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let now = Instant::now();
    // Watching begins before the state is read, so that nothing in between is missed.
    let happenings = cloud.live.journal.watch();
    let watcher = Watcher { cloud, happenings, state_due: Some(now), state_told: now };
    let events = stream::unfold(watcher, |mut watcher| async move { Some((Ok(watcher.next().await?), watcher)) });
    Sse::new(events).keep_alive(KeepAlive::default())
}

impl Watcher {
    /// The next event to send. None once the cloud stops, which ends the connection.
    async fn next(&mut self) -> Option<Event> {
        let stopping = self.cloud.live.stopping.clone();
        loop {
            let due = self.state_due;
            tokio::select! {
                biased;
                () = stopping.cancelled() => return None,
                () = async { sleep_until(due.unwrap_or_else(Instant::now)).await }, if due.is_some() => {
                    (self.state_due, self.state_told) = (None, Instant::now());
                    return Some(event("state", &everything(&self.cloud)));
                }
                happening = self.happenings.recv() => match happening {
                    Ok(Happening::State) => {
                        self.state_due.get_or_insert(self.state_told + STATE_PAUSE);
                    }
                    Ok(happening) => return Some(browser_event(&happening)),
                    Err(RecvError::Lagged(_)) => return Some(event("reload", &json!({}))),
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }
}

fn browser_event(happening: &Happening) -> Event {
    match happening {
        Happening::Changed(change) => match &**change {
            WorldChange::Message(message) => event("message", message),
            WorldChange::Room(room_id) => event("room", &json!({"roomId": room_id})),
            WorldChange::Person(account) => event("person", &StatePerson::from(&**account)),
        },
        Happening::Delivered(delivery) => event("delivery", delivery),
        Happening::Called(call) => event("call", call),
        Happening::State => event("state", &json!({})),
    }
}

/// An event of the stream. If it cannot be written as JSON, the page is told to read everything again.
fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).unwrap_or_else(|_| Event::default().event("reload").data("{}"))
}
