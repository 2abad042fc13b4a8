//! As much of the Webex API as answering a direct message takes: prebuilt answers, at once or after a pause.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::load::{ROOMS, bot_id, head_and_length, person_id, room_id, webex_id};

/// `GET .../messages/{id}`: where the id begins, and how long each one is here.
const MESSAGE: &[u8] = b"GET /v1/messages/";
const ID_LENGTH: usize = 80;

/// The base64 of an id's last three characters.
const ROOM_AT: std::ops::Range<usize> = 76..80;

/// The API. It serves until the runtime ends.
pub struct Cloud {
    /// Where it listens.
    pub address: SocketAddr,
    counts: Arc<Counts>,
}

struct Counts {
    pause: Duration,
    /// Messages posted, and whether anybody asked who the bot is.
    posted: watch::Sender<usize>,
    greeted: watch::Sender<bool>,
    reads: Gauge,
    posts: Gauge,
}

/// How many calls are in flight, and how many were at most.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Gauge {
    fn enter(&self) {
        let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(now, Ordering::Relaxed);
    }

    fn leave(&self) {
        self.now.fetch_sub(1, Ordering::Relaxed);
    }
}

struct Answers {
    me: Vec<u8>,
    posted: Vec<u8>,
    nothing: Vec<u8>,
    /// One for each space; the message's id is put in.
    messages: Vec<Vec<u8>>,
    id_at: usize,
}

impl Cloud {
    /// Starts one that waits so long before each answer.
    pub async fn start(pause: Duration) -> Cloud {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let counts = Arc::new(Counts {
            pause,
            posted: watch::Sender::new(0),
            greeted: watch::Sender::new(false),
            reads: Gauge::default(),
            posts: Gauge::default(),
        });
        let answers = Arc::new(Answers::new());
        let shared = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answers), Arc::clone(&shared)));
            }
        });
        Cloud { address, counts }
    }

    /// Ends when somebody has asked who the bot is.
    pub async fn greeted(&self) {
        self.counts.greeted.subscribe().wait_for(|greeted| *greeted).await.expect("the sender is ours");
    }

    /// Messages posted so far.
    pub fn posted(&self) -> usize {
        *self.counts.posted.borrow()
    }

    /// Waits until so many messages were posted, and says when that was; `None` when `patience` ends before.
    pub async fn posted_at(&self, count: usize, patience: Duration) -> Option<Instant> {
        let mut posted = self.counts.posted.subscribe();
        tokio::time::timeout(patience, posted.wait_for(|posted| *posted >= count)).await.ok()?.ok()?;
        Some(Instant::now())
    }

    /// The most calls that were in flight at once: reading messages, and posting them.
    pub fn most_in_flight(&self) -> (usize, usize) {
        (self.counts.reads.most.load(Ordering::Relaxed), self.counts.posts.most.load(Ordering::Relaxed))
    }
}

impl Answers {
    fn new() -> Answers {
        let (person, bot) = (person_id(), bot_id());
        let placeholder = webex_id("MESSAGE", "00000000-0000-0000-0000-000000000000");
        let message = |room: u64| {
            ok(&format!(
                r#"{{"id":"{placeholder}","roomId":"{}","roomType":"direct","text":"help","personId":"{person}","personEmail":"alice@example.org","created":"2026-03-02T08:15:30.512Z"}}"#,
                room_id(room)
            ))
        };
        let messages: Vec<_> = (0..ROOMS).map(message).collect();
        let id_at = messages[0].windows(ID_LENGTH).position(|id| id == placeholder.as_bytes()).expect("it is in there");
        Answers {
            me: ok(&format!(
                r#"{{"id":"{bot}","emails":["bench@webex.bot"],"displayName":"Bench","type":"bot","created":"2026-01-01T00:00:00.000Z"}}"#
            )),
            posted: ok(&format!(
                r#"{{"id":"{}","roomId":"{}","roomType":"direct","text":"ok","personId":"{bot}","personEmail":"bench@webex.bot","created":"2026-03-02T08:15:31.000Z"}}"#,
                webex_id("MESSAGE", "7a6b5c40-99bb-11f1-8d4e-aabbccddeeff"),
                room_id(0)
            )),
            nothing: ok(r#"{"items":[]}"#),
            messages,
            id_at,
        }
    }

    fn message(&self, id: &[u8]) -> Option<Vec<u8>> {
        let room = BASE64.decode(id.get(ROOM_AT)?).ok()?;
        let room = usize::from_str_radix(std::str::from_utf8(&room).ok()?, 16).ok()?;
        let mut answer = self.messages.get(room)?.clone();
        answer[self.id_at..self.id_at + ID_LENGTH].copy_from_slice(id);
        Some(answer)
    }
}

fn ok(json: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json;charset=UTF-8\r\ntrackingid: BENCH_0\r\ncontent-length: {}\r\n\r\n{json}",
        json.len()
    )
    .into_bytes()
}

/// One keep-alive connection, until the other side closes it.
async fn serve(mut stream: TcpStream, answers: Arc<Answers>, counts: Arc<Counts>) {
    let _ = stream.set_nodelay(true);
    let mut received = Vec::with_capacity(8192);
    loop {
        let whole = head_and_length(&received).map(|(head, length)| head + length);
        let Some(end) = whole.filter(|end| received.len() >= *end) else {
            match stream.read_buf(&mut received).await {
                Ok(0) | Err(_) => return,
                Ok(_) => continue,
            }
        };
        let request = &received[..end];
        let is_post = request.starts_with(b"POST /v1/messages ");
        let gauge = if is_post { &counts.posts } else { &counts.reads };
        gauge.enter();
        if !counts.pause.is_zero() {
            tokio::time::sleep(counts.pause).await;
        }
        let message = request.strip_prefix(MESSAGE).and_then(|rest| answers.message(rest.get(..ID_LENGTH)?));
        let answer = match &message {
            Some(message) => message,
            None if is_post => &answers.posted,
            None if request.starts_with(b"GET /v1/people/me ") => &answers.me,
            None => &answers.nothing,
        };
        gauge.leave();
        let sent = stream.write_all(answer).await;
        if is_post {
            counts.posted.send_modify(|posted| *posted += 1);
        } else if message.is_none() && request.starts_with(b"GET /v1/people/me ") {
            counts.greeted.send_replace(true);
        }
        if sent.is_err() {
            return;
        }
        received.drain(..end);
    }
}
