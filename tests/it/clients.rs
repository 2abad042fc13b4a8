//! Clients of Webex that this project did not write work against the simulated cloud unchanged.

use std::path::PathBuf;
use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options};

use crate::harness::{http, skipped};

const ALICE: &str = "alice@example.com";

/// The interpreter that `tests/clients/setup` made; none where it was not run, which CI does not accept.
fn python() -> Option<PathBuf> {
    let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/clients/bin/python");
    if python.exists() {
        return Some(python);
    }
    skipped("no webexpythonsdk in target/clients; tests/clients/setup gets it");
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn webexpythonsdk_works_against_the_simulated_cloud() {
    let Some(python) = python() else { return };
    // The test serves the file itself that it has fetched.
    let cloud = Cloud::start(Options { fetch_private: true, ..Options::default() }).await.unwrap();
    let (alice, bob) = (cloud.person(ALICE).administers(), cloud.person("bob@example.com"));
    let grant = bob.authorises();
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/webexpythonsdk_test.py"))
        .env("SIMULATOR_URL", cloud.api_url())
        .env("SIMULATOR_BOT", cloud.bot().token)
        .env("SIMULATOR_ALICE", &alice.account().token)
        .env("SIMULATOR_BOB", &bob.account().token)
        .env("SIMULATOR_GRANT", [grant.client_id, grant.client_secret, grant.refresh_token].join(" "))
        .env("NO_PROXY", "127.0.0.1")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    assert_eq!(printed.matches("ok ").count(), 12, "{printed}");
}

/// A call as Alice, as a client that was not written with the simulator in mind makes it.
async fn call(cloud: &Cloud, method: Method, path: &str, body: Value) -> (u16, Value) {
    let address = format!("{}{path}", cloud.page_url());
    let mut request = http().request(method, address).bearer_auth(&cloud.person(ALICE).account().token);
    if !body.is_null() {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn a_slash_at_the_end_of_a_path_changes_nothing() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let alice = cloud.person(ALICE).account().clone();
    let space = cloud.space("Lab", &[ALICE]);
    for path in [
        format!("v1/people/?id={}", alice.id),
        "v1/people/me/".to_owned(),
        format!("v1/rooms/{space}/"),
        "v1/rooms/?max=1".to_owned(),
        format!("v1/messages//?roomId={space}"),
        format!("as/{ALICE}/people/?email={ALICE}"),
        "u2c/api/v1/catalog/?format=hostmap".to_owned(),
    ] {
        let (status, answer) = call(&cloud, Method::GET, &path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
    let (_, found) = call(&cloud, Method::GET, &format!("v1/people/?id={}", alice.id), Value::Null).await;
    assert_eq!(found["items"][0]["emails"][0], json!(ALICE));
    let (status, _) = call(&cloud, Method::POST, "v1/messages/", json!({"roomId": space, "text": "hello"})).await;
    assert_eq!((status, cloud.messages().len()), (200, 1));
    // What is broken on purpose is so either way, and the record has what was called.
    cloud.fault(Fault::on(Method::GET, "/people/me").answer(503, &[], ""));
    assert_eq!(call(&cloud, Method::GET, "v1/people/me/", Value::Null).await.0, 503);
    assert_eq!(cloud.calls().last().unwrap().path, "/people/me/");
}

#[tokio::test]
async fn a_message_sent_to_a_person_says_to_whom_it_was_sent() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let bot = cloud.bot();
    for (key, value) in [("toPersonEmail", &bot.email), ("toPersonId", &bot.id)] {
        let (status, sent) = call(&cloud, Method::POST, "v1/messages", json!({key: value, "text": "hello"})).await;
        assert_eq!((status, &sent[key]), (200, &json!(value)), "{sent}");
        let other = if key == "toPersonId" { "toPersonEmail" } else { "toPersonId" };
        assert!(sent[other].is_null() && sent["roomId"].is_string() && sent["created"].is_string(), "{sent}");
        let room = json!({"roomId": sent["roomId"], "text": "hello"});
        let (_, sent) = call(&cloud, Method::POST, "v1/messages", room).await;
        assert!(sent["toPersonEmail"].is_null() && sent["toPersonId"].is_null(), "{sent}");
    }
}

#[tokio::test]
async fn licences_are_found_by_the_names_that_webex_gives_them_and_lists_have_pages() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    for kind in ["licenses", "roles"] {
        let next = http().get(format!("{}/{kind}?max=1", cloud.api_url()));
        let next = next.bearer_auth(&cloud.person(ALICE).account().token).send().await.unwrap();
        assert!(next.headers().contains_key("link"), "{kind} has one only");
    }
    let (_, licences) = call(&cloud, Method::GET, "v1/licenses", Value::Null).await;
    let names: Vec<_> = licences["items"].as_array().unwrap().iter().map(|licence| &licence["name"]).collect();
    assert_eq!(names, [&json!("Advanced Messaging"), &json!("Advanced Space Meetings")]);
}

#[tokio::test]
async fn a_program_is_let_act_for_somebody_and_renews_its_token_over_http_alone() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.person(ALICE);
    let (status, grant) = call(&cloud, Method::POST, "control/grants", json!({"email": ALICE})).await;
    assert_eq!(status, 201, "{grant}");
    let field = |name: &'static str| (name, grant[name].as_str().unwrap());
    let fields = [("grant_type", "refresh_token"), field("client_id"), field("client_secret"), field("refresh_token")];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = http().post(format!("{}/access_token", cloud.api_url())).body(body);
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    let tokens: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let me = http().get(format!("{}/people/me", cloud.api_url()));
    let me = me.bearer_auth(tokens["access_token"].as_str().unwrap()).send().await.unwrap();
    assert!(me.text().await.unwrap().contains(ALICE));
    for nobody in ["nobody@example.com", cloud.bot().email.as_str()] {
        let (status, refusal) = call(&cloud, Method::POST, "control/grants", json!({"email": nobody})).await;
        assert!(status == 404 && refusal["message"].as_str().unwrap().contains(nobody), "{refusal}");
    }
}
