//! Hooks that admins make from the chat: who may, who reads the secret, and when it is good.

use std::path::Path;

use hmac::{KeyInit, Mac};
use jiff::SignedDuration;
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options};
use switchboard::{Bot, Clock};

use crate::check::{assert_has, check};
use crate::cli::{finished, verb};
use crate::explain::explain;
use crate::harness::{Daemon, Harness, arrived, eventually, free_port, http, switchboard};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

const ADMIN: &str = "[access]\nadmins = [\"alice@example.com\"]\n";

/// A bot whose admin is Alice, and a space of Alice, Bob and the bot.
async fn start(settings: &str) -> (Harness, String) {
    let bot = Harness::with(&format!("{ADMIN}{settings}"), Bot::builder()).await;
    let space = bot.cloud.space("Build", &[ALICE, BOB]);
    (bot, space)
}

/// What the bot wrote in a space, the newest first.
fn written(cloud: &Cloud, space: &str) -> Vec<String> {
    let me = cloud.bot().email;
    let messages =
        cloud.messages().into_iter().filter(|message| message.room_id == space && message.person_email == me);
    let mut texts: Vec<_> = messages.map(|message| message.markdown.or(message.text).unwrap_or_default()).collect();
    texts.reverse();
    texts
}

/// The secret that the newest direct message to Alice names.
fn secret(cloud: &Cloud) -> String {
    let direct = cloud.person(ALICE).direct_room();
    let told = written(cloud, &direct).into_iter().find_map(|text| {
        let (_, rest) = text.split_once("its secret is `")?;
        Some(rest.split_once('`')?.0.to_owned())
    });
    told.expect("the admin was told a secret")
}

fn signed(secret: &str, body: &str) -> String {
    let key: hmac::Hmac<sha2::Sha256> = hmac::Hmac::new_from_slice(secret.as_bytes()).unwrap();
    format!("sha256={}", hex::encode(key.chain_update(body).finalize().into_bytes()))
}

/// Posts an issue to the hook as GitHub does; the status and the code of the answer.
async fn github(url: &str, hook: &str, secret: &str, number: u32) -> (u16, String) {
    let body = json!({
        "action": "opened", "repository": {"full_name": "acme/api"}, "sender": {"login": "bob"},
        "issue": {"number": number, "title": "Broken", "html_url": "https://github.com/acme/api/issues/1"},
    });
    let body = body.to_string();
    let request = http().post(format!("{url}/hooks/{hook}")).header("x-github-event", "issues");
    let request = request.header("x-github-delivery", format!("d-{number}"));
    let answer = request.header("x-hub-signature-256", signed(secret, &body)).body(body).send().await.unwrap();
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.unwrap();
    (status, answer["code"].as_str().unwrap().to_owned())
}

fn taken() -> (u16, String) {
    (202, "1002".to_owned())
}

fn wrong_signature() -> (u16, String) {
    (400, "7028".to_owned())
}

/// Every byte of the ledger's files.
fn bytes_of_ledger(folder: &Path) -> Vec<u8> {
    let files = ["ledger.db", "ledger.db-wal"].map(|name| std::fs::read(folder.join(name)).unwrap_or_default());
    files.concat()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_from_a_space_is_told_to_its_admin_alone_and_takes_what_is_signed_at_once() {
    let (bot, space) = start("").await;
    bot.cloud.person(ALICE).mentions_bot(&space, "hook add ci preset=github").unwrap();
    bot.settle().await;
    let secret = secret(&bot.cloud);
    assert_eq!(secret.len(), 64);
    let said = written(&bot.cloud, &space);
    assert_eq!(said, ["The hook `ci` is made. Its address and secret are in our direct message."]);
    let direct = written(&bot.cloud, &bot.cloud.person(ALICE).direct_room());
    assert!(direct[0].contains(&format!("Payload URL: {}/hooks/ci", bot.url)), "{direct:?}");
    assert!(direct[0].contains(&format!("Secret: {secret}")), "{direct:?}");
    assert_eq!(github(&bot.url, "ci", &secret, 1).await, taken());
    assert_eq!(github(&bot.url, "ci", "another", 2).await, wrong_signature());
    bot.settle().await;
    assert!(written(&bot.cloud, &space)[0].contains("acme/api \\#1: opened by bob"), "{}", bot.cloud.transcript());
    // A restart keeps it.
    let (cloud, folder) = bot.kill().await;
    let bot = Harness::on(cloud, folder, ADMIN, Bot::builder()).await;
    bot.ready().await;
    assert_eq!(github(&bot.url, "ci", &secret, 3).await, taken());
    bot.cloud.person(ALICE).says("hook remove ci");
    bot.settle().await;
    assert_eq!(github(&bot.url, "ci", &secret, 4).await, (404, "7008".to_owned()));
    // Its name is free, and another secret belongs to it then.
    bot.cloud.person(ALICE).says("hook add ci github to=bob@example.com");
    bot.settle().await;
    assert_eq!(github(&bot.url, "ci", &secret, 5).await, wrong_signature());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_secrets_are_good_while_one_is_replaced() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let clock = Clock::of_system();
    let builder = Bot::builder().clock(clock.clone());
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), ADMIN, builder).await;
    bot.ready().await;
    for (hook, preset) in [("ci", "github"), ("cron", "generic")] {
        bot.cloud.person(ALICE).says(&format!("hook add {hook} {preset}"));
        bot.settle().await;
        let old = secret(&bot.cloud);
        bot.cloud.person(ALICE).says(&format!("hook rotate {hook}"));
        bot.settle().await;
        let new = secret(&bot.cloud);
        assert_ne!(old, new);
        let direct = written(&bot.cloud, &bot.cloud.person(ALICE).direct_room());
        assert!(
            direct[1].contains("has a new secret") && direct[1].contains("The old one is good until "),
            "{direct:?}"
        );
        let post = async |secret: &str, nth: u32| match preset {
            "github" => github(&bot.url, hook, secret, nth).await.0,
            _ => {
                let request = http().post(format!("{}/hooks/{hook}", bot.url)).bearer_auth(secret);
                request.body(r#"{"text": "done"}"#).send().await.unwrap().status().as_u16()
            }
        };
        assert_eq!((post(&old, 1).await, post(&new, 2).await), (202, 202), "{hook}");
        clock.turn(SignedDuration::from_mins(59));
        assert_eq!(post(&old, 3).await, 202, "{hook}");
        clock.turn(SignedDuration::from_mins(2));
        let refused = if preset == "github" { 400 } else { 401 };
        assert_eq!((post(&old, 4).await, post(&new, 5).await), (refused, 202), "{hook}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_admins_make_hooks_and_names_of_the_settings_are_theirs() {
    let settings = "[[hook]]\nname = \"alerts\"\nto = \"bob@example.com\"\nauth = \"none\"\n";
    let (bot, space) = start(settings).await;
    bot.cloud.person(BOB).mentions_bot(&space, "hook add ci preset=github").unwrap();
    bot.cloud.person(BOB).says("hook");
    bot.settle().await;
    assert!(!bot.cloud.transcript().contains("is made"), "{}", bot.cloud.transcript());
    assert_eq!(github(&bot.url, "ci", "x", 1).await.0, 404);
    let direct = bot.cloud.person(ALICE).direct_room();
    for (says, answer) in [
        ("hook add alerts", "The hook alerts is in bot.toml already."),
        ("hook remove alerts", "The hook alerts is in bot.toml, so it is changed there."),
        ("hook rotate ci", "There is no hook \"ci\""),
        ("hook add CI", "small letters"),
        ("hook add ci preset=githab", "there is none of this name"),
        ("hook add ci foo=bar", "I don't know what \"foo=bar\" means. `hook add` has preset=, to= and expires=."),
        ("hook add foo=bar", "I don't know what \"foo=bar\" means."),
        ("hook add ci to=nowhere", "the bot is in no space with the title \"nowhere\""),
        ("hook add ci to=*@example.com", "names nothing"),
        ("hook add ci expires=2020-01-31", "That day is over."),
        ("hook rotate ci github", "hook rotate"),
        ("hook add", "I need the name of the hook."),
        ("hook", "No hook was made from the chat."),
        ("hook add ci", "The hook `ci` is made. Its address and secret are above."),
        ("hook add ci", "There is a hook ci already"),
        ("hook list", "alice@example.com"),
    ] {
        bot.cloud.person(ALICE).says(says);
        bot.settle().await;
        let said = written(&bot.cloud, &direct);
        assert!(said[0].contains(answer), "{says}: {}", said[0]);
    }
    bot.cloud.person(ALICE).mentions_bot(&space, "hook list").unwrap();
    bot.settle().await;
    assert_eq!(written(&bot.cloud, &space)[0], "The list is in our direct message.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_of_the_settings_hides_one_of_the_chat() {
    let (bot, _) = start("").await;
    bot.cloud.person(ALICE).says("hook add ci preset=github");
    bot.settle().await;
    let secret = secret(&bot.cloud);
    let (cloud, folder) = bot.stop().await;
    let settings = format!("{ADMIN}[[hook]]\nname = \"ci\"\nto = \"bob@example.com\"\nauth = \"none\"\n");
    let bot = Harness::on(cloud, folder, &settings, Bot::builder()).await;
    bot.ready().await;
    let answer = http().post(format!("{}/hooks/ci", bot.url)).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 202);
    bot.cloud.person(ALICE).says("hook list");
    let transcript = bot.transcript().await;
    assert!(transcript.contains("hidden by the one in bot.toml"), "{transcript}");
    std::fs::write(bot.folder.path().join("bot.toml"), &settings).unwrap();
    let (_, said) = check(&bot.cloud, bot.folder.path(), &bot.url, &[], &[]);
    assert_has(&said, "warn hooks     the hook ci of the settings hides one", "`hook remove ci`");
    bot.cloud.person(ALICE).says("hook remove ci");
    bot.settle().await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, ADMIN, Bot::builder()).await;
    bot.ready().await;
    assert_eq!(github(&bot.url, "ci", &secret, 1).await, (404, "7008".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_hook_is_told_before_and_when_it_comes_once_over_restarts() {
    let (mut cloud, mut folder) = (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap());
    let clock = Clock::of_system();
    let mut secret_of_ci = String::new();
    let last = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date() + jiff::Span::new().days(10);
    for (days, soon, ended, answer) in [(0, 0, 0, 202), (4, 1, 0, 202), (0, 1, 0, 202), (7, 1, 1, 403), (0, 1, 1, 403)]
    {
        clock.turn(SignedDuration::from_hours(24 * days));
        let bot = Harness::on(cloud, folder, ADMIN, Bot::builder().clock(clock.clone())).await;
        bot.ready().await;
        if secret_of_ci.is_empty() {
            bot.cloud.person(ALICE).says(&format!("hook add ci preset=github expires={last}"));
            bot.settle().await;
            secret_of_ci = secret(&bot.cloud);
        }
        let count = |text: &str| bot.cloud.transcript().matches(text).count();
        let told = || (count("The hook `ci` ends with "), count("The hook `ci` has ended with "));
        assert!(eventually(async || told() == (soon, ended)).await, "{}", bot.cloud.transcript());
        bot.settle().await;
        assert_eq!(told(), (soon, ended));
        assert_eq!(github(&bot.url, "ci", &secret_of_ci, u32::try_from(days).unwrap() + 1).await.0, answer, "{days}");
        (cloud, folder) = bot.kill().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_change_of_the_key_the_maker_is_told_to_make_a_new_secret() {
    let (bot, _) = start("[hooks]\nsecret = \"0123456789abcdef0123456789abcdef\"\n").await;
    bot.cloud.person(ALICE).says("hook add ci preset=github");
    bot.settle().await;
    let old = secret(&bot.cloud);
    let (mut cloud, mut folder) = bot.stop().await;
    for _ in 0..2 {
        let bot = Harness::on(cloud, folder, ADMIN, Bot::builder()).await;
        bot.ready().await;
        let told = || bot.cloud.transcript().matches("The hook `ci` refuses its sender").count();
        assert!(eventually(async || told() == 1).await, "{}", bot.cloud.transcript());
        assert_eq!(github(&bot.url, "ci", &old, 1).await, wrong_signature());
        (cloud, folder) = bot.stop().await;
    }
    let bot = Harness::on(cloud, folder, ADMIN, Bot::builder()).await;
    bot.ready().await;
    bot.cloud.person(ALICE).says("hook rotate ci");
    bot.settle().await;
    assert_eq!(github(&bot.url, "ci", &secret(&bot.cloud), 2).await, taken());
    assert!(!bot.cloud.transcript().contains("The old one is good"), "nobody has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_only_in_the_message() {
    let (bot, space) = start("").await;
    for (hook, preset) in [("ci", "github"), ("page", "statuspage"), ("std", "standard-webhooks")] {
        let asked = bot.cloud.person(ALICE).mentions_bot(&space, &format!("hook add {hook} preset={preset}")).unwrap();
        bot.settle().await;
        let secret = secret(&bot.cloud);
        let folder = bot.folder.path();
        let story = explain(&bot, &asked);
        assert!(story.contains("{secret}") || !story.contains("its secret is"), "{story}");
        let audit = verb(folder, &["audit", "list"]);
        assert!(audit.contains("hook add") && audit.contains(&format!("about the hook {hook}")), "{audit}");
        let outbox = verb(folder, &["outbox", "list", "--state", "all", "--json"]);
        for (what, text) in [("explain", &story), ("audit", &audit), ("outbox", &outbox)] {
            assert!(!text.contains(&secret), "{what}: {text}");
        }
        assert!(!holds(&bytes_of_ledger(folder), &secret), "{hook}");
        let bare = secret.trim_start_matches("whsec_");
        assert!(!holds(&bytes_of_ledger(folder), bare), "{hook}");
    }
    let ledger = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
    let letters: i64 = ledger
        .query_row(
            "SELECT count(*) FROM ledger WHERE queue = 1 AND body LIKE '%its secret is `{secret}`%'",
            (),
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(letters, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_in_no_log_and_a_daemon_that_is_killed_keeps_the_hook() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let more = [("SWITCHBOARD_ACCESS__ADMINS", ALICE), ("SWITCHBOARD_LOG__LEVEL", "trace")];
    let daemon = Daemon::start(&cloud, folder.path(), port, &more);
    daemon.logs("created switchboard memberships");
    cloud.person(ALICE).says("hook add page preset=statuspage");
    let direct = cloud.person(ALICE).direct_room();
    assert!(eventually(async || written(&cloud, &direct).len() == 2).await, "{}", cloud.transcript());
    let secret = secret(&cloud);
    let url = format!("{}/hooks/page/{secret}", daemon.url);
    assert_eq!(http().post(&url).body("{}").send().await.unwrap().status(), 202);
    daemon.terminate();
    let (status, lines) = daemon.ended();
    assert!(status.success());
    let log = lines.join("\n");
    assert!(log.contains("a hook of the chat was changed"), "{log}");
    assert!(!log.contains(&secret), "{log}");
    let daemon = Daemon::start(&cloud, folder.path(), port, &more);
    assert_eq!(http().post(&url).body("{}").send().await.unwrap().status(), 202);
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_hook_was_made_and_what_to_set_is_printed_without_secrets() {
    let settings = "[[hook]]\nname = \"alerts\"\npreset = \"alertmanager\"\nto = \"bob@example.com\"\n\
                    auth = { bearer = \"a-secret-of-the-settings-0123456789\" }\n";
    let (bot, _) = start("").await;
    bot.cloud.person(ALICE).says("hook add ci preset=github expires=2099-12-31");
    bot.settle().await;
    let secret = secret(&bot.cloud);
    std::fs::write(bot.folder.path().join("bot.toml"), settings).unwrap();
    let prints = |args: &[&str]| {
        let mut command = switchboard();
        let command = command.args(args).current_dir(bot.folder.path()).env("DATABASE_URL", "sqlite:ledger.db");
        let command = command.env("SWITCHBOARD_WEBHOOK__PUBLIC_URL", "https://bot.example.org/in/webex/webhook");
        let (code, said) = finished(command.env("WEBEX_BOT_TOKEN", bot.cloud.bot().token));
        assert!(!said.contains(&secret) && !said.contains("a-secret-of"), "{said}");
        (code, said)
    };
    let (code, list) = prints(&["hooks", "list"]);
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).expect(&list).to_owned();
    assert_eq!(code, 0, "{list}");
    assert!(line("/hooks/alerts").ends_with("bot.toml"), "{list}");
    let ci = line("/hooks/ci");
    assert!(ci.contains("on, to 2099-12-31") && ci.contains("the chat, by alice@example.com on 20"), "{list}");
    let json: Value = serde_json::from_str(&prints(&["hooks", "list", "--json"]).1).unwrap();
    assert_eq!(
        (&json[1]["name"], &json[1]["last_day"], &json[1]["enabled"]),
        (&json!("ci"), &json!("2099-12-31"), &json!(true))
    );
    let (_, alerts) = prints(&["hooks", "setup", "alerts"]);
    assert!(alerts.contains("- url: 'https://bot.example.org/in/hooks/alerts'"), "{alerts}");
    assert!(
        alerts.contains("credentials_file: ") && alerts.contains("SECRET: in auth.bearer of [[hook]] alerts"),
        "{alerts}"
    );
    let (_, ci) = prints(&["hooks", "setup", "ci"]);
    assert!(ci.contains("SIGNING-SECRET: in the message that alice@example.com got; `hook rotate ci`"), "{ci}");
    let (code, none) = prints(&["hooks", "setup", "nothing"]);
    assert!(code == 1 && none.contains("there is no hook of this name; there are: alerts, ci"), "{none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_posts_a_text_to_a_hook_without_a_preset() {
    let (bot, space) = start("").await;
    bot.cloud.person(ALICE).mentions_bot(&space, "hook add cron").unwrap();
    bot.settle().await;
    let secret = secret(&bot.cloud);
    for body in [r#"{"text": "backup <@all> done"}"#, r#"{"title": "no text"}"#, "[]"] {
        let answer =
            http().post(format!("{}/hooks/cron", bot.url)).bearer_auth(&secret).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        bot.settle().await;
    }
    let said = written(&bot.cloud, &space);
    assert_eq!(said[..3], ["A delivery without a text, message or title.", "no text", "backup &lt;@all&gt; done"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_public_address_no_hook_is_made() {
    let (bot, _) =
        start("[webhook]\npublic_url = \"\"\n[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"50ms\"\n").await;
    bot.cloud.person(ALICE).says("hook add ci preset=github");
    assert!(eventually(async || bot.cloud.transcript().contains("has to set webhook.public_url")).await);
    assert_eq!(github(&bot.url, "ci", "x", 1).await.0, 404);
}

/// The secret of the only hook, derived as the bot does it.
fn derived(folder: &Path, key: &str) -> String {
    let ledger = Connection::open(folder.join("ledger.db")).unwrap();
    let salt: Vec<u8> = ledger.query_row("SELECT salt FROM chat_hook", (), |row| row.get(0)).unwrap();
    let hmac = |key: &[u8], text: &[u8]| {
        let keyed: hmac::Hmac<sha2::Sha256> = hmac::Hmac::new_from_slice(key).unwrap();
        keyed.chain_update(text).finalize().into_bytes().to_vec()
    };
    let key = hmac(key.as_bytes(), b"switchboard: the key of derived secrets, 1");
    hex::encode(hmac(&key, &[b"secret/", &salt[..]].concat()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_stays_out_of_the_ledger_even_if_webex_repeats_it() {
    let key = "0123456789abcdef0123456789abcdef";
    let (bot, _) = start(&format!("[hooks]\nsecret = \"{key}\"\n[webex]\nretries = 0\n")).await;
    let on_post = || Fault::on(Method::POST, "/messages");
    bot.cloud.fault(on_post().always().answer(503, &[], ""));
    bot.cloud.person(ALICE).says("hook add ci preset=github");
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    let secret = derived(bot.folder.path(), key);
    let body = json!({"message": format!("no {secret} here")}).to_string();
    bot.cloud.clear_faults();
    // The letter with the secret is the first one.
    bot.cloud.fault(on_post().answer(400, &[("content-type", "application/json")], &body));
    bot.settle().await;
    let outbox = verb(bot.folder.path(), &["outbox", "list", "--state", "all", "--json"]);
    assert!(outbox.contains("no {secret} here"), "{outbox}");
    assert!(!holds(&bytes_of_ledger(bot.folder.path()), &secret), "{outbox}");
    // What it would be is what the hook takes.
    assert_eq!(github(&bot.url, "ci", &secret, 1).await, taken());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_is_made_for_a_space_by_its_title() {
    let bot = Harness::with(ADMIN, Bot::builder()).await;
    let build = bot.cloud.space("Build", &[ALICE]);
    bot.cloud.person(ALICE).says("hook add ci preset=github to=\"Build\"");
    bot.settle().await;
    assert_eq!(github(&bot.url, "ci", &secret(&bot.cloud), 1).await, taken());
    bot.settle().await;
    assert!(written(&bot.cloud, &build)[0].contains("acme/api \\#1: opened by bob"), "{}", bot.cloud.transcript());
    bot.cloud.space("Double", &[ALICE]);
    bot.cloud.space("Double", &[ALICE]);
    bot.cloud.person(ALICE).says("hook add other to=Double");
    bot.settle().await;
    let said = written(&bot.cloud, &bot.cloud.person(ALICE).direct_room());
    assert!(said[0].contains("2 spaces have the title"), "{}", said[0]);
}
