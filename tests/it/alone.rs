//! Two daemons with one token and two ledgers: one answers, the other waits, and takes over when the first has gone.

use std::time::Duration;

use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::{Cloud, Fault, Options};

use crate::harness::{Harness, SECRET, eventually, get, switchboard};

const ALICE: &str = "alice@example.com";
const MODES: [&str; 4] = ["webhook", "both", "polling", "websocket"];

fn settings(mode: &str) -> String {
    format!(
        "[instance]\nalone = true\nrenew = \"1s\"\n[delivery]\nmode = \"{mode}\"\nreconcile = \"50ms\"\n\
         [polling]\ninterval = \"50ms\"\nrate = 1000000\n"
    )
}

async fn start(cloud: &Cloud, mode: &str) -> Harness {
    Harness::on(cloud.clone(), tempfile::tempdir().unwrap(), &settings(mode), Bot::builder()).await
}

async fn readiness(bot: &Harness) -> Value {
    get(format!("{}/readyz", bot.url)).await.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_through_a_mark_is_signed_with_our_secret() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let bot = start(&cloud, "webhook").await;
    bot.ready().await;
    let mark = || cloud.webhooks().into_iter().find(|webhook| webhook.name.starts_with("switchboard ledger"));
    assert!(eventually(async || mark().is_some()).await);
    assert_eq!(mark().unwrap().secret.as_deref(), Some(SECRET));
}

async fn waits(bot: &Harness) -> bool {
    readiness(bot).await["instance"] == "another daemon with another ledger answers for this token"
}

fn answers(cloud: &Cloud, text: &str) -> usize {
    cloud.transcript().lines().filter(|line| line.starts_with("bot") && line.contains(text)).count()
}

/// Posts a signed event as Webex would; the status of the answer.
async fn delivered(bot: &Harness, id: &str) -> u16 {
    let data = json!({"id": id, "roomId": "room", "personId": "somebody"});
    let body = json!({"resource": "messages", "event": "created", "data": data});
    bot.delivers(body).await.0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_daemon_of_the_younger_ledger_takes_nothing_and_says_so() {
    for mode in MODES {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let first = start(&cloud, mode).await;
        first.ready().await;
        let second = start(&cloud, mode).await;
        assert!(eventually(async || waits(&second).await).await, "{mode}");
        assert_eq!(get(format!("{}/readyz", second.url)).await.status(), 503);
        for nth in 0..5 {
            cloud.person(ALICE).says(&format!("help nothing{nth}"));
        }
        first.settle().await;
        assert!(eventually(async || answers(&cloud, "nothing4") == 1).await, "{mode}: {}", cloud.transcript());
        if mode == "webhook" || mode == "both" {
            assert_eq!(delivered(&second, "m1").await, 503, "{mode}");
            assert_eq!(delivered(&first, "m1").await, 200, "{mode}");
            let targets: Vec<_> = cloud.webhooks().into_iter().map(|webhook| webhook.target_url).collect();
            assert!(targets.iter().filter(|target| target.contains(&first.url)).count() >= 4, "{targets:?}");
        }
        first.settle().await;
        assert_eq!(answers(&cloud, "nothing"), 5, "{mode}: {}", cloud.transcript());
        assert_eq!(readiness(&first).await["instance"], "ok", "{mode}");
        second.stop().await;
        first.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_start_at_one_time_notice_each_other() {
    for _ in 0..3 {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let (one, other) = tokio::join!(start(&cloud, "webhook"), start(&cloud, "webhook"));
        let alone = async || waits(&one).await != waits(&other).await;
        assert!(eventually(alone).await, "one of them waits");
        let first = if waits(&one).await { &other } else { &one };
        first.ready().await;
        cloud.person(ALICE).says("help nothing");
        // The other may have had the webhooks for a moment; then a look finds it.
        assert!(eventually(async || answers(&cloud, "nothing") == 1).await, "{}", cloud.transcript());
        first.settle().await;
        assert_eq!(answers(&cloud, "nothing"), 1, "{}", cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_answers_once_the_first_has_gone_and_stands_back_when_it_returns() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let first = start(&cloud, "webhook").await;
    first.ready().await;
    let second = start(&cloud, "webhook").await;
    assert!(eventually(async || waits(&second).await).await);
    let (_, folder) = first.stop().await;
    cloud.person(ALICE).says("help nothing1");
    second.ready().await;
    cloud.person(ALICE).says("help nothing2");
    assert!(eventually(async || answers(&cloud, "nothing2") == 1).await, "{}", cloud.transcript());
    // By its mark the first knows until when the second has answered.
    let said = cloud.messages().last().unwrap().created.as_second() + 1;
    let renewed = async || {
        let marks = cloud.webhooks().into_iter().filter(|webhook| webhook.name.starts_with("switchboard ledger "));
        let at = |name: &str| name.split(' ').nth(4)?.parse::<jiff::Timestamp>().ok();
        marks.filter_map(|mark| at(&mark.name)).any(|at| at.as_second() >= said)
    };
    assert!(eventually(renewed).await);
    let first = Harness::on(cloud.clone(), folder, &settings("webhook"), Bot::builder()).await;
    first.ready().await;
    assert!(eventually(async || waits(&second).await).await, "the older ledger answers");
    cloud.person(ALICE).says("help nothing3");
    assert!(eventually(async || answers(&cloud, "nothing3") == 1).await, "{}", cloud.transcript());
    first.settle().await;
    for nothing in ["nothing1", "nothing2", "nothing3"] {
        assert_eq!(answers(&cloud, nothing), 1, "{nothing}: {}", cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_on_the_same_ledger_is_no_second_daemon_and_leaves_one_mark() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let bot = start(&cloud, "webhook").await;
    bot.ready().await;
    let (_, folder) = bot.stop().await;
    let began = std::time::Instant::now();
    let bot = Harness::on(cloud.clone(), folder, &settings("webhook"), Bot::builder()).await;
    bot.ready().await;
    assert!(began.elapsed() < Duration::from_secs(4), "it waits for its own mark");
    let marks = cloud.webhooks().into_iter().filter(|webhook| webhook.name.starts_with("switchboard ledger ")).count();
    assert_eq!(marks, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_says_so_answers_beside_another_and_where_webex_takes_no_mark_it_is_said() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let first = start(&cloud, "polling").await;
    first.ready().await;
    let settings = settings("polling").replace("alone = true", "alone = false");
    let second = Harness::on(cloud.clone(), tempfile::tempdir().unwrap(), &settings, Bot::builder()).await;
    second.ready().await;
    let refusing = Cloud::start(Options::default()).await.unwrap();
    let no = Fault::on(reqwest::Method::GET, "/webhooks").always().answer(403, &[], "{\"message\":\"no\"}");
    refusing.fault(no);
    start(&refusing, "polling").await.ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_a_second_daemon() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let first = start(&cloud, "polling").await;
    first.ready().await;
    let second = start(&cloud, "polling").await;
    assert!(eventually(async || waits(&second).await).await);
    let check = |folder: &std::path::Path| {
        let mut command = switchboard();
        command.args(["check"]).current_dir(folder);
        command.envs(crate::harness::settings_of_an_open_bot(&cloud, folder));
        command.envs([("SWITCHBOARD_DELIVERY__MODE", "polling"), ("SWITCHBOARD_INSTANCE__ALONE", "true")]);
        command.env_remove("SWITCHBOARD_WEBHOOK__SECRET");
        let output = command.output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (answering, waiting) = (check(first.folder.path()), check(second.folder.path()));
    assert!(answering.contains("a second daemon with another ledger waits"), "{answering}");
    assert!(waiting.contains("another daemon with an older ledger answers for this token"), "{waiting}");
}
