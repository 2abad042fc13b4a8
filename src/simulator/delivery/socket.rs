//! One socket of a device, from its first frame to its end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::live::LiveWorld;
use crate::simulator::world::things::SocketOrder;

const BAD_REQUEST: u16 = 4400;
const UNAUTHORIZED: u16 = 4401;
/// The close code for a socket that has not shown its token in time.
const POLICY: u16 = 1008;

/// Serves a socket until either end closes it, or the cloud stops.
pub(crate) async fn hold(live: Arc<LiveWorld>, device: String, upgraded: Upgraded) {
    let stream = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
    let stopping = live.stopping.clone();
    let mut socket = Socket { live, device, stream };
    stopping.run_until_cancelled(socket.hold()).await;
}

/// A websocket connection.
struct Socket {
    live: Arc<LiveWorld>,
    device: String,
    stream: WebSocketStream<TokioIo<Upgraded>>,
}

impl Socket {
    async fn hold(&mut self) {
        let window = self.live.world().mercury.manner.authorization_timeout;
        let token = match tokio::time::timeout(window, self.token()).await {
            Ok(Some(Ok(token))) => token,
            Ok(Some(Err(problem))) => return self.close(BAD_REQUEST, problem).await,
            Ok(None) => return,
            Err(_) => return self.close(POLICY, "not authorized in time").await,
        };
        let (orders, orderly) = mpsc::unbounded_channel();
        let socket = {
            let mut world = self.live.world();
            if world.mercury.manner.refused { None } else { world.open_socket(&self.device, &token, orders) }
        };
        match socket {
            Some(number) => {
                self.serve(orderly).await;
                self.live.world().close_socket(&self.device, number);
            }
            None => self.close(UNAUTHORIZED, "unauthorized").await,
        }
    }

    /// The token in the first frame, which has to be the authorization. None if the other end goes away first.
    async fn token(&mut self) -> Option<Result<String, &'static str>> {
        let frame = self.frame().await?;
        let token = frame["data"]["token"].as_str().and_then(|token| token.strip_prefix("Bearer "));
        Some(match token.filter(|_| frame["type"] == "authorization") {
            Some(token) => Ok(token.trim().to_owned()),
            None => Err("the first frame has to be the authorization"),
        })
    }

    async fn serve(&mut self, mut orders: mpsc::UnboundedReceiver<SocketOrder>) {
        loop {
            let order = tokio::select! {
                order = orders.recv() => order,
                frame = self.frame() => match frame {
                    Some(frame) => self.answer(&frame),
                    None => return,
                },
            };
            match order {
                Some(SocketOrder::Send(text)) => {
                    let sent = self.stream.send(self.to_frame(text)).await;
                    if sent.is_err() {
                        return;
                    }
                }
                Some(SocketOrder::Close(code, reason)) => return self.close(code, &reason).await,
                Some(SocketOrder::Drop) => return,
                None => {}
            }
        }
    }

    /// The answer to a frame of the other end.
    fn answer(&self, frame: &Value) -> Option<SocketOrder> {
        let mut world = self.live.world();
        match frame["type"].as_str() {
            Some("ping") if !world.mercury.manner.silent => {
                Some(SocketOrder::Send(json!({"id": frame["id"], "type": "pong"}).to_string()))
            }
            Some("ack") => {
                world.acknowledge(&self.device, frame["messageId"].as_str().unwrap_or_default());
                None
            }
            Some(_) | None => None,
        }
    }

    /// The next JSON frame. None once the connection has ended.
    async fn frame(&mut self) -> Option<Value> {
        loop {
            let frame = match self.stream.next().await?.ok()? {
                Message::Text(text) => Bytes::from(text),
                Message::Binary(bytes) => bytes,
                Message::Close(_) => return None,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            };
            return Some(serde_json::from_slice(&frame).unwrap_or_default());
        }
    }

    fn to_frame(&self, text: String) -> Message {
        if self.live.world().mercury.manner.binary { Message::binary(text) } else { Message::text(text) }
    }

    async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: CloseCode::from(code), reason: reason.into() };
        let _ = self.stream.close(Some(frame)).await;
        // Wait until the other end has closed too, since closing at once may cut off the last frame.
        let _ = tokio::time::timeout(Duration::from_secs(1), async { while self.frame().await.is_some() {} }).await;
    }
}
