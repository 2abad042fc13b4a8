//! What Webex, or who answers in its place, complains of is told on without our secrets, on one line and in few words.

use reqwest::Method;
use serde_json::json;
use switchboard::simulator::{Cloud, Fault, Options};

use crate::cli::finished;
use crate::harness::{Daemon, arrived, eventually, free_port, get, prepare, switchboard};

const SECRET: &str = "wh\"s/secret+of&ours";
const CARDS: &str = "what-seals-the-buttons-now-and-then";
const PREVIOUS: &str = "what-sealed-the-buttons-before-that";
const AUDIT: &str = "what-seals-the-audit-and-nothing-else";

const SECRETS: [(&str, &str); 4] = [
    ("SWITCHBOARD_WEBHOOK__SECRET", SECRET),
    ("SWITCHBOARD_CARDS__SECRET", CARDS),
    ("SWITCHBOARD_CARDS__PREVIOUS_SECRETS", "[\"what-sealed-the-buttons-before-that\"]"),
    ("SWITCHBOARD_AUDIT__KEY", AUDIT),
];

/// Whoever repeats in a complaint what they were sent, and adds to it what a terminal would obey.
fn repeats(token: &str) -> Fault {
    let request = json!({"secret": SECRET, "cards": [CARDS, PREVIOUS], "audit": AUDIT}).to_string();
    let in_base64 = "d2gicy9zZWNyZXQrb2Ymb3Vycw";
    let message = format!(
        "no: {request} wh%22s%2Fsecret%2Bof%26ours {in_base64} Bearer {token}\r\n2026-01-01 ERROR forged\u{1b}[2J\u{202e} {}",
        "and so on ".repeat(300)
    );
    let body = json!({"message": message, "trackingId": format!("{SECRET}-{token}\nforged")}).to_string();
    let header = ("content-type", "application/json");
    Fault::on(Method::POST, "/webhooks").always().answer(400, &[header, ("trackingid", AUDIT)], &body)
}

fn holds_nothing(text: &str, token: &str) {
    for secret in [SECRET, "wh\\\"s", "secret+of", "secret%2Bof", "d2gicy9z", CARDS, PREVIOUS, AUDIT, token] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}') && !text.contains("\n2026-01-01"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complaint_that_repeats_our_secrets_puts_them_nowhere() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let token = cloud.bot().token;
    cloud.fault(repeats(&token));
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let daemon = Daemon::start(&cloud, folder.path(), port, &SECRETS);
    let line = daemon.logs("the webhooks could not be looked after");
    holds_nothing(&line, &token);
    assert!(line.contains("no: {") && line.contains("[secret]") && line.contains("Bearer [token]"), "{line}");
    assert!(line.contains("forged") && line.contains('…') && line.len() < 1500, "{line}");
    let ready = async || get(format!("{}/readyz", daemon.url)).await.text().await.unwrap();
    let says = async || ready().await.contains("\"webhooks\":\"Webex answered 400 to webhooks\"");
    assert!(eventually(says).await, "{}", ready().await);
    holds_nothing(&ready().await, &token);
    let mut command = switchboard();
    command.args(["webhooks", "sync"]);
    let (code, said) = finished(prepare(&mut command, &cloud, folder.path(), port).envs(SECRETS));
    holds_nothing(&said, &token);
    assert!(code == 1 && said.contains("[secret]"), "{code} {said}");
    daemon.terminate();
    for line in daemon.ended().1 {
        holds_nothing(&line, &token);
    }
}

/// The most memory that the daemon ever had, in MiB.
fn peak(daemon: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn an_endless_answer_is_neither_an_endless_line_nor_all_of_the_memory() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let big = "x\n".repeat(7_500_000);
    let me = |status, body: &str| {
        let headers = [("content-type", "application/json"), ("trackingid", "ROUTER_1")];
        cloud.fault(Fault::on(Method::GET, "/people/me").answer(status, &headers, body));
    };
    me(200, &json!({ "items": big }).to_string());
    me(200, &json!({ "id": { &big: 1 } }).to_string());
    me(400, &json!({ "message": big }).to_string());
    me(400, &json!({ "message": &big[..50_000] }).to_string());
    drop(big);
    let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
    arrived(&cloud, Method::GET, "/people/me", 5).await;
    assert!(eventually(async || get(format!("{}/readyz", daemon.url)).await.status() == 200).await);
    let peak = peak(&daemon);
    assert!(peak < 200, "{peak} MiB");
    daemon.terminate();
    for line in daemon.ended().1 {
        assert!(line.len() < 2000, "{} bytes: {}", line.len(), &line[..500]);
    }
}
