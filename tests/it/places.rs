//! Spaces that the settings name by their titles: found once, followed, and never mistaken for another.

use reqwest::Method;
use serde_json::json;
use switchboard::Bot;
use switchboard::simulator::{Cloud, Fault, Options};
use tempfile::TempDir;

use crate::cli::{finished, verb};
use crate::explain::explain;
use crate::harness::{Daemon, Harness, SECRET, arrived, eventually, free_port, http, switchboard};
use crate::hooks::posts;

const ALICE: &str = "alice@example.com";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const BOB: &str = "bob@example.com";

/// The settings of a hook that posts what its payload says to these.
fn to(places: &[&str]) -> String {
    let rule = "[[hook.rule]]\ntemplate = \"{{ says }}\"\n";
    format!("[[hook]]\nname = \"ci\"\nauth = \"none\"\nto = {places:?}\n{rule}")
}

/// The settings of a key of the API that may post there.
fn key(to: &str) -> String {
    format!("[[api_key]]\nname = \"backup\"\nkey = \"{KEY}\"\nto = {to:?}\nmay = [\"messages\"]\n")
}

/// A bot that nobody has started yet.
struct Stage {
    cloud: Cloud,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Stage {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        Stage { cloud, folder: tempfile::tempdir().unwrap() }
    }

    /// Starts the bot, has the hook say something, and stops the bot. Gives the id of the event.
    async fn says(self, settings: &str, text: &str) -> (Stage, String) {
        let bot = Harness::on(self.cloud, self.folder, settings, Bot::builder()).await;
        bot.ready().await;
        let id = says(&bot, text).await;
        let (cloud, folder) = bot.stop().await;
        (Stage { cloud, folder }, id)
    }

    /// The spaces in which this was said.
    fn heard(&self, text: &str) -> Vec<String> {
        heard(&self.cloud, text)
    }
}

/// Has the hook say something.
async fn says(bot: &Harness, text: &str) -> String {
    let (status, _, id) = posts(bot, "/hooks/ci", &[], json!({ "says": text }).to_string()).await;
    assert_eq!(status, 202);
    bot.settle().await;
    id.unwrap()
}

fn heard(cloud: &Cloud, text: &str) -> Vec<String> {
    let messages = cloud.messages().into_iter().filter(|message| message.said() == text);
    messages.map(|message| message.room_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_keeps_its_space_when_that_is_renamed_and_another_takes_the_title() {
    let stage = Stage::set().await;
    let ops = stage.cloud.space("Ops / Incidents", &[ALICE]);
    let other = stage.cloud.space("ops / incidents", &[ALICE]);
    let settings = to(&[" Ops / Incidents "]);
    let (stage, _) = stage.says(&settings, "one").await;
    let alice = stage.cloud.person(ALICE);
    alice.renames(&ops, "Operations").unwrap();
    alice.renames(&other, "Ops / Incidents").unwrap();
    let (stage, _) = stage.says(&settings, "two").await;
    assert_eq!([stage.heard("one"), stage.heard("two")], [[ops.clone()], [ops]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_webex_moved_is_followed_whatever_its_title_is_now() {
    let stage = Stage::set().await;
    let old = stage.cloud.space("Ops", &[ALICE]);
    let (stage, _) = stage.says(&to(&["Ops"]), "one").await;
    stage.cloud.person(ALICE).renames(&old, "Operations").unwrap();
    let (stage, _) = stage.says(&to(&["Ops"]), "two").await;
    let new = stage.cloud.migrate(&old).unwrap();
    stage.cloud.space("Ops", &[ALICE]);
    let (stage, _) = stage.says(&to(&["Ops"]), "three").await;
    // What was said before moved with the space.
    assert_eq!(["one", "two", "three"].map(|text| stage.heard(text)), [[new.clone()], [new.clone()], [new]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_whose_space_is_gone_is_looked_up_anew_and_what_finds_none_is_told_once_there_is_one() {
    let stage = Stage::set().await;
    let first = stage.cloud.space("Ops", &[ALICE]);
    let (stage, _) = stage.says(&to(&["Ops"]), "one").await;
    assert_eq!(stage.heard("one"), [first.as_str()]);
    stage.cloud.person(ALICE).deletes_space(&first).unwrap();
    let bot = Harness::on(stage.cloud, stage.folder, &to(&["Ops", BOB]), Bot::builder()).await;
    bot.ready().await;
    let id = says(&bot, "two").await;
    assert_eq!(heard(&bot.cloud, "two").len(), 1, "a person is told all the same");
    let story = explain(&bot, &id);
    assert!(story.contains("in no space with the title \"Ops\"; add the bot to that space"), "{story}");
    let second = bot.cloud.space("Ops", &[ALICE]);
    verb(bot.folder.path(), &["inbox", "retry", &id]);
    bot.settle().await;
    let rooms = heard(&bot.cloud, "two");
    assert!(rooms.len() == 2 && rooms.contains(&second), "each is told once: {rooms:?}");
    bot.cloud.remove_bot(&second).unwrap();
    let third = bot.cloud.space("Ops", &[ALICE]);
    let (cloud, folder) = bot.stop().await;
    let (stage, _) = Stage { cloud, folder }.says(&to(&["Ops"]), "three").await;
    assert_eq!(stage.heard("three"), [third]);
}

/// What `check` says of these settings on this ledger.
fn check(stage: &Stage, settings: &str) -> (i32, String) {
    std::fs::write(stage.folder.path().join("bot.toml"), settings).unwrap();
    let mut command = switchboard();
    command
        .arg("check")
        .current_dir(stage.folder.path())
        .env("SWITCHBOARD_WEBEX__API_URL", stage.cloud.api_url())
        .env("WEBEX_BOT_TOKEN", stage.cloud.bot().token)
        .env("WEBEX_WEBHOOK_SECRET", SECRET)
        .env("DATABASE_URL", "sqlite:ledger.db");
    finished(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_spaces_of_one_title_are_refused_with_both_ids_until_one_is_named() {
    let stage = Stage::set().await;
    let [one, two] = [ALICE, BOB].map(|who| stage.cloud.space("Ops", &[who]));
    let names_both = |text: &str| text.contains(&one) && text.contains(&two) && text.contains("name one by its id");
    let (stage, id) = stage.says(&to(&["Ops"]), "down").await;
    assert!(stage.heard("down").is_empty());
    assert!(names_both(&verb(stage.folder.path(), &["explain", &id])));
    let (code, said) = check(&stage, &to(&["Ops"]));
    assert!(code == 1 && said.contains("places") && names_both(&said), "{said}");
    let (code, said) = check(&stage, &to(&[&two]));
    assert!(!said.contains("places") && !names_both(&said), "{code}: {said}");
    verb(stage.folder.path(), &["inbox", "retry", &id]);
    let (stage, _) = stage.says(&to(&[&two]), "up").await;
    assert_eq!([stage.heard("down"), stage.heard("up")], [[two.clone()], [two]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_is_shown_by_its_id_or_its_title() {
    let stage = Stage::set().await;
    let ops = stage.cloud.space("Ops / Incidents", &[ALICE]);
    let show = |room: &str| {
        let mut command = switchboard();
        command.args(["rooms", "show", room]).current_dir(stage.folder.path());
        let token = stage.cloud.bot().token;
        finished(command.env("SWITCHBOARD_WEBEX__API_URL", stage.cloud.api_url()).env("WEBEX_BOT_TOKEN", token))
    };
    for named in [ops.as_str(), "Ops / Incidents"] {
        let (code, said) = show(named);
        assert!(code == 0 && said.contains("title: Ops / Incidents") && said.contains(&format!("id: {ops}")), "{said}");
    }
    let (code, said) = show("ops / incidents");
    assert!(code == 1 && said.contains("but in one with the title \"Ops / Incidents\""), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pin_decides_between_spaces_of_one_title_and_check_knows_it() {
    let stage = Stage::set().await;
    let first = stage.cloud.space("Ops", &[ALICE]);
    let (stage, _) = stage.says(&to(&["Ops"]), "one").await;
    stage.cloud.space("Ops", &[BOB]);
    let (code, said) = check(&stage, &key("Lost"));
    assert!(code == 1 && said.contains("in no space with the title \"Lost\""), "a title of a key counts too: {said}");
    let (_, said) = check(&stage, &to(&["Ops"]));
    assert!(said.contains("each of 1 titles means one space"), "{said}");
    let (stage, _) = stage.says(&to(&["Ops"]), "two").await;
    assert_eq!(stage.heard("two"), [first]);
}

#[tokio::test(flavor = "multi_thread")]
async fn webex_that_is_away_stops_no_start_and_loses_no_event() {
    let Stage { cloud, folder } = Stage::set().await;
    let ops = cloud.space("Ops", &[ALICE]);
    cloud.fault(Fault::on(Method::GET, "/rooms").always().answer(503, &[], ""));
    let bot = Harness::on(cloud, folder, &to(&["Ops"]), Bot::builder()).await;
    let answered = posts(&bot, "/hooks/ci", &[], r#"{"says":"down"}"#).await;
    assert_eq!(answered.0, 202);
    arrived(&bot.cloud, Method::GET, "/rooms", 3).await;
    assert!(heard(&bot.cloud, "down").is_empty());
    bot.cloud.clear_faults();
    bot.ready().await;
    bot.settle().await;
    assert_eq!(heard(&bot.cloud, "down"), [ops.as_str()]);
    // Once it is found, Webex need not be asked.
    let (cloud, folder) = bot.stop().await;
    cloud.fault(Fault::on(Method::GET, "/rooms").always().answer(503, &[], ""));
    let (stage, _) = Stage { cloud, folder }.says(&to(&["Ops"]), "up").await;
    assert_eq!(stage.heard("up"), [ops]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_title_is_said_at_the_start() {
    let Stage { cloud, folder } = Stage::set().await;
    let port = free_port();
    std::fs::write(folder.path().join("bot.toml"), to(&["Nowhere"]) + &key("Lost")).unwrap();
    let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
    for title in ["Lost", "Nowhere"] {
        assert!(daemon.logs("cannot be reached").contains(title));
    }
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_about_which_webex_says_nothing_holds_up_no_other_place() {
    let Stage { cloud, folder } = Stage::set().await;
    let [slow, quick] = ["Slow", "Quick"].map(|title| cloud.space(title, &[ALICE]));
    let hook = |title: &str| to(&[title]).replace("\"ci\"", &format!("\"{}\"", title.to_lowercase()));
    let bot = Harness::on(cloud, folder, &[hook("Slow"), hook("Quick")].concat(), Bot::builder()).await;
    bot.ready().await;
    for hook in ["slow", "quick"] {
        tells(&bot, hook, "before").await;
    }
    bot.settle().await;
    assert_eq!(heard(&bot.cloud, "before").len(), 2);
    // The next process has to look again, and one title was never looked for.
    let (cloud, folder) = bot.stop().await;
    let new = cloud.space("New", &[ALICE]);
    let path = format!("/rooms/{slow}");
    cloud.fault(Fault::on(Method::GET, &path).always().stall());
    cloud.fault(Fault::on(Method::GET, "/rooms").about("type=group").always().stall());
    let bot =
        Harness::on(cloud, folder, &[hook("Slow"), hook("Quick"), hook("New"), key(ALICE)].concat(), Bot::builder())
            .await;
    for (hook, text) in [("slow", "one"), ("new", "two"), ("slow", "three"), ("new", "four")] {
        tells(&bot, hook, text).await;
    }
    for text in ["five", "six"] {
        tells(&bot, "quick", text).await;
    }
    let request = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY);
    assert_eq!(request.body(json!({"text": "seven"}).to_string()).send().await.unwrap().status(), 202);
    // Of a space that is pinned, Webex need not say anything.
    for text in ["five", "six", "seven", "one", "three"] {
        assert!(eventually(async || !heard(&bot.cloud, text).is_empty()).await, "{text}");
    }
    assert!(heard(&bot.cloud, "two").is_empty(), "Webex does not say which space that is");
    let calls = bot.cloud.calls();
    let look = calls.iter().rposition(|call| call.path == path);
    let first = calls.iter().position(|call| call.request.as_ref().is_some_and(|request| request.contains(r#""one""#)));
    assert!(look < first, "what waits for a title does not look again");
    bot.cloud.clear_faults();
    bot.cloud.release();
    bot.settle().await;
    for (text, room) in [("one", &slow), ("three", &slow), ("six", &quick), ("two", &new), ("four", &new)] {
        assert_eq!(heard(&bot.cloud, text), [room.as_str()], "{text}");
    }
}

/// Has the hook of this name say something, and does not wait for it.
async fn tells(bot: &Harness, hook: &str, text: &str) {
    let body = json!({ "says": text }).to_string();
    assert_eq!(posts(bot, &format!("/hooks/{hook}"), &[], body).await.0, 202);
}
