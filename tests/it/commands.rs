//! What people say and what they read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard::simulator::Fault;
use switchboard::{Args, Bot, Command, CommandError, Context, Param, Reply, Result};

use crate::harness::{Harness, http};

#[tokio::test]
async fn help_answers_in_a_direct_message() {
    let bot = Harness::start().await;
    bot.cloud.person("alice@example.com").says("help");
    insta::assert_snapshot!(bot.transcript().await, @"
    alice: help
    bot: I know these commands:

      - `help [command]`: What I can do, or how one command is used
      - `status`: How I am: uptime, queues and the way to Webex
      - `report [name] [period]`: What I did: messages, commands and how fast

      Say `help` and a command's name to see how it is used. [card]
    ");
}

#[tokio::test]
async fn case_blanks_a_slash_and_the_mention_do_not_matter() {
    let bot = Harness::start().await;
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    let alice = bot.cloud.person("alice@example.com");
    for text in [" HELP status", "/help\u{a0}Status", "help \"status\""] {
        alice.says(text);
    }
    alice.mentions_bot(&lab, "Help STATUS").unwrap();
    let bot_id = bot.cloud.bot().id;
    alice.writes(&lab, &format!("help status <@personId:{bot_id}>")).unwrap();
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("**status**: How I am").count(), 5, "{transcript}");
}

#[tokio::test]
async fn what_is_not_understood_is_said_plainly() {
    let bot = Harness::start().await;
    let alice = bot.cloud.person("alice@example.com");
    for text in
        ["statsu", "hello there", "status please", "report soon", "help nothing", "say \"open", "report 1d extra"]
    {
        alice.says(text);
    }
    insta::assert_snapshot!(bot.transcript().await, @r#"
    alice: statsu
    alice: hello there
    alice: status please
    alice: report soon
    alice: help nothing
    alice: say "open
    alice: report 1d extra
    bot: You said: "statsu". I don't know that; did you mean status? Say help to see what I can do.
    bot: You said: "hello there". I don't know that. Say help to see what I can do.
    bot: I don't know what to do with "please" here. Usage: status
    bot: "soon" is no report that you may have, and no period; say 12h, 7d or the like. Usage: report [name] [period]
    bot: There is no command "nothing". Say help to see them all.
    bot: You said: "say "open". I don't know that. Say help to see what I can do.
    bot: I don't know what to do with "extra" here. Usage: report [name] [period]
    "#);
}

#[tokio::test]
async fn a_reply_stays_in_its_thread() {
    let bot = Harness::start().await;
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    let alice = bot.cloud.person("alice@example.com");
    let root = alice.says_in(&lab, "shall we?").unwrap();
    alice.replies(&root, "help status").unwrap();
    bot.settle().await;
    let messages = bot.cloud.messages();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[2].person_id, bot.cloud.bot().id);
    assert_eq!(messages[2].parent_id.as_ref(), Some(&root));
}

#[tokio::test]
async fn a_message_in_a_space_without_a_mention_is_not_answered() {
    let bot = Harness::start().await;
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    bot.cloud.person("alice@example.com").says_in(&lab, "help").unwrap();
    assert_eq!(bot.transcript().await, "alice in Lab: help\n");
}

#[tokio::test]
async fn text_from_outside_stays_text() {
    let bot = Harness::start().await;
    bot.cloud.person("alice@example.com").says("<@all> [click](https://x.test) ```");
    bot.settle().await;
    let reply = bot.cloud.messages().pop().unwrap();
    assert_eq!(reply.markdown, None, "what is repeated is sent as plain text");
    assert_eq!(reply.html, None);
    assert!(reply.mentioned_groups.is_empty());
}

#[tokio::test]
async fn status_and_report_tell_what_happened() {
    let bot = Harness::start().await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("help");
    alice.says("nonsense");
    bot.settle().await;
    let bob = bot.cloud.person("bob@example.com");
    // Opening the space is an event of its own, which would be waiting while the command looks.
    bob.direct_room();
    bot.settle().await;
    bob.says("status");
    bot.settle().await;
    let status = bot.cloud.messages().pop().unwrap().markdown.unwrap();
    assert!(status.contains("delivery     webhook") && status.contains("inbox        0 waiting"), "{status}");
    assert!(status.contains("answered     2 since the start"), "{status}");
    alice.says("report");
    bot.settle().await;
    let report = bot.cloud.messages().pop().unwrap().markdown.unwrap();
    let report: Vec<_> =
        report.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        report,
        ["The last", "", "```", "3 messages", "", "COMMAND COUNT", "(none) 1", "help 1", "status 1", "```",]
    );
}

#[tokio::test]
async fn a_strange_command_of_ones_own_takes_a_handler_and_a_line() {
    async fn greet(context: Context, mut args: Args) -> Result<Reply> {
        let name = args.required("name")?;
        args.finish()?;
        assert_eq!(context.sender().email, "alice@example.com");
        Ok(Reply::text(format!("Hello, {name}!")))
    }
    let own = Bot::builder().command(Command::new("greet", "Says hello to somebody", greet).param(Param::text("name")));
    let bot = Harness::with("", own).await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("greet “Bob and all”");
    alice.says("greet");
    alice.says("greet Bob too");
    insta::assert_snapshot!(bot.transcript().await, @r#"
    alice: greet “Bob and all”
    alice: greet
    alice: greet Bob too
    bot: Hello, Bob and all!
    bot: I need the name. Usage: greet <name>
    bot: I don't know what to do with "too" here. Usage: greet <name>
    "#);
}

/// A handler that goes wrong in every way, by its first argument, and counts how often it was run.
fn trouble() -> (Command, Arc<AtomicUsize>) {
    async fn run(mut args: Args) -> Result<Reply> {
        match args.next().as_deref() {
            Some("panic") => panic!("as the test wants it"),
            Some("error") => Err(anyhow::anyhow!("a detail that nobody outside should read"))?,
            Some("decline") => Err(CommandError::User("Not on a Sunday.".to_owned())),
            Some("hang") => std::future::pending().await,
            Some("long") => Ok(Reply::markdown(format!("```\n{}```", "eins zwei drei\n".repeat(1000)))),
            _ => Ok(Reply::text("fine")),
        }
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let command = Command::new("trouble", "Goes wrong", move |_: Context, args| {
        counted.fetch_add(1, Ordering::Relaxed);
        run(args)
    })
    .param(Param::text("kind").optional());
    (command, runs)
}

#[tokio::test]
async fn a_command_that_fails_for_good_is_a_dead_letter_with_a_reference() {
    let (command, runs) = trouble();
    let bot = Harness::with("[worker]\ndeadline = \"50ms\"\nmax_attempts = 2", Bot::builder().command(command)).await;
    let alice = bot.cloud.person("alice@example.com");
    for kind in ["panic", "error", "hang"] {
        alice.says(&format!("trouble {kind}"));
        bot.settle().await;
        let reply = bot.cloud.messages().pop().unwrap().text.unwrap();
        assert!(
            reply.starts_with("That failed, reference ") && reply.len() == "That failed, reference 7Q2M.".len(),
            "{reply}"
        );
        assert_eq!(runs.swap(0, Ordering::Relaxed), 2, "{kind} was tried as often as worker.max_attempts says");
    }
    assert_eq!(bot.metric("switchboard_dead_letters").await, 3.0);
    alice.says("trouble decline");
    alice.says("trouble");
    bot.settle().await;
    let said: Vec<_> = bot.cloud.messages().into_iter().rev().filter_map(|message| message.text).take(4).collect();
    assert_eq!(said, ["fine", "Not on a Sunday.", "trouble", "trouble decline"], "the space goes on");
}

#[tokio::test]
async fn a_long_reply_is_sent_in_parts_and_in_order() {
    let bot = Harness::with("", Bot::builder().command(trouble().0)).await;
    bot.cloud.person("alice@example.com").says("trouble long");
    bot.settle().await;
    let parts: Vec<_> = bot.cloud.messages().into_iter().filter_map(|message| message.markdown).collect();
    assert_eq!(parts.len(), 3);
    for part in &parts {
        assert!(part.len() <= 7439 && part.starts_with("```\n") && part.ends_with("\n```"), "{part}");
    }
    let lines: usize = parts.iter().map(|part| part.lines().filter(|line| line.contains("zwei")).count()).sum();
    assert_eq!(lines, 1000);
}

#[tokio::test]
async fn a_bot_whose_name_is_a_pattern_is_understood() {
    use switchboard::simulator::{Cloud, Options};
    let options = Options { bot_name: "C++ (test)".to_owned(), ..Options::default() };
    let cloud = Cloud::start(options).await.unwrap();
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), "", Bot::builder()).await;
    bot.ready().await;
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    bot.cloud.person("alice@example.com").mentions_bot(&lab, "help status").unwrap();
    assert!(bot.transcript().await.contains("**status**"));
}

#[tokio::test]
async fn access_is_judged_on_the_message_and_not_on_the_envelope() {
    let settings = "[access]\ndm_policy = \"allowlist\"\nallow_from = [\"alice@example.com\"]";
    let bot = Harness::with(settings, Bot::builder()).await;
    bot.cloud.hold_deliveries();
    let bob = bot.cloud.person("bob@example.com");
    let message = bob.says("help");
    // Signed rightly, but claiming to be from Alice.
    let alice = bot.cloud.person("alice@example.com");
    let body = serde_json::json!({"id": "w", "resource": "messages", "event": "created", "actorId": alice.account().id,
        "data": {"id": message, "roomId": bob.direct_room(), "personId": alice.account().id, "personEmail": "alice@example.com"}});
    assert_eq!(bot.delivers(body).await.0, 200);
    bot.cloud.resume_deliveries();
    assert_eq!(bot.transcript().await, "bob: help\n");
}

#[tokio::test]
async fn a_click_passes_the_same_checks_as_text() {
    let settings = "[access]\ngroup_policy = \"allowlist\"\nallow_from = [\"alice@example.com\"]";
    let bot = Harness::with(settings, Bot::builder()).await;
    let lab = bot.cloud.space("Lab", &["alice@example.com", "bob@example.com"]);
    let card = serde_json::json!({"roomId": lab, "markdown": "a card", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "version": "1.3", "body": [], "actions": [{"type": "Action.Submit", "title": "Go"}]}}]});
    let posted: serde_json::Value = http()
        .post(format!("{}/messages", bot.cloud.api_url()))
        .bearer_auth(bot.cloud.bot().token)
        .json(&card)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let card = posted["id"].as_str().unwrap();
    for (email, outcome) in [("bob@example.com", "denied"), ("alice@example.com", "ignored")] {
        // The inputs name a command, which must never be run.
        let inputs = serde_json::json!({"command": "report", "action": "report"});
        bot.cloud.person(email).clicks(card, inputs).unwrap();
        bot.settle().await;
        let name = format!("switchboard_commands_total{{command=\"none\",outcome=\"{outcome}\"}}");
        assert_eq!(bot.metric(&name).await, 1.0, "{email}");
    }
    assert_eq!(bot.cloud.messages().len(), 1, "nothing but the card was said");
}

#[tokio::test]
async fn a_message_that_is_not_visible_yet_is_read_again_and_one_that_never_is_holds_nobody_up() {
    // One try only: reading again spends none.
    let bot = Harness::with("[worker]\nmax_attempts = 1\nvisible_within = \"300ms\"", Bot::builder()).await;
    let alice = bot.cloud.person("alice@example.com");
    bot.cloud.fault(Fault::on(reqwest::Method::GET, "/messages*").times(4).answer(404, &[], ""));
    alice.says("help status");
    bot.settle().await;
    assert!(bot.cloud.transcript().contains("**status**"));
    bot.cloud.hold_deliveries();
    let hidden = alice.says("help help");
    alice.says("help report");
    alice.deletes(&hidden).unwrap();
    bot.cloud.resume_deliveries();
    let transcript = bot.transcript().await;
    assert!(!transcript.contains("**help**") && transcript.contains("**report**"), "{transcript}");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0, "what is gone is no dead letter");
}
