//! Answers that are not Webex's, and answers of Webex's that are odd: waited out, or read as far as they can be.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options};
use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};

use crate::harness::{Harness, arrived, eventually};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
const PORTAL: &str = "<html><body>Please sign in to use this network.</body></html>";
const POLLING: &str = "[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"10ms\"\nrate = 1000000\n[worker]\nvisible_within = \"50ms\"";

/// What a proxy, a gateway or a portal says in Webex's place.
fn foreign() -> [Fault; 9] {
    let html = [("content-type", "text/html")];
    let any = || Fault::on_any().times(3);
    [
        any().answer(302, &[("location", "http://portal.example.com/")], ""),
        any().answer(400, &html, PORTAL),
        any().answer(401, &html, PORTAL),
        any().answer(403, &html, PORTAL),
        any().answer(407, &html, PORTAL),
        any().answer(408, &[], ""),
        any().answer(421, &html, PORTAL),
        any().answer(425, &[], ""),
        any().answer(200, &html, PORTAL),
    ]
}

fn parrot() -> Bot {
    async fn run(_: Context, mut args: Args) -> Result<Reply> {
        Ok(Reply::text(args.rest()))
    }
    Bot::builder().command(Command::new("say", "Repeats it", run).param(Param::text("text").rest()))
}

fn calls(cloud: &Cloud, method: &Method, path: &str) -> usize {
    cloud.calls().iter().filter(|call| call.method == *method && call.path == path).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_in_webexs_place_is_waited_out_when_a_message_is_read() {
    // Each failure is the last try that there is; nothing may count as one.
    let bot = Harness::with("[worker]\nmax_attempts = 1\n[webex]\nretries = 0", parrot()).await;
    for (nth, fault) in foreign().into_iter().enumerate() {
        bot.cloud.fault(fault);
        bot.cloud.person(ALICE).says(&format!("say {nth}"));
        let transcript = bot.transcript().await;
        assert!(transcript.contains(&format!("bot: {nth}\n")), "{nth}: {transcript}");
        bot.cloud.clear_faults();
    }
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_answers_in_webexs_place_is_waited_out_when_a_reply_is_posted() {
    join_all(foreign().into_iter().map(is_waited_out_when_a_reply_is_posted)).await;
}

async fn is_waited_out_when_a_reply_is_posted(fault: Fault) {
    let bot = Harness::with("[worker]\nmax_attempts = 1\n[webex]\nretries = 0", parrot()).await;
    // The message is read, and the way to Webex is lost just then.
    bot.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    bot.cloud.person(ALICE).says("say once");
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    bot.cloud.clear_faults();
    bot.cloud.fault(fault.clone());
    // What was held is posted, so the first look has to find it.
    bot.cloud.release();
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("bot: once\n").count(), 1, "{fault:?}: {transcript}");
    bot.cloud.clear_faults();
    let portal = Fault::on(Method::POST, "/messages").times(2).answer(200, &[("content-type", "text/html")], PORTAL);
    bot.cloud.fault(portal);
    bot.cloud.person(ALICE).says("say again");
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("bot: again\n").count(), 1, "{fault:?}: {transcript}");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0, "{fault:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_that_gets_a_page_proves_nothing() {
    let bot = Harness::with("[worker]\nmax_attempts = 2\n[webex]\nretries = 0", Bot::builder()).await;
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").always().answer(200, &[], PORTAL));
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").times(6).answer(500, &[], ""));
    bot.cloud.fault(Fault::on(Method::POST, "/messages").times(5).answer(500, &[], ""));
    bot.cloud.person(ALICE).says("help status");
    let transcript = bot.transcript().await;
    assert!(transcript.matches("bot:").count() == 1 && transcript.contains("**status**"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_webex_does_not_have_is_asked_for_once() {
    for status in [405, 501] {
        let bot = Harness::with("", parrot()).await;
        let alice = bot.cloud.person(ALICE);
        alice.says("say first");
        bot.settle().await;
        bot.cloud.fault(Fault::on(Method::GET, "/messages").always().answer(status, &[], "{\"message\":\"no\"}"));
        let listed = calls(&bot.cloud, &Method::GET, "/messages");
        let asked = std::time::Instant::now();
        for nth in 0..5 {
            alice.says(&format!("say {nth}"));
        }
        let transcript = bot.transcript().await;
        assert_eq!(transcript.matches("bot:").count(), 6, "{transcript}");
        let listed = calls(&bot.cloud, &Method::GET, "/messages") - listed;
        assert!((1..=2).contains(&listed), "{status} was asked for {listed} times in {:?}", asked.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_space_that_passes_loses_nothing() {
    for status in [400, 403, 404] {
        let bot = Harness::with(&format!("{POLLING}\n[webex]\nretries = 0"), parrot()).await;
        let space = bot.cloud.space("Ops", &[ALICE]);
        bot.cloud.fault(Fault::on(Method::GET, "/messages").about(&space).answer(status, &[], "{\"message\":\"no\"}"));
        bot.cloud.person(ALICE).mentions_bot(&space, "say through it").unwrap();
        assert!(eventually(async || bot.cloud.transcript().contains("bot in Ops: through it")).await, "{status}");
        bot.settle().await;
        assert_eq!(bot.metric("switchboard_gaps").await, 0.0, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_a_space_that_lasts_is_a_gap_and_its_messages_are_answered_once_it_ends() {
    for status in [400, 403, 404, 501] {
        let bot = Harness::with(&format!("{POLLING}\n[webex]\nretries = 0"), parrot()).await;
        let space = bot.cloud.space("Ops", &[ALICE]);
        let refusal = Fault::on(Method::GET, "/messages").always().answer(status, &[], "{\"message\":\"no\"}");
        bot.cloud.fault(if status == 501 { refusal } else { refusal.about(&space) });
        bot.cloud.person(ALICE).mentions_bot(&space, "say after all").unwrap();
        assert!(eventually(async || bot.metric("switchboard_gaps").await == 1.0).await, "{status}");
        assert!(!bot.cloud.transcript().contains("bot:"));
        if status != 501 {
            bot.cloud.clear_faults();
            assert!(eventually(async || bot.cloud.transcript().contains("bot in Ops: after all")).await, "{status}");
        }
        bot.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_of_a_space_is_kept_where_its_older_pages_stay_unreadable() {
    let bot = Harness::with(&format!("{POLLING}\n[webex]\nretries = 0"), parrot()).await;
    let space = bot.cloud.space("Ops", &[ALICE]);
    let (cloud, folder) = bot.stop().await;
    for nth in 0..70 {
        cloud.person(ALICE).mentions_bot(&space, &format!("say {nth}")).unwrap();
    }
    // The second page, and all after it.
    cloud.fault(Fault::on(Method::GET, "/messages").about("beforeMessage").always().answer(
        404,
        &[],
        "{\"message\":\"no\"}",
    ));
    let bot = Harness::on(cloud, folder, &format!("{POLLING}\n[webex]\nretries = 0"), parrot()).await;
    bot.ready().await;
    assert!(eventually(async || bot.metric("switchboard_gaps").await == 1.0).await);
    assert!(eventually(async || bot.cloud.transcript().contains("bot in Ops: 69\n")).await);
    bot.settle().await;
    assert_eq!(bot.cloud.transcript().matches("bot in Ops:").count(), 50, "{}", bot.cloud.transcript());
    bot.cloud.clear_faults();
    assert!(eventually(async || bot.cloud.transcript().matches("bot in Ops:").count() == 70).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_fields_of_other_people_stop_nothing() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let odd = |path: &str, fields: &[(&str, Value)]| Fault::on(Method::GET, path).always().alter(fields);
    cloud.fault(odd("/people/me", &[("displayName", Value::Null), ("nickName", json!(5)), ("created", json!("soon"))]));
    cloud.fault(odd(
        "/rooms",
        &[("title", Value::Null), ("isLocked", Value::Null), ("creatorId", json!(7)), ("created", json!(""))],
    ));
    cloud.fault(odd(
        "/messages",
        &[
            ("personEmail", Value::Null),
            ("markdown", json!({})),
            ("files", json!([null])),
            ("attachments", Value::Null),
        ],
    ));
    cloud.fault(odd("/messages/", &[("personEmail", Value::Null), ("html", json!(1)), ("parentId", json!([]))]));
    let settings = format!("{POLLING}\n[access]\ndm_policy = \"allowlist\"\nallow_from = [\"{ALICE}\"]");
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), &settings, parrot()).await;
    bot.ready().await;
    bot.cloud.person(ALICE).says("say hello");
    assert!(eventually(async || bot.cloud.transcript().contains("bot: hello")).await, "{}", bot.cloud.transcript());
    bot.cloud.person(BOB).says("say not to me");
    bot.settle().await;
    assert!(!bot.cloud.transcript().contains("bot: not to me"), "an address that is missing lets nobody in");
    assert!(bot.metric("switchboard_unreadable_total{endpoint=\"rooms\",part=\"field\"}").await >= 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn items_of_a_list_that_cannot_be_read_are_passed_over() {
    let bot = Harness::with(POLLING, parrot()).await;
    let space = bot.cloud.space("Ops", &[ALICE]);
    bot.cloud.person(ALICE).mentions_bot(&space, "say first").unwrap();
    assert!(
        eventually(async || bot.cloud.transcript().contains("bot in Ops: first")).await,
        "{}",
        bot.cloud.transcript()
    );
    bot.settle().await;
    let room = bot.cloud.rooms().into_iter().find(|room| room.id == space).unwrap();
    let mut room = serde_json::to_value(room).unwrap();
    room["lastActivity"] = json!("9999-12-30T22:00:00.999Z");
    let list = json!({"items": [null, 5, {"id": 7}, {"title": "no id"}, room]});
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").times(3).answer(200, &[], &list.to_string()));
    let listed = calls(&bot.cloud, &Method::GET, "/rooms");
    arrived(&bot.cloud, Method::GET, "/rooms", listed + 4).await;
    bot.cloud.person(ALICE).mentions_bot(&space, "say second").unwrap();
    assert!(eventually(async || bot.cloud.transcript().contains("bot in Ops: second")).await);
    assert!(bot.metric("switchboard_unreadable_total{endpoint=\"rooms\",part=\"item\"}").await >= 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_envelopes_neither_break_anything_nor_lead_elsewhere() {
    let bot = Harness::with("", parrot()).await;
    let send = async |body: Value| bot.delivers(body).await.0;
    bot.cloud.hold_deliveries();
    let message = bot.cloud.person(ALICE).says("say hello");
    let room = bot.cloud.person(ALICE).direct_room();
    let odd = json!({"resource": "messages", "event": "created", "actorId": 5, "data": {
        "id": message, "roomId": room, "roomType": 1, "personId": {}, "personEmail": null,
        "created": "9999-12-30T22:00:00.999999999Z",
    }});
    assert_eq!(send(odd).await, 200);
    for id in ["..", ".", "../rooms", "a/../../people/me", "%2e%2e"] {
        let body =
            |resource: &str| json!({"resource": resource, "event": "created", "data": {"id": id, "roomId": ".."}});
        for resource in ["messages", "attachmentActions"] {
            assert!([200, 400].contains(&send(body(resource)).await), "{id}");
        }
    }
    // Its own delivery comes as well and is the same event.
    bot.cloud.resume_deliveries();
    assert!(eventually(async || bot.cloud.transcript().contains("bot: hello")).await);
    for call in bot.cloud.calls() {
        let path = &call.path;
        let is_elsewhere = path.split('/').any(|part| part == "..") || path.ends_with('/');
        assert!(!is_elsewhere && !path.starts_with("/people/") || path == "/people/me", "{path} was called");
    }
}
