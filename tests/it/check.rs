//! `switchboard check --deep` against a running daemon and a simulated Webex, with each link of the loop broken in turn.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use reqwest::Method;
use switchboard::simulator::{Cloud, Fault, Options, WebhookDraft, WebhookStatus};
use tempfile::TempDir;

use crate::cli::finished;
use crate::harness::{Daemon, Harness, SECRET, free_port, post, skipped, switchboard};

const WEBHOOK: &str = "/webex/webhook";

/// `check` with the settings of an open bot on this cloud and ledger, called at this URL; `more` above them.
pub fn check(cloud: &Cloud, folder: &Path, url: &str, args: &[&str], more: &[(&str, &str)]) -> (i32, String) {
    let mut command = switchboard();
    command
        .arg("check")
        .args(args)
        .current_dir(folder)
        .env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url())
        .env("WEBEX_BOT_TOKEN", cloud.bot().token)
        .env("WEBEX_WEBHOOK_SECRET", SECRET)
        .env("DATABASE_URL", "sqlite:ledger.db")
        .env("SWITCHBOARD_WEBHOOK__PUBLIC_URL", url)
        .env("SWITCHBOARD_ACCESS__DM_POLICY", "open")
        .envs(more.iter().copied());
    finished(&mut command)
}

fn deep(bot: &Harness, more: &[(&str, &str)]) -> (i32, String) {
    check(&bot.cloud, bot.folder.path(), &format!("{}{WEBHOOK}", bot.url), &["--deep"], more)
}

/// A cloud, and a folder in which no daemon ever ran.
async fn alone() -> (Cloud, TempDir) {
    (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap())
}

/// Whether the report has such a line, and this hint below it.
fn has(said: &str, line: &str, hint: &str) -> bool {
    let mut lines = said.lines();
    let found = lines.by_ref().find(|found| found.starts_with(&line[..15]) && found.contains(&line[15..]));
    found.is_some() && (hint.is_empty() || lines.next().is_some_and(|next| next.contains(hint)))
}

#[track_caller]
pub fn assert_has(said: &str, line: &str, hint: &str) {
    assert!(has(said, line, hint), "{line:?} with {hint:?} is not in:\n{said}");
}

/// What differs from run to run is made the same.
fn redacted(said: &str, bot: &Harness) -> String {
    let said = said.replace(&bot.url, "URL").replace(&bot.cloud.bot().id, "ID");
    let said = said.replace(bot.folder.path().to_str().unwrap(), "HERE");
    let (before, after) = said.split_once("canary, in ").unwrap();
    let (_, after) = after.split_once(" ms").unwrap();
    let said = format!("{before}canary, in N ms{after}");
    let times = said.split([' ', '"', '\n']).filter(|word| word.parse::<jiff::Timestamp>().is_ok());
    times.fold(said.clone(), |said, time| said.replace(time, "TIME"))
}

/// Stands where the public URL leads, and answers as it likes. Gives its address.
async fn stand_in<F, A>(answer: F) -> String
where
    F: Fn(Request) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}{WEBHOOK}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    address
}

/// Hands a delivery on to the bot, after `change`.
async fn hand_on(
    request: Request,
    to: String,
    change: impl Fn(HeaderMap, Bytes) -> (Option<String>, Vec<u8>),
) -> Response {
    let (parts, body) = request.into_parts();
    let (signature, body) = change(parts.headers, to_bytes(body, usize::MAX).await.unwrap());
    let (status, body) = post(&to, body, signature.as_deref()).await;
    (StatusCode::from_u16(status).unwrap(), body).into_response()
}

fn signed(headers: &HeaderMap) -> Option<String> {
    Some(headers.get("x-spark-signature")?.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_loop_is_proven_and_nothing_is_changed() {
    let bot = Harness::start().await;
    bot.cloud.space("Lab", &["alice@example.com"]);
    bot.cloud.person("alice@example.com").says("help");
    bot.settle().await;
    let writes = || bot.cloud.calls().iter().filter(|call| call.method != Method::GET).count();
    let before = writes();
    let (code, said) = deep(&bot, &[]);
    insta::assert_snapshot!(redacted(&said, &bot), @r"
    warn settings  webhook.secret has fewer than 32 characters and may be guessed
                   make one with `openssl rand -hex 32`
    ok   store     HERE/ledger.db can be written to
    ok   store     open: 0 events, 0 replies
    ok   daemon    it runs on this ledger
    ok   complete  no message to the bot is missing from TIME to TIME
    ok   token     Webex accepts it; it belongs to the bot Switchboard <switchboard@webex.bot>, id ID
    ok   clock     agrees with Webex's to within 30 s
    ok   tls       none: webex.api_url is plain http, which stays on this machine
    ok   scopes    everything the bot needs may be read
    ok   rooms     1 direct, 1 group
    ok   webhooks  all 3 are registered and active
    ok   public    URL/webex/webhook refuses what is not signed and takes a signed canary, in N ms
    ok   loop      the whole loop is proven: Webex takes the token, its webhooks call the public URL, and what answers there has our secret and gets each byte as it was sent; the daemon runs, and may read what it is told of
    ");
    assert_eq!(code, 0);

    assert_eq!(writes(), before);
    let counted = async |labels: &str| bot.metric(&format!("switchboard_events_received_total{{{labels}}}")).await;
    for (resource, outcome) in [("other", "ignored"), ("unknown", "rejected")] {
        let labels = format!("source=\"webhook\",resource=\"{resource}\",outcome=\"{outcome}\"");
        assert_eq!(counted(&labels).await, 0.0, "the canary is none: {labels}");
    }
    let url = format!("{}{WEBHOOK}", bot.url);
    let nowhere = [("WEBEX_ROOM_ID", "nowhere")];
    let (code, said) = check(&bot.cloud, bot.folder.path(), &url, &["--deep", "--json"], &nowhere);
    assert_eq!(code, 1);
    insta::assert_snapshot!(redacted(&said, &bot), @r#"
    [
      {
        "check": "settings",
        "state": "warn",
        "says": "webhook.secret has fewer than 32 characters and may be guessed",
        "hint": "make one with `openssl rand -hex 32`"
      },
      {
        "check": "store",
        "state": "ok",
        "says": "HERE/ledger.db can be written to"
      },
      {
        "check": "store",
        "state": "ok",
        "says": "open: 0 events, 0 replies"
      },
      {
        "check": "daemon",
        "state": "ok",
        "says": "it runs on this ledger"
      },
      {
        "check": "complete",
        "state": "ok",
        "says": "no message to the bot is missing from TIME to TIME"
      },
      {
        "check": "token",
        "state": "ok",
        "says": "Webex accepts it; it belongs to the bot Switchboard <switchboard@webex.bot>, id ID"
      },
      {
        "check": "clock",
        "state": "ok",
        "says": "agrees with Webex's to within 30 s"
      },
      {
        "check": "tls",
        "state": "ok",
        "says": "none: webex.api_url is plain http, which stays on this machine"
      },
      {
        "check": "scopes",
        "state": "ok",
        "says": "everything the bot needs may be read"
      },
      {
        "check": "rooms",
        "state": "ok",
        "says": "1 direct, 1 group"
      },
      {
        "check": "rooms",
        "state": "fail",
        "says": "the bot is not in the space of webex.room_id",
        "hint": "add the bot to that space, or take an id that `switchboard rooms` shows"
      },
      {
        "check": "webhooks",
        "state": "ok",
        "says": "all 3 are registered and active"
      },
      {
        "check": "public",
        "state": "ok",
        "says": "URL/webex/webhook refuses what is not signed and takes a signed canary, in N ms"
      },
      {
        "check": "loop",
        "state": "ok",
        "says": "the whole loop is proven: Webex takes the token, its webhooks call the public URL, and what answers there has our secret and gets each byte as it was sent; the daemon runs, and may read what it is told of"
      }
    ]
    "#);
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1, "nothing came of the canaries");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_answers_in_place_of_the_daemon_is_told_by_its_status() {
    let (cloud, folder) = alone().await;
    let moved = [("location", "https://elsewhere.example.org/webex")];
    let login = [("www-authenticate", "Basic")];
    for (status, headers, body, says, hint) in [
        (200, &[][..], "welcome", "answers 200 to anybody", "have the proxy hand /webex/webhook on to the daemon"),
        (200, &[], r#"{"received":true}"#, "answers 200 to anybody", "Webex would take that for delivered"),
        (204, &[], "", "answers 204 to anybody", "something else answers there"),
        (301, &moved, "", "answers 301 and leads to elsewhere.example.org", "set webhook.public_url to the address"),
        (308, &moved, "", "answers 308 and leads to elsewhere.example.org", "to the letter"),
        (401, &login, "", "answers 401, and not as Switchboard does", "a proxy asks for a login"),
        (403, &[], "", "answers 403", "let POST /webex/webhook through"),
        (404, &[], "", "answers 404: this path is not known there", "webhook.path, which is /webex/webhook"),
        (405, &[], "", "answers 405: POST is not allowed", "a page or another program answers"),
        (413, &[], "", "answers 413", "server.body_limit, which is 65536"),
        (429, &[], "", "answers 429", "lift the limit"),
        (500, &[], "", "answers 500", "is the daemon up (none runs on this ledger)?"),
        (502, &[], "", "answers 502: the proxy is there", "server.listen, which is 0.0.0.0:3000"),
        (503, &[], "", "answers 503: the proxy is there", "is the daemon up"),
        (504, &[], "", "answers 504: the proxy is there", "is the daemon up"),
        (418, &[], r#"{"error":"invalid signature"}"#, "answers 418, and not as", "Webex takes that for a failure"),
    ] {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let headers: HeaderMap =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        let url = stand_in(move |request: Request| {
            heard.lock().unwrap().push((request.method().clone(), request.headers().clone()));
            let answer = (StatusCode::from_u16(status).unwrap(), headers.clone(), body).into_response();
            async { answer }
        })
        .await;
        let (code, said) = check(&cloud, folder.path(), &url, &["--deep"], &[]);
        assert_eq!(code, 1, "{said}");
        assert_has(&said, &format!("FAIL public    {says}"), hint);
        assert_has(&said, "FAIL loop      not proven: daemon, webhooks, public", "follow the hints above");
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "a redirect is not followed, and nothing is repeated");
        assert!(asked.iter().all(|(method, headers)| method == Method::POST && !headers.contains_key("authorization")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_reached_is_told_apart() {
    let (cloud, folder) = alone().await;
    let refusing = free_port();
    let plain = stand_in(async |_| StatusCode::OK.into_response()).await.replace("http:", "https:");
    let hanging = stand_in(async |_| std::future::pending().await).await;
    for (url, says, hint) in [
        (format!("http://127.0.0.1:{refusing}/"), "the connection is refused", "nothing listens at 127.0.0.1, port"),
        (plain, "does not answer with TLS", "is it the port of plain http?"),
        (hanging, "does not answer within", "a firewall may drop"),
        ("https://nobody.invalid/webex".to_owned(), "its name is not known", "make a DNS entry for nobody.invalid"),
    ] {
        let (code, said) = check(&cloud, folder.path(), &url, &["--deep"], &[("SWITCHBOARD_WEBEX__TIMEOUT", "2s")]);
        assert_eq!(code, 1, "{said}");
        assert_has(&said, &format!("FAIL public    {says}"), hint);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_spoils_deliveries_is_found() {
    let bot = Harness::start().await;
    let target = format!("{}{WEBHOOK}", bot.url);
    let to = target.clone();
    let as_it_came =
        stand_in(move |request| hand_on(request, to.clone(), |headers, body| (signed(&headers), body.to_vec()))).await;
    let to = target.clone();
    let rewriting = stand_in(move |request| {
        hand_on(request, to.clone(), |headers, body| {
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            (signed(&headers), json.to_string().into())
        })
    })
    .await;
    let to = target.clone();
    let unescaping = stand_in(move |request| {
        hand_on(request, to.clone(), |headers, body| {
            (signed(&headers), String::from_utf8(body.to_vec()).unwrap().replace("\\u00e9", "é").into())
        })
    })
    .await;
    let to = target.clone();
    let latin = stand_in(move |request| {
        hand_on(request, to.clone(), |headers, body| {
            (signed(&headers), body.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }).collect())
        })
    })
    .await;
    let to = target.clone();
    let unsigned = stand_in(move |request| hand_on(request, to.clone(), |_, body| (None, body.to_vec()))).await;
    for (url, says, hint) in [
        (rewriting, "changes the body of a delivery on its way", "hand on the bytes as they came"),
        (unescaping, "changes the body of a delivery on its way", "writes JSON or its encoding anew"),
        (latin, "changes the body of a delivery on its way", "writes JSON or its encoding anew"),
        (unsigned, "refuses a canary signed with webhook.secret", "drops the header X-Spark-Signature"),
    ] {
        let (code, said) = check(&bot.cloud, bot.folder.path(), &url, &["--deep"], &[]);
        assert_eq!(code, 1, "{said}");
        assert_has(&said, &format!("FAIL public    {says}"), hint);
    }
    let (_, said) = check(&bot.cloud, bot.folder.path(), &as_it_came, &["--deep"], &[]);
    assert_has(&said, "ok   public    takes a signed canary", "");
    let (code, said) = deep(&bot, &[("WEBEX_WEBHOOK_SECRET", "another-secret-for-tests")]);
    assert_eq!(code, 1);
    assert_has(&said, "FAIL public    refuses a canary signed", "the daemon there has another secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_way_works_and_is_warned_of() {
    let bot = Harness::start().await;
    let to = format!("{}{WEBHOOK}", bot.url);
    let slow = stand_in(move |request| {
        let to = to.clone();
        async move {
            let _ = tokio::time::timeout(Duration::from_millis(2050), std::future::pending::<()>()).await;
            hand_on(request, to, |headers, body| (signed(&headers), body.to_vec())).await
        }
    })
    .await;
    let (_, said) = check(&bot.cloud, bot.folder.path(), &slow, &["--deep"], &[]);
    assert_has(&said, "ok   public    takes a signed canary", "");
    assert_has(&said, "warn public    took 2.", "Webex gives up on what is slow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_the_daemon_does_not_know_is_named() {
    let bot = Harness::start().await;
    let (code, said) = check(&bot.cloud, bot.folder.path(), &format!("{}/webex", bot.url), &["--deep"], &[]);
    assert_eq!(code, 1);
    assert_has(&said, "warn settings  ends in another path than webhook.path", "make them the same");
    assert_has(
        &said,
        "FAIL public    answers 404",
        "webhook.path, which is /webex/webhook: have the proxy hand /webex on",
    );
    let (_, said) = check(&bot.cloud, bot.folder.path(), &format!("{}/healthz", bot.url), &["--deep"], &[]);
    assert_has(&said, "FAIL public    answers 405", "");
}

/// A certificate of an authority that only we know, made by openssl, and a program that speaks TLS with it.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Option<Authority> {
        let folder = tempfile::tempdir().unwrap();
        let openssl = |args: &str| {
            let mut command = std::process::Command::new("openssl");
            command.args(args.split(' ')).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        let key = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
        let made = openssl(&format!("{key} -subj /CN=authority -keyout ca.key -out ca.pem"))
            && openssl(&format!(
                "{key} -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE \
                 -CA ca.pem -CAkey ca.key -keyout key.pem -out cert.pem"
            ));
        made.then_some(Authority { folder })
    }

    pub fn root(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// Ends TLS in front of the bot, as a proxy does.
    pub fn stand_before(&self, port: u16) -> Option<(std::process::Child, u16)> {
        const PROXY: &str = r#"
import socket, ssl, sys, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
def serve(raw):
    try: client = context.wrap_socket(raw, server_side=True)
    except OSError: return
    server = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    threading.Thread(target=pump, args=(server, client), daemon=True).start()
    pump(client, server)
while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;
        let mut python = std::process::Command::new("python3");
        python.args(["-c", PROXY, &port.to_string()]).current_dir(self.folder.path());
        let mut child = python.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take()?), &mut line).ok()?;
        Some((child, line.trim().parse().ok()?))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_webex_would_not_trust_is_no_good() {
    let bot = Harness::start().await;
    let port = bot.url.rsplit(':').next().unwrap().parse().unwrap();
    let authority = Authority::new();
    let Some((authority, (mut proxy, tls))) = authority.and_then(|ca| ca.stand_before(port).map(|proxy| (ca, proxy)))
    else {
        return skipped("openssl and python3 are not here to speak TLS");
    };
    let run = |host: &str, more: &[(&str, &str)]| {
        check(&bot.cloud, bot.folder.path(), &format!("https://{host}:{tls}{WEBHOOK}"), &["--deep"], more)
    };
    let (unknown, wrong_name, known) = (
        run("localhost", &[]),
        run("127.0.0.1", &[("SWITCHBOARD_WEBEX__CA_FILE", &authority.root())]),
        run("localhost", &[("SWITCHBOARD_WEBEX__CA_FILE", &authority.root())]),
    );
    proxy.kill().unwrap();
    proxy.wait().unwrap();
    for (code, said) in [&unknown, &wrong_name] {
        assert_eq!(*code, 1, "{said}");
        assert_has(said, "FAIL public    has a certificate that is not trusted: ", "from a public authority");
    }
    assert!(wrong_name.1.contains("not valid for name"), "{}", wrong_name.1);
    assert_has(
        &known.1,
        "warn public    only the roots of this system or webex.ca_file make good",
        "Webex itself does not know that root",
    );
    assert_has(&known.1, "ok   public    takes a signed canary", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_are_not_as_they_ought_to_be_are_named() {
    let bot = Harness::start().await;
    let url = format!("{}{WEBHOOK}", bot.url);
    let ours = |resource: &str| {
        let found = bot.cloud.webhooks().into_iter().find(|webhook| webhook.resource == resource);
        found.unwrap_or_else(|| panic!("no webhook for {resource}"))
    };
    let foreign = draft("somebody else's", "messages", "http://127.0.0.1:9/", "theirs");
    bot.cloud.add_webhook(foreign).unwrap();
    let (code, said) = deep(&bot, &[]);
    assert_eq!(code, 0, "{said}");
    assert_has(
        &said,
        "ok   webhooks  all 3 are registered and active; 1 of other programs on this token, left alone",
        "",
    );

    bot.cloud.add_webhook(draft("switchboard messages", "messages", &url, SECRET)).unwrap();
    let (code, said) = deep(&bot, &[]);
    assert_eq!(code, 0, "{said}");
    assert_has(&said, "warn webhooks  switchboard messages is there 2 times", "deletes the surplus");

    bot.cloud.set_webhook_status(&ours("messages").id, WebhookStatus::Inactive);
    let (code, said) = deep(&bot, &[]);
    assert_eq!(code, 1, "{said}");
    assert_has(&said, "FAIL webhooks  switchboard messages is inactive", "`switchboard webhooks sync`");
    assert_has(&said, "FAIL loop      not proven: webhooks", "");

    let (_, said) = deep(&bot, &[("WEBEX_WEBHOOK_SECRET", "another-secret-for-tests")]);
    assert_has(&said, "FAIL webhooks  switchboard memberships signs with another secret", "sync` mends it");
    assert!(!said.contains(SECRET) && !said.contains("another-secret"), "{said}");
    let (_, said) = check(&bot.cloud, bot.folder.path(), &format!("{url}?key=abc"), &["--deep"], &[]);
    assert_has(&said, &format!("FAIL webhooks  switchboard messages calls {url} and not"), "another installation");
    assert!(!said.contains("abc"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_that_are_missing_or_something_else_are_named() {
    let (cloud, folder) = alone().await;
    let url = "http://127.0.0.1:9/webex/webhook";
    let (_, said) = check(&cloud, folder.path(), url, &["--deep"], &[]);
    assert_has(&said, "warn webhooks  none yet", "the daemon makes them when it starts");
    cloud.add_webhook(draft("switchboard messages", "rooms", url, SECRET)).unwrap();
    let with_key = "http://127.0.0.1:9/old?key=abc";
    cloud.add_webhook(draft("switchboard attachmentActions", "attachmentActions", with_key, SECRET)).unwrap();
    let (code, said) = check(&cloud, folder.path(), url, &["--deep"], &[]);
    assert_eq!(code, 1);
    assert_has(
        &said,
        "FAIL webhooks  switchboard messages tells of rooms/created, which is something else",
        "mends it",
    );
    assert_has(&said, "FAIL webhooks  switchboard memberships is missing", "mends it");
    let says = "FAIL webhooks  switchboard attachmentActions calls http://127.0.0.1:9/old?key=*** and not";
    assert_has(&said, says, "another installation");
    cloud
        .add_webhook(WebhookDraft { secret: None, ..draft("switchboard memberships", "memberships", url, "") })
        .unwrap();
    let (_, said) = check(&cloud, folder.path(), url, &["--deep"], &[]);
    assert_has(&said, "FAIL webhooks  switchboard memberships signs nothing", "mends it");
}

fn draft(name: &str, resource: &str, target: &str, secret: &str) -> WebhookDraft {
    WebhookDraft {
        name: Some(name.to_owned()),
        target_url: Some(target.to_owned()),
        resource: Some(resource.to_owned()),
        event: Some("created".to_owned()),
        secret: Some(secret.to_owned()),
        ..WebhookDraft::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_token_may_not_do_is_said() {
    let bot = Harness::start().await;
    bot.cloud.space("Lab", &["alice@example.com"]);
    bot.cloud.person("alice@example.com").says("help");
    bot.settle().await;
    let on = |path: &str| Fault::on(Method::GET, path);
    for (fault, says) in [
        (on("/rooms"), "spaces cannot be listed: Webex answered 403"),
        (on("/webhooks"), "webhooks cannot be listed: Webex answered 403"),
        (on("/messages"), "messages of a direct space cannot be listed: Webex answered 403"),
        (on("/messages").after(1), "mentions in a space cannot be listed: Webex answered 403"),
    ] {
        bot.cloud.fault(fault.answer(403, &[], ""));
        let (code, said) = deep(&bot, &[]);
        assert_eq!(code, 1, "{said}");
        assert_has(&said, &format!("FAIL scopes    {says}"), "ask an administrator of Control Hub");
        assert!(!said.contains("may be read"), "{said}");
        bot.cloud.clear_faults();
    }
    bot.cloud.fault(on("/rooms").answer(502, &[], ""));
    assert_has(&deep(&bot, &[]).1, "FAIL scopes    spaces cannot be listed", "status.webex.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_are_counted_and_the_default_one_is_looked_for() {
    let bot = Harness::start().await;
    let (code, said) = deep(&bot, &[("WEBEX_ROOM_ID", "")]);
    assert_eq!(code, 0, "{said}");
    assert_has(&said, "warn rooms     the bot is in no space", "add it to one, or write to it directly");
    assert_has(
        &said,
        "ok   scopes    not tried, since the bot has none: messages of a direct space, mentions in a space",
        "",
    );
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    let (code, said) = deep(&bot, &[("WEBEX_ROOM_ID", &lab)]);
    assert_eq!(code, 0, "{said}");
    assert_has(&said, "ok   rooms     0 direct, 1 group", "");
    bot.cloud.remove_bot(&lab).unwrap();
    let (code, said) = deep(&bot, &[("WEBEX_ROOM_ID", &lab)]);
    assert_eq!(code, 1, "{said}");
    assert_has(&said, "FAIL rooms     the bot is not in the space of webex.room_id", "switchboard rooms");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ledger_and_its_daemon_are_looked_at() {
    let bot = Harness::start().await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], ""));
    bot.cloud.person("alice@example.com").says("help");
    bot.settle().await;
    let (code, said) = deep(&bot, &[]);
    assert_eq!(code, 0, "{said}");
    assert_has(&said, "warn store     dead letters: 1", "`switchboard inbox list --state dead`");
    assert_has(&said, "ok   daemon    it runs on this ledger", "");
    let url = format!("{}{WEBHOOK}", bot.url);
    let (cloud, folder) = bot.stop().await;
    let (code, said) = check(&cloud, folder.path(), &url, &["--deep"], &[]);
    assert_eq!(code, 1);
    assert_has(&said, "warn daemon    none runs on this ledger", "start `switchboard run`");
    assert_has(&said, "FAIL public    the connection is refused", "none runs on this ledger");
    assert_has(&said, "FAIL loop      not proven: daemon, public", "");

    std::fs::write(folder.path().join("other.db"), "this is no ledger, and longer than the head of one".repeat(99))
        .unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    for wrong in ["sqlite:other.db", "sqlite:folder.db", "sqlite:nowhere/ledger.db"] {
        let (code, said) = check(&cloud, folder.path(), &url, &["--deep"], &[("DATABASE_URL", wrong)]);
        assert_eq!(code, 1, "{said}");
        assert_has(&said, "FAIL store     cannot open the ledger", "check store.url");
        assert_has(&said, "FAIL loop      not proven: store, daemon, public", "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_anybody_looks_for_missing_messages_is_told() {
    let bot = Harness::with("[delivery]\ncatch_up = \"0s\"", switchboard::Bot::builder()).await;
    let (_, said) = deep(&bot, &[("SWITCHBOARD_DELIVERY__CATCH_UP", "0s")]);
    assert_has(&said, "warn complete  delivery.catch_up is 0s, so nobody looks", "set it to how far back");
    let (_, said) = deep(&bot, &[]);
    assert_has(&said, "warn complete  nobody has looked yet", "start the daemon");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_noticed() {
    let bot = Harness::start().await;
    for (ahead, line) in [
        (0, "ok   clock     agrees with Webex's"),
        (-10, "ok   clock     agrees with Webex's"),
        (-120, "warn clock     s ahead of Webex's"),
        (120, "warn clock     s behind Webex's"),
        (-600, "FAIL clock     s ahead of Webex's"),
        (600, "FAIL clock     s behind Webex's"),
    ] {
        bot.cloud.set_clock_offset(SignedDuration::from_secs(ahead));
        let (code, said) = deep(&bot, &[]);
        assert_eq!(code, i32::from(line.starts_with("FAIL")), "{said}");
        assert_has(&said, line, if line.starts_with("ok") { "" } else { "set it by NTP" });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_leaves_the_rest_to_be_checked() {
    let bot = Harness::start().await;
    bot.cloud.space("Lab", &["alice@example.com"]);
    let (code, said) = deep(&bot, &[("WEBEX_BOT_TOKEN", "not-the-token")]);
    assert_eq!(code, 1);
    assert_has(&said, "FAIL token     Webex answered 401 to people/me", "regenerated");
    assert_has(&said, "ok   clock     agrees", "");
    assert_has(&said, "ok   public    takes a signed canary", "");
    assert_has(&said, "FAIL loop      not proven: token, scopes, webhooks", "");
    let nowhere = format!("http://127.0.0.1:{}/v1", free_port());
    let (code, said) = deep(&bot, &[("SWITCHBOARD_WEBEX__API_URL", &nowhere)]);
    assert_eq!(code, 1);
    assert_has(&said, "FAIL token     Webex cannot be reached", "check webex.api_url");
    assert!(!said.contains("clock") && !said.contains("tls"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_url_nothing_is_proven_and_nothing_fails() {
    let (cloud, folder) = alone().await;
    let (code, said) = check(&cloud, folder.path(), "", &["--deep"], &[]);
    assert_eq!(code, 0, "{said}");
    assert_has(&said, "warn public    webhook.public_url is not set", "set it to the whole URL");
    assert_has(&said, "warn loop      not proven: daemon, webhooks, public", "from the top down");
    let dead = "none tells of clicks on cards, so their buttons do nothing";
    assert!(said.contains(dead), "{said}");
    let quiet = check(&cloud, folder.path(), "", &[], &[("SWITCHBOARD_CARDS__ENABLED", "false")]).1;
    assert!(!quiet.contains(dead), "{quiet}");
    // One that somebody made by hand may lead to the bot.
    cloud.add_webhook(draft("mine", "attachmentActions", "https://bot.example.org/", "by-hand")).unwrap();
    let said = check(&cloud, folder.path(), "", &[], &[]).1;
    assert!(!said.contains(dead), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_whom_nobody_tells_of_clicks_says_so_at_the_start() {
    let (cloud, folder) = alone().await;
    let without = ["SWITCHBOARD_WEBHOOK__PUBLIC_URL"];
    let daemon = Daemon::start_without(&cloud, folder.path(), free_port(), &[], &without);
    daemon.logs("no webhook tells of clicks on cards, so their buttons do nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_check_calls_nobody_but_webex() {
    let (cloud, folder) = alone().await;
    let called = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&called);
    let url = stand_in(move |_| {
        heard.store(true, Ordering::Relaxed);
        async { StatusCode::OK.into_response() }
    })
    .await;
    let long = [("WEBEX_WEBHOOK_SECRET", "a-secret-that-is-as-long-as-it-should-be")];
    let (code, said) = check(&cloud, folder.path(), &url, &[], &long);
    assert_eq!(code, 0, "{said}");
    assert_has(&said, "ok   settings  complete", "");
    let checked: Vec<_> = said.lines().filter_map(|line| line.get(5..)?.split_whitespace().next()).collect();
    assert_eq!(checked, ["settings", "store", "token", "webhooks", "the"], "{said}");
    assert!(!called.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_and_webhooks_are_shown_whole_in_order_and_harmless() {
    let (cloud, folder) = alone().await;
    let run = |args: &[&str]| {
        let mut command = switchboard();
        command.args(args).current_dir(folder.path()).env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url());
        let (code, said) = finished(command.env("WEBEX_BOT_TOKEN", cloud.bot().token));
        assert_eq!(code, 0, "{said}");
        said
    };
    let json = |args: &[&str]| serde_json::from_str::<serde_json::Value>(&run(args)).unwrap();
    let later = |minutes| cloud.set_clock_offset(SignedDuration::from_mins(minutes));
    cloud.space("Lab", &["alice@example.com"]);
    later(1);
    cloud.space("\u{202e}evil\u{1b}[2J\u{9b}m\u{2066}", &["alice@example.com"]);
    later(2);
    cloud.person("alice@example.com").says("help");
    let table = run(&["rooms"]);
    let titles: Vec<_> = table.lines().map(|line| line.split("  ").next().unwrap().trim()).collect();
    assert_eq!(titles, ["TITLE", "Alice", "evil [2J m", "Lab"], "{table}");
    assert!(
        table.lines().next().unwrap().split_whitespace().eq("TITLE TYPE LOCKED LAST ACTIVITY CREATED ID".split(' '))
    );
    assert!(!table.contains(['\u{202e}', '\u{2066}', '\u{1b}', '\u{9b}']), "{table:?}");
    let rooms = run(&["rooms", "--json"]);
    assert!(rooms.is_ascii() && rooms.contains(r"\u202eevil\u001b[2J\u009bm\u2066"), "{rooms}");
    let rooms = json(&["rooms", "--json"]);
    assert_eq!(rooms[1]["title"], "\u{202e}evil\u{1b}[2J\u{9b}m\u{2066}", "nothing is lost on a program");
    for key in ["id", "type", "title", "lastActivity", "created", "isLocked"] {
        assert!(!rooms[0][key].is_null(), "{key}");
    }
    let of_type = |kind: &str| json(&["rooms", "--json", "--type", kind]).as_array().unwrap().len();
    assert_eq!((of_type("direct"), of_type("group")), (1, 2));

    cloud.add_webhook(draft("zebra\u{202e}", "messages", "https://u:pass@z.example.org/x?key=abc", "theirs")).unwrap();
    cloud
        .add_webhook(WebhookDraft {
            filter: Some("roomType=direct".to_owned()),
            ..draft("aardvark", "messages", "https://a.example.org/x", "theirs")
        })
        .unwrap();
    cloud.add_webhook(draft("switchboard messages", "messages", "https://b.example.org/", SECRET)).unwrap();
    let table = run(&["webhooks"]);
    assert_eq!(table, run(&["webhooks", "list"]));
    let names: Vec<_> = table.lines().map(|line| line.split("  ").next().unwrap().trim()).collect();
    assert_eq!(names, ["NAME", "switchboard messages", "aardvark", "zebra"], "{table}");
    for part in
        ["ours", "foreign", "messages/created", "roomType=direct", "active", "https://***:***@z.example.org/x?key=***"]
    {
        assert!(table.contains(part), "{part} is not in {table}");
    }
    let webhooks = json(&["webhooks", "--json"]);
    assert_eq!(webhooks, json(&["webhooks", "list", "--json"]));
    assert_eq!((&webhooks[0]["ours"], &webhooks[1]["ours"]), (&true.into(), &false.into()));
    for key in ["id", "name", "resource", "event", "filter", "status", "targetUrl", "created"] {
        assert!(!webhooks[1][key].is_null(), "{key}");
    }
    for shown in [table, webhooks.to_string()] {
        for secret in ["theirs", SECRET, "abc", ":pass@", "\"secret\""] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_go_with_the_audits_seal_are_named() {
    let (one, two) = (("SWITCHBOARD_AUDIT__KEY", "the-first-key-of-the-tests"), "the-second-key-of-the-tests");
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let start = |more: &[(&str, &str)]| {
        let daemon = Daemon::start(&cloud, folder.path(), free_port(), more);
        daemon.terminate();
        assert!(daemon.wait().success());
    };
    let looked = |more: &[(&str, &str)]| check(&cloud, folder.path(), "https://bot.example.org/x", &[], more).1;
    start(&[]);
    assert!(!looked(&[]).contains("audit "), "without a key there is nothing to say");
    let said = looked(&[one]);
    assert_has(&said, "warn audit     the audit is not sealed, though audit.key is set", "`switchboard audit seal`");
    std::fs::remove_file(folder.path().join("ledger.db")).unwrap();
    start(&[one]);
    assert!(!looked(&[one]).contains("audit "), "all is well");
    assert_has(&looked(&[]), "warn audit     the audit is sealed, and audit.key is not set", "set it");
    let said = looked(&[("SWITCHBOARD_AUDIT__KEY", two)]);
    assert_has(
        &said,
        "FAIL audit     the audit's seal was not made with audit.key",
        "check that audit.key is the daemon's",
    );
    let both = [("SWITCHBOARD_AUDIT__KEY", two), ("SWITCHBOARD_AUDIT__OLD_KEY", one.1)];
    assert!(!looked(&both).contains("audit "), "before the start that needs it");
    start(&both);
    assert_has(&looked(&both), "warn audit     audit.old_key is set, though", "take it out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_hide_a_forgery_behind_the_proof_of_a_canary() {
    let bot = Harness::start().await;
    let url = format!("{}{WEBHOOK}", bot.url);
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let proofs = Arc::clone(&seen);
    // Whoever stands in between sees what `check` sends, and uses it again.
    let between = stand_in(move |request: Request| {
        let proof = request.headers().get("x-switchboard-canary").map(|proof| proof.to_str().unwrap().to_owned());
        proofs.lock().unwrap().extend(proof);
        async { StatusCode::NOT_FOUND.into_response() }
    })
    .await;
    check(&bot.cloud, bot.folder.path(), &between, &["--deep"], &[]);
    let proof = seen.lock().unwrap().pop().expect("the canary has its proof");
    let forged = r#"{"resource":"messages","event":"created","data":{"id":"m"}}"#;
    for proof in [&*proof, "", "00"] {
        let request = crate::harness::http().post(&url).header("x-switchboard-canary", proof).body(forged);
        assert_eq!(request.header("x-spark-signature", "00").send().await.unwrap().status(), 401);
    }
    let rejected = r#"switchboard_events_received_total{source="webhook",resource="unknown",outcome="rejected"}"#;
    assert_eq!(bot.metric(rejected).await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_webhook_that_calls_our_url_is_named_with_its_id() {
    let bot = Harness::start().await;
    let url = format!("{}{WEBHOOK}", bot.url);
    let forging = bot.cloud.add_webhook(draft("an old bot", "messages", &url, "theirs")).unwrap().id;
    let doubling = bot.cloud.add_webhook(draft("a twin", "memberships", &url, SECRET)).unwrap().id;
    bot.cloud.add_webhook(draft("elsewhere", "messages", "http://127.0.0.1:9/", "theirs")).unwrap();
    let (code, said) = deep(&bot, &[]);
    assert_eq!(code, 0, "{said}");
    let forged = format!(
        "\"an old bot\" for messages/created is not ours and calls our URL: what it tells of also comes without our \
         signature, is refused, and is counted as forged; its id is {forging}"
    );
    assert_has(&said, &format!("warn webhooks  {forged}"), &format!("`switchboard webhooks delete {forging}`"));
    assert!(said.contains(&format!("what it tells of comes twice; its id is {doubling}")), "{said}");
    assert_has(
        &said,
        "ok   webhooks  all 3 are registered and active; 1 of other programs on this token, left alone",
        "",
    );
    // The daemons' marks call our URL, too, and are ours.
    assert_eq!(said.matches("is not ours").count(), 2, "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_token_is_told_of_by_check_and_by_run_in_the_same_words() {
    let (cloud, folder) = alone().await;
    let person = r#"{"id":"person-1","displayName":"Alice","emails":["alice@example.com"],"type":"person"}"#;
    cloud.fault(Fault::on(Method::GET, "/people/me").always().answer(200, &[], person));
    let says = "webex.token is no bot's: it is of the person Alice <alice@example.com>, id person-1";
    let (code, said) = check(&cloud, folder.path(), "http://127.0.0.1:9/webex/webhook", &[], &[]);
    assert_eq!(code, 1, "{said}");
    assert_has(&said, &format!("FAIL token     {says}"), "use the token of a bot");
    let daemon = Daemon::start(&cloud, folder.path(), free_port(), &[]);
    assert!(daemon.logs(says).contains("use the token of a bot"));
}
