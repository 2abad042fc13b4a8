//! The websocket as the way in: nothing calls the bot, and nothing that Webex sends is lost or answered twice.

use std::path::Path;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Message, Options};
use switchboard::{Bot, Config};
use tokio::sync::broadcast;

use crate::harness::{Daemon, Harness, PATIENCE, arrived, free_port, get, http};
use crate::mercury::Client;

const MODE: &str = "[delivery]\nmode = \"websocket\"\n";
const DEVICES: &str = "/wdm/api/v1/devices";
const SOCKETS: &str = "/mercury/registrations/";

async fn start(settings: &str) -> Harness {
    let bot = Harness::with(&format!("{MODE}{settings}"), Bot::builder()).await;
    bot.open(1).await;
    bot
}

fn calls(cloud: &Cloud, method: &Method, path: &str) -> usize {
    cloud.calls().iter().filter(|call| call.method == *method && call.path.starts_with(path)).count()
}

/// Waits until the bot has given this many answers.
async fn answered(cloud: &Cloud, heard: &mut broadcast::Receiver<Message>, count: usize) {
    let answers = async {
        while cloud.transcript().matches("bot:").count() < count {
            heard.recv().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.expect("all are answered");
}

/// The bot polls while its socket is down, not only once, and answers.
async fn answers_by_polling(bot: &Harness) {
    let looked = calls(&bot.cloud, &Method::GET, "/rooms");
    arrived(&bot.cloud, Method::GET, "/rooms", looked + 3).await;
    let mut heard = bot.cloud.subscribe();
    bot.cloud.person("alice@example.com").says("help report");
    let answer = async { while heard.recv().await.unwrap().person_id != bot.cloud.bot().id {} };
    tokio::time::timeout(PATIENCE, answer).await.expect("it polls meanwhile");
}

async fn events(bot: &Harness, resource: &str, outcome: &str) -> f64 {
    let labels = format!("source=\"websocket\",resource=\"{resource}\",outcome=\"{outcome}\"");
    bot.metric(&format!("switchboard_events_received_total{{{labels}}}")).await
}

async fn readiness(bot: &Harness) -> (u16, Value) {
    let answer = get(format!("{}/readyz", bot.url)).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Says something and counts the answers to everything so far.
async fn answers(bot: &Harness, text: &str) -> usize {
    bot.cloud.person("alice@example.com").says(text);
    bot.transcript().await.matches("bot:").count()
}

/// Somebody who writes to the ledger and does not end, so that nothing else is written.
pub fn lock(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join("ledger.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_directly_and_where_it_is_mentioned_and_nothing_calls_it() {
    let bot = start("").await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("help status");
    let lab = bot.cloud.space("Lab", &["alice@example.com", "bob@example.com"]);
    alice.mentions_bot(&lab, "help report").unwrap();
    alice.says_in(&lab, "help report").unwrap();
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("**status**").count(), 1, "{transcript}");
    assert_eq!(transcript.matches("**report**").count(), 1, "{transcript}");
    assert!(bot.cloud.webhooks().is_empty() && bot.cloud.delivery_log().is_empty());
    assert_eq!(events(&bot, "messages", "accepted").await, 2.0);
    assert_eq!(events(&bot, "messages", "own").await, 2.0, "its own words came back and were dropped");
    assert!(events(&bot, "memberships", "accepted").await >= 1.0, "it heard that it was added to the space");
    assert!(events(&bot, "other", "ignored\",event=\"other").await > 2.0, "typing, calls and the rest");
    let (status, body) = readiness(&bot).await;
    assert_eq!((status, &body["webhooks"]), (200, &json!("ok")));
    let token = bot.cloud.bot().token;
    assert!(bot.cloud.calls().iter().all(|call| !format!("{}{:?}", call.path, call.query).contains(&token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_on_a_card_arrives() {
    let bot = start("").await;
    let alice = bot.cloud.person("alice@example.com");
    let card = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {
        "type": "AdaptiveCard", "version": "1.3", "actions": [{"type": "Action.Submit", "title": "Go"}],
    }});
    let message = json!({"roomId": alice.direct_room(), "text": "a card", "attachments": [card]});
    let post = http().post(format!("{}/messages", bot.cloud.api_url()));
    let posted = post.bearer_auth(bot.cloud.bot().token).json(&message).send().await.unwrap();
    let posted: Value = posted.json().await.unwrap();
    let click = alice.clicks(posted["id"].as_str().unwrap(), json!({"go": true})).unwrap();
    bot.settle().await;
    assert_eq!(events(&bot, "attachmentActions", "accepted").await, 1.0);
    assert_eq!(calls(&bot.cloud, &Method::GET, "/attachment/actions/"), 1);
    let local = switchboard::webex::local_part;
    let read = bot.cloud.calls().into_iter().find(|call| call.path.starts_with("/attachment/actions/")).unwrap();
    assert_eq!((local(read.path.rsplit('/').next().unwrap()), read.status), (local(&click), Some(200)));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_bytes_and_activities_without_the_id_of_the_space_are_understood() {
    let bot = start("").await;
    bot.cloud.sockets(|sockets| (sockets.binary, sockets.bare_targets) = (true, true));
    assert_eq!(answers(&bot, "help status").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_space_says_at_once_is_worked_on_in_its_order() {
    let bot = start("").await;
    let alice = bot.cloud.person("alice@example.com");
    for nth in 0..100 {
        alice.says(&format!("m{nth}"));
    }
    bot.settle().await;
    let me = bot.cloud.bot().id;
    let said = bot.cloud.messages().into_iter().filter(|message| message.person_id == me);
    for (nth, answer) in said.filter_map(|message| message.text).enumerate() {
        assert!(answer.starts_with(&format!("You said: \"m{nth}\"")), "{answer} comes at {nth}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_breaks_is_opened_again_with_the_same_device() {
    let bot = start("").await;
    let device = bot.cloud.devices().pop().unwrap();
    assert_eq!((device.name.as_str(), device.owner, device.is_connected), ("switchboard", bot.cloud.bot().email, true));
    for nth in 2..5 {
        bot.cloud.drop_sockets();
        bot.open(nth).await;
        assert_eq!(answers(&bot, "help status").await as u64, nth - 1);
    }
    bot.cloud.close_sockets(1001, "going away");
    bot.open(5).await;
    assert_eq!(bot.cloud.devices().pop().unwrap().id, device.id);
    assert_eq!(calls(&bot.cloud, &Method::POST, DEVICES), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_without_pongs_is_given_up_and_one_with_pongs_is_kept() {
    let bot =
        start("[websocket]\nping_interval = \"20ms\"\npong_timeout = \"200ms\"\n[webex]\ntimeout = \"200ms\"").await;
    let mut line = bot.line();
    line.mark_unchanged();
    let change = tokio::time::timeout(std::time::Duration::from_millis(600), line.changed()).await;
    assert!(change.is_err(), "nothing has closed it: {:?}", line.borrow());
    bot.cloud.sockets(|sockets| sockets.silent = true);
    bot.down("pong").await;
    bot.open(3).await;
    bot.cloud.sockets(|sockets| sockets.silent = false);
    bot.cloud.drop_sockets();
    bot.open(bot.gaps() + 1).await;
    assert_eq!(answers(&bot, "help status").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_webex_has_forgotten_is_registered_anew() {
    let bot = start("").await;
    let stale = bot.cloud.devices().pop().unwrap().id;
    assert!(bot.cloud.forget_device(&stale));
    bot.open(2).await;
    let refused =
        bot.cloud.calls().into_iter().filter(|call| call.path.starts_with(SOCKETS) && call.status == Some(404));
    assert_eq!(refused.count(), 1, "its old address was tried once");
    let devices = bot.cloud.devices();
    assert_eq!(devices.len(), 1);
    assert_ne!(devices[0].id, stale);
    assert_eq!(answers(&bot, "help status").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_whose_socket_is_refused_for_another_reason_is_replaced_too() {
    let bot = start("").await;
    let first = bot.cloud.devices().pop().unwrap().id;
    bot.cloud.fault(Fault::on(Method::GET, &format!("{SOCKETS}{first}/messages")).always().answer(503, &[], ""));
    bot.cloud.drop_sockets();
    bot.open(2).await;
    let devices = bot.cloud.devices();
    assert!(devices.len() == 1 && devices[0].id != first, "{devices:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_sent_twice_is_answered_once() {
    let bot = start("").await;
    bot.cloud.sockets(|sockets| sockets.copies = 2);
    assert_eq!(answers(&bot, "help status").await, 1);
    assert_eq!(events(&bot, "messages", "duplicate").await, 1.0);
    assert_eq!(bot.gaps(), 1, "a number seen before is no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_webhook_has_told_is_the_same_event_over_the_websocket() {
    let bot = Harness::start().await;
    let message = bot.cloud.person("alice@example.com").says("help status");
    bot.settle().await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, MODE, Bot::builder()).await;
    bot.ready().await;
    bot.cloud.deliver_again(&message);
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
    assert_eq!(events(&bot, "messages", "duplicate").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_works_on_leaves_a_row_if_it_is_about_a_thing() {
    let bot = start("").await;
    let alice = bot.cloud.person("alice@example.com");
    let said = alice.says("help status");
    bot.settle().await;
    alice.deletes(&said).unwrap();
    bot.settle().await;
    assert_eq!(events(&bot, "messages", "ignored\",event=\"deleted").await, 1.0);
    let rows = crate::cli::verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json"]);
    assert!(rows.contains("the bot does not work on messages/deleted"), "{rows}");
    assert!(!rows.contains("typing"), "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envelope_that_did_not_arrive_is_noticed_with_the_next_one() {
    let bot = start("").await;
    bot.cloud.person("alice@example.com").direct_room();
    assert_eq!(bot.gaps(), 1);
    bot.cloud.sockets(|sockets| sockets.copies = 0);
    assert_eq!(answers(&bot, "help status").await, 0);
    bot.cloud.sockets(|sockets| sockets.copies = 1);
    assert_eq!(answers(&bot, "help report").await, 2, "what did not arrive is fetched, and answered first");
    assert_eq!(bot.gaps(), 2);
    let transcript = bot.cloud.transcript();
    assert!(transcript.find("**status**") < transcript.find("**report**"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_it_is_on_disk() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let mode = [("SWITCHBOARD_DELIVERY__MODE", "websocket")];
    let no_webhook = ["SWITCHBOARD_WEBHOOK__SECRET", "SWITCHBOARD_WEBHOOK__PUBLIC_URL"];
    let daemon = Daemon::start_without(&cloud, folder.path(), port, &mode, &no_webhook);
    daemon.logs("the websocket is open");
    let alice = cloud.person("alice@example.com");
    alice.direct_room();
    cloud.delivered().await;
    // The disk takes nothing, so whatever the daemon hears, it must not say that it has it.
    let locked = lock(folder.path());
    (0..5).for_each(|_| drop(alice.says("help status")));
    // Frames are read in their order, so by this one the daemon has read those.
    cloud.send_on_sockets("no JSON");
    daemon.logs("cannot be read");
    assert_eq!(cloud.devices()[0].unacknowledged, 5);
    daemon.kill();
    drop(locked);
    assert_eq!(cloud.devices()[0].unacknowledged, 5);
    let mut heard = cloud.subscribe();
    let daemon = Daemon::start_without(&cloud, folder.path(), port, &mode, &no_webhook);
    tokio::time::timeout(PATIENCE, cloud.delivered()).await.expect("all are sent again, and acknowledged now");
    answered(&cloud, &mut heard, 5).await;
    assert_eq!(calls(&cloud, &Method::POST, DEVICES), 1, "the restarted daemon goes on with its device");
    daemon.terminate();
    assert!(daemon.wait().success());
    assert_eq!(cloud.transcript().matches("bot:").count(), 5, "and none of them twice");
    assert!(cloud.devices().is_empty(), "a clean stop takes the device away");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_cannot_take_is_sent_again() {
    let bot = start("[store]\nwaiting = 1").await;
    let alice = bot.cloud.person("alice@example.com");
    alice.direct_room();
    bot.settle().await;
    let locked = lock(bot.folder.path());
    for _ in 0..5 {
        alice.says("help status");
    }
    bot.down("could not be stored").await;
    assert!(bot.cloud.devices()[0].unacknowledged > 0);
    let mut heard = bot.cloud.subscribe();
    drop(locked);
    // What was said while the socket was down already was never sent over it: it is read when the next one is open.
    answered(&bot.cloud, &mut heard, 5).await;
    assert_eq!(bot.transcript().await.matches("bot:").count(), 5);
    assert_eq!(bot.cloud.devices()[0].unacknowledged, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_said_and_tried_again() {
    let bot = start("").await;
    bot.cloud.sockets(|sockets| sockets.refused = true);
    bot.cloud.drop_sockets();
    bot.down("refuses the token").await;
    let (status, body) = readiness(&bot).await;
    assert_eq!(status, 503, "{body}");
    for part in ["token", "webhooks"] {
        assert!(body[part].as_str().unwrap().contains("refuses the token"), "{body}");
    }
    let registered = calls(&bot.cloud, &Method::POST, DEVICES);
    bot.cloud.sockets(|sockets| sockets.refused = false);
    bot.open(2).await;
    let (status, body) = readiness(&bot).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(calls(&bot.cloud, &Method::POST, DEVICES), registered, "the device is not to blame");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalog_that_is_away_at_the_start_is_waited_for() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.fault(Fault::on(Method::GET, "/u2c/api/v1/catalog").always().answer(503, &[], ""));
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), MODE, Bot::builder()).await;
    arrived(&bot.cloud, Method::GET, "/u2c/api/v1/catalog", 4).await;
    let (status, body) = readiness(&bot).await;
    assert_eq!(status, 503);
    let said = body["webhooks"].as_str().unwrap();
    assert!(said.contains("the websocket is down") && said.contains("503 to catalog"), "{said}");
    bot.cloud.clear_faults();
    bot.ready().await;
    assert_eq!(answers(&bot, "help status").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_step_of_the_opening_may_fail_and_is_made_again() {
    for (method, path) in [(Method::GET, DEVICES), (Method::POST, DEVICES), (Method::GET, SOCKETS)] {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        cloud.fault(Fault::on(method.clone(), path).answer(500, &[], ""));
        cloud.fault(Fault::on(method.clone(), path).reset());
        cloud.fault(Fault::on(method.clone(), path).answer(200, &[("content-type", "application/json")], "{}"));
        cloud.fault(Fault::on(method.clone(), path).answer(429, &[("retry-after", "1")], "<html>slow down</html>"));
        let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), MODE, Bot::builder()).await;
        bot.open(1).await;
        assert_eq!(bot.cloud.devices().len(), 1, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_takes_the_device_away() {
    let bot = start("").await;
    assert_eq!(bot.cloud.devices().len(), 1);
    let (cloud, _folder) = bot.stop().await;
    assert!(cloud.devices().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_the_device_over_is_named_and_keeps_it() {
    let bot = start("[websocket]\nbackoff_max = \"32s\"").await;
    let device = bot.cloud.devices().pop().unwrap().id;
    let mut other = Client::connect(&bot.cloud, &device).await.unwrap();
    other.authorize(&bot.cloud.bot().token).await;
    bot.down("another process").await;
    let (status, body) = readiness(&bot).await;
    assert!(status == 503 && body["webhooks"].as_str().unwrap().contains("websocket.device"), "{body}");
    let (cloud, _folder) = bot.stop().await;
    assert_eq!(cloud.devices().pop().unwrap().id, device, "the other one goes on with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_with_two_names_have_two_devices() {
    let bot = start("").await;
    let settings = format!("{MODE}[websocket]\ndevice = \"switchboard two\"");
    let two = Harness::on(bot.cloud.clone(), tempfile::tempdir().unwrap(), &settings, Bot::builder()).await;
    two.ready().await;
    let names: Vec<_> = bot.cloud.devices().into_iter().map(|device| device.name).collect();
    assert_eq!((names, bot.gaps()), (vec!["switchboard".to_owned(), "switchboard two".to_owned()], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_cannot_be_read_harm_nothing() {
    let bot = start("").await;
    let broken = json!({"id": "e", "data": {"eventType": "conversation.activity", "activity": {"verb": "post"}}});
    for garbage in ["", "hello", "[]", "{}", "{\"id\":7}", "\u{0}\u{1}", &broken.to_string(), &"[".repeat(100_000)] {
        bot.cloud.send_on_sockets(garbage);
    }
    assert_eq!(answers(&bot, "help status").await, 1);
    assert_eq!(bot.gaps(), 1, "the same socket goes on");
    assert!(events(&bot, "unknown", "rejected").await >= 5.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_too_large_ends_the_socket_and_its_device_and_no_more() {
    let bot = start("").await;
    let first = bot.cloud.devices().pop().unwrap().id;
    bot.cloud.send_on_sockets(&"x".repeat(2 * 1024 * 1024));
    bot.open(2).await;
    let devices = bot.cloud.devices();
    assert!(devices.len() == 1 && devices[0].id != first, "it would have been sent again: {devices:?}");
    assert_eq!(answers(&bot, "help status").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn check_looks_for_the_socket_and_tells_of_webhooks_that_are_left() {
    let bot = Harness::start().await;
    let (cloud, folder) = bot.stop().await;
    let environment = crate::harness::settings_of_an_open_bot(&cloud, folder.path());
    let check = || {
        let mut command = crate::harness::switchboard();
        command.args(["check", "--json"]).current_dir(folder.path()).envs(environment.clone());
        command.env("SWITCHBOARD_DELIVERY__MODE", "websocket").env_remove("SWITCHBOARD_WEBHOOK__SECRET");
        let output = command.output().unwrap();
        let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = findings.as_array().unwrap().iter().filter(|finding| finding["check"] == "websocket");
        findings.map(|finding| (finding["state"].clone(), finding["says"].to_string())).collect::<Vec<_>>()
    };
    let left = tokio::task::block_in_place(check);
    let has = |found: &[(Value, String)], state: &str, says: &str| {
        assert!(found.iter().any(|(is, said)| is == state && said.contains(says)), "{found:?}");
    };
    has(&left, "ok", "says where sockets are opened");
    has(&left, "warn", "webhooks of an earlier delivery.mode");
    cloud.fault(Fault::on(Method::GET, "/u2c/api/v1/catalog").answer(503, &[], ""));
    let away = tokio::task::block_in_place(check);
    has(&away, "fail", "catalog");
    assert!(cloud.devices().is_empty(), "nothing was registered");
}

#[test]
fn where_the_token_may_go_is_checked_before_the_start() {
    let said = |url: &str| {
        let settings = format!("[websocket]\ncatalog_url = \"{url}\"");
        Config::from_parts(&settings, &[]).err().map(|error| error.to_string())
    };
    assert_eq!(said("https://u2c.gov.ciscospark.com/u2c/api/v1/catalog"), None);
    assert_eq!(said("http://127.0.0.1:1/catalog"), None);
    let refused = said("http://u2c.wbx2.com/u2c/api/v1/catalog").expect("it is not encrypted");
    assert!(refused.contains("websocket.catalog_url must be https"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_socket_is_down_the_bot_polls_and_afterwards_nothing_is_missing() {
    let polling = "[polling]\ninterval = \"20ms\"\nrate = 1000000\n[websocket]\nbackoff_max = \"1h\"";
    let bot = start(polling).await;
    // What was read over the socket is looked for by nobody else.
    assert_eq!(answers(&bot, "help status").await, 1);
    bot.cloud.sockets(|sockets| sockets.refused = true);
    bot.cloud.drop_sockets();
    bot.down("refuses the token").await;
    answers_by_polling(&bot).await;
    let metric = "switchboard_events_received_total{source=\"polling\",resource=\"messages\",outcome=\"accepted\"}";
    assert_eq!(bot.metric(metric).await, 1.0);
    let (status, body) = readiness(&bot).await;
    assert_eq!(status, 503, "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_between_two_sockets_is_fetched_at_once() {
    // No polling and no look for an hour: only the new socket can be the reason.
    let bot = start("reconcile = \"1h\"\n[polling]\ninterval = \"1h\"").await;
    bot.cloud.fault(Fault::on(Method::GET, SOCKETS).stall());
    let opened = calls(&bot.cloud, &Method::GET, SOCKETS);
    bot.cloud.drop_sockets();
    bot.down("").await;
    arrived(&bot.cloud, Method::GET, SOCKETS, opened + 1).await;
    bot.cloud.person("alice@example.com").says("help status");
    let mut heard = bot.cloud.subscribe();
    bot.cloud.release();
    let answer = async { while heard.recv().await.unwrap().person_id != bot.cloud.bot().id {} };
    tokio::time::timeout(PATIENCE, answer).await.expect("it is caught up with the new socket");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_read_while_rest_does_not_answer() {
    let bot = start("").await;
    let alice = bot.cloud.person("alice@example.com");
    alice.direct_room();
    bot.cloud.delivered().await;
    bot.cloud.fault(Fault::on_any().always().stall());
    for nth in 0..20 {
        alice.says(&format!("m{nth}"));
    }
    // Every envelope is acknowledged though no message can be read.
    tokio::time::timeout(PATIENCE, bot.cloud.delivered()).await.expect("the socket waits for nothing but the disk");
    assert_eq!(events(&bot, "messages", "accepted").await, 20.0);
    bot.cloud.clear_faults();
    bot.cloud.release();
    assert_eq!(bot.transcript().await.matches("bot:").count(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_nothing_to_be_caught_up_it_still_polls_while_the_socket_is_down() {
    let polling =
        "catch_up = \"0s\"\n[polling]\ninterval = \"20ms\"\nrate = 1000000\n[websocket]\nbackoff_max = \"1h\"";
    let bot = start(polling).await;
    bot.cloud.sockets(|sockets| sockets.refused = true);
    bot.cloud.drop_sockets();
    bot.down("refuses the token").await;
    answers_by_polling(&bot).await;
}
