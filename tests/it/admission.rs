//! The card by which an admin lets a stranger in: one press, and nobody else's.

use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::{Cloud, Message, Options, Person};

use crate::access::{code, pairings, said_to, told};
use crate::cards::{card, data, outcome, press};
use crate::cli::verb;
use crate::harness::{Harness, http};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
const OTHER: &str = "person3@example.com";

/// Whom these settings call admins is told of strangers.
fn admins(admins: &[&str], more: &str) -> String {
    format!("[access]\ndm_policy = \"pairing\"\ngroup_policy = \"mention\"\nadmins = {}\n{more}", json!(admins))
}

/// A bot at which Bob has knocked, and the cards that the admins got, in the order of the list.
async fn knocked(people: &[&str], more: &str, said: &str) -> (Harness, Person, Vec<Message>) {
    let bot = Harness::with(&admins(people, more), Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    bob.says(said);
    bot.settle().await;
    let cards = people.iter().map(|email| of(&bot.cloud, email)).collect();
    (bot, bob, cards)
}

/// The newest message of the bot to somebody alone.
fn of(cloud: &Cloud, email: &str) -> Message {
    let (room, me) = (cloud.person(email).direct_room(), cloud.bot().id);
    let own = cloud.messages().into_iter().rfind(|message| message.room_id == room && message.person_id == me);
    own.expect("they were told something")
}

fn state(bot: &Harness) -> Value {
    pairings(bot.folder.path(), &["--state", "all"])[0]["state"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_presses_approve_and_the_stranger_is_told_and_answered() {
    let (bot, bob, cards) = knocked(&[ALICE], "", "hi <@all> *now* [here](https://x.test)").await;
    let (alice, card) = (bot.cloud.person(ALICE), &cards[0]);
    let code = code(&bot, BOB);
    let shown = card.attachments[0].to_string();
    assert!(shown.contains("bob@example.com asks to be let in.") && shown.contains(&code), "{shown}");
    // What a stranger wrote is text in it, and nothing else.
    assert!(shown.contains(r"hi &lt;@all&gt; \\*now\\* \\[here\\]\\(https://x.test\\)"), "{shown}");
    assert!(card.markdown.as_deref().unwrap().contains(&format!("Say `/pairing approve {code}`")), "without cards");
    press(&alice, card, "Approve", json!({"code": "000000", "who": ALICE}));
    bot.settle().await;
    assert!(told(&bot, BOB)[1].starts_with("You are let in"), "{:?}", told(&bot, BOB));
    let answer = of(&bot.cloud, ALICE);
    assert_eq!(answer.markdown.as_deref(), Some("bob@example.com is let in, and knows it from me."));
    assert_eq!(answer.parent_id.as_ref(), Some(&card.id), "in the thread of the card");
    bob.says("help status");
    bot.settle().await;
    assert!(told(&bot, BOB).pop().unwrap().starts_with("**status**"));
    // A card that has decided does not do so again, or otherwise.
    press(&alice, card, "Deny", json!({}));
    press(&alice, card, "Approve", json!({}));
    bot.settle().await;
    assert_eq!(
        (told(&bot, ALICE).pop().unwrap(), state(&bot)),
        ("That card has been used already.".to_owned(), "approved".into())
    );
    assert_eq!(told(&bot, BOB).len(), 3, "and tells nobody");
    let audit = verb(bot.folder.path(), &["audit", "list", "--json"]);
    let audit: Vec<Value> = serde_json::from_str(&audit).unwrap();
    let decided: Vec<_> = audit.iter().filter(|row| row["action"] == "pairing approve").collect();
    assert_eq!(decided.len(), 1);
    assert_eq!((&decided[0]["via"], &decided[0]["email"]), (&json!("click"), &json!(ALICE)));
    assert_eq!(decided[0]["reason"], "about bob@example.com");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_denied_by_card_hears_so_once() {
    let (bot, bob, cards) = knocked(&[ALICE], "", "let me in").await;
    press(&bot.cloud.person(ALICE), &cards[0], "Deny", json!({}));
    bot.settle().await;
    assert_eq!(told(&bot, ALICE).pop().unwrap(), "bob@example.com is not let in, and knows it from me.");
    bob.says("let me in!");
    bot.settle().await;
    assert!(told(&bot, BOB).len() == 2 && told(&bot, BOB)[1].starts_with("I am sorry"), "{:?}", told(&bot, BOB));
    assert_eq!(state(&bot), "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_admin_is_told_what_the_first_one_did_and_changes_nothing() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    // One is listed by id: however an admin is, the card is theirs.
    let id = cloud.person(OTHER).account().id.clone();
    let settings = admins(&[ALICE, &id], "");
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), &settings, Bot::builder()).await;
    bot.ready().await;
    bot.cloud.person(BOB).says("let me in");
    bot.settle().await;
    let (first, second) = (of(&bot.cloud, ALICE), of(&bot.cloud, OTHER));
    press(&bot.cloud.person(OTHER), &second, "Approve", json!({}));
    bot.settle().await;
    for title in ["Deny", "Approve"] {
        press(&bot.cloud.person(ALICE), &first, title, json!({}));
        bot.settle().await;
        let sentence = "Nothing is decided: bob@example.com was let in already, by person3@example.com.";
        assert_eq!(told(&bot, ALICE).pop().unwrap(), sentence);
    }
    assert_eq!((state(&bot), told(&bot, BOB).len()), ("approved".into(), 2));
    // Whoever means it can still say it.
    bot.cloud.person(ALICE).says("pairing deny bob@example.com");
    bot.settle().await;
    assert_eq!(state(&bot), "denied");
}

/// The bot itself shows the card somewhere else: then nothing but the seal says where it belongs.
pub async fn copied(bot: &Harness, card: &Message, room: &str) -> Message {
    let body = json!({"roomId": room, "text": "a copy", "attachments": card.attachments});
    let posting = http().post(format!("{}/messages", bot.cloud.api_url()));
    let posted = posting.bearer_auth(bot.cloud.bot().token).json(&body).send().await.unwrap();
    assert_eq!(posted.status(), 200);
    bot.cloud.messages().pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_the_admin_in_their_direct_message_can_use_the_token() {
    let (bot, bob, cards) = knocked(&[ALICE, OTHER], "", "let me in").await;
    let (alice, other) = (bot.cloud.person(ALICE), bot.cloud.person(OTHER));
    let lab = bot.cloud.space("Lab", &[ALICE, BOB, OTHER]);
    assert!(bob.clicks(&cards[0].id, data(&cards[0], "Approve")).is_err(), "Webex lets nobody into others' messages");
    let (in_bobs, in_others) = (bob.direct_room(), other.direct_room());
    let mut denied = 0.0;
    for (room, who) in [(&in_bobs, &bob), (&in_others, &other), (&lab, &bob), (&lab, &other), (&lab, &alice)] {
        let copy = copied(&bot, &cards[0], room).await;
        press(who, &copy, "Approve", json!({}));
        bot.settle().await;
        denied += 1.0;
        assert_eq!(outcome(&bot, "none", "denied").await, denied, "{}", who.account().email);
    }
    let list = verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json"]);
    assert!(list.contains("maybe for an address in access.admins that is not the one Webex has for them"), "{list}");
    // The admin's own token, in another card of the bot to them.
    alice.says("help");
    bot.settle().await;
    alice.clicks(&card(&bot.cloud).id, data(&cards[0], "Approve")).unwrap();
    bot.settle().await;
    assert_eq!((outcome(&bot, "none", "denied").await, state(&bot)), (denied + 1.0, "pending".into()));
    press(&alice, &cards[0], "Approve", json!({}));
    bot.settle().await;
    assert_eq!(state(&bot), "approved", "where it belongs it works");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_admin_any_more_decides_nothing() {
    for (more, outcomes) in [("", ("none", 1.0)), ("allow_from = [\"alice@example.com\"]", ("pairing", 1.0))] {
        let (bot, _, cards) = knocked(&[ALICE], "", "let me in").await;
        let (cloud, folder) = bot.stop().await;
        let bot = Harness::on(cloud, folder, &admins(&[OTHER], more), Bot::builder()).await;
        bot.ready().await;
        press(&bot.cloud.person(ALICE), &cards[0], "Approve", json!({}));
        bot.settle().await;
        assert_eq!(told(&bot, ALICE).len(), 1, "she is told nothing more");
        assert_eq!((outcome(&bot, outcomes.0, "denied").await, state(&bot)), (outcomes.1, "pending".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_for_a_request_that_has_expired_says_so() {
    let (bot, _, cards) = knocked(&[ALICE], "[pairing]\nexpires = \"1ms\"", "let me in").await;
    for title in ["Approve", "Deny"] {
        press(&bot.cloud.person(ALICE), &cards[0], title, json!({}));
    }
    bot.settle().await;
    assert_eq!(told(&bot, ALICE)[1..], ["That request has expired. If they write to me again, you get a new card."]);
    assert_eq!(state(&bot), "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_cards_are_off_an_admin_has_the_text() {
    let (bot, _, cards) = knocked(&[ALICE], "[cards]\nenabled = false", "let me in").await;
    assert!(cards[0].attachments.is_empty());
    let asked =
        bot.cloud.messages().into_iter().find(|message| message.text.as_deref() == Some("let me in")).unwrap().id;
    let story = verb(bot.folder.path(), &["explain", &asked]);
    let why = "the card of the notice to the admin alice@example.com was not sent, its text was sent instead: cards.enabled is off";
    assert!(story.contains(why), "{story}");
    bot.cloud.person(ALICE).says(&format!("pairing approve {}", code(&bot, BOB)));
    bot.settle().await;
    assert!(said_to(&bot.cloud, BOB).pop().unwrap().starts_with("You are let in"));
}
