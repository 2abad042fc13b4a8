//! What is posted to the webhook, and what becomes of it.

use serde_json::json;
use switchboard::Bot;

use crate::harness::{Harness, PATIENCE, SECRET, eventually, get, http, post, signature};

fn envelope(id: &str) -> String {
    json!({"id": "w", "name": "n", "resource": "messages", "event": "created", "data": {"id": id, "roomId": "r"}})
        .to_string()
}

struct Door {
    bot: Harness,
    url: String,
}

impl Door {
    async fn open() -> Door {
        let bot = Harness::start().await;
        let url = format!("{}/webex/webhook", bot.url);
        Door { bot, url }
    }

    async fn signed(&self, body: &str) -> (u16, String) {
        self.bot.delivers(body).await
    }

    async fn counted(&self, outcome: &str, resource: &str) -> f64 {
        let labels = format!("source=\"webhook\",resource=\"{resource}\",outcome=\"{outcome}\"");
        self.bot.metric(&format!("switchboard_events_received_total{{{labels}}}")).await
    }
}

#[tokio::test]
async fn a_signed_envelope_is_acknowledged_in_either_case_of_hex() {
    let door = Door::open().await;
    assert_eq!(door.signed(&envelope("m1")).await, (200, r#"{"received":true}"#.to_owned()));
    let body = envelope("m2");
    let upper = signature(SECRET, body.as_bytes()).to_uppercase();
    assert_eq!(post(&door.url, body, Some(&upper)).await.0, 200);
    assert_eq!(door.counted("accepted", "messages").await, 2.0);
}

#[tokio::test]
async fn the_bytes_are_signed_and_not_what_they_mean() {
    let door = Door::open().await;
    let odd = r#"{ "event" : "created",
        "z":1.0, "e":"\u00e9\/", "data":{"roomId":"r","id":"m1"} ,"resource":"messages","id":"w"}"#;
    assert_eq!(door.signed(odd).await.0, 200);
    let mut changed = odd.as_bytes().to_vec();
    let at = odd.find("1.0").unwrap();
    changed[at + 2] = b'1';
    assert_eq!(post(&door.url, changed, Some(&signature(SECRET, odd.as_bytes()))).await.0, 401);
}

#[tokio::test]
async fn what_is_not_signed_is_refused_counted_and_not_parsed() {
    let door = Door::open().await;
    let body = envelope("m1");
    let refused = (401, r#"{"error":"invalid signature"}"#.to_owned());
    let right = signature(SECRET, body.as_bytes());
    for wrong in
        [None, Some(""), Some("00"), Some(&*format!("sha1={right}")), Some(&*signature("another", body.as_bytes()))]
    {
        assert_eq!(post(&door.url, body.as_str(), wrong).await, refused, "{wrong:?}");
    }
    let other_header = http().post(&door.url).header("x-webex-signature", &right).body(body).send();
    assert_eq!(other_header.await.unwrap().status(), 401);
    assert_eq!(post(&door.url, "not json", None).await, refused);
    assert_eq!(door.counted("rejected", "unknown").await, 7.0);
    door.bot.settle().await;
    assert!(door.bot.cloud.calls().iter().all(|call| !call.path.starts_with("/messages")), "nothing was read");
}

#[tokio::test]
async fn what_is_no_envelope_is_400_and_what_is_unknown_is_counted() {
    let door = Door::open().await;
    for body in [
        "",
        "not json",
        "[]",
        "{}",
        r#"{"resource":"messages","event":"created"}"#,
        r#"{"resource":"messages","event":"created","data":{"id":7}}"#,
    ] {
        assert_eq!(door.signed(body).await.0, 400, "{body}");
    }
    for body in [
        r#"{"id":"w","resource":"rooms","event":"created","data":{"id":"r"}}"#,
        r#"{"id":"w","resource":"messages","event":"deleted","data":{"id":"m"}}"#,
    ] {
        assert_eq!(door.signed(body).await.0, 200, "{body}");
    }
    for (resource, event) in [("rooms", "created"), ("messages", "deleted")] {
        assert_eq!(door.counted(&format!("ignored\",event=\"{event}"), resource).await, 1.0, "{resource}/{event}");
    }
}

#[tokio::test]
async fn the_body_limit_is_64_kib_to_the_byte() {
    let door = Door::open().await;
    let frame = json!({"resource": "messages", "event": "created", "data": {"id": "m"}, "pad": ""}).to_string();
    let body = frame.replace(r#""pad":"""#, &format!(r#""pad":"{}""#, "x".repeat(65_536 - frame.len())));
    assert_eq!(body.len(), 65_536);
    assert_eq!(door.signed(&body).await.0, 200);
    let longer = body.replace(r#""pad":"x"#, r#""pad":"xx"#);
    assert_eq!(door.signed(&longer).await.0, 413);
}

#[tokio::test]
async fn a_body_may_come_in_pieces_and_must_come_whole() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let door = Door::open().await;
    let body = envelope("m1");
    let signed = format!("host: x\r\nx-spark-signature: {}\r\n", signature(SECRET, body.as_bytes()));
    let head = format!("POST /webex/webhook HTTP/1.1\r\n{signed}transfer-encoding: chunked\r\n\r\n");
    let chunk = |piece: &str| format!("{:x}\r\n{piece}\r\n", piece.len());
    let (first, second) = body.split_at(20);
    let begun = format!("{head}{}", chunk(first));

    let mut connection = tokio::net::TcpStream::connect(door.bot.url.trim_start_matches("http://")).await.unwrap();
    connection.write_all(begun.as_bytes()).await.unwrap();
    connection.write_all(format!("{}0\r\nx-trailer: read by nobody\r\n\r\n", chunk(second)).as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");

    connection.write_all(begun.as_bytes()).await.unwrap();
    drop(connection);
    assert!(eventually(async || door.counted("rejected", "unknown").await == 1.0).await);
    assert_eq!(door.counted("accepted", "messages").await, 1.0);
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let door = Door::open().await;
    let client = http();
    let answer = client.get(&door.url).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    assert_eq!(client.post(format!("{}/other", door.bot.url)).send().await.unwrap().status(), 404);
    assert_eq!(
        client.get(format!("{}/metrics", door.bot.url)).send().await.unwrap().status(),
        404,
        "not on the public port"
    );
}

#[tokio::test]
async fn an_event_delivered_again_is_answered_once() {
    let bot = Harness::start().await;
    bot.cloud.deliveries(|deliveries| deliveries.copies = 3);
    let message = bot.cloud.person("alice@example.com").says("help status");
    bot.settle().await;
    bot.cloud.deliver_again(&message);
    bot.cloud.deliveries(|deliveries| deliveries.other_cluster = true);
    bot.cloud.deliver_again(&message);
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
    // Three copies, and three each of the two repeats.
    assert_eq!(
        bot.metric(r#"switchboard_events_received_total{source="webhook",resource="messages",outcome="duplicate"}"#)
            .await,
        8.0
    );
}

#[tokio::test]
async fn an_event_is_known_after_a_restart_and_after_its_row_was_emptied() {
    let bot = Harness::with("[store]\nretention = \"1ms\"", Bot::builder()).await;
    let message = bot.cloud.person("alice@example.com").says("help status");
    bot.settle().await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, "[store]\nretention = \"1ms\"", Bot::builder()).await;
    bot.ready().await;
    bot.cloud.deliver_again(&message);
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
}

#[tokio::test]
async fn the_bots_own_messages_are_dropped_in_any_spelling_of_its_id() {
    let bot = Harness::start().await;
    bot.cloud.deliveries(|deliveries| deliveries.other_cluster = true);
    bot.cloud.person("alice@example.com").says("help status");
    bot.settle().await;
    assert_eq!(bot.cloud.messages().len(), 2);
    assert_eq!(
        bot.metric(r#"switchboard_events_received_total{source="webhook",resource="messages",outcome="own"}"#).await,
        1.0
    );
}

#[tokio::test]
async fn health_and_readiness_are_told_apart() {
    let bot = Harness::start().await;
    let get = async |path: &str| {
        let answer = get(format!("{}{path}", bot.url)).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(get("/healthz").await, (200, "ok\n".to_owned()));
    let (status, body) = get("/readyz").await;
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["ready"]), (200, &json!(true)));
    for part in ["store", "token", "webhooks", "loops"] {
        assert_eq!(body[part], "ok", "{part}");
    }
}

#[tokio::test]
async fn a_connection_that_is_slow_or_says_nothing_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let bot = Harness::with("[server]\ntimeout = \"200ms\"", Bot::builder()).await;
    for (begun, answered) in [
        ("", ""),
        ("POST /webex/webhook HT", ""),
        ("POST /webex/webhook HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{", "HTTP/1.1 408 "),
    ] {
        let mut connection = tokio::net::TcpStream::connect(bot.url.trim_start_matches("http://")).await.unwrap();
        connection.write_all(begun.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let closed = tokio::time::timeout(PATIENCE, connection.read_to_end(&mut answer)).await;
        assert!(closed.is_ok(), "{begun:?} is still open");
        assert!(String::from_utf8(answer).unwrap().starts_with(answered), "{begun:?}");
    }
}
