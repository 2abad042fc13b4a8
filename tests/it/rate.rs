//! What the bot does within the limits of its token: it finds them out, keeps them, and knows who goes first.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Instant;

use futures_util::future::try_join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use switchboard::simulator::{Call, Cloud, Fault, RateLimit};
use switchboard::webex::Priority;
use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};

use crate::harness::{Harness, arrived, eventually, get, http, switchboard};

const PACE: &str = "switchboard_api_pace_per_minute";

/// So many calls between two refusals say what Webex takes.
const FIRST: usize = 12;

/// Refuses a call of this kind, and the one after [`FIRST`] more: the bot is paced then.
fn slow_down(cloud: &Cloud, path: &str) {
    let fault = |pause| Fault::on(Method::GET, path).answer(429, &[("retry-after", pause)], "");
    cloud.fault(fault("1"));
    cloud.fault(fault("2").after(FIRST));
}

/// Answers with its argument.
fn say() -> Command {
    async fn run(_: Context, mut args: Args) -> Result<Reply> {
        Ok(Reply::text(args.rest()))
    }
    Command::new("say", "Repeats it", run).param(Param::text("text").rest())
}

/// Makes calls as polling would: [`FIRST`] and one more in order, and then many at once.
fn sweep() -> Command {
    async fn run(context: Context, mut args: Args) -> Result<Reply> {
        let polling = context.webex().at(Priority::Poll);
        let polls = args.rest().parse().unwrap_or_default();
        for _ in 0..=FIRST {
            polling.probe().await.map_err(anyhow::Error::from)?;
        }
        try_join_all((FIRST..polls).map(|_| polling.probe())).await.map_err(anyhow::Error::from)?;
        Ok(Reply::text("swept"))
    }
    Command::new("sweep", "Polls", run).param(Param::text("count"))
}

fn is_post(call: &Call) -> bool {
    call.method == Method::POST && call.path == "/messages"
}

fn is_poll(call: &Call) -> bool {
    call.path == "/rooms"
}

/// Everybody was answered with what they said, once.
fn each_is_answered_once(cloud: &Cloud, people: usize) {
    let bot = cloud.bot().id;
    let said = cloud.messages().into_iter().filter(|message| message.person_id == bot);
    let mut said: Vec<_> = said.filter_map(|message| message.text).collect();
    said.sort();
    let mut expected: Vec<_> = (0..people).map(|nth| format!("{nth}")).collect();
    expected.sort();
    assert_eq!(said, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_pauses_every_post_of_the_token_and_loses_and_doubles_nothing() {
    let bot = Harness::with("[worker]\nmax_attempts = 1\nconcurrency = 1", Bot::builder().command(say())).await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").after(3).answer(
        429,
        &[("retry-after", "1")],
        "<html></html>",
    ));
    assert_eq!(bot.metric(PACE).await, 0.0, "nothing is slowed before Webex asks for it");
    for nth in 0..10 {
        bot.cloud.person(&format!("person{nth}@example.com")).says(&format!("say {nth}"));
    }
    arrived(&bot.cloud, Method::POST, "/messages", 4).await;
    assert!(bot.metric("switchboard_queue_age_seconds{queue=\"outbox\"}").await > 0.0);
    assert!(bot.metric("switchboard_oldest_open_seconds").await > 0.0);
    bot.settle().await;
    assert_eq!(bot.metric(PACE).await, 0.0, "it goes on as before");
    each_is_answered_once(&bot.cloud, 10);
    let posts: Vec<_> = bot.cloud.calls().into_iter().filter(is_post).collect();
    assert_eq!(posts.len(), 11);
    assert_eq!(posts[3].status, Some(429));
    assert!(posts[4].at.duration_since(posts[3].at).as_secs_f64() >= 1.0, "no other space is written to meanwhile");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
    assert_eq!(bot.metric("switchboard_queue_age_seconds{queue=\"outbox\"}").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_429_costs_a_quiet_bot_its_pause_and_nothing_else() {
    let bot = Harness::with("[worker]\nmax_attempts = 1", Bot::builder().command(say())).await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("say before");
    bot.settle().await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(429, &[("retry-after", "1")], ""));
    for text in ["refused", "next", "last"] {
        alice.says(&format!("say {text}"));
        bot.settle().await;
    }
    let posts: Vec<_> = bot.cloud.calls().into_iter().filter(is_post).collect();
    let statuses: Vec<_> = posts.iter().map(|call| call.status.unwrap()).collect();
    assert_eq!(statuses, [200, 429, 200, 200, 200]);
    let after = |nth: usize| posts[nth].at.duration_since(posts[1].at).as_secs_f64();
    assert!((1.0..1.5).contains(&after(2)), "Retry-After said 1 s, and it was {}", after(2));
    assert!(after(4) < 2.0, "two more answers took {} s", after(4) - after(2));
}

/// It is not the bot's rate that makes a Webex refuse every third post, so to go slower only makes it last longer. How
/// many pauses there are depends on how many posts are under way at once, and that on the machine.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_answers_take_no_longer_than_the_pauses_that_webex_asks_for() {
    const PEOPLE: usize = 100;
    const PAUSE: f64 = 1.0;
    /// In seconds, for the work itself. A pace that stays costs a minute and more.
    const SPARE: f64 = 20.0;
    let bot = Harness::with("", Bot::builder().command(say())).await;
    for nth in 0..PEOPLE {
        let third = Fault::on(Method::POST, "/messages").after(3 * nth + 2);
        bot.cloud.fault(third.answer(429, &[("retry-after", "1")], ""));
    }
    for nth in 0..PEOPLE {
        bot.cloud.person(&format!("person{nth}@example.com")).says(&format!("say {nth}"));
    }
    let began = Instant::now();
    bot.settled().await;
    let took = began.elapsed().as_secs_f64();
    each_is_answered_once(&bot.cloud, PEOPLE);
    let refused = bot.cloud.calls().into_iter().filter(|call| call.status == Some(429));
    let refused: Vec<_> = refused.map(|call| call.at).collect();
    // The pause of a refusal that comes within a pause only makes that one longer.
    let until_next = refused.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs_f64().min(PAUSE));
    let asked = until_next.sum::<f64>() + PAUSE;
    assert!(took < asked + SPARE, "it took {took} s, of which Webex asked for {asked} s");
    assert!(refused.len() >= PEOPLE / 3, "{} were refused", refused.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_found_out_by_few_refusals_and_forgotten_when_it_is_gone() {
    const PEOPLE: usize = 25;
    const AT_ONCE: usize = 4;
    let settings = format!("[worker]\nmax_attempts = 1\nconcurrency = {AT_ONCE}");
    let bot = Harness::with(&settings, Bot::builder().command(say())).await;
    bot.cloud.rate_limit(RateLimit { calls: 20, seconds: 1 });
    for nth in 0..PEOPLE {
        bot.cloud.person(&format!("person{nth}@example.com")).says(&format!("say {nth}"));
    }
    bot.settle().await;
    each_is_answered_once(&bot.cloud, PEOPLE);
    let refused = bot.cloud.calls().iter().filter(|call| call.status == Some(429)).count();
    // Reads and posts that were under way when the first was refused; and once more, should the pace overshoot.
    assert!((1..=4 * AT_ONCE).contains(&refused), "{refused} calls were refused");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);

    bot.cloud.rate_limit(RateLimit::default());
    let alice = bot.cloud.person("alice@example.com");
    let asked = std::time::Instant::now();
    while bot.metric(PACE).await > 0.0 {
        assert!(asked.elapsed() < crate::harness::PATIENCE, "the pace returns");
        alice.says("say hello");
        bot.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_taken_on_than_can_be_said_soon() {
    const PEOPLE: usize = 30;
    let bot = Harness::with("[worker]\nmax_attempts = 1\nconcurrency = 64", Bot::builder().command(say())).await;
    slow_down(&bot.cloud, "/messages*");
    // One at a time, until the pace is known: what was taken on before that is turned away.
    let mut before = 0;
    while bot.metric(PACE).await == 0.0 {
        bot.cloud.person("alice@example.com").says(&format!("say {before}"));
        bot.settle().await;
        before += 1;
    }
    for nth in before..before + PEOPLE {
        bot.cloud.person(&format!("person{nth}@example.com")).says(&format!("say {nth}"));
    }
    arrived(&bot.cloud, Method::POST, "/messages", before + 10).await;
    let mut turned_away = 0;
    for queue in ["inbox", "outbox"] {
        // An event or a letter that was claimed and had no turn waits three seconds or more.
        let list = crate::cli::verb(bot.folder.path(), &[queue, "list", "--json"]);
        turned_away += list.matches("wait 3s").count() + list.matches("wait 4s").count();
    }
    // A call of the other loop may come between the look at the room and the claim.
    assert!(turned_away <= 2, "{turned_away} were claimed and had no turn");
    bot.settle().await;
    each_is_answered_once(&bot.cloud, before + PEOPLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_goes_before_polls_that_wait_and_these_go_on_after_it() {
    let bot = Harness::with("", Bot::builder().command(say()).command(sweep())).await;
    slow_down(&bot.cloud, "/rooms");
    bot.cloud.person("alice@example.com").says("sweep 30");
    // Two that were refused, and then one of those that wait for their turns.
    arrived(&bot.cloud, Method::GET, "/rooms", FIRST + 4).await;
    let mut heard = bot.cloud.subscribe();
    let before = bot.cloud.calls().len();
    bot.cloud.person("bob@example.com").says("say hi");
    while heard.recv().await.unwrap().text.as_deref() != Some("hi") {}
    bot.settle().await;
    let calls = bot.cloud.calls().split_off(before);
    let reply = calls.iter().position(is_post).unwrap();
    let (earlier, later) = calls.split_at(reply);
    let polls = |calls: &[Call]| calls.iter().filter(|call| is_poll(call)).count();
    // Some go while the question is on its way.
    assert!(polls(earlier) < polls(later), "{} polls before the reply, {} after", polls(earlier), polls(later));
    assert!(bot.cloud.transcript().contains("swept"));
    assert!(bot.metric("switchboard_api_wait_seconds_count{priority=\"poll\"}").await > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn polling_keeps_its_own_limit() {
    let bot = Harness::with("[polling]\nrate = 600", Bot::builder().command(sweep())).await;
    bot.cloud.person("alice@example.com").says("sweep 110");
    bot.settle().await;
    let polls: Vec<_> = bot.cloud.calls().into_iter().filter(is_poll).collect();
    // The bot's own look at its start is among them.
    let [first, .., last] = polls.as_slice() else { panic!("{polls:?}") };
    assert!(polls.len() >= 110, "{}", polls.len());
    // A hundred may be saved up, and ten go in each second.
    assert!(last.at.duration_since(first.at).as_secs_f64() > 0.9);
    assert_eq!(bot.metric(PACE).await, 0.0, "nobody else is slowed by that");
}

#[tokio::test]
async fn the_cloud_has_a_limit_when_it_is_given_one() {
    let cloud = Cloud::start(switchboard::simulator::Options::default()).await.unwrap();
    let http = http();
    let limit = |body| http.patch(format!("{}control/limit", cloud.page_url())).json(&body).send();
    let me = || http.get(format!("{}/people/me", cloud.api_url())).bearer_auth(cloud.bot().token).send();
    assert_eq!(limit(json!({"calls": 2})).await.unwrap().status(), StatusCode::OK);
    assert_eq!(limit(json!({"seconds": 0})).await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(me().await.unwrap().status(), StatusCode::OK);
    assert_eq!(me().await.unwrap().status(), StatusCode::OK);
    let refused = me().await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let pause: u32 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((50..=60).contains(&pause), "{pause}");
    assert!(refused.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    cloud.person("alice@example.com").says("people are not counted");
    assert_eq!(limit(json!({"calls": 0})).await.unwrap().status(), StatusCode::OK);
    assert_eq!(me().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_that_polls_keeps_to_polling_rate() {
    let settings = "[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"1ms\"\nrate = 60";
    let bot = Harness::with(settings, Bot::builder().command(say())).await;
    // Ten may be saved up, and one goes in each second.
    arrived(&bot.cloud, Method::GET, "/rooms", 12).await;
    let polls: Vec<_> = bot.cloud.calls().into_iter().filter(is_poll).collect();
    assert!(polls[11].at.duration_since(polls[0].at).as_secs_f64() > 0.9);
}

/// `switchboard simulate`, ended with the test.
struct Simulator(Child);

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_simulators_bot_forgets_a_pause_when_everything_is_cleared() {
    let child = switchboard().args(["simulate", "--json", "--stay"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut simulator = Simulator(child);
    // A program whose output nobody reads any more ends.
    let mut lines = BufReader::new(simulator.0.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let page = first["page_url"].as_str().unwrap();
    let sent = async |call: reqwest::RequestBuilder| call.send().await.unwrap().error_for_status().unwrap();
    let shows = async |what: &str, text: &str| {
        eventually(async || get(format!("{page}control/{what}")).await.text().await.unwrap().contains(text)).await
    };
    assert!(shows("state", "\"status\":\"active\"").await, "its webhooks are registered");
    let fault = json!({"method": "POST", "path": "/messages",
        "effect": {"answer": {"status": 429, "headers": [["retry-after", "3600"]]}}});
    sent(http().post(format!("{page}control/faults")).json(&fault)).await;
    let said = json!({"toPersonEmail": first["bot"]["email"], "text": "echo here I am"});
    sent(http().post(format!("{page}as/alice@example.com/messages")).json(&said)).await;
    assert!(shows("calls", "\"fault\":\"429\"").await);
    sent(http().delete(format!("{page}control/faults"))).await;
    assert!(shows("transcript", "sender   alice").await, "the reply waits for the hour that the fault asked for");
}
