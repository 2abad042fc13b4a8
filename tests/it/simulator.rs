//! The simulator's own promises: what is broken on purpose, what is recorded, how it is turned.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options, SignatureCheck};

use crate::harness::{Harness, arrived, get, http};

const ALICE: &str = "alice@example.com";

/// A call of the simulator's own surface, as a page or a script makes it.
async fn call(cloud: &Cloud, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let mut request = http().request(method, format!("{}{path}", cloud.page_url()));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status();
    (status, serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default())
}

#[tokio::test]
async fn a_person_acts_over_http_without_a_token_and_the_bot_answers() {
    let bot = Harness::start().await;
    bot.cloud.person(ALICE);
    let help = json!({"toPersonEmail": bot.cloud.bot().email, "text": "help"});
    let (status, said) = call(&bot.cloud, Method::POST, &format!("as/{ALICE}/messages"), Some(help)).await;
    assert_eq!((status, &said["personEmail"]), (StatusCode::OK, &json!(ALICE)));
    bot.settle().await;
    let room = said["roomId"].as_str().unwrap();
    let (_, list) = call(&bot.cloud, Method::GET, &format!("as/{ALICE}/messages?roomId={room}"), None).await;
    assert!(list["items"][0]["markdown"].as_str().unwrap().contains("I know these commands"), "{list}");
    assert!(
        bot.cloud.calls().iter().all(|call| call.actor != Some(ALICE.to_owned())),
        "it is noted among the bot's calls"
    );
    let (status, refusal) = call(&bot.cloud, Method::GET, "as/nobody@example.com/people/me", None).await;
    assert_eq!((status, &refusal["message"]), (StatusCode::NOT_FOUND, &json!("Nobody here is nobody@example.com.")));
}

#[tokio::test]
async fn a_fault_set_over_http_strikes_is_listed_and_is_used_up() {
    let bot = Harness::start().await;
    let answer = json!({"status": 429, "headers": [["retry-after", "0"]], "body": "<html>slow down</html>"});
    let fault = json!({"method": "POST", "path": "/messages", "times": 2, "effect": {"answer": answer}});
    assert_eq!(call(&bot.cloud, Method::POST, "control/faults", Some(fault)).await.0, StatusCode::CREATED);
    let (_, state) = call(&bot.cloud, Method::GET, "control/state", None).await;
    assert_eq!((&state["faults"][0]["left"], &state["faults"][0]["path"]), (&json!(2), &json!("/messages")));
    bot.cloud.person(ALICE).says("status");
    bot.settle().await;
    let (_, calls) = call(&bot.cloud, Method::GET, "control/calls?max=3", None).await;
    let seen: Vec<_> =
        calls["items"].as_array().unwrap().iter().map(|call| (&call["status"], &call["fault"])).collect();
    let struck = (&json!(429), &json!("429"));
    assert_eq!(seen, [(&json!(200), &Value::Null), struck, struck]);
    assert_eq!(bot.cloud.messages().iter().filter(|message| message.person_id == bot.cloud.bot().id).count(), 1);
    assert_eq!(call(&bot.cloud, Method::GET, "control/state", None).await.1["faults"], json!([]));
}

#[tokio::test]
async fn a_setting_that_makes_no_sense_is_one_sentence() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    for (method, path, body, about) in [
        (Method::POST, "control/faults", json!({"effect": "explode"}), "explode"),
        (Method::POST, "control/faults", json!({"effect": "reset", "chance": 2.0}), "chance is 2"),
        (Method::POST, "control/faults", json!({"effect": "reset", "path": "messages"}), "begins with a slash"),
        (Method::POST, "control/faults", json!({"effect": {"answer": {"status": 99}}}), "status is 99"),
        (Method::PATCH, "control/deliveries", json!({"lose": -1}), "lose is -1"),
        (Method::PATCH, "control/deliveries", json!({"copies": 101}), "copies is 101, but at most 100"),
        (Method::PATCH, "control/sockets", json!({"copies": 101}), "copies is 101, but at most 100"),
        (Method::PATCH, "control/deliveries", json!({"colour": "red"}), "colour"),
        (Method::POST, "control/people", json!({"email": "nobody"}), "not an email address"),
        (Method::PUT, "control/clock", json!({"offsetMs": i64::MAX}), "at most ten years"),
    ] {
        let (status, answer) = call(&cloud, method, path, Some(body)).await;
        let message = answer["message"].as_str().unwrap();
        assert!(status == StatusCode::BAD_REQUEST && message.contains(about), "{path}: {status} {message}");
    }
}

#[tokio::test]
async fn addresses_begin_as_clients_reach_the_cloud() {
    let listen = "0.0.0.0:0".parse().unwrap();
    let cloud = Cloud::start(Options { listen, ..Options::default() }).await.unwrap();
    assert!(cloud.api_url().starts_with("http://127.0.0.1:"), "{}", cloud.api_url());
    let public_url = Some("http://simulator:4000/".to_owned());
    let cloud = Cloud::start(Options { public_url, ..Options::default() }).await.unwrap();
    assert_eq!(
        (cloud.api_url(), cloud.page_url()),
        ("http://simulator:4000/v1".into(), "http://simulator:4000/".into())
    );
    let alice = cloud.person(ALICE);
    alice.uploads(&alice.direct_room(), "a.txt", "text/plain", b"hello").unwrap();
    assert!(cloud.messages()[0].files[0].starts_with("http://simulator:4000/v1/contents/"));
}

#[tokio::test]
async fn the_stream_tells_what_happens_as_it_happens() {
    let bot = Harness::start().await;
    let mut answer = get(format!("{}control/events", bot.cloud.page_url())).await;
    bot.cloud.person(ALICE).says("status");
    let (mut seen, wanted) = (String::new(), ["event: state", "event: message", "event: delivery", "event: call"]);
    while !wanted.iter().all(|event| seen.contains(event)) || !seen.contains("\"path\":\"/messages\"") {
        seen.push_str(&String::from_utf8_lossy(&answer.chunk().await.unwrap().unwrap()));
    }
    // Its end ends the stream, so that a page that is open holds nothing up.
    bot.cloud.stop().await;
    while let Ok(Some(_)) = answer.chunk().await {}
}

#[tokio::test]
async fn deliveries_are_recorded_with_signature_answer_and_exact_body() {
    let bot = Harness::start().await;
    bot.cloud.deliveries(|manner| manner.webex_signature = true);
    let said = bot.cloud.person(ALICE).says("status");
    bot.settle().await;
    let log = bot.cloud.delivery_log();
    let delivery = log.iter().find(|delivery| delivery.data_id == said).unwrap();
    assert_eq!((delivery.status, delivery.signature, delivery.attempt), (Some(200), SignatureCheck::Valid, 1));
    let header = |name: &str| delivery.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    assert_eq!(
        header("x-spark-signature").unwrap(),
        crate::harness::signature(crate::harness::SECRET, delivery.body.as_bytes())
    );
    assert!(header("x-webex-signature").unwrap().starts_with("SHA-256="));
    assert_eq!(serde_json::from_str::<Value>(&delivery.body).unwrap()["data"]["id"], json!(said));
    let (_, calls) = call(&bot.cloud, Method::GET, "control/calls", None).await;
    assert!(!calls.to_string().contains(crate::harness::SECRET), "the webhook's secret is in the record");
    assert!(calls.to_string().contains("\\\"secret\\\":\\\"***\\\""));
}

#[tokio::test]
async fn a_forged_delivery_is_refused_and_says_so() {
    let bot = Harness::start().await;
    bot.cloud.deliveries(|manner| manner.forged = true);
    bot.cloud.person(ALICE).says("status");
    bot.settle().await;
    let log = bot.cloud.delivery_log();
    assert!(log.iter().all(|delivery| (delivery.status, delivery.signature) == (Some(401), SignatureCheck::Invalid)));
    assert_eq!(bot.cloud.messages().len(), 1, "nobody was answered");
}

#[tokio::test]
async fn held_and_mixed_up_everything_is_still_delivered() {
    let bot = Harness::with("", switchboard::Bot::builder()).await;
    bot.cloud.deliveries(|manner| (manner.held, manner.reorder) = (true, true));
    let alice = bot.cloud.person(ALICE);
    let said: Vec<_> = (0..20).map(|_| alice.says("status")).collect();
    bot.cloud.resume_deliveries();
    bot.settle().await;
    let log = bot.cloud.delivery_log();
    let delivered: Vec<_> = log
        .iter()
        .filter(|delivery| said.contains(&delivery.data_id))
        .map(|delivery| delivery.data_id.clone())
        .collect();
    assert_eq!(delivered.len(), said.len());
    assert_ne!(delivered, said, "the order is what it was");
}

#[tokio::test]
async fn what_is_not_yet_visible_is_answered_later() {
    let bot = Harness::start().await;
    bot.cloud.hide_from_first_reads(2);
    let said = bot.cloud.person(ALICE).says("status");
    bot.settle().await;
    let path = format!("/messages/{said}");
    let reads: Vec<_> =
        bot.cloud.calls().into_iter().filter(|call| call.path == path).map(|call| call.status).collect();
    // A list that shows nothing of it counts as a read.
    assert!(!reads.is_empty() && reads.iter().all(|status| *status == Some(404)), "{reads:?}");
    assert_eq!(bot.cloud.messages().len(), 2);
}

#[tokio::test]
async fn a_clock_that_is_wrong_shows_in_times_and_in_the_date_header() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.set_clock_offset(jiff::SignedDuration::from_hours(-48));
    let alice = cloud.person(ALICE);
    alice.says("hello");
    let created = cloud.messages()[0].created;
    let behind = jiff::Timestamp::now().duration_since(created);
    assert!((behind - jiff::SignedDuration::from_hours(48)).abs() < jiff::SignedDuration::from_mins(1), "{behind}");
    let me = http().get(format!("{}/people/me", cloud.api_url())).bearer_auth(&alice.account().token);
    let answer = me.send().await.unwrap();
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(answer.headers()["date"].as_bytes()).unwrap();
    assert!((date.duration_since(created)).abs() < jiff::SignedDuration::from_mins(1));
}

#[tokio::test]
async fn the_same_seed_gives_the_same_ids_and_the_same_luck() {
    let lived = async |seed| {
        let cloud = Cloud::start(Options { seed, ..Options::default() }).await.unwrap();
        cloud.fault(Fault::on(Method::GET, "/people/me").always().chance(0.5));
        let alice = cloud.person(ALICE);
        let said = alice.says("hello");
        let http = http();
        let mut statuses = Vec::new();
        for _ in 0..20 {
            let me = http.get(format!("{}/people/me", cloud.api_url())).bearer_auth(&alice.account().token);
            statuses.push(me.send().await.unwrap().status().as_u16());
        }
        (said, statuses)
    };
    assert_eq!(lived(Some(7)).await, lived(Some(7)).await);
    assert_ne!(lived(Some(7)).await, lived(Some(8)).await);
    assert_ne!(lived(None).await.0, lived(None).await.0);
}

#[tokio::test]
async fn stalled_calls_are_counted_until_they_are_released() {
    let bot = Harness::start().await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    bot.cloud.person(ALICE).says("status");
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    let stalled = async || call(&bot.cloud, Method::GET, "control/state", None).await.1["stalled"].clone();
    while stalled().await != json!(1) {}
    assert_eq!(call(&bot.cloud, Method::POST, "control/release", None).await.0, StatusCode::NO_CONTENT);
    bot.settle().await;
    assert_eq!((stalled().await, bot.cloud.messages().len()), (json!(0), 2));
}

#[tokio::test]
async fn a_state_file_keeps_everything_and_the_bot_goes_on_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path().join("state.json"));
    let options = || Options { state: state.clone(), ..Options::default() };
    let cloud = Cloud::start(options()).await.unwrap();
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", switchboard::Bot::builder()).await;
    bot.ready().await;
    let space = bot.cloud.space("Lab", &[ALICE]);
    bot.cloud.person(ALICE).mentions_bot(&space, "status").unwrap();
    let before = bot.transcript().await;
    let (cloud, ledger) = bot.stop().await;
    cloud.stop().await;

    let cloud = Cloud::start(options()).await.unwrap();
    assert_eq!(cloud.transcript(), before);
    let bot = Harness::on(cloud, ledger, "", switchboard::Bot::builder()).await;
    bot.ready().await;
    assert_eq!(bot.cloud.webhooks().len(), 3, "the webhooks of before are mended, not doubled");
    bot.cloud.person(ALICE).mentions_bot(&space, "help").unwrap();
    let after = bot.transcript().await;
    assert!(after.starts_with(&before) && after.matches("bot in Lab").count() == 2, "{after}");
}

#[tokio::test]
async fn each_quirk_takes_the_other_side() {
    let cloud = Cloud::start(Options { bot_name: "Test Bot".to_owned(), ..Options::default() }).await.unwrap();
    let (alice, bob, bot) = (cloud.person(ALICE), cloud.person("bob@example.com"), cloud.bot());
    let space = cloud.space("Lab", &[ALICE, "bob@example.com"]);
    let unseen = alice.says_in(&space, "nobody in particular").unwrap();
    let as_bot = async |method: Method, path: &str, body: Option<Value>| {
        call(&cloud, method, &format!("as/{}/{path}", bot.email), body).await
    };
    let buttons: Vec<_> = (0..6).map(|_| json!({"type": "Action.Submit"})).collect();
    let content = json!({"type": "AdaptiveCard", "version": "1.3", "actions": buttons});
    let card = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": content});
    let card = json!({"roomId": space, "text": "a card", "attachments": [card]});
    let (status, posted) = as_bot(Method::POST, "messages", Some(card.clone())).await;
    assert_eq!(status, 200);
    let click = json!({"type": "submit", "messageId": posted["id"], "inputs": {}});

    let path = format!("messages/{unseen}");
    assert_eq!(as_bot(Method::GET, &path, None).await.0, 404);
    let click_as_alice =
        async || call(&cloud, Method::POST, &format!("as/{ALICE}/attachment/actions"), Some(click.clone())).await.0;
    assert_eq!(click_as_alice().await, 200);
    let mention = |to: &str| bob.writes(&space, to).unwrap();
    let text = |id: &str| cloud.messages().into_iter().find(|message| message.id == id).unwrap();
    let named = format!("<@personEmail:{}> hi", bot.email);
    assert_eq!(text(&mention(&named)).text.as_deref(), Some("Test hi"));
    assert!(text(&mention("<@all> hi")).mentioned_people.is_empty());

    let all = json!({"clicksAccepted": true, "unseenForbidden": true, "fullNames": true, "fiveButtons": true,
        "editsTold": true, "allReachesBots": true, "emptyPages": true, "lostMentions": true});
    let (status, quirks) = call(&cloud, Method::PATCH, "control/quirks", Some(all.clone())).await;
    assert_eq!((status, quirks), (StatusCode::OK, all));
    assert_eq!(as_bot(Method::GET, &path, None).await.0, 403);
    assert_eq!(click_as_alice().await, 202);
    assert_eq!(text(&mention(&named)).text.as_deref(), Some("Test Bot hi"));
    assert_eq!(text(&mention("<@all> hi")).mentioned_people, std::slice::from_ref(&bot.id));
    assert_eq!(as_bot(Method::POST, "messages", Some(card)).await.0, 400);
    assert_eq!(as_bot(Method::GET, "rooms", None).await.1["items"], json!([]));
    let first = http().get(format!("{}/messages?roomId={space}&mentionedPeople=me&max=1", cloud.api_url()));
    let first = first.bearer_auth(&bot.token).send().await.unwrap();
    let next = first.headers()["link"].to_str().unwrap().trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert!(next.contains("mentionedPeople=me"), "an empty page loses nothing: {next}");
    let second = http().get(next).bearer_auth(&bot.token).send().await.unwrap();
    let link = second.headers()["link"].to_str().unwrap();
    assert!(link.contains("beforeMessage") && !link.contains("mentionedPeople"), "{link}");
}

#[tokio::test]
async fn an_edit_is_told_where_that_is_wanted_and_is_not_answered_again() {
    let bot = Harness::start().await;
    bot.cloud.quirks(|quirks| quirks.edits_told = true);
    let url = format!("{}/webex/webhook", bot.url);
    let hook = switchboard::simulator::WebhookDraft {
        name: Some("edits".to_owned()),
        target_url: Some(url),
        resource: Some("messages".to_owned()),
        event: Some("updated".to_owned()),
        secret: Some(crate::harness::SECRET.to_owned()),
        ..Default::default()
    };
    bot.cloud.add_webhook(hook).unwrap();
    let alice = bot.cloud.person(ALICE);
    let said = alice.says("status");
    bot.settle().await;
    alice.edits(&said, "help").unwrap();
    bot.settle().await;
    assert!(
        bot.cloud.delivery_log().iter().any(|delivery| delivery.event == "updated" && delivery.status == Some(200))
    );
    assert_eq!(bot.cloud.messages().len(), 2, "{}", bot.cloud.transcript());
}

#[tokio::test]
async fn a_late_answer_is_late_and_an_answer() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let fault = json!({"method": "GET", "path": "/people/me", "effect": {"delay": 300}});
    call(&cloud, Method::POST, "control/faults", Some(fault)).await;
    let request = http().get(format!("{}/people/me", cloud.api_url())).bearer_auth(cloud.bot().token);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let calls = cloud.calls();
    assert!(calls[0].latency.as_millis() >= 300 && calls[0].fault.as_deref() == Some("300 ms late"), "{calls:?}");
}

#[tokio::test]
async fn what_is_lost_is_recorded_and_nobody_hears_of_it() {
    let bot = Harness::start().await;
    let lose = call(&bot.cloud, Method::PATCH, "control/deliveries", Some(json!({"lose": 1.0}))).await;
    assert_eq!((lose.0, &lose.1["lose"], &lose.1["copies"]), (StatusCode::OK, &json!(1.0), &json!(1)));
    for _ in 0..150 {
        bot.cloud.person(ALICE).says("status");
    }
    bot.settle().await;
    let log = bot.cloud.delivery_log();
    assert!(log.len() >= 150 && log.iter().all(|delivery| delivery.error.as_deref() == Some("lost by a fault")));
    assert!(
        bot.cloud.webhooks().iter().all(|webhook| json!(webhook.status) == json!("active")),
        "a loss is no failure"
    );
}

#[tokio::test]
async fn a_webhook_is_switched_off_and_on_by_hand_and_by_put() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let hook = json!({"name": "a", "targetUrl": "http://127.0.0.1:1/", "resource": "messages", "event": "created"});
    let bot = format!("as/{}", cloud.bot().email);
    let (_, made) = call(&cloud, Method::POST, &format!("{bot}/webhooks"), Some(hook.clone())).await;
    let id = made["id"].as_str().unwrap();
    let status = async || call(&cloud, Method::GET, &format!("{bot}/webhooks/{id}"), None).await.1["status"].clone();
    for wanted in ["inactive", "active", "inactive"] {
        let body = Some(json!({"status": wanted}));
        let (done, _) = call(&cloud, Method::PUT, &format!("control/webhooks/{id}"), body).await;
        assert_eq!((done, status().await), (StatusCode::NO_CONTENT, json!(wanted)));
    }
    let revived = json!({"name": "a", "targetUrl": "http://127.0.0.1:1/", "status": "active"});
    assert_eq!(call(&cloud, Method::PUT, &format!("{bot}/webhooks/{id}"), Some(revived)).await.1["status"], "active");
    let none = call(&cloud, Method::PUT, "control/webhooks/x", Some(json!({"status": "active"}))).await;
    assert_eq!(none.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_bots_ledger_explains_an_event_where_it_runs_beside() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (status, refusal) = call(&cloud, Method::GET, "control/explain?id=x", None).await;
    assert!(status == 404 && refusal["message"].as_str().unwrap().contains("another program"), "{refusal}");
    assert_eq!(call(&cloud, Method::GET, "control/explain", None).await.0, StatusCode::BAD_REQUEST);
}
