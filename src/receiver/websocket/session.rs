//! One open socket: frames are read, stored and acknowledged, and pings check that the other end is there.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::json;
use tokio::time::Instant;
use uuid::Uuid;

use super::Websocket;
use super::backoff::Backoff;
use super::end::SocketEnd;
use crate::event::{Event, Source};
use crate::receiver::activity::{Frame, FrameContent};
use crate::telemetry::Received;
use crate::webex::{self, SocketEvent};

/// How long we wait for Webex's first event. Webex itself closes a socket without a token after this time.
const LONGEST_GREETING: Duration = Duration::from_secs(30);

/// The most envelopes that wait for the disk at one time. They share its commits; further ones wait in the connection.
const MOST_STORING: usize = 64;

pub(super) struct Session<'a> {
    websocket: &'a Websocket,
    socket: webex::Socket,
    beat: Beat,
    /// When the next beat is due.
    due: Instant,
    /// The number that the next envelope should have.
    expected: Option<u64>,
    has_worked: bool,
}

/// What we wait for from Webex.
enum Beat {
    /// The first event, which shows that Webex accepted the token.
    Greeting,
    /// Nothing, until the next ping.
    Rest,
    /// The pong to the ping with this id.
    Pong(String),
}

/// An event to be stored, and the id by which it is then acknowledged.
struct EventFrame {
    id: String,
    event: Event,
    /// The frame that it came in.
    raw: Bytes,
}

impl<'a> Session<'a> {
    pub(super) fn new(websocket: &'a Websocket, socket: webex::Socket) -> Session<'a> {
        let due = Instant::now() + LONGEST_GREETING;
        Session { websocket, socket, beat: Beat::Greeting, due, expected: None, has_worked: false }
    }

    /// Runs to the end of the socket. Returns that end, and whether the socket worked before.
    pub(super) async fn run(mut self, backoff: &mut Backoff) -> (SocketEnd, bool) {
        let websocket = self.websocket;
        let store = async move |EventFrame { id, event, raw }: EventFrame| {
            (id, websocket.door.take(Source::Websocket, &event, Some(raw)).await)
        };
        // Each event is queued for the disk when its future is first polled, which is in the order of arrival.
        let mut storing = FuturesUnordered::new();
        loop {
            let step = tokio::select! {
                heard = self.socket.next(), if storing.len() < MOST_STORING => match heard {
                    SocketEvent::Frame(frame) => self.frame(&frame, backoff).await.map(|found| storing.extend(found.map(&store))),
                    SocketEvent::TooLarge => Err(SocketEnd::TooLarge),
                    SocketEvent::Closed(code, reason) => Err(SocketEnd::Closed(code, reason)),
                    SocketEvent::Broken(why) => Err(SocketEnd::Lost(why)),
                },
                Some((id, stored)) = storing.next() => match stored {
                    Ok(_) => self.acknowledge(&id).await,
                    Err(error) => Err(SocketEnd::NotStored(error)),
                },
                () = tokio::time::sleep_until(self.due) => self.beat().await,
            };
            if let Err(end) = step {
                return (end, self.has_worked);
            }
        }
    }

    /// Reads a frame. Returns the event to store, if it holds one.
    async fn frame(&mut self, frame: &Bytes, backoff: &mut Backoff) -> Result<Option<EventFrame>, SocketEnd> {
        match Frame::read(frame) {
            Ok(Frame::Event { id, sequence, what }) => {
                if matches!(self.beat, Beat::Greeting) {
                    self.has_worked = true;
                    self.rest();
                    self.websocket.is_up();
                }
                self.look_for_gap(sequence);
                self.event(id, what, frame).await
            }
            Ok(Frame::Pong(id)) => {
                if matches!(&self.beat, Beat::Pong(awaited) if *awaited == id) {
                    backoff.reset();
                    self.rest();
                }
                Ok(None)
            }
            Ok(Frame::Other) => Ok(None),
            Err(problem) => {
                self.unreadable(&problem);
                Ok(None)
            }
        }
    }

    /// Returns the event of a frame. One that cannot be read is acknowledged at once: Webex would send it again for
    /// ever.
    async fn event(&mut self, id: String, what: FrameContent, frame: &Bytes) -> Result<Option<EventFrame>, SocketEnd> {
        match what {
            FrameContent::Happened(event) => Ok(Some(EventFrame { id, event, raw: frame.clone() })),
            FrameContent::Unreadable(problem) => {
                self.unreadable(problem);
                self.acknowledge(&id).await.map(|()| None)
            }
        }
    }

    async fn acknowledge(&mut self, id: &str) -> Result<(), SocketEnd> {
        self.socket.send(&json!({"type": "ack", "messageId": id})).await.map_err(SocketEnd::Lost)
    }

    /// Sends a ping, or ends the socket if the answer to the last one is missing.
    async fn beat(&mut self) -> Result<(), SocketEnd> {
        match self.beat {
            Beat::Greeting => Err(SocketEnd::Lost("Webex did not say that it takes the token".to_owned())),
            Beat::Pong(_) => Err(SocketEnd::Lost("no pong within websocket.pong_timeout".to_owned())),
            Beat::Rest => {
                let id = Uuid::new_v4().to_string();
                self.socket.send(&json!({"id": id, "type": "ping"})).await.map_err(SocketEnd::Lost)?;
                (self.beat, self.due) = (Beat::Pong(id), Instant::now() + self.websocket.settings.pong_timeout);
                Ok(())
            }
        }
    }

    fn rest(&mut self) {
        (self.beat, self.due) = (Beat::Rest, Instant::now() + self.websocket.settings.ping_interval);
    }

    /// Notices lost frames: a number beyond the expected one is a gap, a lower one a repeat.
    fn look_for_gap(&mut self, sequence: Option<u64>) {
        let Some(sequence) = sequence else { return };
        let expected = self.expected.unwrap_or(sequence);
        if sequence > expected {
            self.websocket.has_gap();
        }
        self.expected = Some(expected.max(sequence.saturating_add(1)));
    }

    fn unreadable(&mut self, problem: &str) {
        self.websocket.metrics.event(Source::Websocket.as_str(), "unknown", Received::Rejected);
        if let Some(count) = self.websocket.unreadable.count() {
            tracing::warn!(
                problem,
                count,
                "Webex sent what cannot be read over the websocket; more within a minute is only counted"
            );
        }
    }
}
