//! `switchboard explain` says of every event how it ended, why, and what somebody can do about it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::card::Submit;
use switchboard::simulator::{Fault, Message};
use switchboard::{Args, Bot, Card, Command, CommandError, Context, Inputs, Param, Reply, Result};

use crate::access::code;
use crate::cards::{card, data};
use crate::cli::verb;
use crate::harness::{Harness, arrived};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
const LISTED: &str = "person3@example.com";

/// A command that ends in every way, by its argument, and one with a card.
fn bot() -> Bot {
    async fn go(_: Context, mut args: Args) -> Result<Reply> {
        match args.next().as_deref() {
            Some("decline") => Err(CommandError::User("Not on a Sunday.".to_owned())),
            Some("fail") => Err(anyhow::anyhow!("the lift is stuck"))?,
            _ => Ok(Reply::text("fine")),
        }
    }
    async fn ask(_: Context, mut args: Args) -> Result<Reply> {
        let card = Card::new().action(Submit::new("Yes", "yes").for_asker());
        let card = if args.next().is_some() { card.lives(Duration::ZERO) } else { card };
        Ok(Reply::text("Sure?").with_card(card))
    }
    let yes = async |_: Context, _: Inputs| Ok(Reply::text("Then yes."));
    let ask = Command::new("ask", "Asks", ask).param(Param::text("briefly").optional()).action("yes", yes);
    Bot::builder().command(Command::new("go", "Goes", go).param(Param::text("how").optional())).command(ask)
}

pub fn explain(bot: &Harness, id: &str) -> String {
    verb(bot.folder.path(), &["explain", id])
}

/// A delivery of Webex that is signed rightly.
async fn delivered(bot: &Harness, resource: &str, data: Value) {
    let body = json!({"resource": resource, "event": "created", "data": data});
    assert_eq!(bot.delivers(body).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_end_of_an_event_has_a_verdict_and_a_reason_that_somebody_can_act_on() {
    let settings = "[access]\ndm_policy = \"pairing\"\ngroup_policy = \"allowlist\"\nadmins = [\"alice@example.com\"]\n\
                    allow_from = [\"person3@example.com\"]\n[pairing]\nper_hour = 1\n[flood]\nperson = 3\nburst = 1\n\
                    [worker]\nmax_attempts = 2\nvisible_within = \"50ms\"\n[[command]]\nname = \"status\"\nallow = [\"admins\"]";
    let bot = Harness::with(settings, bot()).await;
    let [alice, bob, listed] = [ALICE, BOB, LISTED].map(|email| bot.cloud.person(email));
    let lab = bot.cloud.space("Lab", &[ALICE, BOB, LISTED]);
    let mut table: Vec<(String, Vec<String>)> = Vec::new();
    let mut expect =
        |id: &str, parts: &[&str]| table.push((id.to_owned(), parts.iter().map(|part| (*part).to_owned()).collect()));

    // What is answered.
    for (text, parts) in [
        ("go", &["it matched the command go", " answered: listed in access.admins", "reply sent"][..]),
        ("go decline", &["answered that it cannot be done: Not on a Sunday."]),
        ("status now", &["answered with the usage line: I don't know what to do with \"now\" here."]),
        ("nonsense", &["answered that no command has this name; by this rule they may ask: listed in access.admins"]),
        ("  ", &["answered that nothing was said; by this rule they may ask: listed in access.admins"]),
        ("go fail", &["given up after 2 tries: the lift is stuck; `switchboard inbox retry ", "reply sent"]),
    ] {
        expect(&alice.says(text), parts);
        bot.settle().await;
    }

    // Who is not, and why.
    let stranger = bob.says("let me in");
    bot.settle().await;
    let approve = format!("`switchboard pairing approve {}` lets them in", code(&bot, BOB));
    let waits = format!("the request of bob@example.com is pending; {approve}");
    expect(
        &stranger,
        &[
            "not answered but with a code to be let in: an unknown person",
            "notice to the admin alice@example.com sent",
            &waits,
        ],
    );
    expect(&bob.says("hello?"), &["not answered: has asked to be let in, and waits for a decision", &waits]);
    let crowd = bot.cloud.person("person4@example.com").says("me too");
    expect(&crowd, &["not answered, since it was too much: more strangers than pairing.per_hour wrote within an hour"]);
    let unlisted = "not answered: not listed in access.group_allow_from or access.allow_from";
    expect(&bob.mentions_bot(&lab, "go").unwrap(), &[unlisted]);
    bot.settle().await;
    expect(
        &listed.says("status"),
        &["it matched the command status", "not answered: not listed in the command's allow"],
    );
    bot.settle().await;

    // Buttons.
    alice.says("ask");
    bot.settle().await;
    let asked = card(&bot.cloud);
    let click = |message: &Message, inputs: Value| alice.clicks(&message.id, inputs).unwrap();
    let seal = data(&asked, "Yes");
    expect(
        &click(&asked, json!({})),
        &["a click on a card", "not answered: no button of mine was pressed: it has no seal"],
    );
    let forged = json!({"seal": format!("{}x", seal["seal"].as_str().unwrap())});
    expect(
        &click(&asked, forged),
        &["not answered: its seal is not mine", "somebody made it up", "cards.previous_secrets"],
    );
    expect(&click(&asked, seal.clone()), &["it matched the command ask", " answered: listed in access.admins"]);
    let used = ["answered that it cannot be done: the card was used already", "told so once, by letter "];
    expect(&click(&asked, seal.clone()), &used);
    bot.settle().await;
    alice.says("ask briefly");
    bot.settle().await;
    let brief = card(&bot.cloud);
    expect(
        &click(&brief, data(&brief, "Yes")),
        &["answered that it cannot be done: the card has expired", "told so once"],
    );
    alice.mentions_bot(&lab, "ask").unwrap();
    bot.settle().await;
    let in_lab = card(&bot.cloud);
    let others = listed.clicks(&in_lab.id, data(&in_lab, "Yes")).unwrap();
    expect(&others, &["not answered: the button is for other people", "told so once"]);
    let strange = bob.clicks(&in_lab.id, data(&in_lab, "Yes")).unwrap();
    expect(&strange, &[unlisted]);
    bot.settle().await;

    // What nobody asked for, or nobody can read.
    let own = bot.cloud.messages().into_iter().rfind(|message| message.person_id == bot.cloud.bot().id).unwrap();
    delivered(&bot, "messages", json!({"id": own.id, "roomId": own.room_id})).await;
    expect(&own.id, &["not answered: the bot wrote it"]);
    expect(&alice.adds(&lab, "person5@example.com").unwrap(), &["not answered: somebody else was added to a space"]);
    bot.cloud.hold_deliveries();
    let gone = alice.says("go");
    alice.deletes(&gone).unwrap();
    bot.cloud.resume_deliveries();
    bot.settle().await;
    expect(&gone, &["not answered, since it was deleted or is not for the bot: Webex answered 404"]);

    // Too much of one person: one notice, then silence.
    let said: Vec<_> = (0..5).map(|_| listed.says("go")).collect();
    bot.settle().await;
    let flood = "more than flood.person allows of one person";
    expect(&said[3], &["not answered, since it was too much", flood]);
    expect(&said[4], &["not answered, since it was too much", flood]);
    let notice = said.iter().find(|id| explain(&bot, id).contains("answered only that it was too much"));
    expect(notice.expect("one of them was told"), &[flood, "reply sent"]);

    for (id, parts) in &table {
        let story = explain(&bot, id);
        for part in parts {
            assert!(story.contains(part), "{part:?} is not in: {story}");
        }
    }
    // And whatever else there is in the ledger.
    let rows: Vec<Value> = serde_json::from_str(&verb(
        bot.folder.path(),
        &["inbox", "list", "--state", "all", "--limit", "500", "--json"],
    ))
    .unwrap();
    assert!(rows.len() > table.len());
    for row in rows {
        let has = |field: &str| row[field].as_str().is_some_and(|text| !text.trim().is_empty());
        assert!(has("verdict") && has("note"), "{row}");
    }
    // What becomes of a request is told where it was made.
    verb(bot.folder.path(), &["pairing", "deny", BOB]);
    bot.settle().await;
    let story = explain(&bot, &stranger);
    assert!(story.contains("word of the decision sent") && story.contains("is denied by "), "{story}");
    assert!(story.contains(&format!("{approve} after all")), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_made_again_is_told_as_it_is_and_not_as_the_newer_one() {
    let settings = "[access]\ndm_policy = \"pairing\"\n[pairing]\nexpires = \"1ms\"";
    let bot = Harness::with(settings, Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    let [first, second] = ["let me in", "let me in, please"].map(|text| bob.says(text));
    bot.settle().await;
    let story = explain(&bot, &first);
    let again =
        "the request of bob@example.com is expired; they have asked again since, which is expired; if they write";
    assert!(story.contains(again), "{story}");
    let story = explain(&bot, &second);
    assert!(story.contains("the request of bob@example.com is expired; if they write again"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_refusal_and_one_by_an_admin_are_told_apart_from_silence() {
    let settings = "[access]\ndm_policy = \"allowlist\"\ngroup_policy = \"disabled\"\non_deny = \"spoken\"\n\
                    allow_from = [\"alice@example.com\"]\n[[command]]\nname = \"go\"\nallow = [\"admins\"]";
    let bot = Harness::with(settings, bot()).await;
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let [alice, bob] = [ALICE, BOB].map(|email| bot.cloud.person(email));
    let cases = [
        (bob.says("go"), "answered only that they may not: not listed in access.allow_from"),
        (alice.says("go"), "answered only that they may not: not listed in the command's allow"),
        (alice.mentions_bot(&lab, "go").unwrap(), "not answered: the policy is \"disabled\""),
    ];
    bot.settle().await;
    for (id, part) in cases {
        let story = explain(&bot, &id);
        assert!(story.contains(part), "{part:?} is not in: {story}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_waits_says_what_for_and_until_when() {
    let bot = Harness::with("[worker]\nbackoff = \"60s\"\nbackoff_max = \"60s\"", bot()).await;
    let alice = bot.cloud.person(ALICE);
    alice.direct_room();
    bot.settle().await;
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").always().answer(503, &[], ""));
    let asked = alice.says("go");
    arrived(&bot.cloud, Method::GET, "/messages*", 1).await;
    // It was read for the first time, and from then on it waits for a minute.
    let mut story = String::new();
    for _ in 0..1000 {
        story = explain(&bot, &asked);
        if story.contains("waits to be tried") {
            break;
        }
    }
    assert!(story.contains("it waits to be tried again at 20") && story.contains("Webex answered 503"), "{story}");
    bot.cloud.clear_faults();
    let reference = story.split_whitespace().nth(1).unwrap();
    verb(bot.folder.path(), &["inbox", "retry", reference]);
    bot.settle().await;
    let story = explain(&bot, &asked);
    assert!(story.contains(" answered: ") && story.contains("reply sent"), "{story}");
}

/// A delivery of Webex that is signed rightly, of any kind.
async fn delivered_whole(bot: &Harness, body: &Value) {
    assert_eq!(bot.delivers(body).await.0, 200);
}

fn rows(bot: &Harness, limit: &str) -> Vec<Value> {
    let list = ["inbox", "list", "--state", "all", "--limit", limit, "--json"];
    serde_json::from_str(&verb(bot.folder.path(), &list)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_works_on_leaves_a_row_that_every_one_of_its_ids_leads_to() {
    let bot = Harness::start().await;
    let moved =
        json!({"id": "hook-1", "name": "n", "resource": "rooms", "event": "migrated", "data": {"id": "room-1"}});
    // Webex may deliver it again.
    for _ in 0..2 {
        delivered_whole(&bot, &moved).await;
    }
    let deleted = json!({"id": "hook-2", "resource": "messages", "event": "deleted", "data": {"id": "message-1"}});
    delivered_whole(&bot, &deleted).await;
    delivered_whole(&bot, &json!({"resource": "uproar", "event": "exploded", "data": 7})).await;
    bot.settle().await;
    let listed = rows(&bot, "50");
    assert_eq!(listed.len(), 3, "{listed:?}");
    for row in &listed {
        assert_eq!((&row["state"], &row["verdict"]), (&json!("done"), &json!("unhandled")), "{row}");
    }
    let id = listed[2]["id"].as_str().unwrap();
    for known in ["room-1", "hook-1", id, &id[..8], listed[2]["reference"].as_str().unwrap()] {
        let story = explain(&bot, known);
        assert!(story.contains("accepted: an event of the kind rooms/migrated"), "{known}: {story}");
        assert!(story.contains("not answered: the bot does not work on rooms/migrated"), "{known}: {story}");
    }
    assert!(explain(&bot, "message-1").contains("not answered: the bot does not work on messages/deleted"));
    for (resource, event, count) in
        [("rooms", "migrated", 2.0), ("messages", "deleted", 1.0), ("other", "other", 1.0), ("uproar", "exploded", 0.0)]
    {
        let labels = format!("source=\"webhook\",resource=\"{resource}\",outcome=\"ignored\",event=\"{event}\"");
        assert_eq!(bot.metric(&format!("switchboard_events_received_total{{{labels}}}")).await, count, "{labels}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_what_nobody_works_on_takes_away_its_own_rows_and_no_others() {
    let bot = Harness::start().await;
    let asked = bot.cloud.person(ALICE).says("help");
    bot.settle().await;
    for nth in 0..40_u64 {
        let flood = (0..26_u64).map(async |of| {
            let id = format!("room-{}", nth * 26 + of);
            delivered_whole(&bot, &json!({"id": "h", "resource": "rooms", "event": "updated", "data": {"id": id}}))
                .await;
        });
        futures_util::future::join_all(flood).await;
    }
    let listed = rows(&bot, "5000");
    assert_eq!(listed.iter().filter(|row| row["verdict"] == "unhandled").count(), 1000);
    assert!(explain(&bot, &asked).contains("it matched the command help"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_direct_message_that_webex_refuses_says_who_may_have_to_write_first() {
    const FIRST: &str = "they may have to write to the bot first";
    let bot = Harness::with("", bot()).await;
    let alice = bot.cloud.person(ALICE);
    let lab = bot.cloud.space("Lab", &[ALICE]);
    let refused = || Fault::on(Method::POST, "/messages").answer(403, &[], r#"{"message":"no","trackingId":"R"}"#);
    bot.cloud.fault(refused());
    let asked = alice.says("go");
    bot.settle().await;
    let story = explain(&bot, &asked);
    assert!(story.contains("reply given up") && story.contains(FIRST), "{story}");
    bot.cloud.fault(refused());
    let asked = alice.mentions_bot(&lab, "go").unwrap();
    bot.settle().await;
    let story = explain(&bot, &asked);
    assert!(story.contains("reply given up") && !story.contains(FIRST), "{story}");
    bot.cloud.fault(refused());
    let mut send = crate::harness::switchboard();
    send.args(["send", "--to", BOB, "hello"]).current_dir(bot.folder.path());
    send.env("SWITCHBOARD_WEBEX__API_URL", bot.cloud.api_url()).env("WEBEX_BOT_TOKEN", bot.cloud.bot().token);
    let (code, said) = crate::cli::finished(&mut send);
    assert!(code == 1 && said.contains(FIRST), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_told_of_an_event_leads_to_it() {
    let settings = "[access]\ndm_policy = \"pairing\"\ngroup_policy = \"open\"\nallow_from = [\"alice@example.com\"]";
    let bot = Harness::with(settings, bot()).await;
    let [alice, bob] = [ALICE, BOB].map(|email| bot.cloud.person(email));
    let leads_to = |given: &str, asked: &str| {
        let story = explain(&bot, given);
        assert!(story.contains(&format!("its Webex id is {asked}")), "{given}: {story}");
        story
    };
    let asked = alice.says("go");
    bot.settle().await;
    let reply = bot.cloud.messages().into_iter().rfind(|message| message.text.as_deref() == Some("fine")).unwrap();
    let bare = uuid_of(&reply.id);
    let other = encode(&format!("ciscospark://urn:TEAM:eu-central-1_k/MESSAGE/{bare}"));
    for given in [&reply.id, &bare, &bare.to_uppercase(), &other, &format!("\"{}\",", reply.id), &uuid_of(&asked)] {
        leads_to(given, &asked);
    }
    let sent: Vec<Value> =
        serde_json::from_str(&verb(bot.folder.path(), &["outbox", "list", "--state", "all", "--json"])).unwrap();
    let (row, reference) = (sent[0]["id"].as_str().unwrap(), sent[0]["reference"].as_str().unwrap());
    let story = leads_to(row, &asked);
    assert!(
        story.contains(&format!(
            "found, since row {} of the outbox, that has the id {row}, belongs to it",
            &row.replace('-', "")[..12]
        )),
        "{story}"
    );
    let story = leads_to(&reference.to_lowercase(), &asked);
    assert!(story.contains(&format!("that bears the reference {reference}, belongs to it")), "{story}");

    let stranger = bob.says("let me in");
    bot.settle().await;
    let code = code(&bot, BOB);
    let story = leads_to(&code.to_lowercase(), &stranger);
    assert!(story.contains(&format!("found, since it asked to be let in, with the code {code}")), "{story}");

    alice.says("ask");
    bot.settle().await;
    let shown = card(&bot.cloud);
    let click = alice.clicks(&shown.id, data(&shown, "Yes")).unwrap();
    bot.settle().await;
    assert!(leads_to(&click, &click).contains("a click on a card"));
    assert!(explain(&bot, &shown.id).contains("it matched the command ask"));

    // Webex's own id of a request that failed.
    let no = r#"{"message":"no","trackingId":"ROUTER_12345678"}"#;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], no));
    let refused = alice.says("go");
    bot.settle().await;
    leads_to("ROUTER_12345678", &refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_events_each_says_what_it_has_to_do_with_the_question() {
    let bot = Harness::with("", bot()).await;
    let asked = bot.cloud.person(ALICE).says("go");
    bot.settle().await;
    delivered_whole(&bot, &json!({"id": "h", "resource": "messages", "event": "deleted", "data": {"id": asked}})).await;
    let story = explain(&bot, &asked);
    assert_eq!(story.matches("\nevent ").count() + 1, 2, "{story}");
    assert!(story.contains(&format!("found, since it is of the message {asked}")), "{story}");
    assert!(story.contains(&format!("found, since it tells of messages/deleted, with the id {asked}")), "{story}");
    let reference = story.split_whitespace().nth(1).unwrap().to_owned();
    let stories: Vec<Value> =
        serde_json::from_str(&verb(bot.folder.path(), &["explain", &reference.to_lowercase(), "--json"])).unwrap();
    assert_eq!(stories[0]["found_by"], format!("it bears the reference {reference}"));
}

/// What is the same in every spelling of an id.
fn uuid_of(id: &str) -> String {
    use base64::Engine as _;
    let uri = base64::engine::general_purpose::STANDARD_NO_PAD.decode(id).unwrap();
    String::from_utf8(uri).unwrap().rsplit('/').next().unwrap().to_owned()
}

fn encode(uri: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(uri)
}
