//! What the bot fetches from others: it comes whole or not at all, and no inner address is called.

use serde_json::{Value, json};
use switchboard::Bot;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Harness, http};
use crate::hooks::hook;

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A server of files, and the requests that reach it.
struct Files {
    url: String,
    port: u16,
    asked: mpsc::UnboundedReceiver<String>,
}

impl Files {
    /// At every address of this machine. The settings of these tests allow 127.0.0.2, and not 127.0.0.1.
    async fn start() -> Files {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asks, asked) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, port, asks.clone()));
            }
        });
        Files { url: format!("http://127.0.0.2:{port}"), port, asked }
    }

    /// The requests so far.
    fn asked(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.asked.try_recv().ok()).collect()
    }
}

async fn serve(mut stream: TcpStream, port: u16, asks: mpsc::UnboundedSender<String>) {
    let mut head = vec![0; 8192];
    let length = stream.read(&mut head).await.unwrap_or_default();
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let _ = asks.send(head);
    let found = |target: &str| format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let file = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/csv\r\n";
    let answer = match path.split_once('/').map_or("", |(_, rest)| rest) {
        "report.csv" => format!("{file}content-length: 8\r\n\r\na,b\n1,2\n"),
        "named" => format!("{file}content-disposition: attachment; filename=\"../night.csv\"\r\n\r\na,b\n"),
        "chart.png" => format!("{}content-length: 4\r\n\r\n\u{7f}PNG", file.replace("text/csv", "image/png")),
        "moved" => found("/report.csv"),
        "round" => found("/round"),
        "gone" => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "busy" => "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_owned(),
        "large" => format!("{file}content-length: 5000\r\n\r\n"),
        "cut" => format!("{file}content-length: 800\r\n\r\na,b\n"),
        "slow" => format!("{file}content-length: 8\r\n\r\na,"),
        "endless" => format!("{file}transfer-encoding: chunked\r\n\r\n"),
        "elsewhere" => found(&format!("http://user:pass@127.0.0.3:{port}/report.csv")),
        other => found(other),
    };
    let _ = stream.write_all(answer.as_bytes()).await;
    match path.as_str() {
        "/slow" => std::future::pending().await,
        "/endless" => while stream.write_all(b"5\r\nabcd\n\r\n").await.is_ok() {},
        _ => drop(stream.shutdown().await),
    }
}

async fn bot(more: &str) -> Harness {
    let settings = format!(
        "[[api_key]]\nname = \"files\"\nkey = \"{KEY}\"\nto = \"alice@example.com\"\nmay = [\"messages\"]\n\
         [worker]\nmax_attempts = 2\n[sources]\ntimeout = \"500ms\"\nmax_bytes = 4096\nredirects = 3\n{more}"
    );
    Harness::with(&settings, Bot::builder()).await
}

const ALLOWED: &str = "allow_addresses = [\"127.0.0.2\", \"127.0.0.3/32\"]";

/// Posts with this file; the status and the answer.
async fn asks(bot: &Harness, url: &str) -> (u16, Value) {
    let body = json!({"text": "see the file", "file_url": url}).to_string();
    let request = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY).body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Posts with this file; the id.
async fn posts(bot: &Harness, url: &str) -> String {
    let (status, answer) = asks(bot, url).await;
    assert_eq!(status, 202, "{url}");
    answer["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_when_its_message_is_sent_and_named_as_its_server_says() {
    let mut files = Files::start().await;
    let bot = bot(ALLOWED).await;
    for path in ["report.csv", "named", "moved"] {
        posts(&bot, &format!("{}/{path}", files.url)).await;
    }
    posts(&bot, &format!("{}/elsewhere", files.url.replace("http://", "http://me:hidden@"))).await;
    bot.settle().await;
    let messages = bot.cloud.messages();
    assert_eq!(messages.len(), 4);
    assert!(messages.iter().all(|said| said.text.as_deref() == Some("see the file") && said.files.len() == 1));
    let transcript = bot.transcript().await;
    assert_eq!(
        (transcript.matches("report.csv").count(), transcript.matches("night.csv").count()),
        (3, 1),
        "{transcript}"
    );
    let asked = files.asked();
    assert_eq!(asked.len(), 6, "a redirect of the same server is a second request: {asked:?}");
    let with_password = asked.iter().filter(|head| head.to_lowercase().contains("authorization")).count();
    assert_eq!(with_password, 1, "a password goes to the host it is for alone: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_redirect_leads_to_an_inner_address() {
    let mut files = Files::start().await;
    let bot = bot(ALLOWED).await;
    let Files { url, port, .. } = &files;
    let inner = [
        format!("http://127.0.0.1:{port}/report.csv"),
        format!("http://localhost:{port}/report.csv"),
        format!("http://2130706433:{port}/report.csv"),
        format!("http://0x7f.1:{port}/report.csv"),
        format!("http://[::1]:{port}/report.csv"),
        format!("http://[::ffff:127.0.0.1]:{port}/report.csv"),
        format!("http://[64:ff9b::7f00:1]:{port}/report.csv"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        "http://0.0.0.0/".to_owned(),
    ];
    let mut ids = Vec::new();
    for address in &inner {
        if address.contains("localhost") {
            ids.push(posts(&bot, address).await);
        } else {
            let (status, answer) = asks(&bot, address).await;
            assert_eq!(
                (status, &answer["field"]),
                (422, &json!("file_url")),
                "{address}: what is plain is said at once"
            );
            assert!(answer["error"].as_str().unwrap().contains("sources.allow_addresses"), "{answer}");
        }
        ids.push(posts(&bot, &format!("{url}/{address}")).await);
    }
    for odd in ["file:///etc/passwd", "ftp://127.0.0.2/x", "data:text/plain,x"] {
        ids.push(posts(&bot, &format!("{url}/{odd}")).await);
    }
    bot.settle().await;
    assert!(bot.cloud.messages().is_empty());
    let odd = ids.split_off(inner.len() + 1);
    for id in &ids {
        let story = explain(&bot, id);
        assert!(story.contains("its file cannot be fetched: ") && story.contains("has the address"), "{story}");
        assert!(story.contains("sources.allow_addresses") && story.contains("given up after 1 tries"), "{story}");
    }
    for id in &odd {
        assert!(explain(&bot, id).contains("it is no http or https address"));
    }
    let asked = files.asked();
    assert_eq!(asked.len(), inner.len() + 3, "only the redirects were asked for: {asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_has_limits_and_what_passes_is_tried_again() {
    let mut files = Files::start().await;
    let bot = bot(ALLOWED).await;
    for (path, says, requests) in [
        ("gone", "127.0.0.2 answers 404", 1),
        ("large", "sends more than 4096 bytes, which is sources.max_bytes", 1),
        ("endless", "sends more than 4096 bytes", 1),
        ("round", "more than 3 redirects", 4),
        ("busy", "127.0.0.2 answers 503", 2),
        ("cut", "cannot be reached", 2),
        ("slow", "within 0.5s, which is sources.timeout", 2),
    ] {
        let id = posts(&bot, &format!("{}/{path}", files.url)).await;
        bot.settle().await;
        let story = explain(&bot, &id);
        assert!(story.contains(says) && story.contains("outbox retry"), "{path}: {story}");
        assert_eq!(files.asked().len(), requests, "{path}");
    }
    assert!(bot.cloud.messages().is_empty(), "no message is posted without its file");
    assert!(verb(bot.folder.path(), &["outbox", "list", "--state", "dead"]).contains("404"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_goes_with_is_checked_when_it_is_asked_for() {
    let bot = bot("").await;
    for body in [
        json!({"file_url": "menu.pdf"}),
        json!({"file_url": "file:///etc/passwd"}),
        json!({"file_url": "https://x.test/a", "thread": "a", "update": true}),
        json!({"file_url": "https://x.test/a", "card": {"type": "AdaptiveCard", "version": "1.3"}}),
    ] {
        let request = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY).body(body.to_string());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 422, "{body}");
        assert_eq!(answer.json::<Value>().await.unwrap()["field"], "file_url", "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_picture_of_an_alert_goes_with_it_and_without_the_picture_the_alert_is_told_all_the_same() {
    let mut files = Files::start().await;
    let hook = format!("{ALLOWED}\n{}", hook("graphs", "preset = \"grafana\"\nauth = \"none\""));
    let bot = bot(&hook).await;
    let alert = |picture: &str| {
        let alert = json!({
            "status": "firing", "fingerprint": picture, "startsAt": "2026-11-27T09:30:00Z", "imageURL": picture,
            "annotations": {"summary": "db is slow"},
        });
        json!({"status": "firing", "groupKey": picture, "title": "Latency", "alerts": [alert]}).to_string()
    };
    let inner = format!("http://127.0.0.1:{}/chart.png", files.port);
    for (nth, (picture, files, why)) in [
        (format!("{}/chart.png", files.url), 1, ""),
        (format!("{}/gone", files.url), 0, "answers 404"),
        (format!("{}/busy", files.url), 0, "answers 503"),
        (format!("{}/slow", files.url), 0, "within 0.5s"),
        (format!("{}/report.csv", files.url), 0, "its file is no picture"),
        (inner, 0, "has the address 127.0.0.1, which is loopback; `sources.allow_addresses` lets the bot call it"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = crate::hooks::posts(&bot, "/hooks/graphs", &[], alert(&picture)).await.2.unwrap();
        bot.settle().await;
        let messages = bot.cloud.messages();
        assert_eq!(messages.len(), nth + 1, "each is told at the first try: {picture}");
        assert!(messages[nth].said().contains("db is slow") && messages[nth].files.len() == files, "{picture}");
        let story = explain(&bot, &id);
        assert_eq!(story.contains("posted without its picture: "), files == 0, "{story}");
        assert!(story.contains(why), "{story}");
    }
    assert_eq!(files.asked().len(), 5, "the inner address was not called");
}
