//! Plain calls straight to the API's host, over connections that stay open between calls.
//!
//! This is what is left of reqwest if there is no proxy, no redirect, no cookie and one host, at half of the CPU.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::http::response::Parts;
use hyper::{Request, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::ClientConfig;
use tokio::time::timeout;
use tower::ServiceExt;

use super::answer::{most_bytes, read};
use super::lost::Lost;
use crate::clock;

/// How long a connection stays open without a call, as in reqwest.
const LONGEST_IDLE: Duration = Duration::from_secs(90);

type Sender = SendRequest<Full<Bytes>>;

/// The head of an answer, and its body up to the most bytes that are wanted of it.
type Answered = (Parts, Bytes);

/// The way to one host, and the open connections to it.
pub(super) struct Direct {
    connector: HttpsConnector<HttpConnector>,
    /// Scheme, host and port.
    host: Uri,
    idle: Arc<Mutex<Idle>>,
    /// For a whole call.
    timeout: Duration,
    connect_timeout: Duration,
}

/// The connections without a call.
#[derive(Default)]
struct Idle {
    /// The latest used last, each with the time since when it has had no call.
    senders: Vec<(Sender, Instant)>,
    /// Whether a task waits to close them.
    is_watched: bool,
}

impl Direct {
    /// The way to this host. Nothing is connected yet.
    pub fn new(host: Uri, tls: ClientConfig, timeout: Duration, connect_timeout: Duration) -> Direct {
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
        Direct { connector: HttpsConnector::from((tcp, tls)), host, idle: Arc::default(), timeout, connect_timeout }
    }

    /// Sends a request and reads the answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answered, Lost> {
        let mut is_sent = false;
        let answered = timeout(self.timeout, self.send_and_read(request, &mut is_sent)).await;
        answered.unwrap_or_else(|_| Err(Lost::late(is_sent)))
    }

    async fn send_and_read(&self, mut request: Request<Full<Bytes>>, is_sent: &mut bool) -> Result<Answered, Lost> {
        loop {
            let (mut sender, is_new) = match self.take_idle() {
                Some(sender) => (sender, false),
                None => (self.connect().await?, true),
            };
            *is_sent = true;
            let error = match sender.try_send_request(request).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let body = read(body, most_bytes(head.status)).await;
                    let body = body.map_err(|error| Lost::broken(true, &error))?;
                    keep(&self.idle, sender);
                    return Ok((head, body));
                }
                Err(mut error) => (error.take_message(), error.into_error()),
            };
            match error {
                // The other end may close a connection just before a call. Nothing was written, so the next one is tried.
                (Some(unsent), _) if !is_new => (request, *is_sent) = (unsent, false),
                (unsent, error) => return Err(Lost::broken(unsent.is_none(), &error)),
            }
        }
    }

    async fn connect(&self) -> Result<Sender, Lost> {
        let connecting = self.connector.clone().oneshot(self.host.clone());
        let stream = match timeout(self.connect_timeout, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(Lost::broken(false, &*error)),
            Err(_) => return Err(Lost::late(false)),
        };
        let (sender, connection) = handshake(stream).await.map_err(|error| Lost::broken(false, &error))?;
        // It ends with its last call or when the other end hangs up, and tells the call why.
        tokio::spawn(connection);
        Ok(sender)
    }

    /// The open connection that was used last.
    fn take_idle(&self) -> Option<Sender> {
        let mut idle = lock(&self.idle);
        while let Some((sender, since)) = idle.senders.pop() {
            if is_usable(&sender, since, clock::instant()) {
                return Some(sender);
            }
        }
        None
    }
}

impl Idle {
    /// Closes the connections that are not used any more.
    fn close_unused(&mut self, now: Instant) {
        self.senders.retain(|(sender, since)| is_usable(sender, *since, now));
    }
}

fn is_usable(sender: &Sender, since: Instant, now: Instant) -> bool {
    sender.is_ready() && now.saturating_duration_since(since) < LONGEST_IDLE
}

/// Keeps a connection for the next call once it is ready for one. It never is if an answer was not read to its end.
fn keep(idle: &Arc<Mutex<Idle>>, mut sender: Sender) {
    if !sender.is_ready() {
        let idle = Arc::clone(idle);
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                keep(&idle, sender);
            }
        });
        return;
    }
    let mut known = lock(idle);
    known.senders.push((sender, clock::instant()));
    if !known.is_watched {
        known.is_watched = true;
        tokio::spawn(close_idle(Arc::downgrade(idle)));
    }
}

/// Closes connections until none is open.
async fn close_idle(idle: Weak<Mutex<Idle>>) {
    loop {
        tokio::time::sleep(LONGEST_IDLE).await;
        let Some(idle) = idle.upgrade() else { return };
        let mut idle = lock(&idle);
        idle.close_unused(clock::instant());
        if idle.senders.is_empty() {
            idle.is_watched = false;
            return;
        }
    }
}

fn lock(idle: &Mutex<Idle>) -> MutexGuard<'_, Idle> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::crypto::ring;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_stays_open_for_a_while_and_is_then_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            stream.read(&mut [0; 1024]).await
        });
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let tls = tls.with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let direct = Direct::new(host, tls, LONGEST_IDLE, LONGEST_IDLE);
        assert_eq!(direct.send(Request::new(Full::default())).await.unwrap().0.status, 204);

        let (used, close) = (clock::instant(), |now| lock(&direct.idle).close_unused(now));
        close(used + LONGEST_IDLE - Duration::from_secs(9));
        assert_eq!(lock(&direct.idle).senders.len(), 1);
        close(used + LONGEST_IDLE);
        assert_eq!(lock(&direct.idle).senders.len(), 0);
        assert_eq!(server.await.unwrap().unwrap(), 0, "the other end sees it closed");
    }
}
