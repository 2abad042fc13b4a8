//! Cards and their buttons: what a click does, and everything that a click must not do.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::card::{Action, Element, Input, Submit, Text};
use switchboard::simulator::{Cloud, Fault, Message, Options, Person};
use switchboard::{Args, Bot, Card, Command, CommandError, Context, Inputs, Param, Reply, Result};

use crate::admission::copied;
use crate::harness::{Daemon, Harness, SECRET, arrived, free_port, http};
use crate::restart::ready;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// A command with buttons of every kind, and how often their actions ran.
fn deployer() -> (Bot, Arc<AtomicUsize>) {
    async fn deploy(_: Context, mut args: Args) -> Result<Reply> {
        let service = args.next().unwrap_or_else(|| "api".to_owned());
        let more = Card::new()
            .action(Submit::new("Withdraw", "note").argument("what", "withdrawn").for_asker())
            .action(Submit::new("Approve", "note").argument("what", "approved").for_people(&[BOB]));
        let card = Card::new()
            .with(Text::foreign(&format!("Deploy {service}?")).large())
            .with(Input::number("copies", 1.0, 9.0).label("Copies"))
            .with(Element::columns([]).hidden())
            .action(Submit::new("Deploy", "go").argument("service", service).positive())
            .action(Submit::new("Look", "note").argument("what", "looked").repeatable())
            .action(Submit::new("Fail", "fail").destructive())
            .action(Action::show_card("More", more));
        Ok(Reply::text("Deploy?").with_card(card))
    }
    async fn go(context: Context, inputs: Inputs) -> Result<Reply> {
        let copies = inputs.number("copies")?.ok_or_else(|| CommandError::User("How many?".to_owned()))?;
        let service = inputs.argument("service").unwrap_or_default();
        Ok(Reply::text(format!("{} deploys {copies} {service}.", context.sender().email)))
    }
    async fn note(context: Context, inputs: Inputs) -> Result<Reply> {
        Ok(Reply::text(format!("{} {}.", context.sender().email, inputs.argument("what").unwrap_or_default())))
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = || {
        let runs = Arc::clone(&runs);
        move || runs.fetch_add(1, Ordering::Relaxed)
    };
    let (at_go, at_note, at_fail) = (counted(), counted(), counted());
    let command = Command::new("deploy", "Deploys", deploy)
        .param(Param::text("service").optional())
        .action("go", move |context, inputs| {
            at_go();
            go(context, inputs)
        })
        .action("note", move |context, inputs| {
            at_note();
            note(context, inputs)
        })
        .action("fail", move |_, _| {
            at_fail();
            async { Err(anyhow::anyhow!("a detail that nobody outside should read"))? }
        });
    (Bot::builder().command(command), runs)
}

/// The newest card.
pub fn card(cloud: &Cloud) -> Message {
    let mut messages = cloud.messages();
    messages.retain(|message| !message.attachments.is_empty());
    messages.pop().expect("there is a card")
}

/// The card that answers this person's `deploy`.
async fn asked(bot: &Harness, person: &Person) -> Message {
    person.says("deploy");
    bot.settle().await;
    card(&bot.cloud)
}

/// What a button sends besides the inputs, by its title; anybody in the space can read it.
pub fn data(card: &Message, title: &str) -> Value {
    fn find(value: &Value, title: &str) -> Option<Value> {
        match value {
            Value::Array(items) => items.iter().find_map(|item| find(item, title)),
            Value::Object(fields) if fields.get("title").is_some_and(|found| found == title) => {
                fields.get("data").cloned()
            }
            Value::Object(fields) => fields.values().find_map(|value| find(value, title)),
            _ => None,
        }
    }
    card.attachments.iter().find_map(|card| find(card, title)).unwrap_or_else(|| panic!("a button {title} with data"))
}

/// As Webex's apps do it.
pub fn press(person: &Person, card: &Message, title: &str, inputs: Value) {
    let mut all = data(card, title);
    all.as_object_mut().unwrap().extend(inputs.as_object().unwrap().clone());
    person.clicks(&card.id, all).unwrap();
}

/// What the bot said after its newest card.
async fn said_since(bot: &Harness, card: &Message) -> Vec<String> {
    bot.settle().await;
    let own = bot.cloud.bot().id;
    let messages = bot.cloud.messages();
    let after = messages.iter().skip_while(|message| message.id != card.id).skip(1);
    let own = after.filter(|message| message.person_id == own);
    own.map(|message| message.text.clone().unwrap_or_default()).collect()
}

pub async fn outcome(bot: &Harness, command: &str, outcome: &str) -> f64 {
    bot.metric(&format!("switchboard_commands_total{{command=\"{command}\",outcome=\"{outcome}\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_runs_its_action_once_and_is_answered_in_the_thread_of_the_card() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("", deployer).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    alice.mentions_bot(&lab, "deploy \"my *api*\"").unwrap();
    bot.settle().await;
    let card = card(&bot.cloud);
    assert_eq!(card.text.as_deref(), Some("Deploy?"), "for where no card is shown");
    let shown = card.attachments[0].to_string();
    assert!(shown.contains(r"Deploy my \\*api\\*?") && !shown.contains("arguments"), "{shown}");
    // What is refused for what was put in uses nothing up.
    press(&bob, &card, "Deploy", json!({"copies": ""}));
    press(&bob, &card, "Deploy", json!({"copies": "many"}));
    press(&bob, &card, "Deploy", json!({"copies": "3"}));
    let sentence = "\"many\" is no number that I can take for copies.";
    assert_eq!(said_since(&bot, &card).await, ["How many?", sentence, "bob@example.com deploys 3 my *api*."]);
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    let answer = bot.cloud.messages().pop().unwrap();
    assert_eq!(answer.parent_id.as_ref(), Some(&card.id));
    assert_eq!(outcome(&bot, "deploy", "answered").await, 2.0, "the command and its action");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_click_is_told_so_once_and_does_nothing() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("", deployer).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    alice.mentions_bot(&lab, "deploy").unwrap();
    bot.settle().await;
    let card = card(&bot.cloud);
    // All at once, and again; and every other button that works once is used with it.
    for (person, title) in
        [(&alice, "Deploy"), (&alice, "Deploy"), (&bob, "Deploy"), (&alice, "Withdraw"), (&bob, "Deploy")]
    {
        press(person, &card, title, json!({"copies": "1"}));
    }
    let used = "That card has been used already.";
    assert_eq!(said_since(&bot, &card).await, ["alice@example.com deploys 1 api.", used, used]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    press(&bob, &card, "Look", json!({}));
    press(&bob, &card, "Look", json!({}));
    let said = said_since(&bot, &card).await;
    assert_eq!(
        said[3..],
        ["bob@example.com looked.", "bob@example.com looked."],
        "what changes nothing may be repeated"
    );
    let click = bob.clicks(&card.id, data(&card, "Look")).unwrap();
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": click, "roomId": lab}});
    assert_eq!(bot.delivers(body).await.0, 200);
    assert_eq!(said_since(&bot, &card).await.len(), 6, "one click delivered twice is one click");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_by_somebody_who_may_not_does_nothing() {
    let settings = "[access]\ngroup_policy = \"allowlist\"\nallow_from = [\"alice@example.com\", \"bob@example.com\"]";
    let (deployer, runs) = deployer();
    let bot = Harness::with(settings, deployer).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB, "person3@example.com"]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    alice.mentions_bot(&lab, "deploy").unwrap();
    bot.settle().await;
    let card = card(&bot.cloud);
    let stranger = bot.cloud.person("person3@example.com");
    for title in ["Deploy", "Look", "Fail", "Withdraw", "Approve"] {
        press(&stranger, &card, title, json!({"copies": "1"}));
    }
    assert_eq!(said_since(&bot, &card).await, Vec::<String>::new());
    assert_eq!(outcome(&bot, "none", "denied").await, 5.0);
    for _ in 0..3 {
        press(&bob, &card, "Withdraw", json!({}));
    }
    press(&alice, &card, "Approve", json!({}));
    let others = "That button is for somebody else.";
    assert_eq!(said_since(&bot, &card).await, [others, others], "once to each");
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    press(&alice, &card, "Withdraw", json!({}));
    assert_eq!(said_since(&bot, &card).await[2..], ["alice@example.com withdrawn."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_of_the_moment_of_the_click_counts() {
    let settings = "[access]\ndm_policy = \"allowlist\"\nallow_from = [\"alice@example.com\"]";
    let bot = Harness::with(settings, deployer().0).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    let (cloud, folder) = bot.stop().await;
    let (deployer, runs) = deployer();
    let settings = "[access]\ndm_policy = \"allowlist\"\nallow_from = [\"bob@example.com\"]";
    let bot = Harness::on(cloud, folder, settings, deployer).await;
    bot.ready().await;
    press(&alice, &card, "Deploy", json!({"copies": "1"}));
    assert_eq!(said_since(&bot, &card).await, Vec::<String>::new());
    assert_eq!((runs.load(Ordering::Relaxed), outcome(&bot, "none", "denied").await), (0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_may_not_be_given_for_its_buttons_may_not_be_pressed_for() {
    let bot = Harness::with("", deployer().0).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    let (cloud, folder) = bot.stop().await;
    let (deployer, runs) = deployer();
    let settings = "[access]\nadmins = [\"bob@example.com\"]\n[[command]]\nname = \"deploy\"\nallow = [\"admins\"]";
    let bot = Harness::on(cloud, folder, settings, deployer).await;
    bot.ready().await;
    press(&alice, &card, "Deploy", json!({"copies": "1"}));
    assert_eq!(said_since(&bot, &card).await, Vec::<String>::new());
    assert_eq!((runs.load(Ordering::Relaxed), outcome(&bot, "deploy", "denied").await), (0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_somebody_sends_to_a_card_reaches_no_action() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("", deployer).await;
    let (lab, hall) = (bot.cloud.space("Lab", &[ALICE, BOB]), bot.cloud.space("Hall", &[ALICE, BOB]));
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    let mut cards = Vec::new();
    for place in [&lab, &lab, &hall] {
        alice.mentions_bot(place, "deploy").unwrap();
        bot.settle().await;
        cards.push(card(&bot.cloud));
    }
    let before = bot.cloud.messages().len();
    let [here, beside, elsewhere] = &cards[..] else { panic!("three cards") };
    let token = |card: &Message, title| data(card, title)["seal"].as_str().unwrap().to_owned();
    let right = token(here, "Deploy");
    let (content, tag) = right.split_once('.').unwrap();
    let (other, other_tag) = (token(here, "Look"), token(here, "Look").split_once('.').unwrap().1.to_owned());
    let other = other.split_once('.').unwrap().0;
    let unsealed = [
        json!({}),
        json!([]),
        json!("seal"),
        json!(null),
        json!({"action": "go", "arguments": {"service": "api"}, "copies": "1"}),
        json!({"say": "deploy", "command": "deploy"}),
        json!({"Seal": right, "copies": "1"}),
        json!({"seal": null, "copies": "1"}),
    ];
    let forged = [
        json!({"seal": "", "copies": "1"}),
        json!({"seal": [right], "copies": "1"}),
        json!({"seal": {"seal": right}}),
        json!({"seal": content}),
        json!({"seal": format!("{content}.")}),
        json!({"seal": format!("{right} ")}),
        json!({"seal": format!("{content}.{other_tag}")}),
        json!({"seal": format!("{other}.{tag}")}),
        json!({"seal": token(beside, "Deploy"), "copies": "1"}),
        json!({"seal": token(elsewhere, "Deploy"), "copies": "1"}),
    ];
    for inputs in unsealed.iter().chain(&forged) {
        bob.clicks(&here.id, inputs.clone()).unwrap();
    }
    // The right token, on another card of the bot.
    for card in [beside, elsewhere] {
        bob.clicks(&card.id, json!({"seal": right, "copies": "1"})).unwrap();
    }
    bot.settle().await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    assert_eq!(bot.cloud.messages().len(), before, "nothing is said to any of it");
    assert_eq!(outcome(&bot, "none", "ignored").await, unsealed.len() as f64);
    assert_eq!(outcome(&bot, "none", "denied").await, forged.len() as f64 + 2.0);
    let list = crate::cli::verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json"]);
    for reason in [
        "no button of mine was pressed: it has no seal",
        "its seal is not mine, or was made for another space or person",
        "its seal belongs to another card",
    ] {
        assert!(list.contains(reason), "{list}");
    }
    // Nor is one worked on out of the order of its space, in which the use of a card is seen by the next click.
    bot.cloud.hold_deliveries();
    let click = bob.clicks(&here.id, json!({"seal": right, "copies": "1"})).unwrap();
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": click, "roomId": hall}});
    assert_eq!(bot.delivers(body).await.0, 200);
    bot.cloud.resume_deliveries();
    bot.settle().await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    // Nor one in a copy of the card elsewhere, of which somebody says that it is in the space it was sealed for.
    let copy = copied(&bot, elsewhere, &lab).await;
    let inputs = json!({"seal": token(elsewhere, "Deploy"), "copies": "1"});
    bot.cloud.hold_deliveries();
    let click = bob.clicks(&copy.id, inputs.clone()).unwrap();
    let action = json!({"id": click, "type": "submit", "messageId": copy.id, "inputs": inputs, "roomId": hall,
        "personId": bob.account().id, "created": "2026-01-01T00:00:00.000Z"});
    let lie = Fault::on(Method::GET, &format!("/attachment/actions/{click}")).answer(200, &[], &action.to_string());
    bot.cloud.fault(lie);
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": click, "roomId": hall}});
    assert_eq!(bot.delivers(body).await.0, 200);
    bot.cloud.resume_deliveries();
    bot.settle().await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    let story = crate::cli::verb(bot.folder.path(), &["explain", &click]);
    assert!(story.contains("its card is in another space than the click"), "{story}");
    press(&bob, here, "Deploy", json!({"copies": "1"}));
    bot.settle().await;
    assert_eq!(runs.load(Ordering::Relaxed), 1, "the card still works");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_whose_message_is_gone_is_gone() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("[worker]\nvisible_within = \"100ms\"", deployer).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    bot.cloud.hold_deliveries();
    press(&alice, &card, "Look", json!({}));
    let url = format!("{}/messages/{}", bot.cloud.api_url(), card.id);
    let deleted = http().delete(url).bearer_auth(bot.cloud.bot().token).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    bot.cloud.resume_deliveries();
    bot.settle().await;
    assert_eq!((runs.load(Ordering::Relaxed), outcome(&bot, "none", "gone").await), (0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_survive_a_restart_where_no_secret_is_set() {
    let settings = "[delivery]\nmode = \"websocket\"";
    let bot = Harness::with(settings, deployer().0).await;
    bot.open(0).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, settings, deployer().0).await;
    bot.ready().await;
    bot.open(0).await;
    press(&alice, &card, "Deploy", json!({"copies": "2"}));
    assert_eq!(said_since(&bot, &card).await, ["alice@example.com deploys 2 api."]);
    // And so does their use.
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, settings, deployer().0).await;
    bot.ready().await;
    bot.open(0).await;
    press(&alice, &card, "Deploy", json!({"copies": "2"}));
    assert_eq!(said_since(&bot, &card).await[1..], ["That card has been used already."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_rotated_without_killing_open_cards() {
    let (old, new) = ("the-secret-of-last-year", "the-secret-of-this-year");
    let set = |secret: &str, previous: &[&str]| {
        let previous = json!(previous);
        format!("[webhook]\nsecret = \"{SECRET}\"\n[cards]\nsecret = \"{secret}\"\nprevious_secrets = {previous}")
    };
    let from_file = |folder: &Path| {
        let file = folder.join("previous");
        std::fs::write(&file, format!("the-secret-of-long-ago\r\n\n{old}\n")).unwrap();
        let file = json!(file);
        format!("[webhook]\nsecret = \"{SECRET}\"\n[cards]\nsecret = \"{new}\"\nprevious_secrets_file = {file}")
    };
    let bot = Harness::with(&set(old, &[]), deployer().0).await;
    let alice = bot.cloud.person(ALICE);
    let early = asked(&bot, &alice).await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &set(new, &[old]), deployer().0).await;
    bot.ready().await;
    press(&alice, &early, "Look", json!({}));
    assert_eq!(said_since(&bot, &early).await, ["alice@example.com looked."]);
    // The same from a file, which has one a line.
    let (cloud, folder) = bot.stop().await;
    let settings = from_file(folder.path());
    let bot = Harness::on(cloud, folder, &settings, deployer().0).await;
    bot.ready().await;
    press(&alice, &early, "Look", json!({}));
    assert_eq!(said_since(&bot, &early).await, ["alice@example.com looked."; 2]);
    let late = asked(&bot, &alice).await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &set(new, &[]), deployer().0).await;
    bot.ready().await;
    press(&alice, &early, "Look", json!({}));
    press(&alice, &late, "Look", json!({}));
    assert_eq!(said_since(&bot, &late).await, ["alice@example.com looked."], "the late one only");
    assert_eq!(outcome(&bot, "none", "denied").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_the_ledgers_own_and_outlives_every_other_secret() {
    let bot = Harness::with("", deployer().0).await;
    let alice = bot.cloud.person(ALICE);
    let mut cards = Vec::new();
    for _ in 0..2 {
        cards.push(asked(&bot, &alice).await);
    }
    let (cloud, folder) = bot.stop().await;
    // Another secret of the webhook, and for the first time one for cards: what was sealed before stays alive.
    let settings = "[webhook]\nsecret = \"another-secret-for-tests\"\n[cards]\nsecret = \"sixteen-letters-or-more\"";
    let (bot_anew, runs) = deployer();
    let bot = Harness::on(cloud, folder, settings, bot_anew).await;
    bot.ready().await;
    press(&alice, &cards[0], "Deploy", json!({"copies": "1"}));
    let said = said_since(&bot, &cards[0]).await;
    assert_eq!(said.last().map(String::as_str), Some("alice@example.com deploys 1 api."));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    // With another ledger nobody knows what was used, so nothing of before works.
    let (cloud, _lost) = bot.stop().await;
    let (bot_anew, runs) = deployer();
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", bot_anew).await;
    bot.ready().await;
    press(&alice, &cards[1], "Deploy", json!({"copies": "1"}));
    bot.settle().await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_of_ours_in_somebody_elses_card_is_none() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("", deployer).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    bot.cloud.person(ALICE).mentions_bot(&lab, "deploy").unwrap();
    bot.settle().await;
    let ours = card(&bot.cloud);
    // Alice copies the card under words of her own, for Bob to press.
    let theirs = json!({"roomId": lab, "text": "Free coffee", "attachments": ours.attachments});
    let post_as_alice = http().post(format!("{}/messages", bot.cloud.api_url()));
    let posted: Value = post_as_alice
        .bearer_auth(&bot.cloud.person(ALICE).account().token)
        .json(&theirs)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let inputs = json!({"seal": data(&ours, "Deploy")["seal"], "copies": "1"});
    let message = posted["id"].as_str().unwrap();
    let click = bot.cloud.person(BOB).clicks(message, inputs.clone()).unwrap();
    // This cloud would not show the bot what is not its own; Webex has not said whether it does.
    let bob = bot.cloud.person(BOB).account().id.clone();
    let action = json!({"id": click, "messageId": message, "inputs": inputs, "personId": bob, "roomId": lab});
    bot.cloud.fault(Fault::on(Method::GET, "/attachment/actions/").answer(200, &[], &action.to_string()));
    bot.cloud.fault(Fault::on(Method::GET, &format!("/messages/{message}")).answer(200, &[], &posted.to_string()));
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": click, "roomId": lab}});
    assert_eq!(bot.delivers(body).await.0, 200);
    bot.settle().await;
    assert_eq!((runs.load(Ordering::Relaxed), outcome(&bot, "none", "denied").await), (0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_card_says_so_once_and_does_nothing() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("[cards]\nexpire = \"1ms\"", deployer).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    for title in ["Deploy", "Look", "Deploy"] {
        press(&alice, &card, title, json!({"copies": "1"}));
    }
    assert_eq!(said_since(&bot, &card).await, ["That card has expired. Please ask me again."]);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_fails_is_tried_again_and_uses_nothing_up() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("[worker]\nmax_attempts = 3", deployer).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    press(&alice, &card, "Fail", json!({}));
    press(&alice, &card, "Deploy", json!({"copies": "1"}));
    let said = said_since(&bot, &card).await;
    assert!(said[0].starts_with("That failed, reference ") && !said[0].contains("detail"), "{said:?}");
    assert_eq!(said[1..], ["alice@example.com deploys 1 api."], "the space and the card go on");
    assert_eq!(runs.load(Ordering::Relaxed), 4);
    assert_eq!(bot.metric("switchboard_dead_letters").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_is_not_there_any_more_says_so() {
    let bot = Harness::with("", deployer().0).await;
    let alice = bot.cloud.person(ALICE);
    let card = asked(&bot, &alice).await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, "", Bot::builder()).await;
    bot.ready().await;
    press(&alice, &card, "Deploy", json!({"copies": "1"}));
    assert_eq!(said_since(&bot, &card).await, ["I cannot do that any more. Please ask me again."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_webex_refuses_is_sent_as_its_text() {
    let bot = Harness::with("", deployer().0).await;
    let refusal = r#"{"message":"Invalid Adaptive Card Json"}"#;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(400, &[("content-type", "application/json")], refusal));
    let asked = bot.cloud.person(ALICE).says("deploy");
    bot.settle().await;
    let reply = bot.cloud.messages().pop().unwrap();
    assert_eq!((reply.text.as_deref(), reply.attachments.len()), (Some("Deploy?"), 0));
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
    let why = "Webex answered 400 to messages: Invalid Adaptive Card Json";
    let (story, list, shown) = without_card(&bot, &asked);
    assert!(
        story.contains(&format!("the card of the reply was not sent, its text was sent instead: {why}")),
        "{story}"
    );
    assert!(story.contains(&format!("after the event, as {}\n", reply.id)), "{story}");
    assert!(list.contains("without its card: Webex answered 400"), "{list}");
    assert!(shown.contains(&format!("card      not sent, its text was sent instead: {why}")), "{shown}");
}

/// What the verbs say of the one reply to an event, whose card was not sent.
fn without_card(bot: &Harness, asked: &str) -> (String, String, String) {
    let verb = |args: &[&str]| crate::cli::verb(bot.folder.path(), args);
    let list = verb(&["outbox", "list", "--state", "all"]);
    let row = list.lines().nth(1).unwrap().split_whitespace().next().unwrap();
    let shown = verb(&["outbox", "show", row]);
    let json: Value = serde_json::from_str(&verb(&["outbox", "show", row, "--json"])).unwrap();
    assert!(json["without_card"].is_string(), "{json}");
    let story: Value = serde_json::from_str(&verb(&["explain", asked, "--json"])).unwrap();
    let reply = bot.cloud.messages().pop().unwrap();
    assert_eq!(story[0]["replies"], json!([reply.id]), "an id is an id");
    (verb(&["explain", asked]), list, shown)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_has_nothing_to_do_with_the_card_is_told_as_what_it_is() {
    let bot = Harness::with("", deployer().0).await;
    let refusals = ["Something about a card?", "Message length limited to 7439 characters"];
    for refusal in refusals {
        let body = json!({"message": refusal}).to_string();
        bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(
            400,
            &[("content-type", "application/json")],
            &body,
        ));
    }
    let asked = bot.cloud.person(ALICE).says("deploy");
    bot.settle().await;
    assert_eq!(bot.metric("switchboard_dead_letters").await, 1.0);
    let story = crate::cli::verb(bot.folder.path(), &["explain", &asked]);
    assert!(story.contains(refusals[1]) && !story.contains("card"), "nothing says that it was the card: {story}");
    // And a Webex that is away between the two tries is waited for, with the card.
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(400, &[], "{}"));
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(503, &[], "{}"));
    bot.cloud.person(ALICE).says("deploy");
    bot.settle().await;
    assert_eq!(bot.cloud.messages().pop().unwrap().attachments.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_wrong_is_not_sent_and_its_text_is() {
    async fn run(_: Context, _: Args) -> Result<Reply> {
        Ok(Reply::card(Card::new().with(Text::new("Read **this**.")).with(Element::image("a.png", "a"))))
    }
    let bot = Harness::with("", Bot::builder().command(Command::new("show", "Shows", run))).await;
    let asked = bot.cloud.person(ALICE).says("show");
    bot.settle().await;
    let (story, list, shown) = without_card(&bot, &asked);
    let why = "it is wrong at body[1].url: has to be a whole address, such as https://...";
    assert!(
        story.contains(&format!("the card of the reply was not sent, its text was sent instead: {why}")),
        "{story}"
    );
    assert!(list.contains("without its card: it is wrong at body[1].url"), "{list}");
    assert!(shown.contains(&format!("card      not sent, its text was sent instead: {why}")), "{shown}");
    let reply = bot.cloud.messages().pop().unwrap();
    assert_eq!((reply.markdown.as_deref(), reply.attachments.len()), (Some("Read **this**."), 0));
    let calls = bot.cloud.calls();
    let posts = calls.iter().filter(|call| call.method == Method::POST && call.path == "/messages");
    assert_eq!(posts.count(), 1, "Webex is not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_buttons_of_help_do_what_typing_would() {
    async fn greet(_: Context, mut args: Args) -> Result<Reply> {
        Ok(Reply::text(format!("Hello, {}!", args.required("name")?)))
    }
    let own = || Bot::builder().command(Command::new("greet", "Says hello", greet).param(Param::text("name")));
    let settings = "[access]\ngroup_policy = \"allowlist\"\nallow_from = [\"alice@example.com\"]";
    let bot = Harness::with(settings, own()).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    alice.mentions_bot(&lab, "help").unwrap();
    bot.settle().await;
    let help = card(&bot.cloud);
    for title in ["status", "report", "greet …"] {
        press(&bob, &help, title, json!({}));
    }
    assert_eq!(said_since(&bot, &help).await.len(), 0, "under the rights of whoever clicks");
    for title in ["status", "report", "greet …"] {
        press(&alice, &help, title, json!({"name": "status"}));
    }
    bot.settle().await;
    let answers: Vec<_> = bot.cloud.messages().into_iter().filter(|message| message.parent_id.is_some()).collect();
    let said: Vec<_> = answers.iter().filter_map(|answer| answer.markdown.as_deref()).collect();
    assert_eq!(said.len(), 3);
    assert!(
        said[0].contains("version") && said[1].contains("The last day") && said[2].contains("Usage: greet <name>"),
        "{said:?}"
    );
    assert!(answers.iter().all(|answer| answer.parent_id.as_ref() == Some(&help.id)));
    assert_eq!((outcome(&bot, "status", "answered").await, outcome(&bot, "help", "answered").await), (1.0, 2.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_cards_are_off_or_their_buttons_dead_there_is_text() {
    for settings in ["[cards]\nenabled = false", "[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"20ms\""] {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), settings, Bot::builder()).await;
        bot.ready().await;
        let mut heard = bot.cloud.subscribe();
        bot.cloud.person(ALICE).says("help");
        let own = bot.cloud.bot().id;
        let reply = loop {
            let message = heard.recv().await.unwrap();
            if message.person_id == own {
                break message;
            }
        };
        assert!(
            reply.attachments.is_empty() && reply.markdown.unwrap().contains("I know these commands"),
            "{settings}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_answers_with_what_it_received() {
    let bot = Harness::with("[commands]\necho = true", Bot::builder()).await;
    let alice = bot.cloud.person(ALICE);
    let said = alice.says("echo it's ``` <@all> \"open");
    bot.settle().await;
    let reply = bot.cloud.messages().pop().unwrap();
    let markdown = reply.markdown.unwrap();
    assert!(markdown.contains("\"resource\":\"messages\"") && markdown.contains(&said), "{markdown}");
    assert!(markdown.contains("sender   alice@example.com") && markdown.contains("direct   true"), "{markdown}");
    assert!(reply.mentioned_groups.is_empty() && markdown.matches("````").count() == 2, "{markdown}");
    // Alone it asks, so that whoever tries the bot can see a question.
    alice.says("echo");
    bot.settle().await;
    assert_eq!(bot.cloud.messages().pop().unwrap().text.unwrap(), "What shall I repeat? Say cancel to stop.");
    let said = alice.says("status");
    bot.settle().await;
    let markdown = bot.cloud.messages().pop().unwrap().markdown.unwrap();
    assert!(markdown.contains(&said) && markdown.contains("text     \"status\""), "{markdown}");
    let off = Harness::start().await;
    off.cloud.person(ALICE).says("echo hello");
    assert!(off.transcript().await.contains("I don't know that"));
}

#[tokio::test(flavor = "multi_thread")]
async fn echo_shows_a_pasted_card_and_tells_what_is_submitted() {
    let (deployer, runs) = deployer();
    let bot = Harness::with("[commands]\necho = true", deployer).await;
    let alice = bot.cloud.person(ALICE);
    let theirs = data(&asked(&bot, &alice).await, "Deploy");
    // A card that would do something else, if it could.
    let pasted = json!({"type": "AdaptiveCard", "version": "1.2", "body": [
        {"type": "TextBlock", "text": theirs["seal"]}, {"type": "Input.Text", "id": "copies"},
    ], "actions": [
        {"type": "Action.Submit", "title": "Steal", "data": theirs},
        {"type": "Action.Submit", "title": "Call", "data": {"action": "go"}},
        {"type": "Action.Submit", "title": "Say", "data": {"say": "deploy"}},
    ]});
    alice.says(&format!("echo {pasted}"));
    bot.settle().await;
    let shown = card(&bot.cloud);
    assert_eq!(shown.text.as_deref(), Some("alice@example.com pasted this card:"));
    for title in ["Steal", "Call", "Say", "Call"] {
        press(&alice, &shown, title, json!({"copies": "``` <@all>"}));
    }
    // The seal of the other card stands in this one, as a text.
    let mut inputs = theirs.clone();
    inputs["copies"] = "1".into();
    alice.clicks(&shown.id, inputs).unwrap();
    bot.settle().await;
    assert_eq!(runs.load(Ordering::Relaxed), 0);
    let answers = bot.cloud.messages();
    let answers = answers.iter().filter(|message| message.parent_id.as_ref() == Some(&shown.id));
    let answers: Vec<_> = answers.map(|message| message.markdown.clone().unwrap()).collect();
    assert_eq!(answers.len(), 4);
    assert!(
        answers.iter().all(|said| said.contains("\"copies\" = ") && said.matches("````").count() == 2),
        "{answers:?}"
    );
    assert!(bot.cloud.messages().iter().all(|message| message.mentioned_groups.is_empty()));
    alice.says(r#"echo {"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "Media"}]}"#);
    bot.settle().await;
    let refused = bot.cloud.messages().pop().unwrap().text.unwrap();
    assert_eq!(
        refused,
        "I can't show that card. body[0].type: \"Media\" is no element of Adaptive Cards that Webex shows"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_click_and_its_answer_the_click_is_answered() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let echo = [("SWITCHBOARD_COMMANDS__ECHO", "true")];
    let alice = cloud.person(ALICE);
    let own = cloud.bot().id;
    let mut heard = cloud.subscribe();
    let mut reply = async || loop {
        let message = heard.recv().await.unwrap();
        if message.person_id == own {
            break message;
        }
    };
    let start = async || {
        let daemon = Daemon::start(&cloud, folder.path(), port, &echo);
        ready(&daemon).await;
        daemon
    };
    let mut daemon = start().await;
    alice.says(
        r#"echo {"type": "AdaptiveCard", "version": "1.3", "actions": [{"type": "Action.Submit", "title": "Go"}]}"#,
    );
    let card = reply().await;
    // While the click is read, and while its answer is sent.
    for (method, path, calls) in [(Method::GET, "/attachment/actions/*", 1), (Method::POST, "/messages", 3)] {
        cloud.fault(Fault::on(method.clone(), path).stall());
        press(&alice, &card, "Go", json!({"path": path}));
        arrived(&cloud, method, path, calls).await;
        daemon.kill();
        daemon = start().await;
        let answer = reply().await;
        assert!(answer.markdown.unwrap().contains(path));
        assert_eq!(answer.parent_id.as_ref(), Some(&card.id));
        cloud.release();
    }
    daemon.terminate();
    assert!(daemon.wait().success());
    assert_eq!(cloud.messages().iter().filter(|message| message.parent_id.is_some()).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_have_several_reports_chooses_and_who_may_have_one_gets_it() {
    let settings = "[access]\ndm_policy = \"allowlist\"\ngroup_policy = \"mention\"\nadmins = [\"alice@example.com\"]\n\
                    allow_from = [\"bob@example.com\"]";
    let bot = Harness::with(settings, deployer().0).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    let answer = async |text: &str, person: &Person| {
        person.says(text);
        bot.settle().await;
        let message = bot.cloud.messages().pop().unwrap();
        message.markdown.or(message.text).unwrap()
    };
    for _ in 0..2 {
        bot.cloud.person("person3@example.com").says("hello");
    }
    bot.settle().await;
    assert!(answer("report", &bob).await.starts_with("The last day:"), "one report needs no choice");
    assert_eq!(
        answer("report access", &bob).await,
        "\"access\" is no report that you may have, and no period; say 12h, 7d or the like. Usage: report [name] [period]",
        "for him there is no other"
    );
    insta::assert_snapshot!(answer("report", &alice).await, @"
    I have these reports, of the last day:

    - `report activity`: What I did: messages, commands and how fast
    - `report access`: Whom I refused, how often and by which rule

    Say one of them; a period may follow, as in `report access 7d`.
    ");
    let choice = card(&bot.cloud);
    for title in ["Activity", "Access"] {
        press(&alice, &choice, title, json!({"say": "pairing"}));
        bot.settle().await;
    }
    let answers: Vec<_> = bot.cloud.messages().into_iter().filter(|message| message.parent_id.is_some()).collect();
    let said: Vec<_> = answers.iter().map(|answer| answer.markdown.clone().unwrap()).collect();
    assert!(said.len() == 2 && said[0].contains("COMMAND") && said[1].contains("RULE"), "{said:?}");
    let lines: Vec<_> = said[1].lines().collect();
    assert_eq!((lines[0], lines[3]), ("The last day:", "2 refused, of 1 person"));
    assert!(
        lines[6].starts_with("person3@example.com") && lines[6].ends_with("not listed in access.allow_from"),
        "{said:?}"
    );
    assert!(answer("report ACCESS 7d", &alice).await.starts_with("The last 7d:\n\n```\n2 refused"));
    assert!(answer("report 7d", &alice).await.contains("COMMAND"), "a period alone is of what it always was");
    let activity = answer("report activity 12h", &alice).await;
    assert!(
        activity.starts_with("The last 12h:") && activity.contains("PERSON") && activity.contains(BOB),
        "{activity}"
    );
    let for_bob = answer("report 12h", &bob).await;
    assert!(for_bob.contains("messages from 2 people") && !for_bob.contains('@'), "who is for admins: {for_bob}");
    let wrong = answer("report soon", &alice).await;
    assert!(wrong.starts_with("\"soon\" is no report and no period; I have activity, access."), "{wrong}");
    assert!(answer("report access soon", &alice).await.starts_with("\"soon\" is no period"));
    // In a space others read along: there is nothing to choose there, and no name in what is told.
    let in_lab = async |text: &str| {
        alice.mentions_bot(&lab, text).unwrap();
        bot.settle().await;
        let message = bot.cloud.messages().pop().unwrap();
        assert!(message.attachments.is_empty(), "{message:?}");
        message.markdown.or(message.text).unwrap()
    };
    let said = in_lab("report").await;
    assert!(said.contains("COMMAND") && !said.contains('@'), "{said}");
    assert!(in_lab("report access").await.contains("in a direct message"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_whose_reply_cannot_be_sent_has_run_and_uses_the_card() {
    async fn run(_: Context, _: Args) -> Result<Reply> {
        Ok(Reply::text("Export?").with_card(Card::new().action(Submit::new("Export", "export"))))
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let command = Command::new("export", "Exports", run).action("export", move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok(Reply::file("hours.csv", "text/csv", vec![b'x'; 2000])) }
    });
    let bot = Harness::with("[files]\nlargest = 1000", Bot::builder().command(command)).await;
    let alice = bot.cloud.person(ALICE);
    alice.says("export");
    bot.settle().await;
    let card = card(&bot.cloud);
    press(&alice, &card, "Export", json!({}));
    press(&alice, &card, "Export", json!({}));
    let too_large = "The file hours.csv has 2000 bytes, and I may send 1000 at most.";
    assert_eq!(said_since(&bot, &card).await, [too_large, "That card has been used already."]);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}
