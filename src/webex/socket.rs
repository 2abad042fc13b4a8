//! An open websocket: sends JSON and gives frames. The receiver knows what they mean.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use reqwest::Upgraded;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};
use uuid::Uuid;

use super::{Client, Error};
use crate::redact::one_line;

/// The largest frame that is read. Activities have some kilobytes. After a larger frame the connection cannot continue.
const LARGEST_FRAME: usize = 1024 * 1024;

/// How long a send may take. We send little.
const LONGEST_SEND: Duration = Duration::from_secs(10);

/// The longest reason of a close that is shown.
const LONGEST_REASON: usize = 200;

/// A connection to Webex.
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    client: Client,
}

/// What happens on a socket.
#[derive(Debug)]
pub enum SocketEvent {
    /// A frame with text or bytes.
    Frame(Bytes),
    /// A frame too large to be read.
    TooLarge,
    /// The other end closed it, with a code and its reason.
    Closed(Option<u16>, String),
    /// The connection broke.
    Broken(String),
}

impl Socket {
    /// Takes an upgraded connection and sends the token over it.
    pub(super) async fn authorized(upgraded: Upgraded, client: Client) -> Result<Socket, Error> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_FRAME))
            .max_frame_size(Some(LARGEST_FRAME))
            .read_buffer_size(16 * 1024);
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let mut socket = Socket { stream, client };
        let token = socket.client.wire().authorization().to_str().unwrap_or_default();
        let authorization = json!({"id": Uuid::new_v4(), "type": "authorization", "data": {"token": token}, "trackingId": tracking_id()});
        match socket.send(&authorization).await {
            Ok(()) => Ok(socket),
            Err(cause) => Err(Error::Unreachable { endpoint: "socket", is_sent: true, cause }),
        }
    }

    /// Sends a frame. After an error nothing more can be sent: open another socket.
    pub async fn send(&mut self, frame: &Value) -> Result<(), String> {
        let sending = self.stream.send(Message::text(frame.to_string()));
        match tokio::time::timeout(LONGEST_SEND, sending).await {
            Ok(sent) => sent.map_err(|error| plain(&error)),
            Err(_) => Err("the other end takes nothing any more".to_owned()),
        }
    }

    /// The next event. Dropping the future loses nothing.
    pub async fn next(&mut self) -> SocketEvent {
        loop {
            return match self.stream.next().await {
                Some(Ok(Message::Text(text))) => SocketEvent::Frame(text.into()),
                Some(Ok(Message::Binary(bytes))) => SocketEvent::Frame(bytes),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.as_ref().map_or("", |frame| frame.reason.as_str());
                    SocketEvent::Closed(frame.as_ref().map(|frame| frame.code.into()), self.reason(reason))
                }
                // The library itself answers the protocol's pings.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(tungstenite::Error::Capacity(_))) => SocketEvent::TooLarge,
                Some(Err(error)) => SocketEvent::Broken(plain(&error)),
                None => SocketEvent::Broken("the connection has ended".to_owned()),
            };
        }
    }

    /// Makes foreign text safe for logs and people.
    fn reason(&self, reason: &str) -> String {
        one_line(&self.client.redactor().sanitized(reason), LONGEST_REASON)
    }
}

/// A new tracking id, which Webex's support asks for.
fn tracking_id() -> String {
    format!("switchboard_{}", Uuid::new_v4())
}

/// The library's message, which contains no address and nothing that was sent.
fn plain(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            "the connection broke".to_owned()
        }
        error => error.to_string(),
    }
}
