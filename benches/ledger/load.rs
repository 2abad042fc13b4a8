//! The load: signed deliveries made beforehand, sent over keep-alive connections by one cheap thread.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Signs the deliveries.
pub const SECRET: &str = "a-secret-for-the-benchmark-only-0123456789";

/// How many spaces the messages are spread over. At most 4096: a message's id ends with three digits that name its space.
pub const ROOMS: u64 = 500;

/// Where deliveries go.
pub const PATH: &str = "/webex/webhook";

/// The hook that takes what other systems post.
pub const HOOK: &str = "bench";

/// Who takes a delivery, which says how it is signed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Receiver {
    /// Webex's webhook: SHA-1.
    Webhook,
    /// The hook: SHA-256.
    Hook,
}

/// An id as Webex spells it.
pub fn webex_id(kind: &str, uuid: &str) -> String {
    BASE64.encode(format!("ciscospark://us/{kind}/{uuid}"))
}

/// A space's id.
pub fn room_id(room: u64) -> String {
    webex_id("ROOM", &format!("6f1a2b30-88aa-11f0-9c3d-{room:012x}"))
}

/// The one person who writes.
pub fn person_id() -> String {
    webex_id("PEOPLE", "1f0c7a52-3b4d-4e6f-8a90-112233445566")
}

/// The bot.
pub fn bot_id() -> String {
    webex_id("PEOPLE", "2b9d4c61-7e8f-4a1b-9c2d-665544332211")
}

/// Makes deliveries, no two of the same message.
pub struct Deliveries {
    signer: Hmac<Sha1>,
    hook_signer: Hmac<Sha256>,
    fixed: String,
    person: String,
    rooms: Vec<String>,
    next: u64,
}

impl Deliveries {
    /// From the first message on.
    pub fn new() -> Deliveries {
        let fixed = format!(
            r#""id":"{}","name":"switchboard messages","targetUrl":"https://bot.example.org{PATH}","resource":"messages","event":"created","orgId":"{}","createdBy":"{}","appId":"{}","ownedBy":"creator","status":"active","created":"2026-02-25T19:19:04.231Z","actorId":"{}""#,
            webex_id("WEBHOOK", "0d5e6f70-1122-4334-9556-778899aabbcc"),
            webex_id("ORGANIZATION", "3c4d5e6f-0011-4223-8445-66778899aabb"),
            bot_id(),
            webex_id("APPLICATION", "4d5e6f70-2233-4445-9667-8899aabbccdd"),
            person_id(),
        );
        Deliveries {
            signer: Hmac::new_from_slice(SECRET.as_bytes()).expect("any length is a key"),
            hook_signer: Hmac::new_from_slice(SECRET.as_bytes()).expect("any length is a key"),
            fixed,
            person: person_id(),
            rooms: (0..ROOMS).map(room_id).collect(),
            next: 0,
        }
    }

    /// The next so many requests, ready to be written to a socket.
    pub fn make(&mut self, count: usize) -> Arc<Requests> {
        self.make_for(Receiver::Webhook, count, 0)
    }

    /// The same for this receiver, each with so many more bytes.
    pub fn make_for(&mut self, to: Receiver, count: usize, more: usize) -> Arc<Requests> {
        let mut requests = Requests { bytes: String::new(), bounds: vec![0] };
        for _ in 0..count {
            let (nth, room) = (self.next, self.next % ROOMS);
            self.next += 1;
            // As a version 1 uuid: the time first, the node last.
            let uuid = format!("{:08x}-{:04x}-11f1-8000-00005e000{room:03x}", nth & 0xffff_ffff, nth >> 32);
            let more = if more > 0 { format!(r#","more":"{}""#, "x".repeat(more)) } else { String::new() };
            let body = format!(
                r#"{{{}{more},"data":{{"id":"{}","roomId":"{}","roomType":"direct","personId":"{}","personEmail":"alice@example.org","created":"2026-03-02T08:15:30.512Z"}}}}"#,
                self.fixed,
                webex_id("MESSAGE", &uuid),
                self.rooms[room as usize],
                self.person,
            );
            let signature = match to {
                Receiver::Webhook => hex::encode(self.signer.clone().chain_update(&body).finalize().into_bytes()),
                Receiver::Hook => hex::encode(self.hook_signer.clone().chain_update(&body).finalize().into_bytes()),
            };
            let path = match to {
                Receiver::Webhook => PATH.to_owned(),
                Receiver::Hook => format!("/hooks/{HOOK}"),
            };
            write!(
                requests.bytes,
                "POST {path} HTTP/1.1\r\nhost: bot.example.org\r\ncontent-type: application/json;charset=UTF-8\r\n\
                 x-spark-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .expect("writing to a string");
            requests.bounds.push(requests.bytes.len());
        }
        Arc::new(requests)
    }
}

/// Requests one after the other in one piece of memory.
pub struct Requests {
    bytes: String,
    /// Where each begins, and where the last one ends.
    bounds: Vec<usize>,
}

impl Requests {
    /// How many.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// These with the others spread evenly among them.
    pub fn spread(&self, others: &Requests) -> Arc<Requests> {
        let mut all = Requests { bytes: String::new(), bounds: vec![0] };
        let every = self.len().div_ceil(others.len().max(1)).max(1);
        let mut add = |from: &Requests, nth: usize| {
            if nth < from.len() {
                all.bytes.push_str(&from.bytes[from.bounds[nth]..from.bounds[nth + 1]]);
                all.bounds.push(all.bytes.len());
            }
        };
        for nth in 0..self.len() {
            add(self, nth);
            if nth % every == every / 2 {
                add(others, nth / every);
            }
        }
        Arc::new(all)
    }

    fn get(&self, nth: usize) -> Option<&[u8]> {
        Some(&self.bytes.as_bytes()[*self.bounds.get(nth)?..*self.bounds.get(nth + 1)?])
    }
}

/// What a server made of a load.
#[derive(Default)]
pub struct Outcome {
    latencies: Vec<Duration>,
    elapsed: Duration,
    /// Answers other than 200 and 202.
    pub refused: usize,
}

impl Outcome {
    /// Acknowledged requests a second.
    pub fn rate(&self) -> f64 {
        (self.latencies.len() - self.refused) as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that 99 of 100 stay under, in milliseconds.
    pub fn p99(&self) -> f64 {
        self.latencies[(self.latencies.len() * 99 / 100).min(self.latencies.len() - 1)].as_secs_f64() * 1e3
    }

    async fn collect(started: Instant, mut connections: JoinSet<Outcome>) -> Outcome {
        let mut all = Outcome::default();
        while let Some(part) = connections.join_next().await {
            let part = part.expect("a connection's task does not panic");
            all.latencies.extend(part.latencies);
            all.refused += part.refused;
        }
        all.elapsed = started.elapsed();
        all.latencies.sort_unstable();
        all
    }
}

/// Closed loop: each connection sends its next request when it has the answer to the last.
pub async fn closed_loop(address: SocketAddr, connections: usize, requests: &Arc<Requests>) -> Outcome {
    let next = Arc::new(AtomicUsize::new(0));
    let open = open(address, connections).await;
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in open {
        let (requests, next) = (Arc::clone(requests), Arc::clone(&next));
        tasks.spawn(async move {
            let mut outcome = Outcome::default();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let sent = Instant::now();
                let taken = connection.exchange(request).await;
                outcome.latencies.push(sent.elapsed());
                outcome.refused += usize::from(!taken);
            }
            outcome
        });
    }
    Outcome::collect(started, tasks).await
}

/// Open loop: requests are due at a steady rate, whatever the server does, and latency counts from when they were due.
/// The connections take turns and spin until they are due: a timer would be a millisecond late.
pub async fn open_loop(address: SocketAddr, connections: usize, rate: f64, requests: &Arc<Requests>) -> Outcome {
    let open = open(address, connections).await;
    let started = Instant::now() + Duration::from_millis(10);
    let mut tasks = JoinSet::new();
    for (first, mut connection) in open.into_iter().enumerate() {
        let requests = Arc::clone(requests);
        tasks.spawn(async move {
            let mut outcome = Outcome::default();
            let mut nth = first;
            while let Some(request) = requests.get(nth) {
                let due = started + Duration::from_secs_f64(nth as f64 / rate);
                while Instant::now() < due {
                    tokio::task::yield_now().await;
                }
                let taken = connection.exchange(request).await;
                outcome.latencies.push(due.elapsed());
                outcome.refused += usize::from(!taken);
                nth += connections;
            }
            outcome
        });
    }
    Outcome::collect(started, tasks).await
}

async fn open(address: SocketAddr, count: usize) -> Vec<Connection> {
    let mut open = Vec::with_capacity(count);
    for _ in 0..count {
        open.push(Connection::open(address).await);
    }
    open
}

/// One keep-alive HTTP/1.1 connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> Connection {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket option");
        Connection { stream, buffer: vec![0; 4096] }
    }

    /// Sends a request and reads the whole answer; whether it was taken.
    pub async fn exchange(&mut self, request: &[u8]) -> bool {
        self.stream.write_all(request).await.expect("the server reads");
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut self.buffer[filled..]).await.expect("the server answers");
            assert!(read > 0, "the server hung up");
            filled += read;
            if is_whole(&self.buffer[..filled]) {
                return self.buffer.starts_with(b"HTTP/1.1 20");
            }
        }
    }
}

/// Whether a message with a `content-length` is there to its end.
fn is_whole(message: &[u8]) -> bool {
    head_and_length(message).is_some_and(|(head, length)| message.len() >= head + length)
}

/// The length of the head with its blank line, and the length that it gives the body.
pub fn head_and_length(message: &[u8]) -> Option<(usize, usize)> {
    let head = message.windows(4).position(|four| four == b"\r\n\r\n")?;
    let length = message[..head].split(|byte| *byte == b'\n').find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then_some(value)
    });
    let length = length.and_then(|value| std::str::from_utf8(value).ok()?.trim().parse().ok()).unwrap_or(0);
    Some((head + 4, length))
}
