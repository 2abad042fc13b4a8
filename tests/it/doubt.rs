//! Posts that Webex may have carried out although nobody heard so: in direct spaces they are looked for, and made again
//! only once they can no longer arrive. And clocks that somebody sets meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::Value;
use switchboard::simulator::{Cloud, Fault, Options};
use switchboard::{Bot, Clock};
use tempfile::TempDir;

use crate::harness::{Daemon, Harness, PATIENCE, arrived, eventually, free_port, get, skipped};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
/// What the tests give Webex to carry a post out: `webex.timeout` and `worker.visible_within` of the harness together.
const LONGEST_POST: Duration = Duration::from_secs(2);

fn on_post() -> Fault {
    Fault::on(Method::POST, "/messages")
}

/// How often the bot has said something that holds this.
fn said(cloud: &Cloud, text: &str) -> usize {
    let me = cloud.bot().id;
    let says = |text: &str, said: &Option<String>| said.as_ref().is_some_and(|said| said.contains(text));
    let messages = cloud.messages();
    messages.iter().filter(|one| one.person_id == me && (says(text, &one.markdown) || says(text, &one.text))).count()
}

async fn cloud() -> (Cloud, TempDir) {
    (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_webex_carries_the_post_out_and_restarted_at_once() {
    let (cloud, folder) = cloud().await;
    let port = free_port();
    let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
    daemon.logs("created switchboard memberships");
    cloud.fault(on_post().delay(Duration::from_millis(900)));
    cloud.person(ALICE).says("help status");
    arrived(&cloud, Method::POST, "/messages", 1).await;
    daemon.kill();
    let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
    // Somebody else is answered meanwhile.
    let asked = std::time::Instant::now();
    cloud.person(BOB).says("help report");
    assert!(eventually(async || said(&cloud, "**report**") == 1).await);
    assert!(asked.elapsed() < LONGEST_POST, "one space holds up another: {:?}", asked.elapsed());
    daemon.logs("Webex may still carry it out");
    daemon.logs("reply sent");
    assert!(eventually(async || said(&cloud, "**status**") == 1).await);
    cloud.person(ALICE).says("help report");
    assert!(eventually(async || said(&cloud, "**report**") == 2).await);
    assert_eq!(said(&cloud, "**status**"), 1, "{}", cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn webex_slower_than_the_timeout_posts_once() {
    let bot = Harness::start().await;
    bot.cloud.fault(on_post().delay(Duration::from_millis(1700)));
    bot.cloud.person(ALICE).says("help status");
    bot.settle().await;
    assert_eq!(said(&bot.cloud, "**status**"), 1, "{}", bot.cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_found_behind_more_messages_than_a_page() {
    let (cloud, folder) = cloud().await;
    let port = free_port();
    let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
    daemon.logs("created switchboard memberships");
    cloud.fault(on_post().apply_then_stall());
    cloud.person(ALICE).says("help status");
    assert!(eventually(async || said(&cloud, "**status**") == 1).await);
    daemon.kill();
    cloud.release();
    for _ in 0..120 {
        cloud.person(ALICE).says("help nothing");
    }
    let _daemon = Daemon::start(&cloud, folder.path(), port, &[]);
    cloud.person(ALICE).says("help report");
    assert!(eventually(async || said(&cloud, "**report**") == 1).await);
    assert_eq!(said(&cloud, "**status**"), 1, "{}", cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_found_however_wrong_our_clock_is() {
    for minutes in [-10, 10] {
        let (cloud, folder) = cloud().await;
        cloud.set_clock_offset(SignedDuration::from_mins(minutes));
        let bot = Harness::on(cloud, folder, "", Bot::builder()).await;
        bot.ready().await;
        bot.cloud.fault(on_post().apply_then_reset());
        bot.cloud.person(ALICE).says("help status");
        bot.settle().await;
        assert_eq!(said(&bot.cloud, "**status**"), 1, "{minutes}: {}", bot.cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_equal_reply_whose_receipt_could_not_be_read_is_not_taken_for_the_next_one() {
    let bot = Harness::start().await;
    let alice = bot.cloud.person(ALICE);
    bot.cloud.fault(on_post().alter(&[("id", Value::Null)]));
    alice.says("help status");
    bot.settle().await;
    assert_eq!(said(&bot.cloud, "**status**"), 1, "it was taken");
    bot.cloud.fault(on_post().reset());
    alice.says("help status");
    bot.settle().await;
    assert_eq!(said(&bot.cloud, "**status**"), 2, "{}", bot.cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_is_refused_in_passing_does_not_post_again() {
    join_all([400, 403, 404].map(a_refused_look_does_not_post_again)).await;
}

async fn a_refused_look_does_not_post_again(status: u16) {
    let bot = Harness::start().await;
    bot.cloud.person(ALICE).says("help report");
    bot.settle().await;
    bot.cloud.fault(on_post().apply_then_stall());
    bot.cloud.person(ALICE).says("help status");
    assert!(eventually(async || said(&bot.cloud, "**status**") == 1).await);
    let refused = || Fault::on(Method::GET, "/messages").answer(status, &[], "{\"message\":\"no\"}");
    bot.cloud.fault(refused());
    bot.settle().await;
    assert_eq!(said(&bot.cloud, "**status**"), 1, "{status}: {}", bot.cloud.transcript());
    // Nor is one that did not arrive given up.
    bot.cloud.fault(on_post().reset());
    bot.cloud.fault(refused().after(1));
    bot.cloud.person(BOB).says("help status");
    bot.settle().await;
    assert_eq!(said(&bot.cloud, "**status**"), 2, "{status}: {}", bot.cloud.transcript());
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0, "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_never_reached_webex_is_made_again_at_once() {
    let bot = Harness::start().await;
    let asked = std::time::Instant::now();
    bot.cloud.fault(on_post().answer(429, &[("retry-after", "1")], ""));
    bot.cloud.person(ALICE).says("help status");
    bot.settle().await;
    assert!(asked.elapsed() < LONGEST_POST, "{:?}", asked.elapsed());
    assert_eq!(said(&bot.cloud, "**status**"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_while_spaces_wait_changes_nothing() {
    for hours in [-1, 1] {
        let (cloud, folder) = cloud().await;
        let clock = Clock::of_system();
        let bot = Harness::on(cloud, folder, "", Bot::builder().clock(clock.clone())).await;
        bot.ready().await;
        // One space waits for Webex, and one reply is on its way.
        bot.cloud.fault(Fault::on(Method::GET, "/messages*").times(8).answer(503, &[], ""));
        bot.cloud.person(BOB).says("help report");
        arrived(&bot.cloud, Method::GET, "/messages", 1).await;
        clock.turn(SignedDuration::from_hours(hours));
        let turned = std::time::Instant::now();
        bot.settle().await;
        assert!(turned.elapsed() < PATIENCE, "{hours}");
        assert_eq!(said(&bot.cloud, "**report**"), 1);
        bot.cloud.fault(on_post().delay(Duration::from_millis(300)));
        bot.cloud.person(ALICE).says("help status");
        arrived(&bot.cloud, Method::POST, "/messages", 2).await;
        clock.turn(SignedDuration::from_hours(hours));
        bot.settle().await;
        assert_eq!(said(&bot.cloud, "**status**"), 1, "{hours}: {}", bot.cloud.transcript());
        let posts =
            bot.cloud.calls().iter().filter(|call| call.method == Method::POST && call.path == "/messages").count();
        assert_eq!(posts, 2, "a lease was taken for over");
        assert_eq!(get(format!("{}/readyz", bot.url)).await.status(), 200);
    }
}

/// The library that gives a process a clock of its own, where it is installed.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

#[tokio::test(flavor = "multi_thread")]
async fn the_systems_clock_may_be_set_back_an_hour_before_a_restart_and_while_the_daemon_runs() {
    if !std::path::Path::new(FAKETIME).exists() {
        return skipped("libfaketime is not installed (apt-get install faketime)");
    }
    let (cloud, folder) = cloud().await;
    let port = free_port();
    let file = folder.path().join("clock");
    let set = |by: &str| std::fs::write(&file, by).unwrap();
    set("+0");
    let faked = [
        ("LD_PRELOAD", FAKETIME),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let daemon = Daemon::start(&cloud, folder.path(), port, &faked);
    daemon.logs("created switchboard memberships");
    cloud.fault(Fault::on(Method::GET, "/messages*").always().answer(503, &[], ""));
    cloud.person(ALICE).says("help status");
    daemon.logs("Webex is away; the event waits");
    set("-3600");
    cloud.clear_faults();
    assert!(eventually(async || said(&cloud, "**status**") == 1).await, "set back while it runs");
    cloud.fault(Fault::on(Method::GET, "/messages*").always().answer(503, &[], ""));
    cloud.person(ALICE).says("help report");
    daemon.logs("Webex is away; the event waits");
    daemon.terminate();
    assert!(daemon.wait().success());
    cloud.clear_faults();
    set("-7200");
    let _daemon = Daemon::start(&cloud, folder.path(), port, &faked);
    assert!(eventually(async || said(&cloud, "**report**") == 1).await, "set back before a restart");
}
