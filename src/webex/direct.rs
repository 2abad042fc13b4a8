//! Plain calls straight to the API's host, over connections that stay open between calls.
//!
//! This is the client that reqwest is built on, without reqwest's layers for proxies, redirects and cookies.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::http::response::Parts;
use hyper::{Request, Uri};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::BoxError;
use tower::timeout::Timeout;
use tower::util::BoxCloneSyncService;

use super::answer::{most_bytes, read};
use super::lost::Lost;

/// The head of an answer, and its body up to the most bytes that are wanted of it.
type Answered = (Parts, Bytes);

type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// A client that uses no proxy.
pub(super) struct Direct {
    client: Client<Connector, Full<Bytes>>,
    /// For a whole call.
    timeout: Duration,
}

impl Direct {
    /// Nothing is connected yet.
    pub fn new(tls: ClientConfig, timeout: Duration, connect_timeout: Duration) -> Direct {
        /// How long a connection stays open without a call, as in reqwest.
        const LONGEST_IDLE: Duration = Duration::from_secs(90);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(LONGEST_IDLE)
            .pool_timer(TokioTimer::new())
            .build(connector(tls, connect_timeout));
        Direct { client, timeout }
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Answered, Lost> {
        // A request that never had a connection was not sent.
        let connection = capture_connection(&mut request);
        let answered = timeout(self.timeout, self.send_and_read(request)).await;
        answered.unwrap_or_else(|_| Err(Lost::late(connection.connection_metadata().is_some())))
    }

    async fn send_and_read(&self, request: Request<Full<Bytes>>) -> Result<Answered, Lost> {
        let response = self.client.request(request).await;
        let (head, body) = response.map_err(|error| Lost::broken(!error.is_connect(), &error))?.into_parts();
        let body = read(body, most_bytes(head.status)).await;
        Ok((head, body.map_err(|error| Lost::broken(true, &error))?))
    }
}

/// Connects within the timeout, TLS included.
fn connector(tls: ClientConfig, connect_timeout: Duration) -> Connector {
    const PROBE_EVERY: Duration = Duration::from_secs(15);
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(connect_timeout));
    // As in reqwest: a small request is sent at once, and it is noticed when the other end is gone.
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(PROBE_EVERY));
    tcp.set_keepalive_interval(Some(PROBE_EVERY));
    tcp.set_keepalive_retries(Some(3));
    #[cfg(target_os = "linux")]
    tcp.set_tcp_user_timeout(Some(2 * PROBE_EVERY));
    BoxCloneSyncService::new(Timeout::new(HttpsConnector::from((tcp, tls)), connect_timeout))
}
