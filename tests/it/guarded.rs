//! What the simulator keeps out: other web pages, guessed tokens, and files of the machine it runs on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::header::LOCATION;
use axum::routing::get;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Options};

use crate::harness::http;

const ALICE: &str = "alice@example.com";

/// One path of each surface.
const SURFACES: [&str; 7] = [
    "",
    "v1/people/me",
    "v1/nothing",
    "u2c/api/v1/catalog?format=hostmap",
    "as/alice@example.com/people/me",
    "control/state",
    "control/events",
];

async fn start(options: Options) -> Cloud {
    let cloud = Cloud::start(options).await.unwrap();
    cloud.person(ALICE);
    cloud
}

/// A call with the bot's token at the address where the cloud listens, whatever it is called.
async fn call(cloud: &Cloud, address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = http().get(format!("http://{address}/{path}")).bearer_auth(cloud.bot().token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

fn address(cloud: &Cloud) -> SocketAddr {
    let url: url::Url = cloud.page_url().parse().unwrap();
    url.socket_addrs(|| None).unwrap()[0]
}

#[tokio::test]
async fn other_web_pages_are_kept_out_of_every_surface() {
    let cloud = start(Options::default()).await;
    let ours = cloud.page_url().trim_end_matches('/').to_owned();
    for path in SURFACES {
        for headers in [[("origin", "https://evil.example")], [("origin", "null")], [("host", "evil.example")]] {
            let answer = call(&cloud, address(&cloud), path, &headers).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} {headers:?}");
            let refusal: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert!(refusal["message"].is_string() && refusal["trackingId"].is_string(), "{refusal}");
        }
        let answer = call(&cloud, address(&cloud), path, &[("origin", &ours)]).await;
        assert_ne!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("origin", "https://evil.example"),
    ];
    let answer = call(&cloud, address(&cloud), "mercury/registrations/x/messages", &upgrade).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(cloud.calls().iter().all(|call| call.status != Some(403)), "what is kept out is no call of Webex's");
}

#[tokio::test]
async fn the_host_of_the_public_url_is_let_in_and_no_other_name() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let cloud = start(Options { listen, ..Options::default() }).await;
    let at = address(&cloud);
    let answer = call(&cloud, at, "v1/people/me", &[("host", "simulator:4000")]).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let why = answer.text().await.unwrap();
    assert!(why.contains("start it with --public-url http://simulator:4000"), "{why}");
    for host in ["192.168.1.5:4000", "localhost:4000"] {
        assert_eq!(call(&cloud, at, "v1/people/me", &[("host", host)]).await.status(), 200, "{host}");
    }

    let named = Options { public_url: Some("http://simulator:4000".to_owned()), listen, ..Options::default() };
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cloud = start(Options { listen: ([0, 0, 0, 0], port).into(), ..named }).await;
    let at = SocketAddr::from(([127, 0, 0, 1], port));
    for path in SURFACES.iter().filter(|path| **path != "v1/nothing") {
        let headers = [("host", "simulator:4000"), ("origin", "http://simulator:4000")];
        assert_eq!(call(&cloud, at, path, &headers).await.status(), 200, "{path}");
        assert_eq!(call(&cloud, at, path, &[("host", "evil.example")]).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn nobody_can_guess_a_token_unless_there_is_a_seed() {
    let tokens = async |seed| {
        let cloud = start(Options { seed, ..Options::default() }).await;
        (cloud.bot().token, cloud.person(ALICE).account().token.clone())
    };
    let (one, other) = (tokens(None).await, tokens(None).await);
    assert!(one.0 != other.0 && one.1 != other.1, "{one:?} {other:?}");
    let (one, other) = (tokens(Some(7)).await, tokens(Some(7)).await);
    assert_eq!((&one, one.0.as_str()), (&other, "simulated-bot-token"));
    let cloud = Cloud::start(Options { bot_token: Some("mine".to_owned()), ..Options::default() }).await.unwrap();
    assert_eq!(cloud.bot().token, "mine");
}

/// A server of this machine that counts who asks it, and redirects `/to/{count}` so often.
async fn server() -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let routes = Router::new()
        .route(
            "/secret.txt",
            get(move || {
                counter.fetch_add(1, Ordering::Relaxed);
                async { "of this machine" }
            }),
        )
        .route(
            "/to/{count}",
            get(async |axum::extract::Path(count): axum::extract::Path<usize>| {
                let next = if count == 1 { "/secret.txt".to_owned() } else { format!("/to/{}", count - 1) };
                (StatusCode::FOUND, [(LOCATION, next)])
            }),
        )
        .route("/elsewhere", get(async || (StatusCode::FOUND, [(LOCATION, "ftp://example.com/")])));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, routes).await });
    (address, asked)
}

async fn posted(cloud: &Cloud, file: &str) -> (u16, String) {
    let body = json!({"toPersonEmail": ALICE, "text": "a file", "files": [file]});
    let request = http().request(Method::POST, format!("{}/messages", cloud.api_url())).json(&body);
    let answer = request.bearer_auth(cloud.bot().token).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[tokio::test]
async fn no_file_is_fetched_from_this_machine_or_its_network() {
    let cloud = start(Options::default()).await;
    let (server, asked) = server().await;
    let port = server.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
    ] {
        let (status, why) = posted(&cloud, &format!("http://{host}:{port}/secret.txt")).await;
        assert!(status == 400 && why.contains("--fetch-private"), "{host}: {status} {why}");
    }
    assert_eq!((asked.load(Ordering::Relaxed), cloud.messages().len()), (0, 0));
}

#[tokio::test]
async fn a_file_of_this_machine_is_fetched_where_that_is_allowed_and_redirects_are_followed() {
    let cloud = start(Options { fetch_private: true, ..Options::default() }).await;
    let (server, asked) = server().await;
    for path in ["secret.txt", "to/1", "to/5"] {
        let (status, message) = posted(&cloud, &format!("http://{server}/{path}")).await;
        assert_eq!(status, 200, "{path}: {message}");
        let message: Value = serde_json::from_str(&message).unwrap();
        let content = cloud.content(message["files"][0].as_str().unwrap()).unwrap();
        assert_eq!((content.name.as_str(), &content.bytes[..]), ("secret.txt", &b"of this machine"[..]));
    }
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    for (path, about) in [("to/6", "redirects more than 5 times"), ("elsewhere", "only http and https")] {
        let (status, why) = posted(&cloud, &format!("http://{server}/{path}")).await;
        assert!(status == 400 && why.contains(about), "{path}: {status} {why}");
    }
}
