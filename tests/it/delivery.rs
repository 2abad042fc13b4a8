//! How replies reach Webex when it is slow, away, or says no.

use reqwest::Method;
use switchboard::simulator::Fault;
use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};

use crate::harness::{Harness, arrived};

fn on_post() -> Fault {
    Fault::on(Method::POST, "/messages")
}

async fn posts(bot: &Harness) -> usize {
    bot.cloud.calls().iter().filter(|call| call.method == Method::POST && call.path == "/messages").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_waits_as_told_spends_no_attempt_and_is_sent_once() {
    let bot = Harness::with("[worker]\nmax_attempts = 2", Bot::builder()).await;
    bot.cloud.fault(on_post().times(2).answer(429, &[("retry-after", "1")], "<html>slow down</html>"));
    // Had the pauses been tries, this one would be the last.
    bot.cloud.fault(on_post().answer(500, &[], ""));
    let asked = std::time::Instant::now();
    bot.cloud.person("alice@example.com").says("help status");
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("bot:").count(), 1, "{transcript}");
    assert!(asked.elapsed().as_secs_f64() >= 2.0, "both pauses were kept");
    assert_eq!(posts(&bot).await, 4);
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_429_on_reading_is_waited_for_as_well() {
    let bot = Harness::with("[worker]\nmax_attempts = 1\n[webex]\nretries = 0", Bot::builder()).await;
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").answer(429, &[("retry-after", "1")], ""));
    bot.cloud.person("alice@example.com").says("help status");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_webex_lost_is_made_again() {
    let bot = Harness::start().await;
    bot.cloud.fault(on_post().answer(502, &[("content-type", "text/html")], "<html>bad gateway</html>"));
    bot.cloud.fault(on_post().reset());
    bot.cloud.person("alice@example.com").says("help status");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1);
    assert_eq!(posts(&bot).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncertain_send_in_a_direct_space_is_looked_up_and_not_repeated() {
    let bot = Harness::start().await;
    let alice = bot.cloud.person("alice@example.com");
    // The same words before, so that only the newest can be what was sent.
    alice.says("help status");
    bot.settle().await;
    bot.cloud.fault(on_post().apply_then_reset());
    alice.says("help status");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 2);
    assert_eq!(posts(&bot).await, 2, "it was found, not posted again");
    // And one that did not arrive is not taken for one of those.
    bot.cloud.fault(on_post().reset());
    alice.says("help status");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final_kept_with_its_tracking_id_and_holds_nobody_up() {
    let bot = Harness::start().await;
    let body = r#"{"message":"no","trackingId":"ROUTER_42"}"#;
    bot.cloud.fault(on_post().answer(403, &[("content-type", "application/json")], body));
    let alice = bot.cloud.person("alice@example.com");
    alice.says("help status");
    alice.says("help report");
    let transcript = bot.transcript().await;
    assert!(!transcript.contains("**status**") && transcript.contains("**report**"), "{transcript}");
    assert_eq!(posts(&bot).await, 2, "the refused one is not tried again");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 1.0);
    let (_cloud, folder) = bot.stop().await;
    let list = crate::cli::verb(folder.path(), &["outbox", "list", "--json"]);
    assert!(list.contains("ROUTER_42") && list.contains("\"state\": \"dead\""), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_breaks_webex_is_a_dead_letter_after_its_tries() {
    let bot = Harness::with("[worker]\nmax_attempts = 3", Bot::builder()).await;
    bot.cloud.fault(on_post().times(3).answer(500, &[], ""));
    let alice = bot.cloud.person("alice@example.com");
    alice.says("help status");
    alice.says("help report");
    let transcript = bot.transcript().await;
    assert!(!transcript.contains("**status**") && transcript.contains("**report**"), "{transcript}");
    assert_eq!(posts(&bot).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_500s_is_waited_out_when_webex_answers_nothing_else_either() {
    let bot = Harness::with("[worker]\nmax_attempts = 2\n[webex]\nretries = 0", Bot::builder()).await;
    bot.cloud.fault(Fault::on(Method::GET, "/rooms").always().answer(500, &[], ""));
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").times(6).answer(500, &[], ""));
    bot.cloud.fault(on_post().times(5).answer(500, &[], ""));
    bot.cloud.person("alice@example.com").says("help status");
    let transcript = bot.transcript().await;
    assert!(transcript.matches("bot:").count() == 1 && transcript.contains("**status**"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_webex_asks_for_holds_for_every_space() {
    let bot = Harness::start().await;
    bot.cloud.fault(on_post().answer(429, &[("retry-after", "1")], ""));
    bot.cloud.person("alice@example.com").says("help status");
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    let asked = std::time::Instant::now();
    let mut heard = bot.cloud.subscribe();
    bot.cloud.person("bob@example.com").says("help status");
    while heard.recv().await.unwrap().person_id != bot.cloud.bot().id {}
    assert!(asked.elapsed().as_secs_f64() > 0.9, "another space is not answered within the pause either");
    assert_eq!(bot.transcript().await.matches("**status**").count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_spends_nothing_of_what_a_later_failure_may_spend() {
    let bot = Harness::with("[worker]\nmax_attempts = 2", Bot::builder()).await;
    bot.cloud.fault(on_post().times(4).answer(503, &[], ""));
    bot.cloud.fault(on_post().answer(500, &[], ""));
    bot.cloud.person("alice@example.com").says("help status");
    assert_eq!(bot.transcript().await.matches("**status**").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_in_no_log_and_no_row_even_if_webex_repeats_it() {
    let bot = Harness::start().await;
    let token = bot.cloud.bot().token;
    let body = format!(r#"{{"message":"bad header Bearer {token}"}}"#);
    bot.cloud.fault(on_post().answer(400, &[("content-type", "application/json")], &body));
    bot.cloud.person("alice@example.com").says("help status");
    bot.settle().await;
    let list = crate::cli::verb(bot.folder.path(), &["outbox", "list", "--json"]);
    assert!(list.contains("bad header Bearer [token]") && !list.contains(&token), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_waited_out_however_many_tries_it_takes() {
    let bot = Harness::with("[worker]\nmax_attempts = 2\n[webex]\nretries = 0", Bot::builder()).await;
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").times(6).answer(503, &[], ""));
    bot.cloud.fault(on_post().times(6).answer(503, &[], ""));
    bot.cloud.person("alice@example.com").says("help status");
    let transcript = bot.transcript().await;
    assert!(transcript.matches("bot:").count() == 1 && transcript.contains("**status**"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_does_not_block_its_space() {
    let bot = Harness::with("[worker]\nmax_attempts = 2\n[webex]\nretries = 0", Bot::builder()).await;
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").times(4).answer(500, &[], ""));
    let alice = bot.cloud.person("alice@example.com");
    alice.says("help status");
    alice.says("help report");
    let transcript = bot.transcript().await;
    assert!(!transcript.contains("**status**") && transcript.contains("**report**"), "{transcript}");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 1.0);
}

/// Answers with its argument.
fn say() -> Command {
    async fn run(_: Context, mut args: Args) -> Result<Reply> {
        Ok(Reply::text(args.rest()))
    }
    Command::new("say", "Repeats it", run).param(Param::text("text").rest())
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_are_in_order_in_each_space_whatever_goes_wrong() {
    const SPACES: usize = 20;
    const EACH: usize = 10;
    // Faults may pile up on one message, and none is to be given up here.
    let bot = Harness::with("[worker]\nmax_attempts = 1000", Bot::builder().command(say())).await;
    for nth in 0..40 {
        bot.cloud.fault(on_post().after(nth * 3).answer(if nth % 2 == 0 { 503 } else { 500 }, &[], ""));
        bot.cloud.fault(Fault::on(Method::GET, "/messages*").after(nth * 5).answer(404, &[], ""));
    }
    let people: Vec<_> = (0..SPACES).map(|nth| bot.cloud.person(&format!("person{nth}@example.com"))).collect();
    for nth in 0..EACH {
        for person in &people {
            person.says(&format!("say {nth}"));
        }
    }
    bot.settle().await;
    for person in &people {
        let room = person.direct_room();
        let bot_id = bot.cloud.bot().id;
        let said =
            bot.cloud.messages().into_iter().filter(|message| message.room_id == room && message.person_id == bot_id);
        let said: Vec<_> = said.filter_map(|message| message.text).collect();
        let expected: Vec<_> = (0..EACH).map(|nth| nth.to_string()).collect();
        assert_eq!(said, expected, "{}", person.account().email);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_space_does_not_hold_up_the_others() {
    let bot = Harness::with("", Bot::builder().command(say())).await;
    bot.cloud.fault(on_post().stall());
    bot.cloud.person("alice@example.com").says("say slow");
    arrived(&bot.cloud, Method::POST, "/messages", 1).await;
    let mut heard = bot.cloud.subscribe();
    bot.cloud.person("bob@example.com").says("say quick");
    loop {
        let message = heard.recv().await.unwrap();
        if message.text.as_deref() == Some("quick") {
            break;
        }
    }
    assert!(bot.cloud.messages().iter().all(|message| message.text.as_deref() != Some("slow")));
    bot.cloud.release();
    assert!(bot.transcript().await.contains("slow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_said_and_waited_for() {
    let bot = Harness::start().await;
    bot.cloud.fault(Fault::on(Method::GET, "/messages*").answer(401, &[], ""));
    bot.cloud.person("alice@example.com").says("help status");
    assert_eq!(bot.transcript().await.matches("bot:").count(), 1, "the event was kept until the token was taken again");
}
