//! Handlers of what else Webex tells of: called for what they ask for, tried again, explained.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options, WebhookDraft};
use switchboard::{Bot, CommandError, Config, EventContext};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Harness, PATIENCE, arrived, get, settings_of_an_open_bot};

const ALICE: &str = "alice@example.com";
const WEBSOCKET: &str = "[delivery]\nmode = \"websocket\"";

/// What a handler was given.
type Heard = mpsc::UnboundedReceiver<(EventContext, Value)>;

/// A bot that takes these, each a resource and an event.
fn hearing(kinds: &[(&str, &str)]) -> (Bot, Heard) {
    let (tell, heard) = mpsc::unbounded_channel();
    let bot = kinds.iter().fold(Bot::builder(), |bot, (resource, event)| {
        let tell = tell.clone();
        bot.event(resource, event, move |context, data| {
            tell.send((context, data)).unwrap();
            std::future::ready(Ok(()))
        })
    });
    (bot, heard)
}

async fn next(heard: &mut Heard) -> (EventContext, Value) {
    tokio::time::timeout(PATIENCE, heard.recv()).await.expect("the handler is called").unwrap()
}

async fn told(bot: &Harness, body: &Value) {
    assert_eq!(bot.delivers(body).await.0, 200);
}

fn rows(bot: &Harness) -> Vec<Value> {
    serde_json::from_str(&verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json"])).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_is_called_with_what_webex_tells_of_and_explain_says_so() {
    let (bot, mut heard) = hearing(&[("rooms", "updated")]);
    let bot = Harness::with("", bot).await;
    let alice = bot.cloud.person(ALICE);
    let lab = bot.cloud.space("Lab", &[ALICE]);
    alice.renames(&lab, "Labor").unwrap();
    let (context, data) = next(&mut heard).await;
    assert_eq!((context.resource(), context.event(), &data["id"]), ("rooms", "updated", &json!(lab)));
    assert_eq!(context.actor().unwrap().as_str(), alice.account().id);
    assert_eq!(context.webex().room(&lab.as_str().into()).await.unwrap().title, "Labor");
    bot.settle().await;
    for known in [context.reference(), &lab] {
        let story = explain(&bot, known);
        assert!(story.contains("accepted: an event of the kind rooms/updated"), "{known}: {story}");
        assert!(story.contains(" done: its handler took it") && story.contains("Webex sent: {"), "{known}: {story}");
    }
    let audited = verb(bot.folder.path(), &["audit", "list"]);
    assert!(audited.contains("rooms/updated") && audited.contains("its handler took it"), "{audited}");
    // What nobody asked for is as it was.
    told(&bot, &json!({"id": "w", "resource": "rooms", "event": "migrated", "data": {"id": "r"}})).await;
    assert!(explain(&bot, "r").contains("not answered: the bot does not work on rooms/migrated"));
    let labels = "source=\"webhook\",resource=\"rooms\",outcome=\"accepted\"";
    assert_eq!(bot.metric(&format!("switchboard_events_received_total{{{labels}}}")).await, 1.0);
    let labels = "resource=\"rooms\",event=\"updated\",outcome=\"done\"";
    assert_eq!(bot.metric(&format!("switchboard_events_handled_total{{{labels}}}")).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_once_is_handled_once_and_what_may_happen_again_each_time() {
    let (bot, mut heard) = hearing(&[("messages", "deleted"), ("memberships", "updated")]);
    let bot = Harness::with("", bot).await;
    let deleted =
        |webhook: &str| json!({"id": webhook, "resource": "messages", "event": "deleted", "data": {"id": "m1"}});
    // Another webhook may tell of the same.
    for webhook in ["one", "one", "two"] {
        told(&bot, &deleted(webhook)).await;
    }
    let made = json!({"resource": "memberships", "event": "updated", "data": {"id": "x", "isModerator": true}});
    for _ in 0..2 {
        told(&bot, &made).await;
    }
    bot.settle().await;
    let mut events: Vec<_> = (0..3).map(|_| heard.try_recv().unwrap().0.event().to_owned()).collect();
    events.sort();
    assert_eq!(events, ["deleted", "updated", "updated"]);
    assert!(heard.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_comes_back_and_leaves_again_is_told_of_twice() {
    for settings in ["", WEBSOCKET] {
        let (bot, mut heard) = hearing(&[("memberships", "deleted")]);
        let bot = Harness::with(settings, bot).await;
        let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person("bob@example.com"));
        let lab = bot.cloud.space("Lab", &[ALICE]);
        for _ in 0..2 {
            alice.adds(&lab, "bob@example.com").unwrap();
            bob.leaves(&lab).unwrap();
            bot.settle().await;
            assert_eq!(next(&mut heard).await.1["personId"], json!(bob.account().id), "{settings}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_one_thing_come_in_order_by_a_websocket_as_well() {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let calls = AtomicUsize::new(0);
    let bot = Bot::builder().event("rooms", "updated", move |context, _| {
        tell.send(context.reference().to_owned()).unwrap();
        let is_first = calls.fetch_add(1, Ordering::Relaxed) == 0;
        async move { if is_first { Err(anyhow::anyhow!("the lift is stuck"))? } else { Ok(()) } }
    });
    let slow = "[worker]\nbackoff = \"400ms\"\nbackoff_max = \"400ms\"";
    let bot = Harness::with(&format!("{WEBSOCKET}\n{slow}"), bot).await;
    let alice = bot.cloud.person(ALICE);
    let lab = bot.cloud.space("Lab", &[ALICE]);
    for title in ["Labor", "Laboratory"] {
        alice.renames(&lab, title).unwrap();
    }
    bot.settle().await;
    let [first, again, second] = std::array::from_fn(|_| heard.try_recv().unwrap());
    assert_eq!(first, again);
    assert_ne!(first, second);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bot_did_itself_is_left_out_even_before_it_knows_who_it_is() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.fault(Fault::on(Method::GET, "/people/me").answer(401, &[], ""));
    let (bot, mut heard) = hearing(&[("messages", "deleted")]);
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", bot).await;
    arrived(&bot.cloud, Method::GET, "/people/me", 1).await;
    let own = bot.cloud.bot().id;
    told(&bot, &json!({"resource": "messages", "event": "deleted", "actorId": own, "data": {"id": "m1"}})).await;
    bot.ready().await;
    bot.settle().await;
    assert!(heard.try_recv().is_err());
    assert_eq!(rows(&bot)[0]["verdict"], json!("own"), "{:?}", rows(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_what_is_long_are_kept_neither_where_a_handler_takes_it_nor_elsewhere() {
    let (bot, mut heard) = hearing(&[("rooms", "updated")]);
    let bot = Harness::with("[server]\nbody_limit = 200000", bot).await;
    let long = "x".repeat(64 * 1024);
    for event in ["updated", "migrated"] {
        told(&bot, &json!({"resource": "rooms", "event": event, "data": {"id": "r", "more": long}})).await;
        bot.settle().await;
        let reference = rows(&bot)[0]["reference"].as_str().unwrap().to_owned();
        let story = explain(&bot, &reference);
        assert!(story.contains(&format!("rooms/{event}")), "{story}");
        assert!(story.contains("nothing that Webex sent is kept of it"), "{story}");
    }
    assert_eq!(next(&mut heard).await.1["more"], json!(long), "the handler has all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bot_did_itself_is_left_out() {
    let (bot, mut heard) = hearing(&[("messages", "deleted")]);
    let bot = Harness::with("", bot).await;
    let own = bot.cloud.bot().id;
    for (id, actor) in [("m1", own.as_str()), ("m2", "somebody")] {
        told(&bot, &json!({"resource": "messages", "event": "deleted", "actorId": actor, "data": {"id": id}})).await;
    }
    bot.settle().await;
    assert_eq!(next(&mut heard).await.1, json!({"id": "m2"}));
    assert!(heard.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_fails_is_tried_again_and_then_leaves_a_dead_letter_and_holds_up_nothing_else() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let bot = Bot::builder().event("rooms", "updated", move |_, data| {
        let tries = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match data["id"].as_str() {
                Some("declined") => Err(CommandError::User("Not on a Sunday.".to_owned())),
                Some("panics") => panic!("the floor is wet"),
                Some("once") if tries > 0 => Ok(()),
                _ => Err(anyhow::anyhow!("the lift is stuck"))?,
            }
        }
    });
    let bot = Harness::with("[worker]\nmax_attempts = 2", bot).await;
    for (id, tried, says) in [
        ("once", 2, "done: its handler took it"),
        ("fails", 2, "given up after 2 tries: the lift is stuck"),
        ("declined", 1, "not answered: Not on a Sunday."),
        ("panics", 2, "the floor is wet"),
    ] {
        tries.store(0, Ordering::Relaxed);
        told(&bot, &json!({"resource": "rooms", "event": "updated", "data": {"id": id}})).await;
        bot.settle().await;
        let reference = rows(&bot)[0]["reference"].as_str().unwrap().to_owned();
        assert_eq!(tries.load(Ordering::Relaxed), tried, "{id}");
        assert!(explain(&bot, &reference).contains(says), "{id}: {}", explain(&bot, &reference));
    }
    assert_eq!(bot.metric("switchboard_dead_letters").await, 2.0);
    for (outcome, count) in [("done", 1.0), ("failed", 2.0), ("ignored", 1.0)] {
        let labels = format!("resource=\"rooms\",event=\"updated\",outcome=\"{outcome}\"");
        assert_eq!(bot.metric(&format!("switchboard_events_handled_total{{{labels}}}")).await, count, "{outcome}");
    }
    assert!(!bot.cloud.transcript().contains("bot"), "nobody asked, so nobody is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webex_that_is_away_is_waited_out_by_a_handler() {
    let bot = Bot::builder().event("rooms", "updated", async |context, data| {
        context.webex().room(&data["id"].as_str().unwrap().into()).await?;
        Ok(())
    });
    let bot = Harness::with("[worker]\nmax_attempts = 1\n[webex]\nretries = 0", bot).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    bot.cloud.fault(Fault::on(Method::GET, "/rooms/").times(3).answer(503, &[], ""));
    bot.cloud.person(ALICE).renames(&lab, "Labor").unwrap();
    bot.settle().await;
    assert!(explain(&bot, &lab).contains("done: its handler took it"), "{}", explain(&bot, &lab));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_tells_of_the_same_ids() {
    let kinds = [
        ("messages", "updated"),
        ("messages", "deleted"),
        ("memberships", "updated"),
        ("memberships", "deleted"),
        ("rooms", "created"),
        ("rooms", "updated"),
    ];
    let (bot, mut heard) = hearing(&kinds);
    let bot = Harness::with(WEBSOCKET, bot).await;
    let alice = bot.cloud.person(ALICE);
    let lab = bot.cloud.space("Lab", &[ALICE, "bob@example.com"]);
    alice.renames(&lab, "Labor").unwrap();
    let said = alice.mentions_bot(&lab, "help").unwrap();
    alice.deletes(&said).unwrap();
    bot.cloud.person("bob@example.com").leaves(&lab).unwrap();
    bot.settle().await;
    let mut seen = Vec::new();
    while let Ok((context, data)) = heard.try_recv() {
        seen.push((format!("{}/{}", context.resource(), context.event()), data));
    }
    let data = |kind: &str| seen.iter().find(|(seen, _)| seen == kind).map(|(_, data)| data).unwrap();
    assert_eq!(data("rooms/updated")["id"], json!(lab));
    assert_eq!(data("messages/deleted")["id"], json!(said));
    let bob = bot.cloud.person("bob@example.com").account().id.clone();
    let left = data("memberships/deleted");
    assert_eq!((&left["personId"], &left["roomId"]), (&json!(bob), &json!(lab)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_made_for_a_handler_and_goes_with_it() {
    let settings = "[webhook]\npublic_url = \"https://bot.example.org/webex/webhook\"";
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let names = |cloud: &Cloud| {
        let mut names: Vec<_> = cloud.webhooks().into_iter().map(|webhook| webhook.name).collect();
        names.sort();
        names.join(", ")
    };
    let own = "switchboard attachmentActions, switchboard memberships, switchboard messages";
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), settings, hearing(&[("rooms", "updated")]).0).await;
    bot.ready().await;
    assert_eq!(names(&bot.cloud), format!("{own}, switchboard rooms updated"));
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, settings, Bot::builder()).await;
    bot.ready().await;
    assert_eq!(names(&bot.cloud), own);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_webex_refuses_for_a_handler_keeps_back_neither_the_bot_nor_other_handlers() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    // Those of the bot itself are made first. That of the other handler is there, with another secret.
    cloud.fault(Fault::on(Method::POST, "/webhooks").after(3).always().answer(403, &[], ""));
    let draft = |text: &str| Some(text.to_owned());
    let other = WebhookDraft {
        name: draft("switchboard rooms updated"),
        target_url: draft("http://127.0.0.1:9/"),
        ..WebhookDraft::default()
    };
    cloud.add_webhook(WebhookDraft { resource: draft("rooms"), event: draft("updated"), ..other }).unwrap();
    let (bot, mut heard) = hearing(&[("meetings", "created"), ("rooms", "updated")]);
    let (tell, mut started) = mpsc::unbounded_channel();
    let bot = bot.on_start(move |_| {
        tell.send(()).unwrap();
        std::future::ready(Ok(()))
    });
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "[webhook]\ncheck_interval = \"50ms\"", bot).await;
    bot.ready().await;
    assert_eq!(get(format!("{}/readyz", bot.url)).await.status(), 200);
    tokio::time::timeout(PATIENCE, started.recv()).await.expect("the bot is started").unwrap();
    let lab = bot.cloud.space("Lab", &[ALICE]);
    bot.cloud.person(ALICE).renames(&lab, "Labor").unwrap();
    assert_eq!(next(&mut heard).await.1["id"], json!(lab));
    // It is tried again at each look.
    arrived(&bot.cloud, Method::POST, "/webhooks", 6).await;
}

#[tokio::test]
async fn a_handler_that_would_never_be_called_is_refused_at_the_start() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (kinds, says) in [
        (&[("room", "updated")][..], "Webex has no resource \"room\" for webhooks; it has attachmentActions, "),
        (&[("rooms", "changed")], "Webex has no event \"changed\" for webhooks; it has created, "),
        (&[("messages", "created")], "the bot works on these itself"),
        (&[("rooms", "updated"), ("rooms", "updated")], "two handlers take rooms/updated"),
    ] {
        let config = Config::from_parts("", &settings_of_an_open_bot(&cloud, folder.path())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let refused = hearing(kinds).0.build_on(listener, config).await.err().unwrap().to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_bytes_are_kept_than_the_settings_say() {
    let body = json!({"resource": "rooms", "event": "updated", "data": {"id": "r"}});
    let length = body.to_string().len();
    for (limit, is_kept) in [(0, false), (length - 1, false), (length, true)] {
        let bot = Harness::with(&format!("[store]\nraw_limit = {limit}"), hearing(&[("rooms", "updated")]).0).await;
        told(&bot, &body).await;
        bot.settle().await;
        let story = explain(&bot, rows(&bot)[0]["reference"].as_str().unwrap());
        assert_eq!(story.contains("nothing that Webex sent is kept of it"), !is_kept, "{limit}: {story}");
    }
}
