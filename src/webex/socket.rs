//! An open websocket: JSON out, frames in. What they mean is for the receiver.

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

/// Activities have some kilobytes. A larger frame than this is not read, and the connection cannot go on after it.
const LARGEST_FRAME: usize = 1024 * 1024;

/// How long a send may take. We send little.
const LONGEST_SEND: Duration = Duration::from_secs(10);

/// The most of a close's reason that is shown.
const LONGEST_REASON: usize = 200;

/// A connection to Webex.
pub struct Socket {
    stream: WebSocketStream<Upgraded>,
    client: Client,
}

/// What happens on a socket.
#[derive(Debug)]
pub enum SocketEvent {
    /// Text or bytes.
    Frame(Bytes),
    /// A frame too large to be read.
    TooLarge,
    /// The other end closed it, with a code and its reason.
    Closed(Option<u16>, String),
    /// The connection broke.
    Broken(String),
}

impl Socket {
    /// Takes an upgraded connection and shows the token on it.
    pub(super) async fn authorized(upgraded: Upgraded, client: Client) -> Result<Socket, Error> {
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_FRAME))
            .max_frame_size(Some(LARGEST_FRAME))
            .read_buffer_size(16 * 1024);
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await;
        let mut socket = Socket { stream, client };
        let token = socket.client.authorization().to_str().unwrap_or_default();
        let authorization = json!({"id": Uuid::new_v4(), "type": "authorization", "data": {"token": token}, "trackingId": tracking_id()});
        match socket.send(&authorization).await {
            Ok(()) => Ok(socket),
            Err(cause) => Err(Error::Unreachable { endpoint: "socket", is_sent: true, cause }),
        }
    }

    /// Sends a frame. After an error nothing more can be sent.
    pub async fn send(&mut self, frame: &Value) -> Result<(), String> {
        let sending = self.stream.send(Message::text(frame.to_string()));
        match tokio::time::timeout(LONGEST_SEND, sending).await {
            Ok(sent) => sent.map_err(|error| plain(&error)),
            Err(_) => Err("the other end takes nothing any more".to_owned()),
        }
    }

    /// The next thing that happens. Dropping the call loses nothing.
    pub async fn next(&mut self) -> SocketEvent {
        loop {
            return match self.stream.next().await {
                Some(Ok(Message::Text(text))) => SocketEvent::Frame(text.into()),
                Some(Ok(Message::Binary(bytes))) => SocketEvent::Frame(bytes),
                Some(Ok(Message::Close(frame))) => {
                    let reason = frame.as_ref().map_or("", |frame| frame.reason.as_str());
                    SocketEvent::Closed(frame.as_ref().map(|frame| frame.code.into()), self.reason(reason))
                }
                // Pings of the protocol itself are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(tungstenite::Error::Capacity(_))) => SocketEvent::TooLarge,
                Some(Err(error)) => SocketEvent::Broken(plain(&error)),
                None => SocketEvent::Broken("the connection has ended".to_owned()),
            };
        }
    }

    /// Makes foreign text fit for logs and people.
    fn reason(&self, reason: &str) -> String {
        one_line(&self.client.redactor().sanitized(reason), LONGEST_REASON)
    }
}

/// Webex's support asks for it.
fn tracking_id() -> String {
    format!("switchboard_{}", Uuid::new_v4())
}

/// The library's texts name no address and nothing that was sent.
fn plain(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            "the connection broke".to_owned()
        }
        error => error.to_string(),
    }
}
