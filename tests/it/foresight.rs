//! Whoever is not answered costs no calls, however much they say: the people who are answered need them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::card::Submit;
use switchboard::simulator::Cloud;
use switchboard::{Bot, Card, Command, Reply, webex};

use crate::access::{pairings, told};
use crate::cards::{card, data, press};
use crate::explain::explain;
use crate::harness::Harness;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

const PAIRING: &str = "[access]\ndm_policy = \"pairing\"\ngroup_policy = \"allowlist\"\n\
    admins = [\"alice@example.com\"]\nallow_from = [\"person3@example.com\"]\n";

/// How often a message, a click or a person was read, alone or in a list.
fn reads(cloud: &Cloud) -> usize {
    let is_read = |path: &str| {
        ["/messages", "/attachment/actions/", "/people/"].iter().any(|read| path.starts_with(read))
            && path != "/people/me"
    };
    cloud.calls().iter().filter(|call| call.method == Method::GET && is_read(&call.path)).count()
}

/// How often a message was read alone.
fn reads_of_one(cloud: &Cloud) -> usize {
    cloud.calls().iter().filter(|call| call.method == Method::GET && call.path.starts_with("/messages/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_to_be_let_in_is_read_once() {
    for (mode, count) in [
        ("", reads as fn(&Cloud) -> usize),
        ("[delivery]\nmode = \"websocket\"\n", reads),
        // It lists everything.
        ("[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"20ms\"\nrate = 1000000\n", reads_of_one),
    ] {
        let bot = Harness::with(&format!("{mode}{PAIRING}"), Bot::builder()).await;
        let bob = bot.cloud.person(BOB);
        bob.says("please let me in");
        let asked = async || pairings(bot.folder.path(), &[]).len() == 1;
        assert!(crate::harness::eventually(asked).await);
        bot.settle().await;
        let before = count(&bot.cloud);
        let said: Vec<_> = (0..30).map(|nth| bob.says(&format!("hello? {nth}"))).collect();
        let denied =
            async || bot.metric("switchboard_commands_total{command=\"none\",outcome=\"denied\"}").await >= 30.0;
        assert!(crate::harness::eventually(denied).await, "{mode}");
        assert_eq!(count(&bot.cloud), before, "{mode}");
        let story = explain(&bot, said.last().unwrap());
        let waits = "not answered: has asked to be let in, and waits for a decision";
        let request = "the request of bob@example.com is pending";
        for part in ["a message from bob@example.com", waits, request] {
            assert!(story.contains(part), "{mode}: {story}");
        }
        assert_eq!(pairings(bot.folder.path(), &[])[0]["asked"], "please let me in");
        // Once they are let in, they are answered.
        bot.cloud.person(ALICE).says("pairing approve bob@example.com");
        let hears = async |text| told(&bot, BOB).last().is_some_and(|said| said.contains(text));
        assert!(crate::harness::eventually(async || hears("You are let in").await).await, "{mode}");
        let asked = bob.says("help status");
        let answered = crate::harness::eventually(async || hears("**status**").await).await;
        assert!(answered, "{mode}: {}", explain(&bot, &asked));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_denied_or_one_of_a_crowd_or_says_too_much_is_read_no_more() {
    let settings = format!("{PAIRING}[pairing]\nper_hour = 1\n[flood]\nperson = 3\nburst = 1\n");
    let bot = Harness::with(&settings, Bot::builder()).await;
    let [alice, bob, crowd, listed] =
        [ALICE, BOB, "person4@example.com", "person3@example.com"].map(|email| bot.cloud.person(email));
    let lab = bot.cloud.space("Lab", &[ALICE, BOB, "person3@example.com"]);
    bob.says("let me in");
    bot.settle().await;
    crowd.says("me too");
    bob.mentions_bot(&lab, "help").unwrap();
    for _ in 0..5 {
        listed.says("help status");
    }
    bot.settle().await;
    let before = reads(&bot.cloud);
    let too_much = "not answered, since it was too much: more";
    for (id, part) in [
        (crowd.says("and me"), format!("{too_much} strangers than pairing.per_hour wrote within an hour")),
        (bob.mentions_bot(&lab, "help").unwrap(), "not answered: not listed in access.group_allow_from".to_owned()),
        (listed.says("help status"), format!("{too_much} than flood.person allows of one person")),
        (listed.mentions_bot(&lab, "help").unwrap(), format!("{too_much} than flood.person allows of one person")),
    ] {
        bot.settle().await;
        let story = explain(&bot, &id);
        assert!(story.contains(&part), "{part:?} is not in: {story}");
    }
    assert_eq!(reads(&bot.cloud), before);
    assert_eq!(told(&bot, "person3@example.com").len(), 4, "three answers and the notice");
    // Whoever is not meant is answered as ever.
    alice.says("help status");
    bot.settle().await;
    assert_eq!(told(&bot, ALICE).len(), 2, "the notice of Bob's request, and the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_clicks_are_read_once() {
    let ask = Command::new("ask", "Asks", async |_, _| {
        Ok(Reply::text("Well?").with_card(Card::new().action(Submit::new("Yes", "yes").repeatable())))
    });
    let ask = ask.action("yes", async |_, _| Ok(Reply::text("Yes it is.")));
    let bot = Harness::with(PAIRING, Bot::builder().command(ask)).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    bot.cloud.person(ALICE).mentions_bot(&lab, "ask").unwrap();
    bot.settle().await;
    let (bob, shown) = (bot.cloud.person(BOB), card(&bot.cloud));
    press(&bob, &shown, "Yes", json!({}));
    bot.settle().await;
    let before = reads(&bot.cloud);
    let clicks: Vec<_> = (0..10).map(|_| bob.clicks(&shown.id, data(&shown, "Yes")).unwrap()).collect();
    bot.settle().await;
    assert_eq!(reads(&bot.cloud), before);
    for id in clicks {
        let story = explain(&bot, &id);
        assert!(story.contains("not answered: not listed in access.group_allow_from or access.allow_from"), "{story}");
    }
    press(&bot.cloud.person(ALICE), &shown, "Yes", json!({}));
    bot.settle().await;
    assert_eq!(bot.transcript().await.matches("Yes it is.").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_waits_for_webex_counts_once() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let ask = Command::new("ask", "Asks", async |_, _| {
        Ok(Reply::text("Well?").with_card(Card::new().action(Submit::new("Yes", "yes"))))
    });
    let ask = ask.action("yes", move |_, _| {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let cause = "away".to_owned();
            let away = webex::Error::Unreachable { endpoint: "a read", is_sent: false, cause };
            if nth < 5 { Err(anyhow::Error::from(away))? } else { Ok(Reply::text("Yes it is.")) }
        }
    });
    let bot = Harness::with("[flood]\nperson = 2\nburst = 1", Bot::builder().command(ask)).await;
    let bob = bot.cloud.person(BOB);
    bob.says("ask");
    bot.settle().await;
    press(&bob, &card(&bot.cloud), "Yes", Value::Object(serde_json::Map::new()));
    bot.settle().await;
    assert_eq!(tries.load(Ordering::Relaxed), 6);
    assert_eq!(told(&bot, BOB).pop().as_deref(), Some("Yes it is."));
}
