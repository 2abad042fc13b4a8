//! Who is let in, who may do what, and how much of it; and that everybody else is not.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard::simulator::{Cloud, Fault, Options};
use switchboard::{Bot, Command, Reply};

use crate::cli::{finished, verb};
use crate::harness::{Daemon, Harness, PATIENCE, arrived, free_port, http, switchboard};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// Alice may do everything, and strangers may ask.
const PAIRING: &str =
    "[access]\ndm_policy = \"pairing\"\ngroup_policy = \"allowlist\"\nadmins = [\"alice@example.com\"]\n";

/// A command for nobody but whom the settings or the command name.
fn secret() -> Command {
    Command::new("secret", "Tells it", async |_, _| Ok(Reply::text("The secret."))).allow(["admins"])
}

/// What the bot said last, and to whom if that is not the space: the last of its messages.
fn last(bot: &Harness) -> String {
    let message = bot.cloud.messages().into_iter().rfind(|message| message.person_id == bot.cloud.bot().id).unwrap();
    message.markdown.or(message.text).unwrap()
}

/// What the bot said to somebody alone, oldest first.
pub fn told(bot: &Harness, email: &str) -> Vec<String> {
    said_to(&bot.cloud, email)
}

pub fn said_to(cloud: &Cloud, email: &str) -> Vec<String> {
    let (room, me) = (cloud.person(email).direct_room(), cloud.bot().id);
    let messages = cloud.messages().into_iter();
    let own = messages.filter(|message| message.room_id == room && message.person_id == me);
    own.map(|message| message.markdown.or(message.text).unwrap()).collect()
}

/// The same, once there are so many.
pub async fn until_told(cloud: &Cloud, email: &str, count: usize) -> Vec<String> {
    let mut heard = cloud.subscribe();
    let waiting = async {
        while said_to(cloud, email).len() < count {
            heard.recv().await.unwrap();
        }
        said_to(cloud, email)
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("they were told {:?}", said_to(cloud, email)))
}

async fn outcome(bot: &Harness, command: &str, outcome: &str) -> f64 {
    bot.metric(&format!("switchboard_commands_total{{command=\"{command}\",outcome=\"{outcome}\"}}")).await
}

pub fn pairings(folder: &Path, args: &[&str]) -> Vec<serde_json::Value> {
    serde_json::from_str(&verb(folder, &[&["pairing", "list", "--json"], args].concat())).unwrap()
}

/// The code that a stranger was given by the last message to them.
pub fn code(bot: &Harness, email: &str) -> String {
    let told = told(bot, email).pop().unwrap();
    told.split("the code ").nth(1).unwrap().split(' ').next().unwrap().to_owned()
}

/// Runs a verb that is refused, and gives what it says.
fn refused(folder: &Path, args: &[&str]) -> String {
    let url = format!("sqlite:{}", folder.join("ledger.db").display());
    let (code, said) = finished(switchboard().args(args).env("DATABASE_URL", url));
    assert_eq!(code, 1, "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_one_code_and_an_admin_lets_them_in_by_chat() {
    let bot = Harness::with(PAIRING, Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    bob.says("status <@all> ```");
    bob.says("hello?");
    bot.settle().await;
    let code = code(&bot, BOB);
    let read = |email| told(&bot, email).join("\n").replace(&code, "7Q2MKD").replace('\u{200b}', "~");
    insta::assert_snapshot!(read(BOB), @"I don't know you yet, so I can't answer you. To be let in, please give the code 7Q2MKD to whoever runs me; it is good for 24h, and you will hear from me.");
    insta::assert_snapshot!(read(ALICE), @"
    **bob@example.com** asks to be let in. They wrote:

    ````
    status <~@all> ```
    ````

    Say `/pairing approve 7Q2MKD` or `/pairing deny 7Q2MKD`; the code is good for 24h.
    ");
    assert_eq!(outcome(&bot, "none", "stranger").await, 1.0);
    assert_eq!(outcome(&bot, "none", "denied").await, 1.0);
    let list = pairings(bot.folder.path(), &[]);
    assert_eq!(list.len(), 1);
    assert_eq!(
        (&list[0]["email"], &list[0]["state"], &list[0]["code"]),
        (&BOB.into(), &"pending".into(), &code.as_str().into())
    );
    assert_eq!(list[0]["person_id"], bob.account().id);
    assert_eq!(list[0]["asked"], "status <@all> ```");
    assert!(list[0]["requested_at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());

    let alice = bot.cloud.person(ALICE);
    alice.says("pairing");
    bot.settle().await;
    assert!(last(&bot).contains(&code) && last(&bot).contains(BOB), "{}", last(&bot));
    alice.says(&format!("/pairing approve {}", code.to_lowercase()));
    bot.settle().await;
    alice.says("pairing approve bob@example.com");
    bot.settle().await;
    let before = told(&bot, BOB);
    assert_eq!(before.len(), 2, "the code, and one word of the decision: {before:?}");
    assert!(before[1].starts_with("You are let in"), "{before:?}");
    assert_eq!(last(&bot), "bob@example.com is let in, and knows it from me.");
    bob.says("help status");
    bot.settle().await;
    assert!(last(&bot).starts_with("**status**"));
    // What holds in direct messages holds there: in a space others read along.
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    bob.mentions_bot(&lab, "help status").unwrap();
    bob.says("pairing");
    bot.settle().await;
    assert_eq!(told(&bot, BOB).len(), 3, "letting others in is for admins");
    assert!(!bot.transcript().await.contains("bot in Lab"));
    alice.says("pairing approve 000000");
    bot.settle().await;
    assert!(last(&bot).contains("nobody asked to be let in with the code"), "{}", last(&bot));
    alice.mentions_bot(&lab, "pairing list").unwrap();
    bot.settle().await;
    assert!(last(&bot).contains("direct message"), "{}", last(&bot));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_stranger_hears_it_once_and_may_be_forgotten_or_let_in_after_all() {
    let bot = Harness::with(PAIRING, Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    bob.says("let me in");
    bot.settle().await;
    let first = code(&bot, BOB);
    bot.cloud.person(ALICE).says(&format!("pairing deny {first}"));
    bot.settle().await;
    for _ in 0..3 {
        bob.says("let me in!");
    }
    bot.settle().await;
    assert_eq!(told(&bot, BOB).len(), 2, "{:?}", told(&bot, BOB));
    assert!(told(&bot, BOB)[1].starts_with("I am sorry"));
    assert_eq!(outcome(&bot, "none", "denied").await, 3.0);
    let folder = bot.folder.path();
    assert_eq!(pairings(folder, &["--state", "denied"]).len(), 1);
    assert_eq!(verb(folder, &["pairing", "revoke", &bob.account().id]), "bob@example.com is a stranger again\n");
    assert!(pairings(folder, &[]).is_empty());
    bob.says("let me in, please");
    bot.settle().await;
    let again = code(&bot, BOB);
    assert_ne!(first, again);
    assert_eq!(pairings(folder, &["--state", "all"]).len(), 2);
    assert!(refused(folder, &["pairing", "revoke", BOB]).contains("nothing to revoke"));
    verb(folder, &["pairing", "deny", &again]);
    verb(folder, &["pairing", "approve", BOB]);
    bot.settle().await;
    assert!(last(&bot).starts_with("You are let in"));
    bob.says("help status");
    bot.settle().await;
    assert!(last(&bot).starts_with("**status**"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_verb_works_while_the_daemon_is_stopped_and_each_is_told_once() {
    let bot = Harness::with(PAIRING, Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    let asked = bob.says("help status");
    bot.settle().await;
    let code = code(&bot, BOB);
    let (cloud, folder) = bot.stop().await;
    let path = folder.path();
    let story = verb(path, &["explain", &asked]);
    assert!(story.contains("not answered but with a code to be let in: an unknown person"), "{story}");
    assert!(refused(path, &["pairing", "approve", "000000"]).contains("nobody asked to be let in"));
    assert!(refused(path, &["pairing", "approve", "nobody@example.com"]).contains("nobody asked to be let in"));
    assert_eq!(verb(path, &["pairing", "approve", &code]), "bob@example.com is let in; the daemon tells them\n");
    assert_eq!(verb(path, &["pairing", "approve", "Bob@Example.com"]), "bob@example.com is let in already\n");
    let decided: serde_json::Value =
        serde_json::from_str(&verb(path, &["pairing", "approve", &bob.account().id, "--json"])).unwrap();
    assert_eq!((&decided["state"], &decided["changed"]), (&"approved".into(), &false.into()));
    assert_eq!(cloud.messages().len(), 3, "nobody is told while nobody runs");
    let bot = Harness::on(cloud, folder, PAIRING, Bot::builder()).await;
    bot.ready().await;
    bob.says("help report");
    bot.settle().await;
    let told = told(&bot, BOB);
    assert!(told.len() == 3 && told[1].starts_with("You are let in") && told[2].starts_with("**report**"), "{told:?}");
    // And so is a decision that is taken back while it runs, at the next message.
    verb(bot.folder.path(), &["pairing", "revoke", &code]);
    bob.says("help report");
    bot.settle().await;
    let notices = said_to(&bot.cloud, ALICE);
    assert!(notices.len() == 2 && notices[1].contains("asks to be let in"), "{notices:?}");
    assert!(refused(bot.folder.path(), &["pairing", "approve", &code]).contains("counts no more"));
    // Each decision is in the audit once, though it was asked for three times.
    let audit = verb(bot.folder.path(), &["audit", "list", "--json"]);
    for act in ["pairing approve", "pairing revoke"] {
        assert_eq!(audit.matches(&format!("\"action\": \"{act}\"")).count(), 1, "{audit}");
    }
    assert!(audit.contains("about bob@example.com"), "{audit}");
    verb(bot.folder.path(), &["audit", "verify"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_expires_and_asked_anew_gets_a_new_code() {
    let bot = Harness::with(&format!("{PAIRING}[pairing]\nexpires = \"1ms\""), Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    let mut codes = Vec::new();
    for _ in 0..2 {
        bob.says("let me in");
        bot.settle().await;
        codes.push(code(&bot, BOB));
    }
    assert_ne!(codes[0], codes[1]);
    let folder = bot.folder.path();
    assert!(refused(folder, &["pairing", "approve", &codes[1]]).contains("has expired"));
    assert!(refused(folder, &["pairing", "approve", &codes[0]]).contains("counts no more"));
    assert!(pairings(folder, &[]).is_empty());
    assert_eq!(pairings(folder, &["--state", "expired"]).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_of_strangers_gets_so_many_codes_and_fills_nothing() {
    let bot = Harness::with(&format!("{PAIRING}[pairing]\nper_hour = 3"), Bot::builder()).await;
    for nth in 0..10 {
        bot.cloud.person(&format!("stranger{nth}@example.net")).says("let me in");
    }
    bot.settle().await;
    assert_eq!(outcome(&bot, "none", "stranger").await, 3.0);
    assert_eq!(outcome(&bot, "none", "crowd").await, 7.0);
    assert_eq!(pairings(bot.folder.path(), &["--state", "all"]).len(), 3);
    assert_eq!(bot.transcript().await.matches("bot to ").count(), 3 + 3, "three codes, and the admin is told of three");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_survives_the_end_of_the_process_and_the_code_is_sent_once() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = [("SWITCHBOARD_ACCESS__DM_POLICY", "pairing"), ("SWITCHBOARD_ACCESS__ADMINS", ALICE)];
    let port = free_port();
    let daemon = Daemon::start(&cloud, folder.path(), port, &settings);
    arrived(&cloud, reqwest::Method::POST, "/webhooks", 3).await;
    cloud.fault(Fault::on(reqwest::Method::POST, "/messages").always().stall());
    cloud.person(BOB).says("let me in");
    // The greeting and the notice are on their way, and nobody knows whether they arrive.
    arrived(&cloud, reqwest::Method::POST, "/messages", 2).await;
    daemon.kill();
    cloud.clear_faults();
    cloud.release();
    let list = pairings(folder.path(), &[]);
    assert_eq!(list.len(), 1);
    verb(folder.path(), &["pairing", "approve", BOB]);
    let _daemon = Daemon::start(&cloud, folder.path(), port, &settings);
    let said = until_told(&cloud, BOB, 2).await;
    assert!(said[0].contains(list[0]["code"].as_str().unwrap()) && said[1].starts_with("You are let in"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_click_does_nothing() {
    let bot = Harness::with(&format!("{PAIRING}on_deny = \"spoken\""), Bot::builder()).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let card = |room: &str| {
        serde_json::json!({"roomId": room, "markdown": "a card", "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {"type": "AdaptiveCard", "version": "1.3", "body": [],
                "actions": [{"type": "Action.Submit", "title": "Go"}]}}]})
    };
    let bob = bot.cloud.person(BOB);
    for (nth, room) in [lab, bob.direct_room()].iter().enumerate() {
        let posting = http().post(format!("{}/messages", bot.cloud.api_url()));
        let posting = posting.bearer_auth(bot.cloud.bot().token).json(&card(room)).send().await.unwrap();
        let posted: serde_json::Value = posting.json().await.unwrap();
        let inputs = serde_json::json!({"command": "pairing", "action": "pairing approve"});
        let click = bob.clicks(posted["id"].as_str().unwrap(), inputs).unwrap();
        bot.settle().await;
        assert_eq!(bot.cloud.messages().len(), nth + 1, "nothing but the cards was said");
        assert_eq!(outcome(&bot, "none", "denied").await, (nth + 1) as f64);
        let story = verb(bot.folder.path(), &["explain", &click]);
        assert!(
            story.contains("a click on a card from bob@example.com") && story.contains("not answered: "),
            "{story}"
        );
    }
    assert!(pairings(bot.folder.path(), &["--state", "all"]).is_empty(), "a click does not ask to be let in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_for_those_it_names_and_does_not_exist_for_others() {
    let settings = "[access]\nadmins = [\"alice@example.com\"]\n[[command]]\nname = \"status\"\nallow = [\"*@example.org\"]\n\
                    [[command]]\nname = \"report\"\nrooms = [\"direct\"]";
    let bot = Harness::with(settings, Bot::builder().command(secret())).await;
    let bob = bot.cloud.person(BOB);
    let answer = async |text: &str| {
        let before = bot.cloud.messages().len();
        bob.says(text);
        bot.settle().await;
        if bot.cloud.messages().len() > before + 1 { last(&bot) } else { String::new() }
    };
    let help = answer("help").await;
    assert!(help.contains("`report") && help.contains("`help"), "{help}");
    for hidden in ["secret", "pairing", "status"] {
        assert!(!help.contains(hidden), "{help}");
        let (asked, nonsense) = (answer(&format!("help {hidden}")).await, answer("help nonsense").await);
        assert_eq!(asked.replace(hidden, "nonsense"), nonsense);
        assert_eq!(answer(hidden).await, "", "silent unless the settings say otherwise");
        assert_eq!(outcome(&bot, hidden, "denied").await, 1.0);
    }
    assert_eq!(answer("secrt").await, "You said: \"secrt\". I don't know that. Say help to see what I can do.");
    assert!(answer("report").await.starts_with("The last day"));
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let asked = bob.mentions_bot(&lab, "report").unwrap();
    bot.settle().await;
    let story = verb(bot.folder.path(), &["explain", &asked]);
    assert!(story.contains("not answered: asked in a space that is not among the command's rooms"), "{story}");
    let alice = bot.cloud.person(ALICE);
    alice.mentions_bot(&lab, "report").unwrap();
    alice.mentions_bot(&lab, "secret").unwrap();
    let elsewhere = bot.cloud.person("person5@example.org");
    elsewhere.says("status");
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("bot in Lab:").count(), 2, "{transcript}");
    assert!(transcript.contains("bot in Lab: The secret.") && transcript.contains("version"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_spoken_where_the_settings_say_so_but_never_to_a_bot() {
    let settings = "[access]\ndm_policy = \"allowlist\"\ngroup_policy = \"mention\"\nallow_from = [\"alice@example.com\"]\n\
                    on_deny = \"spoken\"";
    let bot = Harness::with(settings, Bot::builder().command(secret())).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB, "other@webex.bot"]);
    bot.cloud.person(BOB).says("help");
    bot.cloud.person(ALICE).says("secret");
    bot.cloud.person(BOB).mentions_bot(&lab, "secret").unwrap();
    bot.cloud.person("other@webex.bot").mentions_bot(&lab, "help").unwrap();
    bot.cloud.person("other@webex.bot").says("help");
    bot.settle().await;
    assert_eq!(told(&bot, BOB), ["I am sorry, but I may not answer you. Please ask whoever runs me."]);
    assert_eq!(told(&bot, ALICE), ["You can't use secret here."]);
    assert!(told(&bot, "other@webex.bot").is_empty());
    assert_eq!(bot.transcript().await.matches("bot in Lab:").count(), 1);
    assert_eq!(outcome(&bot, "none", "denied").await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_gets_one_notice_then_silence_and_an_admin_none() {
    let settings = "[access]\nadmins = [\"alice@example.com\"]\n[flood]\nperson = 3\nspace = 4\nburst = 1";
    let bot = Harness::with(settings, Bot::builder()).await;
    let bob = bot.cloud.person(BOB);
    let asked: Vec<_> = (0..8).map(|_| bob.says("help status")).collect();
    for _ in 0..8 {
        bot.cloud.person(ALICE).says("help status");
    }
    bot.settle().await;
    let bobs = told(&bot, BOB);
    assert_eq!(bobs.len(), 4, "three answers, and the notice: {bobs:?}");
    assert!(bobs[3].starts_with("That is a lot at once"), "{bobs:?}");
    assert_eq!(told(&bot, ALICE).len(), 8);
    assert_eq!(outcome(&bot, "none", "flooded").await, 5.0);
    let story = verb(bot.folder.path(), &["explain", asked.last().unwrap()]);
    assert!(story.contains("since it was too much: more than flood.person allows of one person"), "{story}");
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    for nth in 0..3 {
        let email = format!("person{nth}@example.com");
        bot.cloud.person(ALICE).adds(&lab, &email).unwrap();
        for _ in 0..2 {
            bot.cloud.person(&email).mentions_bot(&lab, "help status").unwrap();
        }
    }
    bot.cloud.person(ALICE).mentions_bot(&lab, "help status").unwrap();
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("bot in Lab: **status**").count(), 4 + 1, "{transcript}");
    assert_eq!(transcript.matches("bot in Lab: That is a lot at once").count(), 1, "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_tried_again_counts_once() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let flaky = Command::new("flaky", "Fails twice", move |_, _| {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        async move { if nth < 2 { Err(anyhow::anyhow!("not yet"))? } else { Ok(Reply::text("done")) } }
    });
    let bot = Harness::with("[flood]\nperson = 1\nburst = 1", Bot::builder().command(flaky)).await;
    bot.cloud.person(BOB).says("flaky");
    bot.settle().await;
    assert_eq!(told(&bot, BOB), ["done"]);
    assert_eq!(tries.load(Ordering::Relaxed), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_over_hours_and_is_caught_up_at_once_is_no_flood() {
    let settings = "[flood]\nperson = 2\nspace = 0\nburst = 1";
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let ago = |minutes: i64| cloud.set_clock_offset(jiff::SignedDuration::from_mins(-minutes));
    ago(80);
    let bot = Harness::on(cloud.clone(), tempfile::tempdir().unwrap(), settings, Bot::builder()).await;
    bot.ready().await;
    let bob = bot.cloud.person(BOB);
    bob.says("help status");
    bot.settle().await;
    let (_, folder) = bot.stop().await;
    for nth in 1..=6 {
        ago(80 - 10 * nth);
        bob.says("help status");
    }
    ago(0);
    let bot = Harness::on(cloud.clone(), folder, settings, Bot::builder()).await;
    bot.ready().await;
    let answers = until_told(&cloud, BOB, 7).await;
    assert!(answers.iter().all(|said| said.starts_with("**status**")), "{answers:?}");
}
