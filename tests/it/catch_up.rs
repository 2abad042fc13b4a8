//! Reading back: the bot that polls, and the one whose deliveries were lost.

use std::io::Write;

use reqwest::Method;
use switchboard::simulator::{Cloud, Fault, Options, WebhookStatus};
use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};
use tempfile::TempDir;

use crate::harness::{Harness, PATIENCE, arrived, eventually, get, switchboard};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
const POLLING: &str = "[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"10ms\"\nrate = 1000000\n[worker]\nvisible_within = \"50ms\"";
const WEBHOOK: &str =
    "[polling]\nrate = 1000000\n[delivery]\nreconcile = \"10ms\"\n[worker]\nvisible_within = \"50ms\"";

/// A bot that repeats what it is told.
fn parrot() -> Bot {
    async fn run(_: Context, mut args: Args) -> Result<Reply> {
        Ok(Reply::text(args.rest()))
    }
    Bot::builder().command(Command::new("say", "Repeats it", run).param(Param::text("text").rest()))
}

async fn start(settings: &str) -> Harness {
    Harness::with(settings, parrot()).await
}

async fn resume(stood_on: (Cloud, TempDir), settings: &str) -> Harness {
    let bot = Harness::on(stood_on.0, stood_on.1, settings, parrot()).await;
    bot.ready().await;
    bot
}

/// What the bot has said once it has said so many things and has nothing more to do.
async fn answers(bot: &Harness, count: usize) -> Vec<String> {
    let me = bot.cloud.bot().id;
    let said = || -> Vec<String> {
        let messages = bot.cloud.messages().into_iter().filter(|message| message.person_id == me);
        messages.filter_map(|message| message.text).collect()
    };
    let mut heard = bot.cloud.subscribe();
    let enough = async {
        while said().len() < count {
            let _ = heard.recv().await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, enough).await;
    assert!(waited.is_ok(), "{}", bot.cloud.transcript());
    looks(bot, 2).await;
    bot.settle().await;
    said()
}

/// Waits until the spaces were listed so often from now on: what was there before was looked at.
async fn looks(bot: &Harness, count: usize) {
    let so_far = calls(&bot.cloud, "/rooms").len();
    arrived(&bot.cloud, Method::GET, "/rooms", so_far + count).await;
}

fn calls(cloud: &Cloud, path: &str) -> Vec<switchboard::simulator::Call> {
    cloud.calls().into_iter().filter(|call| call.method == Method::GET && call.path == path).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_answers_what_is_for_the_bot_once_and_needs_no_webhook() {
    let bot = start(POLLING).await;
    let space = bot.cloud.space("Ops", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    alice.says("say one");
    assert_eq!(answers(&bot, 1).await, ["one"]);
    bob.mentions_bot(&space, "say two").unwrap();
    bob.says_in(&space, "say not to the bot").unwrap();
    assert_eq!(answers(&bot, 2).await, ["one", "two"]);
    alice.says("say three");
    assert_eq!(answers(&bot, 3).await, ["one", "two", "three"]);
    assert!(bot.cloud.webhooks().is_empty());
    let metric = "switchboard_events_received_total{source=\"polling\",resource=\"messages\",outcome=\"accepted\"}";
    assert_eq!(bot.metric(metric).await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_spaces_that_moved_are_read() {
    let bot = start(POLLING).await;
    for nth in 0..30 {
        bot.cloud.space(&format!("Space {nth}"), &[ALICE]);
    }
    bot.cloud.person(ALICE).says("say hello");
    answers(&bot, 1).await;
    // One read when it is seen, one when Webex is sure to show it, for the question and again for the answer.
    looks(&bot, 20).await;
    let direct = bot.cloud.person(ALICE).direct_room();
    let read: Vec<_> = calls(&bot.cloud, "/messages");
    let of_direct = read.iter().filter(|call| call.query.as_ref().is_some_and(|query| query.contains(&direct))).count();
    assert!((2..=5).contains(&of_direct), "{of_direct} reads of the direct space");
    let before = calls(&bot.cloud, "/messages").len();
    looks(&bot, 20).await;
    assert_eq!(calls(&bot.cloud, "/messages").len(), before, "idle spaces are read again");
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_waits_as_webex_asks() {
    let bot = start(POLLING).await;
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").answer(429, &[("retry-after", "1")], "<html>slow</html>"));
    let asked = calls(&bot.cloud, "/rooms").len();
    arrived(&bot.cloud, Method::GET, "/rooms", asked + 2).await;
    let calls = calls(&bot.cloud, "/rooms");
    let refused = calls.iter().position(|call| call.status == Some(429)).expect("refused once");
    let pause = calls[refused + 1].at.duration_since(calls[refused].at);
    assert!(pause >= jiff::SignedDuration::from_millis(990), "{pause}");
    bot.cloud.person(ALICE).says("say still here");
    assert_eq!(answers(&bot, 1).await, ["still here"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_a_polling_bot_is_away_is_answered_once_and_in_order() {
    let bot = start(POLLING).await;
    let space = bot.cloud.space("Ops", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    alice.says("say before");
    answers(&bot, 1).await;
    let stood_on = bot.stop().await;
    // More than a page of mentions, and a space that is opened meanwhile.
    for nth in 0..120 {
        alice.mentions_bot(&space, &format!("say {nth}")).unwrap();
    }
    let opened = stood_on.0.space("New", &[BOB]);
    stood_on.0.person(BOB).mentions_bot(&opened, "say new").unwrap();
    stood_on.0.quirks(|quirks| (quirks.lost_mentions, quirks.empty_pages) = (true, true));
    let bot = resume(stood_on, POLLING).await;
    let mut answers = answers(&bot, 122).await;
    assert_eq!(answers.remove(0), "before");
    let new = answers.iter().position(|answer| answer == "new").expect("the new space is answered");
    answers.remove(new);
    assert_eq!(answers, (0..120).map(|nth| nth.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_before_the_very_first_start_is_history() {
    for mode in [POLLING, WEBHOOK] {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let space = cloud.space("Ops", &[ALICE, BOB]);
        cloud.person(ALICE).says("say old");
        cloud.person(BOB).mentions_bot(&space, "say old too").unwrap();
        let bot = resume((cloud, tempfile::tempdir().unwrap()), mode).await;
        looks(&bot, 3).await;
        bot.cloud.person(ALICE).says("say new");
        assert_eq!(answers(&bot, 1).await, ["new"], "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webex_shows_late_is_read_too() {
    let bot = start(POLLING).await;
    bot.cloud.hide_from_first_reads(1);
    bot.cloud.person(ALICE).says("say late");
    assert_eq!(answers(&bot, 1).await, ["late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_answers_once_what_is_delivered_and_what_is_not() {
    let settings = POLLING.replace("\"polling\"", "\"both\"");
    let bot = start(&settings).await;
    let alice = bot.cloud.person(ALICE);
    for nth in 0..20 {
        bot.cloud.deliveries(|manner| manner.copies = nth % 3);
        alice.says(&format!("say {nth}"));
        bot.cloud.delivered().await;
    }
    let mut answers = answers(&bot, 20).await;
    answers.sort_by_key(|answer| answer.parse::<u32>().unwrap());
    assert_eq!(answers, (0..20).map(|nth| nth.to_string()).collect::<Vec<_>>());
    assert_eq!(bot.cloud.webhooks().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_was_lost_is_fetched() {
    let bot = start(WEBHOOK).await;
    bot.cloud.deliveries(|manner| manner.copies = 0);
    bot.cloud.person(ALICE).says("say lost");
    assert_eq!(answers(&bot, 1).await, ["lost"]);
    let metric = "switchboard_events_received_total{source=\"catch_up\",resource=\"messages\",outcome=\"accepted\"}";
    assert_eq!(bot.metric(metric).await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_found_inactive_is_revived_and_caught_up() {
    let settings = "[delivery]\nreconcile = \"1h\"\n[webhook]\ncheck_interval = \"20ms\"";
    let bot = start(settings).await;
    looks(&bot, 0).await;
    let ours = bot.cloud.webhooks().into_iter().find(|webhook| webhook.resource == "messages").unwrap();
    // The look at the webhooks waits until something was said to the dead one.
    bot.cloud.fault(Fault::on(Method::GET, "/webhooks").stall());
    let looked = calls(&bot.cloud, "/webhooks").len();
    arrived(&bot.cloud, Method::GET, "/webhooks", looked + 1).await;
    bot.cloud.set_webhook_status(&ours.id, WebhookStatus::Inactive);
    bot.cloud.person(ALICE).says("say into the void");
    bot.cloud.delivered().await;
    assert_eq!(bot.cloud.messages().len(), 1);
    bot.cloud.release();
    let mut heard = bot.cloud.subscribe();
    let answer = async { while heard.recv().await.unwrap().person_id != bot.cloud.bot().id {} };
    tokio::time::timeout(PATIENCE, answer).await.expect("it is caught up at once, not after an hour");
    assert_eq!(bot.transcript().await, "alice: say into the void\nbot: into the void\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_answered_before_what_is_said_after_the_start() {
    let stood_on = start(WEBHOOK).await.stop().await;
    let alice = stood_on.0.person(ALICE);
    alice.says("say one");
    alice.says("say two");
    stood_on.0.delivered().await;
    // The catching up is slower than the next delivery.
    stood_on.0.fault(Fault::on(Method::GET, "/rooms").stall());
    let bot = Harness::on(stood_on.0, stood_on.1, WEBHOOK, parrot()).await;
    arrived(&bot.cloud, Method::GET, "/rooms", 1).await;
    alice.says("say three");
    bot.cloud.delivered().await;
    bot.cloud.release();
    assert_eq!(answers(&bot, 3).await, ["one", "two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_cannot_be_read_holds_up_no_other() {
    let bot = start(POLLING).await;
    let closed = bot.cloud.space("Closed", &[ALICE]);
    bot.cloud.fault(Fault::on(Method::GET, "/messages").about(&closed).always().answer(403, &[], ""));
    bot.cloud.person(ALICE).mentions_bot(&closed, "say nothing").unwrap();
    bot.cloud.person(BOB).says("say something");
    assert_eq!(answers(&bot, 1).await, ["something"]);
    assert!(eventually(async || bot.metric("switchboard_gaps").await == 1.0).await);
    let status = status(&bot).await;
    assert!(status.contains("Webex does not let the bot read one of its spaces"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_of_webex_nothing_is_missing() {
    let bot = start(POLLING).await;
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").times(8).answer(503, &[], ""));
    bot.cloud.person(ALICE).says("say through it all");
    assert_eq!(answers(&bot, 1).await, ["through it all"]);
    let status = status(&bot).await;
    assert!(!status.contains("may miss"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn catch_up_turned_off_begins_with_what_is_said_now_and_names_the_gap() {
    let off = POLLING.replace("[delivery]\n", "[delivery]\ncatch_up = \"0s\"\n");
    let stood_on = start(&off).await.stop().await;
    stood_on.0.person(ALICE).says("say while away");
    let bot = resume(stood_on, &off).await;
    bot.cloud.person(ALICE).says("say now");
    assert_eq!(answers(&bot, 1).await, ["now"]);
    let status = status(&bot).await;
    assert!(status.contains("delivery.catch_up is 0s"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_longer_than_catch_up_is_a_gap_with_a_name() {
    // Beyond what every look finds in any case, which is three intervals and twice the time Webex may lag.
    let short = POLLING.replace("[delivery]\n", "[delivery]\ncatch_up = \"1ms\"\n").replace("50ms", "1ms");
    let bot = start(&short).await;
    looks(&bot, 2).await;
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").times(12).answer(503, &[], ""));
    let asked = calls(&bot.cloud, "/rooms").len();
    arrived(&bot.cloud, Method::GET, "/rooms", asked + 1).await;
    arrived(&bot.cloud, Method::GET, "/rooms", asked + 14).await;
    bot.cloud.person(ALICE).says("say now");
    assert_eq!(answers(&bot, 1).await, ["now"]);
    let status = status(&bot).await;
    assert!(status.contains("away for longer than delivery.catch_up"), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_in_one_space_than_is_to_be_fetched_is_a_gap_with_a_name() {
    let limited = POLLING.replace("[delivery]\n", "[delivery]\ncatch_up_limit = 3\n");
    let stood_on = start(&limited).await.stop().await;
    for nth in 0..5 {
        stood_on.0.person(ALICE).says(&format!("say {nth}"));
    }
    let bot = resume(stood_on, &limited).await;
    assert_eq!(answers(&bot, 3).await, ["2", "3", "4"]);
    let status = status(&bot).await;
    assert!(status.contains("more than 3 messages"), "{status}");
}

/// What the bot says of itself.
async fn status(bot: &Harness) -> String {
    bot.cloud.person(BOB).says("status");
    bot.settle().await;
    looks(bot, 2).await;
    bot.settle().await;
    let said = bot.cloud.messages();
    said.iter().rev().find_map(|message| message.markdown.clone()).expect("a status")
}

/// A bot that sends canaries to a space of its own, which may take so long.
async fn with_canary(settings: &str, within: &str) -> Harness {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let space = cloud.space("Canaries", &[]);
    let canary = format!("canary = \"{space}\"\ncanary_interval = \"20ms\"\ncanary_within = \"{within}\"\n");
    resume((cloud, tempfile::tempdir().unwrap()), &format!("[delivery]\n{canary}{settings}")).await
}

async fn canaries(bot: &Harness, outcome: &str) -> f64 {
    bot.metric(&format!("switchboard_canaries_total{{outcome=\"{outcome}\"}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_comes_back_proves_the_way_in_and_leaves_nothing_behind() {
    let bot = with_canary("", "30s").await;
    arrived(&bot.cloud, Method::DELETE, "/messages/", 2).await;
    assert!(canaries(&bot, "returned").await >= 1.0);
    assert_eq!(canaries(&bot, "lost").await, 0.0);
    assert!(bot.metric("switchboard_delivery_age_seconds").await < 10.0);
    let (cloud, _folder) = bot.stop().await;
    assert!(cloud.messages().len() <= 1, "{}", cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_lost_is_said_and_what_is_missed_is_fetched() {
    let bot = with_canary("reconcile = \"1h\"\n", "300ms").await;
    arrived(&bot.cloud, Method::DELETE, "/messages/", 1).await;
    bot.cloud.deliveries(|manner| manner.copies = 0);
    bot.cloud.person(ALICE).says("help status");
    let answered = bot.cloud.call_made(Method::GET, "/messages*", 1);
    tokio::time::timeout(PATIENCE, answered).await.expect("the lost canary has the spaces looked through");
    assert!(canaries(&bot, "lost").await >= 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_answered_in_the_order_in_which_they_spoke_whatever_order_webex_delivers_in() {
    let bot = start("[delivery]\nreconcile = \"1h\"").await;
    let space = bot.cloud.space("Ops", &[ALICE]);
    let alice = bot.cloud.person(ALICE);
    let ask = |text: &str| {
        alice.says(&format!("say {text}"));
        alice.mentions_bot(&space, &format!("say {text}")).unwrap();
    };
    ask("first");
    bot.settle().await;
    // The second is never delivered; what comes next shows that.
    bot.cloud.deliveries(|manner| manner.copies = 0);
    ask("second");
    bot.cloud.delivered().await;
    bot.cloud.deliveries(|manner| (manner.copies, manner.reorder, manner.held) = (2, true, true));
    for nth in 3..20 {
        ask(&nth.to_string());
    }
    bot.cloud.resume_deliveries();
    bot.settle().await;
    let me = bot.cloud.bot().id;
    let mut expected = vec!["first".to_owned(), "second".to_owned()];
    expected.extend((3..20).map(|nth| nth.to_string()));
    for room in [space, alice.direct_room()] {
        let said =
            bot.cloud.messages().into_iter().filter(|message| message.person_id == me && message.room_id == room);
        assert_eq!(said.filter_map(|message| message.text).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_the_metrics_name_what_is_complete_and_what_is_not() {
    let limited = POLLING.replace("[delivery]\n", "[delivery]\ncatch_up_limit = 3\n");
    let stood_on = start(&limited).await.stop().await;
    for nth in 0..5 {
        stood_on.0.person(ALICE).says(&format!("say {nth}"));
    }
    let bot = resume(stood_on, &limited).await;
    answers(&bot, 3).await;
    assert_eq!(bot.metric("switchboard_gaps").await, 1.0);
    let age = bot.metric("switchboard_complete_age_seconds").await;
    assert!((0.0..60.0).contains(&age), "{age}");
    let variables = [("WEBEX_BOT_TOKEN", bot.cloud.bot().token), ("SWITCHBOARD_WEBEX__API_URL", bot.cloud.api_url())];
    let url = format!("sqlite:{}", bot.folder.path().join("ledger.db").display());
    let mut check = switchboard();
    check.arg("check").envs(variables).env("DATABASE_URL", url).env("SWITCHBOARD_DELIVERY__MODE", "polling");
    let said = String::from_utf8(check.output().unwrap().stdout).unwrap();
    assert!(said.contains("ok   complete  no message to the bot is missing from 20"), "{said}");
    assert!(said.contains("warn complete  may be missing: what was said from 20"), "{said}");
    assert!(said.contains("more than 3 messages (delivery.catch_up_limit) in one space"), "{said}");
    // A daemon that cannot look is told from one that has nothing to tell.
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").always().answer(503, &[], ""));
    check.env("SWITCHBOARD_DELIVERY__RECONCILE", "1ms").env("SWITCHBOARD_POLLING__INTERVAL", "1ms");
    check.env("SWITCHBOARD_WORKER__VISIBLE_WITHIN", "1ms");
    let said = String::from_utf8(check.output().unwrap().stdout).unwrap();
    assert!(said.contains("and nobody has looked since"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_thousand_idle_spaces_cost() {
    const LOOKS: usize = 50;
    let cloud = Cloud::start(Options::default()).await.unwrap();
    for nth in 0..1000 {
        // Something happened in each of them, a minute apart.
        cloud.set_clock_offset(jiff::SignedDuration::from_mins(nth - 1000));
        cloud.space(&format!("Space {nth}"), &[ALICE]);
    }
    cloud.set_clock_offset(jiff::SignedDuration::ZERO);
    let bot = resume((cloud, tempfile::tempdir().unwrap()), POLLING).await;
    bot.cloud.person(ALICE).says("say hello");
    answers(&bot, 1).await;
    looks(&bot, 20).await;
    let before = bot.cloud.calls().len();
    looks(&bot, LOOKS).await;
    let calls = bot.cloud.calls().len() - before;
    let per_look = calls as f64 / LOOKS as f64;
    // At the default polling.interval of 5 s; every ten minutes one look lists all spaces, a thousand to a page.
    let per_minute = per_look * 12.0 + 0.1;
    let _ =
        writeln!(std::io::stderr(), "polling 1,000 idle spaces: {per_minute:.1} calls a minute, of polling.rate 200");
    assert!(per_look < 1.5, "{calls} calls in {LOOKS} looks");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poison_event_is_a_dead_letter_once_and_is_not_replayed_by_a_look_or_a_restart() {
    async fn fail(_: Context, _: Args) -> Result<Reply> {
        Err(anyhow::anyhow!("it always does").into())
    }
    let poison = || parrot().command(Command::new("fail", "Fails", fail));
    let settings = POLLING.replace("[worker]\n", "[worker]\nmax_attempts = 2\n");
    let bot = Harness::with(&settings, poison()).await;
    bot.cloud.person(ALICE).says("fail");
    bot.cloud.person(ALICE).says("say next");
    let said = answers(&bot, 2).await;
    assert!(said[0].starts_with("That failed, reference ") && said[1] == "next", "{said:?}");
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &settings, poison()).await;
    bot.ready().await;
    bot.cloud.person(ALICE).says("say after");
    assert_eq!(answers(&bot, 3).await.len(), 3);
    assert_eq!(bot.metric("switchboard_dead_letters").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_between_two_looks_is_answered_in_order() {
    let bot = start(POLLING).await;
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").stall());
    let asked = calls(&bot.cloud, "/rooms").len();
    arrived(&bot.cloud, Method::GET, "/rooms", asked + 1).await;
    for nth in 0..60 {
        bot.cloud.person(ALICE).says(&format!("say {nth}"));
    }
    bot.cloud.release();
    assert_eq!(answers(&bot, 60).await, (0..60).map(|nth| nth.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_is_only_found_by_looking_was_not_delivered() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    // In a direct space a look shows the bot its own words too.
    let space = cloud.person(ALICE).direct_room();
    cloud.deliveries(|manner| manner.copies = 0);
    let canary = format!("canary = \"{space}\"\ncanary_interval = \"20ms\"\ncanary_within = \"300ms\"\n");
    let settings = WEBHOOK.replace("[delivery]\n", &format!("[delivery]\n{canary}"));
    let bot = resume((cloud, tempfile::tempdir().unwrap()), &settings).await;
    arrived(&bot.cloud, Method::DELETE, "/messages/", 1).await;
    assert_eq!((canaries(&bot, "returned").await, canaries(&bot, "lost").await), (0.0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_of_ours_that_is_wrong_loses_nothing() {
    for ahead in [1, -1] {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        // Webex is the other way round.
        cloud.set_clock_offset(jiff::SignedDuration::from_hours(-ahead));
        let settings = POLLING.replace("[delivery]\n", "[delivery]\ncatch_up = \"10m\"\n");
        let bot = resume((cloud, tempfile::tempdir().unwrap()), &settings).await;
        bot.cloud.person(ALICE).says("say first");
        assert_eq!(answers(&bot, 1).await, ["first"]);
        let stood_on = bot.stop().await;
        stood_on.0.person(ALICE).says("say second");
        let bot = resume(stood_on, &settings).await;
        assert_eq!(answers(&bot, 2).await, ["first", "second"]);
        let status = status(&bot).await;
        assert!(!status.contains("may miss"), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_is_gone_is_no_gap() {
    let short = POLLING.replace("[delivery]\n", "[delivery]\ncatch_up = \"3s\"\n");
    let bot = start(&short).await;
    let space = bot.cloud.space("Ops", &[ALICE]);
    looks(&bot, 2).await;
    // It is seen to have moved, and gone before it can be read.
    bot.cloud.fault(Fault::on(Method::GET, "/messages").about(&space).always().answer(503, &[], ""));
    bot.cloud.person(ALICE).mentions_bot(&space, "say nothing").unwrap();
    let asked = calls(&bot.cloud, "/messages").len();
    arrived(&bot.cloud, Method::GET, "/messages", asked + 1).await;
    bot.cloud.remove_bot(&space).unwrap();
    bot.cloud.clear_faults();
    // For longer than a look reaches back.
    let gone = std::time::Instant::now();
    while gone.elapsed() < std::time::Duration::from_secs(4) {
        looks(&bot, 1).await;
    }
    let age = bot.metric("switchboard_complete_age_seconds").await;
    assert_eq!(bot.metric("switchboard_gaps").await, 0.0);
    assert!(age < 40.0, "it is written down every half minute: {age}");
    bot.cloud.person(ALICE).says("say here");
    assert_eq!(answers(&bot, 1).await, ["here"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_only_fails_is_passed_over_with_a_name() {
    let settings = POLLING.replace("[worker]\n", "[webex]\nretries = 0\n[worker]\ngive_up = \"100ms\"\n");
    let bot = start(&settings).await;
    let broken = bot.cloud.space("Broken", &[ALICE]);
    bot.cloud.fault(Fault::on(Method::GET, "/messages").about(&broken).always().answer(500, &[], ""));
    bot.cloud.person(ALICE).mentions_bot(&broken, "say nothing").unwrap();
    bot.cloud.person(BOB).says("say something");
    assert_eq!(answers(&bot, 1).await, ["something"]);
    let given_up = async {
        while bot.metric("switchboard_gaps").await < 1.0 {
            looks(&bot, 1).await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("a space that fails for worker.give_up is a gap");
    let status = status(&bot).await;
    assert!(status.contains("Webex fails to show one of the bot's spaces"), "{status}");
    assert_eq!(get(format!("{}/readyz", bot.url)).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn history_in_a_space_that_the_bot_comes_back_to_is_not_answered() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.set_clock_offset(jiff::SignedDuration::from_mins(-5));
    let space = cloud.space("Ops", &[ALICE]);
    cloud.person(ALICE).mentions_bot(&space, "say old").unwrap();
    cloud.set_clock_offset(jiff::SignedDuration::ZERO);
    cloud.remove_bot(&space).unwrap();
    let bot = resume((cloud, tempfile::tempdir().unwrap()), POLLING).await;
    looks(&bot, 2).await;
    bot.cloud.person(ALICE).adds(&space, "switchboard@webex.bot").unwrap();
    looks(&bot, 3).await;
    bot.cloud.person(ALICE).mentions_bot(&space, "say new").unwrap();
    assert_eq!(answers(&bot, 1).await, ["new"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_from_before_goes_on_from_its_last_event() {
    let bot = start(POLLING).await;
    bot.cloud.person(ALICE).says("say before");
    assert_eq!(answers(&bot, 1).await, ["before"]);
    let (cloud, folder) = bot.stop().await;
    let ledger = rusqlite::Connection::open(folder.path().join("ledger.db")).unwrap();
    ledger.execute_batch("DELETE FROM coverage; DELETE FROM cursor").unwrap();
    drop(ledger);
    cloud.person(ALICE).says("say during the upgrade");
    let bot = resume((cloud, folder), POLLING).await;
    assert_eq!(answers(&bot, 2).await, ["before", "during the upgrade"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webex_does_not_show_at_the_start_is_found_a_little_later() {
    // No look for an hour but the one after the time that Webex may lag.
    let settings = WEBHOOK.replace("10ms", "1h");
    let stood_on = start(&settings).await.stop().await;
    stood_on.0.hide_from_first_reads(1);
    stood_on.0.person(ALICE).says("say late");
    stood_on.0.delivered().await;
    let bot = resume(stood_on, &settings).await;
    let mut heard = bot.cloud.subscribe();
    let answer = async { while heard.recv().await.unwrap().text.as_deref() != Some("late") {} };
    tokio::time::timeout(PATIENCE, answer).await.expect("it is looked for once more");
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_back_from_an_event_goes_no_further_than_what_was_answered_and_than_catch_up() {
    let bot = start("[delivery]\nreconcile = \"1h\"").await;
    let alice = bot.cloud.person(ALICE);
    for nth in 0..30 {
        alice.says(&format!("say {nth}"));
        bot.settle().await;
    }
    let reads = calls(&bot.cloud, "/messages").len();
    assert!(reads <= 40, "one read an event, and not all there is each time: {reads}");
    let settings = "[delivery]\nreconcile = \"1h\"\ncatch_up = \"1m\"";
    let bot = resume(bot.stop().await, settings).await;
    bot.cloud.deliveries(|manner| manner.copies = 0);
    bot.cloud.set_clock_offset(jiff::SignedDuration::from_hours(1));
    alice.says("say an hour ago");
    bot.cloud.set_clock_offset(jiff::SignedDuration::from_hours(2));
    // Its clock is known by the next answer.
    looks(&bot, 0).await;
    bot.cloud.deliveries(|manner| manner.copies = 1);
    alice.says("say now");
    bot.settle().await;
    assert_eq!(bot.cloud.transcript().matches("bot: now").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_ledger_orders_otherwise_than_webex_do_not_wait_for_each_other() {
    // An envelope without a time has the time of its arrival, by our clock, which is an hour ahead here.
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.set_clock_offset(jiff::SignedDuration::from_hours(-1));
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "[delivery]\nreconcile = \"1h\"", parrot()).await;
    bot.ready().await;
    bot.cloud.hold_deliveries();
    let alice = bot.cloud.person(ALICE);
    let first = alice.says("say one");
    let room = alice.direct_room();
    let envelope = serde_json::json!({"resource": "messages", "event": "created",
        "data": {"id": first, "roomId": room, "roomType": "direct"}});
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").stall());
    assert_eq!(bot.delivers(envelope).await.0, 200);
    alice.says("say two");
    bot.cloud.resume_deliveries();
    bot.cloud.delivered().await;
    bot.cloud.release();
    bot.settle().await;
    let transcript = bot.cloud.transcript();
    assert!(transcript.contains("bot: one") && transcript.contains("bot: two"), "{transcript}");
    assert!(calls(&bot.cloud, "/messages").len() < 30, "they wait for each other");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_webex_brings_proves_that_it_delivers() {
    let bot = start(&POLLING.replace("\"polling\"", "\"both\"")).await;
    let age = async || bot.metric("switchboard_delivery_age_seconds").await;
    let before = std::time::Instant::now();
    bot.cloud.person(ALICE).says("say delivered");
    bot.cloud.delivered().await;
    // The metric counts whole milliseconds.
    assert!(age().await <= before.elapsed().as_secs_f64() + 0.001);
    answers(&bot, 1).await;
    bot.cloud.delivered().await;
    let before = std::time::Instant::now();
    bot.cloud.deliveries(|manner| manner.copies = 0);
    bot.cloud.person(ALICE).says("say found by polling");
    answers(&bot, 2).await;
    let undelivered = before.elapsed().as_secs_f64();
    assert!(age().await >= undelivered - 0.001);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_that_fails_for_a_while_loses_nothing() {
    let bot = start(&POLLING.replace("[worker]\n", "[webex]\nretries = 0\n[worker]\n")).await;
    let space = bot.cloud.space("Ops", &[ALICE]);
    bot.cloud.fault(Fault::on(Method::GET, "/messages").about(&space).times(12).answer(500, &[], ""));
    bot.cloud.person(ALICE).mentions_bot(&space, "say through it").unwrap();
    assert_eq!(answers(&bot, 1).await, ["through it"]);
    assert_eq!(bot.metric("switchboard_gaps").await, 0.0);
}
