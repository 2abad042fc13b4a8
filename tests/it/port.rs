//! The public listener among clients that take its connections and ask for nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use switchboard::Bot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Harness, PATIENCE, SECRET, eventually, get, signature};
use crate::websocket::lock;

/// Longer than anything should take here, and much less than the time a connection may be idle.
const SOON: Duration = Duration::from_secs(4);

async fn connect(bot: &Harness, begun: &str) -> TcpStream {
    let mut connection = TcpStream::connect(bot.url.trim_start_matches("http://")).await.unwrap();
    connection.write_all(begun.as_bytes()).await.unwrap();
    connection
}

/// Everything that comes until the other end closes.
async fn rest(connection: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // It may be reset while something is still on its way there.
    let _ = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await.expect("it is closed");
    String::from_utf8(answer).unwrap()
}

async fn delivery(bot: &Harness, id: &str) -> u16 {
    let body = json!({"resource": "messages", "event": "created", "data": {"id": id, "roomId": id}});
    bot.delivers(body).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_all_connections_and_asks_for_nothing_holds_up_nobody() {
    let bot =
        Harness::with("[server]\nconnections = 20\ntimeout = \"60s\"\nheader_timeout = \"60s\"", Bot::builder()).await;
    for begun in ["", "GET /healthz HT", "POST /webex/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{"] {
        let mut idle = Vec::new();
        for _ in 0..40 {
            idle.push(connect(&bot, begun).await);
        }
        let began = Instant::now();
        for nth in 0..3 {
            assert_eq!(delivery(&bot, &format!("{}{nth}", begun.len())).await, 200);
        }
        assert_eq!(get(format!("{}/healthz", bot.url)).await.status(), 200);
        assert_eq!(get(format!("{}/readyz", bot.url)).await.status(), 200);
        assert!(began.elapsed() < SOON, "{begun:?}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_checks_are_answered_while_every_connection_is_worked_on() {
    let bot = Harness::with("[server]\nconnections = 2", Bot::builder()).await;
    let held = lock(bot.folder.path());
    let mut waiting = Vec::new();
    for nth in 0..2 {
        let body = json!({"resource": "messages", "event": "created", "data": {"id": nth.to_string()}}).to_string();
        let signature = signature(SECRET, body.as_bytes());
        let head = format!("host: x\r\nx-spark-signature: {signature}\r\ncontent-length: {}", body.len());
        waiting.push(connect(&bot, &format!("POST /webex/webhook HTTP/1.1\r\n{head}\r\n\r\n{body}")).await);
    }
    // Once both are being worked on, there is no place for a third.
    assert!(eventually(async || delivery(&bot, "third").await == 503).await);
    let health = get(format!("{}/healthz", bot.url)).await;
    assert_eq!((health.status().as_u16(), health.text().await.unwrap()), (200, "ok\n".to_owned()));
    drop(held);
    for mut connection in waiting {
        let mut answer = [0; 12];
        connection.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200", "nothing that is worked on is given up");
    }
    assert!(eventually(async || delivery(&bot, "fourth").await == 200).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_above_the_limit_is_refused() {
    let bot = Harness::start().await;
    for (bytes, status) in [(15_000, "200"), (17_000, "431"), (400_000, "431")] {
        let lines = (0..bytes / 1000).map(|nth| format!("x-{nth}: {}\r\n", "y".repeat(990)));
        let mut connection = connect(&bot, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n").await;
        for line in lines {
            // It may be closed before all was said.
            if connection.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
        let _ = connection.write_all(b"\r\n").await;
        let answer = rest(&mut connection).await;
        let is_refused = answer.is_empty() && bytes == 400_000;
        assert!(is_refused || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{bytes}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_has_a_time_for_its_first_byte_and_its_header_and_another_between_requests() {
    let settings = "[server]\nheader_timeout = \"300ms\"\ntimeout = \"60s\"";
    let bot = Harness::with(settings, Bot::builder()).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut kept = connect(&bot, request).await;
    let mut answer = [0; 12];
    kept.read_exact(&mut answer).await.unwrap();
    let (mut silent, mut slow) = (connect(&bot, "").await, connect(&bot, "GET /healthz HTTP/1.1\r\n").await);
    let dripping = async {
        let mut drops = tokio::time::interval(Duration::from_millis(20));
        while slow.write_all(b"a: b\r\n").await.is_ok() {
            drops.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("a header that never ends is not waited for");
    assert_eq!(rest(&mut silent).await, "");
    kept.write_all(request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(rest(&mut kept).await.matches("HTTP/1.1 200 OK").count(), 1);
}
