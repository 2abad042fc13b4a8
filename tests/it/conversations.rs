//! Questions and their answers: what counts as one, what does not, and that neither is lost.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use rusqlite::Connection;
use serde_json::json;
use switchboard::card::{Input, Submit};
use switchboard::simulator::{Cloud, Fault, Message, Options, Person};
use switchboard::{Args, Bot, Card, Command, CommandError, Config, Context, Inputs, Param, Question, Reply, Result};

use crate::cards::{card, data, press};
use crate::cli::verb;
use crate::harness::{Daemon, Harness, arrived, free_port};
use crate::restart::ready;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

const SERVICE: &str = "Which service?";
const PLACE: &str = "Where to?";
const CANCELLED: &str = "Cancelled.";
const TAKEN: &str = "That was answered already.";
const GONE: &str = "I cannot do that any more. Please ask me again.";
const LATE: &str = "I waited for an answer to deploy, and that has timed out. Say deploy again.";

fn unknown(text: &str) -> String {
    format!("You said: \"{text}\". I don't know that. Say help to see what I can do.")
}

/// A dialogue of two questions, the second with a card, and how often its last step ran.
fn deployer() -> (Command, Arc<AtomicUsize>) {
    async fn deploy(_: Context, mut args: Args) -> Result<Reply> {
        let within = args.next().map_or(600, |minutes| 60 * minutes.parse::<u64>().unwrap());
        let question = Question::new("service").input("service");
        // Without a time of its own, as the settings say.
        let question = if within > 0 { question.within(std::time::Duration::from_secs(within)) } else { question };
        Ok(Reply::text(SERVICE).ask(question))
    }
    async fn service(context: Context, inputs: Inputs) -> Result<Reply> {
        let service = inputs.required("service", "service")?;
        match service {
            "nothing" => return Err(CommandError::User("There is no such service.".to_owned())),
            "?" => return Err(CommandError::Usage("A name is needed.".to_owned())),
            "broken" => return Err(anyhow::anyhow!("as the test wants it").into()),
            "much" => return Ok(Reply::text("?").ask(Question::new("place").argument("much", "x".repeat(4097)))),
            "silence" => return Ok(Reply::text("").ask(Question::new("place"))),
            "elsewhere" => return Ok(Reply::text("?").ask(Question::new("nowhere"))),
            "file" => return Ok(Reply::text(format!("{} with {} files", context.text(), context.files().len()))),
            _ => {}
        }
        let card = Card::new()
            .with(Input::choice("place", &[("Staging", "staging"), ("Production", "production")]).label("Where"))
            .action(Submit::new("Go", "place").argument("service", service))
            .action(Submit::new("Again", "place").argument("service", service).repeatable())
            .action(Submit::new("Look", "look").repeatable())
            .action(Submit::say("Stop", "Cancel"))
            .action(Submit::say("Help", "help deploy"));
        Ok(Reply::text(PLACE).with_card(card).ask(Question::new("place").input("place").argument("service", service)))
    }
    async fn place(context: Context, inputs: Inputs) -> Result<Reply> {
        let place = inputs.one_of("place", &["staging", "production"])?;
        let place = place.ok_or_else(|| CommandError::User("I need the place.".to_owned()))?;
        let person = context.webex().person(&context.sender().id).await?;
        let service = inputs.argument("service").unwrap_or_default();
        Ok(Reply::text(format!("{} deploys {service} to {place}.", person.email())))
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let command = Command::new("deploy", "Deploys", deploy)
        .param(Param::text("minutes").optional())
        .action("service", service)
        .action("place", move |context, inputs| {
            counted.fetch_add(1, Ordering::Relaxed);
            place(context, inputs)
        })
        .action("look", async |_, _| Ok(Reply::text("Nothing to see.")));
    (command, runs)
}

async fn start(settings: &str) -> (Harness, Arc<AtomicUsize>) {
    let (command, runs) = deployer();
    (Harness::with(settings, Bot::builder().command(command)).await, runs)
}

/// The same bot as it was, or another one in its place.
async fn start_again(bot: Harness, settings: &str, builder: Bot) -> Harness {
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, settings, builder).await;
    bot.ready().await;
    bot
}

fn own(cloud: &Cloud) -> Vec<Message> {
    let bot = cloud.bot().id;
    cloud.messages().into_iter().filter(|message| message.person_id == bot).collect()
}

fn words(message: &Message) -> String {
    message.text.clone().unwrap_or_default()
}

/// What the bot says next, to what somebody does.
async fn hears<T>(bot: &Harness, act: impl FnOnce() -> T) -> Vec<String> {
    let before = own(&bot.cloud).len();
    act();
    bot.settle().await;
    own(&bot.cloud).iter().skip(before).map(words).collect()
}

/// What the bot says to these texts, each said when the one before it is answered.
async fn dialogue(bot: &Harness, person: &Person, texts: &[&str]) -> Vec<String> {
    let mut heard = Vec::new();
    for text in texts {
        heard.extend(hears(bot, || person.says(text)).await);
    }
    heard
}

/// An hour goes by, as far as questions know.
async fn an_hour_passes(folder: &Path) {
    let ledger = Connection::open(folder.join("ledger.db")).unwrap();
    let sql = "UPDATE conversation SET asked_at = asked_at - 3600000, until_at = until_at - 3600000";
    ledger.execute_batch(sql).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_next_is_the_answer_and_what_is_wrong_is_asked_again() {
    let (bot, runs) = start("").await;
    let alice = bot.cloud.person(ALICE);
    let heard =
        dialogue(&bot, &alice, &["deploy", "nothing", "?", "api", "somewhere", "status", "Production", "api"]).await;
    assert_eq!(
        heard,
        [
            SERVICE,
            "There is no such service. Say cancel to stop.",
            "A name is needed. Say cancel to stop. Usage: deploy [minutes]",
            PLACE,
            "\"somewhere\" is no choice that I can take for place. Say cancel to stop.",
            "\"status\" is no choice that I can take for place. Say cancel to stop.",
            "alice@example.com deploys api to production.",
            &unknown("api"),
        ]
    );
    assert_eq!(runs.load(Ordering::Relaxed), 3);
    let answers = bot.metric("switchboard_commands_total{command=\"deploy\",outcome=\"answered\"}").await;
    assert_eq!(answers, 3.0, "the command and its two actions");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_an_answer_and_a_slash_makes_a_command() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    let heard = dialogue(&bot, &alice, &["deploy", "/help deploy", "/deplyo"]).await;
    assert_eq!((heard[0].as_str(), heard[2].as_str()), (SERVICE, PLACE), "{heard:?}");
    assert!(heard[1].contains("deploy [minutes]"), "{heard:?}");
    dialogue(&bot, &alice, &["staging", "deploy"]).await;
    let heard = hears(&bot, || alice.says_with_file("file", "a.txt", "text/plain", b"a").unwrap()).await;
    assert_eq!(heard, ["file with 1 files"]);
    // With a file beside it, the word is no more than a word.
    dialogue(&bot, &alice, &["deploy"]).await;
    let heard = hears(&bot, || alice.says_with_file("cancel", "a.txt", "text/plain", b"a").unwrap()).await;
    assert_eq!(heard, [PLACE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_space_only_who_was_asked_answers_and_only_there() {
    let (bot, runs) = start("").await;
    let (lab, hall) = (bot.cloud.space("Lab", &[ALICE, BOB]), bot.cloud.space("Hall", &[ALICE, BOB]));
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    let root = alice.says_in(&lab, "shall we?").unwrap();
    let mention_me = |text: &str| format!("{text}\n\n(Mention me when you answer.)");
    assert_eq!(hears(&bot, || alice.replies(&root, "deploy").unwrap()).await, [mention_me(SERVICE)]);
    for (person, space) in [(&bob, &lab), (&alice, &hall)] {
        assert_eq!(hears(&bot, || person.mentions_bot(space, "api").unwrap()).await, [unknown("api")]);
    }
    assert_eq!(hears(&bot, || alice.says("api")).await, [unknown("api")], "a direct message is another space");
    assert!(hears(&bot, || alice.says_in(&lab, "api").unwrap()).await.is_empty(), "the bot is not mentioned");
    assert_eq!(hears(&bot, || alice.mentions_bot(&lab, "api").unwrap()).await, [mention_me(PLACE)]);
    let said = "alice@example.com deploys api to staging.";
    assert_eq!(hears(&bot, || alice.replies(&root, "staging").unwrap()).await, [said]);
    assert_eq!(own(&bot.cloud).last().unwrap().parent_id.as_ref(), Some(&root), "it stays where it was answered");
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_answers_too_and_whichever_comes_first_counts() {
    let (bot, runs) = start("").await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    let production = || json!({"place": "production"});
    let asked = async || {
        hears(&bot, || alice.mentions_bot(&lab, "deploy").unwrap()).await;
        hears(&bot, || alice.mentions_bot(&lab, "api").unwrap()).await;
        card(&bot.cloud)
    };
    // Each of these answers; the word that is typed after it does not.
    for (nth, (person, title)) in [(&alice, "Go"), (&alice, "Again"), (&bob, "Go")].into_iter().enumerate() {
        let card = asked().await;
        let refused = hears(&bot, || press(person, &card, title, json!({}))).await;
        assert_eq!(refused, ["I need the place."]);
        let heard = hears(&bot, || press(person, &card, title, production())).await;
        let email = &person.account().email;
        assert_eq!(heard, [format!("{email} deploys api to production.")]);
        // Whoever was asked knows what they pressed, and not what others did; they are told that once.
        let told = if person.account().email == ALICE { unknown("staging") } else { TAKEN.to_owned() };
        assert_eq!(hears(&bot, || alice.mentions_bot(&lab, "staging").unwrap()).await, [told], "{title}");
        assert_eq!(hears(&bot, || alice.mentions_bot(&lab, "staging").unwrap()).await, [unknown("staging")]);
        assert_eq!(runs.swap(0, Ordering::Relaxed), 2, "{nth}");
    }
    // These do not: the word does, and uses the card up.
    let asked = asked().await;
    assert_eq!(hears(&bot, || press(&bob, &asked, "Again", production())).await.len(), 1);
    assert_eq!(hears(&bot, || press(&alice, &asked, "Look", json!({}))).await, ["Nothing to see."]);
    assert!(hears(&bot, || press(&alice, &asked, "Help", json!({}))).await.len() == 1);
    let heard = hears(&bot, || alice.mentions_bot(&lab, "staging").unwrap()).await;
    assert_eq!(heard, ["alice@example.com deploys api to staging."]);
    let used = "That card has been used already.";
    assert_eq!(hears(&bot, || press(&alice, &asked, "Go", production())).await, [used]);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_a_question_and_is_a_word_like_any_other_without_one() {
    let (bot, runs) = start("").await;
    let alice = bot.cloud.person(ALICE);
    let unknown_cancel = unknown("cancel");
    let heard = dialogue(&bot, &alice, &["cancel", "deploy", " CANCEL", "api", "deploy", "cancel it"]).await;
    assert_eq!(heard, [&unknown_cancel, SERVICE, CANCELLED, &unknown("api"), SERVICE, PLACE]);
    let asked = card(&bot.cloud);
    let event = alice.says("Cancel");
    bot.settle().await;
    let heard = hears(&bot, || press(&alice, &asked, "Go", json!({"place": "staging"}))).await;
    assert_eq!(heard, ["That card has been used already."]);
    let story = verb(bot.folder.path(), &["explain", &event]);
    assert!(story.contains("answered that what was asked is cancelled"), "{story}");
    // A button that says so ends it as well.
    dialogue(&bot, &alice, &["deploy", "api"]).await;
    let asked = card(&bot.cloud);
    assert_eq!(hears(&bot, || press(&alice, &asked, "Stop", json!({}))).await, [CANCELLED]);
    assert_eq!(dialogue(&bot, &alice, &["staging"]).await, [unknown("staging")]);
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_its_time_a_question_is_over_and_who_answers_is_told_so_once() {
    let (bot, _) = start("[conversations]\nwithin = \"90m\"").await;
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    dialogue(&bot, &alice, &["deploy"]).await;
    // A question waits for as long as it says, else as the settings say.
    dialogue(&bot, &bob, &["deploy 120"]).await;
    an_hour_passes(bot.folder.path()).await;
    let heard = dialogue(&bot, &alice, &["help deploy", "api", "api"]).await;
    assert!(heard[0].contains("deploy [minutes]"), "{heard:?}");
    assert_eq!(heard[1..], [LATE.to_owned(), unknown("api")]);
    assert_eq!(dialogue(&bot, &bob, &["api"]).await, [PLACE]);
    let event = bot.cloud.messages().into_iter().rev().find(|message| words(message) == "help deploy").unwrap().id;
    assert!(!verb(bot.folder.path(), &["explain", &event]).contains("deploy/service"));
    dialogue(&bot, &alice, &["deploy", "api"]).await;
    an_hour_passes(bot.folder.path()).await;
    assert_eq!(dialogue(&bot, &alice, &["staging"]).await, ["alice@example.com deploys api to staging."]);
    // Whoever may not deploy any more hears nothing of it.
    an_hour_passes(bot.folder.path()).await;
    let settings = "[[command]]\nname = \"deploy\"\nallow = [\"alice@example.com\"]";
    let bot = start_again(bot, settings, Bot::builder().command(deployer().0)).await;
    assert_eq!(dialogue(&bot, &bob, &["api"]).await, [unknown("api")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_in_time_is_an_answer_however_late_it_is_read() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    // All of it an hour ago, but for the delivery of the answer.
    bot.cloud.set_clock_offset(jiff::SignedDuration::from_hours(-1));
    dialogue(&bot, &alice, &["deploy"]).await;
    bot.cloud.hold_deliveries();
    alice.says("api");
    bot.cloud.set_clock_offset(jiff::SignedDuration::ZERO);
    an_hour_passes(bot.folder.path()).await;
    assert_eq!(hears(&bot, || bot.cloud.resume_deliveries()).await, [PLACE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_the_question_was_is_no_answer_to_it() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    bot.cloud.hold_deliveries();
    bot.cloud.set_clock_offset(jiff::SignedDuration::from_mins(-5));
    for text in ["deploy", "hello?"] {
        alice.says(text);
    }
    bot.cloud.set_clock_offset(jiff::SignedDuration::ZERO);
    assert_eq!(hears(&bot, || bot.cloud.resume_deliveries()).await, [SERVICE, &unknown("hello?")]);
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [PLACE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_messages_at_once_the_first_is_the_answer() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    dialogue(&bot, &alice, &["deploy"]).await;
    let heard = hears(&bot, || ["file", "file"].map(|text| alice.says(text))).await;
    assert_eq!(heard, ["file with 0 files", &unknown("file")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_question_takes_the_place_of_the_old() {
    async fn order(_: Context, args: Args) -> Result<Reply> {
        args.finish()?;
        Ok(Reply::text("What?").ask(Question::new("what")))
    }
    let what = async |context: Context, _| Ok(Reply::text(format!("One {}.", context.text())));
    let order = Command::new("order", "Orders", order).action("what", what);
    let bot = Harness::with("", Bot::builder().command(deployer().0).command(order)).await;
    let alice = bot.cloud.person(ALICE);
    let heard = dialogue(&bot, &alice, &["deploy", "/order", "coffee", "api"]).await;
    assert_eq!(heard, [SERVICE, "What?", "One coffee.", &unknown("api")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_give_the_command_any_more_is_denied_and_the_question_is_over() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    dialogue(&bot, &alice, &["deploy", "api"]).await;
    let (command, runs) = deployer();
    let settings = "[access]\nadmins = [\"bob@example.com\"]\non_deny = \"spoken\"\n\
                    [[command]]\nname = \"deploy\"\nallow = [\"admins\"]";
    let bot = start_again(bot, settings, Bot::builder().command(command)).await;
    let denied = "You can't use deploy here.";
    assert_eq!(dialogue(&bot, &alice, &["staging", "staging"]).await, [denied, &unknown("staging")]);
    let answer = bot.cloud.messages().into_iter().find(|message| words(message) == "staging").unwrap();
    let story = verb(bot.folder.path(), &["explain", &answer.id]);
    assert!(story.contains("alice@example.com, deploy/place, denied (not listed in the command's allow)"), "{story}");
    // And nobody answers whom the bot does not answer at all.
    let bot = start_again(bot, "", Bot::builder().command(deployer().0)).await;
    dialogue(&bot, &alice, &["deploy"]).await;
    let settings = "[access]\ndm_policy = \"allowlist\"\nallow_from = [\"bob@example.com\"]";
    let bot = start_again(bot, settings, Bot::builder().command(deployer().0)).await;
    assert!(dialogue(&bot, &alice, &["api"]).await.is_empty());
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_cannot_do_it_any_more_says_so() {
    let (mut bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    for builder in [
        || Bot::builder(),
        || {
            let by_hand = Command::new("deploy", "Deploys", async |_, _| Ok(Reply::text("It is done by hand now.")));
            Bot::builder().command(by_hand)
        },
    ] {
        dialogue(&bot, &alice, &["deploy"]).await;
        bot = start_again(bot, "", builder()).await;
        let heard = dialogue(&bot, &alice, &["api", "api"]).await;
        assert_eq!(heard, [GONE, &unknown("api")]);
        bot = start_again(bot, "", Bot::builder().command(deployer().0)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_fails_for_good_ends_the_question_and_can_be_tried_again_by_hand() {
    let (bot, _) = start("[worker]\nmax_attempts = 2").await;
    let alice = bot.cloud.person(ALICE);
    dialogue(&bot, &alice, &["deploy"]).await;
    let event = alice.says("broken");
    bot.settle().await;
    assert!(own(&bot.cloud).last().is_some_and(|said| words(said).starts_with("That failed, reference ")));
    let story = verb(bot.folder.path(), &["explain", &event]);
    assert!(story.contains("alice@example.com, deploy/service, failed"), "{story}");
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [unknown("api")]);
    // A version that mends it gets the answer, not a message that means nothing.
    let mended = async |context: Context, _| Ok(Reply::text(format!("Mended: {}.", context.text())));
    let ask = async |_, _| Ok(Reply::text(""));
    let mended = Command::new("deploy", "Deploys", ask).action("service", mended);
    let bot = start_again(bot, "", Bot::builder().command(mended)).await;
    let dead = verb(bot.folder.path(), &["inbox", "list", "--state", "dead", "--json"]);
    let dead: serde_json::Value = serde_json::from_str(&dead).unwrap();
    let id = dead[0]["id"].as_str().unwrap();
    assert_eq!(hears(&bot, || verb(bot.folder.path(), &["inbox", "retry", id])).await, ["Mended: broken."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_cannot_be_kept_fails_with_a_reason_for_its_developer() {
    let (bot, _) = start("[worker]\nmax_attempts = 1").await;
    let alice = bot.cloud.person(ALICE);
    for (text, reason) in [
        ("much", "keeps 4101 bytes of arguments for deploy/place, and 4096 at most are kept"),
        ("silence", "asks a question for deploy/place with a reply that says nothing"),
        ("elsewhere", "asks a question for an action \"nowhere\" that it does not have"),
    ] {
        dialogue(&bot, &alice, &["deploy"]).await;
        let event = alice.says(text);
        bot.settle().await;
        let story = verb(bot.folder.path(), &["explain", &event]);
        assert!(story.contains(reason), "{story}");
        assert!(own(&bot.cloud).last().is_some_and(|said| words(said).starts_with("That failed")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_explains_a_dialogue_sees_what_was_asked_and_what_became_of_it() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    let says = async |text: &str| {
        let event = alice.says(text);
        bot.settle().await;
        event
    };
    let explain = |event: &str| verb(bot.folder.path(), &["explain", event]);
    let reference = |story: &str| story["event ".len()..][..4].to_owned();
    let asks = says("deploy").await;
    assert!(explain(&asks).contains("it asked something for deploy/service, until "), "{}", explain(&asks));
    assert!(explain(&asks).contains("; it is still open"), "{}", explain(&asks));
    let refused = says("nothing").await;
    let answer = says("api").await;
    let (first, second) = (explain(&asks), explain(&answer));
    assert!(first.contains(&format!("it asked something, which event {} answered", reference(&second))), "{first}");
    for story in [&second, &explain(&refused)] {
        let said = format!("it answered the question of deploy/service (event {})", reference(&first));
        assert!(story.contains(&said) && !story.contains("it matched"), "{story}");
    }
    assert!(second.contains("alice@example.com, deploy/service, answered (access.dm_policy is \"open\")"), "{second}");
    let cancel = reference(&explain(&says("cancel").await));
    assert!(explain(&answer).contains("deploy/place, until "), "{}", explain(&answer));
    assert!(explain(&answer).contains(&format!("it was cancelled by event {cancel}")), "{}", explain(&answer));
    // What has run out, and what was asked in its place.
    let asks = says("deploy").await;
    an_hour_passes(bot.folder.path()).await;
    assert!(explain(&asks).contains("nobody answered in time"), "{}", explain(&asks));
    let late = explain(&says("api").await);
    assert!(late.contains("answered that the time of the question is over"), "{late}");
    assert!(explain(&asks).contains(&format!("its time was over when event {} answered", reference(&late))));
    let newer = reference(&explain(&says("deploy").await));
    assert!(explain(&asks).contains(&format!("event {newer} asked something else since")), "{}", explain(&asks));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_saw_is_none_until_it_is_sent_after_all() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], "{}"));
    assert!(hears(&bot, || alice.says("deploy")).await.is_empty());
    let asks = bot.cloud.messages().pop().unwrap().id;
    assert!(
        verb(bot.folder.path(), &["explain", &asks]).contains("nobody can answer it, since its message is not sent")
    );
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [unknown("api")]);
    let dead = verb(bot.folder.path(), &["outbox", "list", "--state", "dead", "--json"]);
    let dead: serde_json::Value = serde_json::from_str(&dead).unwrap();
    let retry = ["outbox", "retry", dead[0]["id"].as_str().unwrap()];
    assert_eq!(hears(&bot, || verb(bot.folder.path(), &retry)).await, [SERVICE]);
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [PLACE]);
    // Nor is one that an operator dropped.
    dialogue(&bot, &alice, &["cancel"]).await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], "{}"));
    dialogue(&bot, &alice, &["deploy"]).await;
    let dead = verb(bot.folder.path(), &["outbox", "list", "--state", "dead", "--json"]);
    let dead: serde_json::Value = serde_json::from_str(&dead).unwrap();
    verb(bot.folder.path(), &["outbox", "drop", dead[0]["id"].as_str().unwrap()]);
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [unknown("api")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_a_question_waits_to_be_sent_is_no_answer_and_takes_none_of_its_time() {
    let (bot, _) = start("[conversations]\nwithin = \"2s\"").await;
    let alice = bot.cloud.person(ALICE);
    // Longer than it waits for an answer.
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(429, &[("Retry-After", "3")], "{}"));
    alice.says("deploy 0");
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    let heard = hears(&bot, || alice.says("nothing")).await;
    assert_eq!(heard, [SERVICE, &unknown("nothing")]);
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [PLACE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_before_the_question_is_there_is_no_answer_however_fast() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    // On its way, and Webex has it not yet: the message that is worked on meanwhile waits for what Webex says.
    bot.cloud.fault(Fault::on(Method::POST, "/messages").delay(std::time::Duration::from_millis(300)));
    let heard = hears(&bot, || ["deploy", "api"].map(|text| alice.says(text))).await;
    assert_eq!(heard, [SERVICE, &unknown("api")]);
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [PLACE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_answer_is_never_tried_again_as_a_command() {
    let (bot, _) = start("[worker]\nmax_attempts = 1").await;
    let alice = bot.cloud.person(ALICE);
    let retried = async || {
        let dead = verb(bot.folder.path(), &["inbox", "list", "--state", "dead", "--json"]);
        let dead: serde_json::Value = serde_json::from_str(&dead).unwrap();
        hears(&bot, || verb(bot.folder.path(), &["inbox", "retry", dead[0]["id"].as_str().unwrap()])).await
    };
    let forget = async || {
        let ledger = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
        ledger.execute_batch("DELETE FROM conversation").unwrap();
    };
    // Answered by another message since, replaced by a new question, and pruned.
    for (after, forgotten) in [(&["deploy", "file"][..], false), (&["deploy"], false), (&[], true)] {
        dialogue(&bot, &alice, &["deploy", "broken"]).await;
        dialogue(&bot, &alice, after).await;
        if forgotten {
            forget().await;
        }
        assert_eq!(retried().await, [GONE], "{after:?}");
        dialogue(&bot, &alice, &["cancel"]).await;
    }
    let story = bot.cloud.messages().into_iter().rev().find(|message| words(message) == "broken").unwrap().id;
    assert!(verb(bot.folder.path(), &["explain", &story]).contains("it answered the question of "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_in_another_thread_is_a_command_and_a_refused_answer_says_the_way_out() {
    let (bot, _) = start("").await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let alice = bot.cloud.person(ALICE);
    let (here, there) = (alice.says_in(&lab, "here").unwrap(), alice.says_in(&lab, "there").unwrap());
    for asked_in in [Some(&here), None] {
        hears(&bot, || match asked_in {
            Some(root) => alice.replies(root, "deploy").unwrap(),
            None => alice.mentions_bot(&lab, "deploy").unwrap(),
        })
        .await;
        let question = own(&bot.cloud).pop().unwrap();
        let heard = hears(&bot, || alice.replies(&there, "help deploy").unwrap()).await;
        assert!(heard[0].contains("deploy [minutes]"), "{heard:?}");
        // In its own thread, or outside of any, it is an answer.
        let root = question.parent_id.unwrap_or(question.id);
        let heard = hears(&bot, || alice.replies(&root, "nothing").unwrap()).await;
        assert_eq!(heard, ["There is no such service. To stop, mention me and say cancel."]);
        let heard = hears(&bot, || alice.mentions_bot(&lab, "Stop!").unwrap()).await;
        assert_eq!(heard, [CANCELLED]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_card_of_the_question_answers_it() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    dialogue(&bot, &alice, &["deploy", "api"]).await;
    let old = card(&bot.cloud);
    dialogue(&bot, &alice, &["cancel", "deploy"]).await;
    assert_eq!(hears(&bot, || press(&alice, &old, "Stop", json!({}))).await, [unknown("Cancel")]);
    assert_eq!(dialogue(&bot, &alice, &["api"]).await, [PLACE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_others_only_a_button_that_answers_ends_a_question() {
    async fn order(_: Context, args: Args) -> Result<Reply> {
        args.finish()?;
        let card = Card::new().action(Submit::new("Menu", "menu")).action(Submit::new("Fail", "fail"));
        Ok(Reply::text("What?").with_card(card).ask(Question::new("what")))
    }
    let order = Command::new("order", "Orders", order)
        .action("what", async |context, _| Ok(Reply::text(format!("One {}.", context.text()))))
        .action("menu", async |_, _| Ok(Reply::text("Tea.")))
        .action("fail", async |_, _| Err(anyhow::anyhow!("as the test wants it").into()));
    let bot = Harness::with("[worker]\nmax_attempts = 1", Bot::builder().command(order)).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    let asks = async || hears(&bot, || alice.mentions_bot(&lab, "order").unwrap()).await;
    let answer = async || hears(&bot, || alice.mentions_bot(&lab, "tea").unwrap()).await;
    asks().await;
    assert_eq!(hears(&bot, || press(&bob, &card(&bot.cloud), "Menu", json!({}))).await, ["Tea."]);
    assert_eq!(answer().await, ["One tea."]);
    // One that fails for good ends it, as an answer does that is typed; and so does any that whoever was asked presses.
    for title in ["Fail", "Menu"] {
        asks().await;
        assert_eq!(hears(&bot, || press(&alice, &card(&bot.cloud), title, json!({}))).await.len(), 1);
        assert_eq!(answer().await, [unknown("tea")], "{title}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_alone_can_be_late() {
    let (bot, _) = start("").await;
    let alice = bot.cloud.person(ALICE);
    dialogue(&bot, &alice, &["deploy"]).await;
    an_hour_passes(bot.folder.path()).await;
    let heard = hears(&bot, || alice.says_with_file("", "a.txt", "text/plain", b"a").unwrap()).await;
    assert_eq!(heard, [LATE]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_whose_reply_is_too_large_is_given_all_the_same() {
    async fn export(_: Context, args: Args) -> Result<Reply> {
        args.finish()?;
        Ok(Reply::text("Of what?").ask(Question::new("what")))
    }
    let what = async |_, _| {
        let reply = Reply::text("And of what else?").with_file("hours.csv", "text/csv", vec![b'x'; 2000]);
        Ok(reply.ask(Question::new("what")))
    };
    let export = Command::new("export", "Exports", export).action("what", what);
    let bot = Harness::with("[files]\nlargest = 1000", Bot::builder().command(export)).await;
    let heard = dialogue(&bot, &bot.cloud.person(ALICE), &["export", "hours", "days"]).await;
    let refused = "The file hours.csv has 2000 bytes, and I may send 1000 at most.";
    assert_eq!(heard, ["Of what?", refused, &unknown("days")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_whose_delivery_names_no_space_answers_as_any_other() {
    let (bot, runs) = start("").await;
    let alice = bot.cloud.person(ALICE);
    dialogue(&bot, &alice, &["deploy", "api"]).await;
    let asked = card(&bot.cloud);
    bot.cloud.hold_deliveries();
    let click = alice.clicks(&asked.id, data(&asked, "Stop")).unwrap();
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": click}});
    bot.delivers(body).await;
    bot.cloud.resume_deliveries();
    bot.settle().await;
    let story = verb(bot.folder.path(), &["explain", &click]);
    assert!(story.contains("answered that what was asked is cancelled"), "{story}");
    assert_eq!(runs.load(Ordering::Relaxed), 0);
}

/// Not a test: the bot of the next one, in a process of its own that can be killed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test that kills it"]
async fn a_bot_that_is_killed() {
    if std::env::var_os("SWITCHBOARD_STORE__URL").is_none() {
        return;
    }
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let config = Config::load(None).unwrap();
    let listener = tokio::net::TcpListener::bind(config.server.listen).await.unwrap();
    let app = Bot::builder().command(deployer().0).build_on(listener, config).await.unwrap();
    app.run_until(std::future::pending()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_step_of_a_dialogue_nothing_is_lost_and_nothing_asked_twice() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let start = async || {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "conversations::a_bot_that_is_killed"]);
        let daemon = Daemon::of(command, &cloud, folder.path(), port);
        ready(&daemon).await;
        daemon
    };
    let alice = cloud.person(ALICE);
    let mut heard = cloud.subscribe();
    let mut next = async || loop {
        let message = heard.recv().await.unwrap();
        if message.person_id == cloud.bot().id {
            break words(&message);
        }
    };
    let calls = |method: &Method, path: &str| {
        let is_one = |call: &&switchboard::simulator::Call| call.method == *method && call.path.starts_with(path);
        cloud.calls().iter().filter(is_one).count()
    };
    let mut daemon = start().await;
    // While the question is sent, while its answer is read, while that is worked on, and while the answer to it is sent.
    for (text, method, path, reply) in [
        ("deploy", Method::POST, "/messages", SERVICE),
        ("api", Method::GET, "/messages", PLACE),
        ("staging", Method::GET, "/people/", "alice@example.com deploys api to staging."),
        ("deploy", Method::GET, "/messages", SERVICE),
        ("api", Method::POST, "/messages", PLACE),
    ] {
        let before = calls(&method, path);
        let pattern = if method == Method::GET { format!("{path}*") } else { path.to_owned() };
        cloud.fault(Fault::on(method.clone(), &pattern).stall());
        alice.says(text);
        arrived(&cloud, method, &pattern, before + 1).await;
        daemon.kill();
        cloud.clear_faults();
        cloud.release();
        daemon = start().await;
        assert_eq!(next().await, reply, "{text}");
        // Killed where nothing goes on, it keeps what it has asked.
        daemon.kill();
        daemon = start().await;
    }
    alice.says("production");
    assert_eq!(next().await, "alice@example.com deploys api to production.");
    daemon.terminate();
    daemon.wait();
    assert_eq!(own(&cloud).len(), 6, "{:?}", own(&cloud).iter().map(words).collect::<Vec<_>>());
}
