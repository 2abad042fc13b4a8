//! Both ways to Webex, against servers that answer well and badly.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::{NewMessage, RoomId};
use super::*;
use crate::config::Config;

/// A server that does one thing with each request, and closes the connection after the last of them.
struct Peer {
    url: String,
    /// Each request, with the number of its connection.
    requests: Requests,
    /// How many connections it has closed.
    closed: Arc<AtomicUsize>,
}

type Requests = Arc<Mutex<Vec<(usize, String)>>>;

#[derive(Clone, Copy)]
enum Does {
    /// Sends this and waits for the next request.
    Answers(&'static str),
    /// Sends this, and then nothing more.
    Stalls(&'static str),
    /// Sends this and closes the connection.
    Closes(&'static str),
    /// Answers 500 with a megabyte.
    Floods,
}

const FINE: Does = Does::Answers("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");

impl Peer {
    /// `script` has the requests of each connection in turn. The last connection's is repeated.
    async fn start(script: &[&[Does]]) -> Peer {
        let script: Vec<_> = script.iter().map(|does| does.to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (requests, closed) = (Requests::default(), Arc::<AtomicUsize>::default());
        let (seen, ended) = (Arc::clone(&requests), Arc::clone(&closed));
        tokio::spawn(async move {
            for nth in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (seen, ended) = (Arc::clone(&seen), Arc::clone(&ended));
                let script = script[nth.min(script.len() - 1)].clone();
                tokio::spawn(async move {
                    serve(stream, nth, script, seen).await;
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        Peer { url, requests, closed }
    }

    fn requests(&self) -> Vec<(usize, String)> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, nth: usize, script: Vec<Does>, seen: Requests) {
    for does in script {
        let Some(request) = request(&mut stream).await else { return };
        seen.lock().unwrap().push((nth, request));
        match does {
            Does::Answers(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Does::Closes(text) => return stream.write_all(text.as_bytes()).await.unwrap(),
            Does::Stalls(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                std::future::pending().await
            }
            Does::Floods => {
                let head = "HTTP/1.1 500 Oh\r\ncontent-length: 1000000\r\n\r\n";
                // The other end may hang up in between.
                let _ = stream.write_all(&[head.as_bytes(), &[b'x'; 1_000_000]].concat()).await;
            }
        }
    }
}

/// One request, its headers in the order of the alphabet.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8(read.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                let (first, headers) = head.split_once("\r\n").unwrap();
                let mut headers: Vec<_> = headers.lines().collect();
                headers.sort_unstable();
                return Some(format!("{first}\n{}\n\n{body}", headers.join("\n")));
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(count @ 1..) => read.extend_from_slice(&chunk[..count]),
            Ok(0) | Err(_) => return None,
        }
    }
}

/// The timeout of a call that never ends, and of one that does.
const SHORT: &str = "100ms";
const LONG: &str = "20s";

/// The direct way, and reqwest.
fn both(url: &str, timeout: &str) -> [Wire; 2] {
    [wire(url, timeout), Wire { direct: None, ..wire(url, timeout) }]
}

fn settings(url: &str, timeout: &str) -> config::Webex {
    let settings = format!("[webex]\napi_url = \"{url}\"\ntimeout = \"{timeout}\"");
    Config::from_parts(&settings, &[]).unwrap().webex
}

fn wire(url: &str, timeout: &str) -> Wire {
    let wire = Wire::new(&settings(url, timeout), HeaderValue::from_static("Bearer t")).unwrap();
    assert!(wire.direct.is_some());
    wire
}

fn call(url: &str, method: Method, path: &str, body: RequestBody) -> ApiCall {
    let url = format!("{url}/{path}");
    ApiCall { endpoint: "messages", method, url, body, repeatable: false, expects: Expects::Json }
}

fn post(url: &str) -> ApiCall {
    let message = NewMessage { room_id: Some(RoomId::from("r")), ..NewMessage::text("ä\n\"b\"") };
    call(url, Method::POST, "messages", RequestBody::json("messages", &message).unwrap())
}

#[tokio::test]
async fn both_ways_send_the_same_requests() {
    let mut sent = Vec::new();
    let peer = Peer::start(&[&[FINE; 5]]).await;
    for wire in both(&peer.url, LONG) {
        wire.exchange(&post(&peer.url)).await.unwrap();
        for (method, path) in [
            (Method::GET, "messages/Y2lz-_=="),
            (Method::GET, "messages?roomId=a%2Fb&before=2026-03-02T20%3A00%3A00Z"),
            (Method::DELETE, "messages/a%20b"),
        ] {
            wire.exchange(&call(&peer.url, method, path, RequestBody::None)).await.unwrap();
        }
        let json = RequestBody::json("webhooks/{id}", &json!({"status": "active"})).unwrap();
        wire.exchange(&call(&peer.url, Method::PUT, "webhooks/w", json)).await.unwrap();
        sent.push(peer.requests.lock().unwrap().drain(..).map(|(_, request)| request).collect::<Vec<_>>());
    }
    assert_eq!(sent[0], sent[1]);
    let authority = peer.url.trim_start_matches("http://").trim_end_matches("/v1");
    assert_eq!(
        sent[0][0],
        format!(
            "POST /v1/messages HTTP/1.1\naccept: */*\nauthorization: Bearer t\ncontent-length: 33\n\
             content-type: application/json\nhost: {authority}\nuser-agent: switchboard/{}\n\n\
             {{\"roomId\":\"r\",\"text\":\"ä\\n\\\"b\\\"\"}}",
            env!("CARGO_PKG_VERSION")
        )
    );
}

#[tokio::test]
async fn both_ways_fail_alike() {
    const LATE: &str = "no answer within webex.timeout";
    for (script, is_timeout, cause) in [
        (&[&[Does::Closes("")][..]][..], false, "connection closed before message completed"),
        (&[&[Does::Closes("what?\r\n\r\n")]], false, "invalid HTTP version parsed"),
        (
            &[&[Does::Closes("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")]],
            false,
            "end of file before message length reached",
        ),
        (&[&[Does::Stalls("")]], true, LATE),
        (&[&[Does::Stalls("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")]], true, LATE),
        // A request that was written to an open connection is never written again.
        (&[&[FINE, Does::Closes("")]], false, "connection closed before message completed"),
    ] {
        let peer = Peer::start(script).await;
        for wire in both(&peer.url, if is_timeout { SHORT } else { LONG }) {
            for _ in 1..script[0].len() {
                wire.exchange(&post(&peer.url)).await.unwrap();
            }
            let lost = wire.exchange(&post(&peer.url)).await.err().unwrap();
            assert_eq!((lost.is_timeout, lost.is_sent, lost.cause.as_str()), (is_timeout, true, cause));
            assert_eq!(peer.requests.lock().unwrap().drain(..).len(), script[0].len());
        }
    }
}

#[tokio::test]
async fn a_request_that_found_nobody_is_not_sent() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{gone}/v1");
    for wire in both(&url, LONG) {
        let lost = wire.exchange(&post(&url)).await.err().unwrap();
        assert_eq!((lost.is_timeout, lost.is_sent), (false, false));
        assert!(lost.cause.starts_with("Connection refused"), "{}", lost.cause);
    }
    // The connection is accepted, and TLS is never agreed on. The timeout of connecting or that of the call ends it.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1", silent.local_addr().unwrap());
    let (short, long) = (Duration::from_millis(100), Duration::from_secs(20));
    for (timeout, connect_timeout) in [(long, short), (short, long)] {
        let tls = system_tls(&settings(&url, LONG)).unwrap();
        let direct = Some(Direct::new(tls, timeout, connect_timeout));
        let lost = Wire { direct, ..wire(&url, LONG) }.exchange(&post(&url)).await.err().unwrap();
        assert_eq!((lost.is_timeout, lost.is_sent), (true, false));
    }
}

#[tokio::test]
async fn a_long_refusal_is_read_to_its_bound_and_its_connection_is_not_used_again() {
    let peer = Peer::start(&[&[FINE, Does::Floods, FINE], &[FINE]]).await;
    let wire = wire(&peer.url, LONG);
    let mut lengths = Vec::new();
    for _ in 0..3 {
        let (status, answer) = wire.exchange(&post(&peer.url)).await.unwrap();
        lengths.push((status.as_u16(), answer.body.len()));
    }
    assert_eq!(lengths, [(200, 2), (500, 64 * 1024), (200, 2)]);
    assert_eq!(peer.requests().iter().map(|(nth, _)| *nth).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn an_answer_in_pieces_is_read_whole() {
    const PIECES: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
    let peer = Peer::start(&[&[Does::Answers(PIECES); 2]]).await;
    for wire in both(&peer.url, LONG) {
        for _ in 0..2 {
            assert_eq!(wire.exchange(&post(&peer.url)).await.unwrap().1.body, "{}");
        }
    }
    assert_eq!(peer.requests().iter().map(|(nth, _)| *nth).collect::<Vec<_>>(), [0, 0, 1, 1]);
}

#[tokio::test]
async fn a_connection_that_the_other_end_closed_is_replaced() {
    const LAST: Does = Does::Closes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let peer = Peer::start(&[&[LAST], &[FINE; 2]]).await;
    let wire = wire(&peer.url, LONG);
    for _ in 0..3 {
        wire.exchange(&post(&peer.url)).await.unwrap();
        while peer.requests().len() == 1 && peer.closed.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        // Each time the runtime looks for news of its connections.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(peer.requests().iter().map(|(nth, _)| *nth).collect::<Vec<_>>(), [0, 1, 1]);
}

#[tokio::test]
async fn only_plain_calls_of_the_api_go_straight_to_it() {
    let wire = wire("https://api.example.com/v1", LONG);
    let get = |url: &str, expects| ApiCall { expects, ..call(url, Method::GET, "x", RequestBody::None) };
    let home = "https://api.example.com/v1";
    assert!(wire.plain(&get(home, Expects::Json)).is_some() && wire.plain(&get(home, Expects::Nothing)).is_some());
    assert!(wire.plain(&get(home, Expects::File)).is_none());
    for elsewhere in [
        "https://api.example.com.evil.test",
        "https://api.example.com:8443",
        "https://wdm.example.com",
        "http://api.example.com",
    ] {
        assert!(wire.plain(&get(elsewhere, Expects::Json)).is_none(), "{elsewhere}");
    }
    let upload = RequestBody::Form(Vec::new(), File::new("a", "text/plain", "a"));
    assert!(wire.plain(&call(home, Method::POST, "messages", upload)).is_none());
}
