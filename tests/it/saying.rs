//! What the bot says elsewhere than in answer: beside an answer, for an event, and at nobody's asking.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use switchboard::card::{Submit, Text};
use switchboard::{
    Args, Bot, Call, Card, Command, CommandError, Context, Destination, Inputs, Next, Param, Question, Reply, Result,
};

use crate::cards::press;
use crate::explain::explain;
use crate::harness::{Harness, eventually};

/// Tells the kitchen, and takes what its button orders.
fn order() -> Command {
    async fn run(context: Context, args: Args) -> Result<Reply> {
        let dish: String = args.get("dish")?;
        let card = Card::new().with(Text::foreign(&dish)).action(Submit::new("Ready", "ready").argument("dish", &dish));
        context.say(Destination::email("bob@example.com"), Reply::text("An order.").with_card(card));
        context.say(Destination::space(context.room().clone()), Reply::text("Somebody is hungry."));
        match dish.as_str() {
            "nothing" => Err(CommandError::User("We have no such thing.".to_owned())),
            "riddle" => {
                context.say(Destination::email("bob@example.com"), Reply::text("Why?").ask(Question::new("ready")));
                Ok(Reply::text("never said"))
            }
            _ => Ok(Reply::text("The kitchen knows.")),
        }
    }
    async fn ready(_: Context, inputs: Inputs) -> Result<Reply> {
        Ok(Reply::text(format!("The {} is ready.", inputs.argument("dish").unwrap_or_default())))
    }
    Command::new("order", "Orders", run).param(Param::text("dish")).action("ready", ready)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_elsewhere_goes_with_the_answer_or_not_at_all() {
    let bot = Harness::with("[worker]\nmax_attempts = 1", Bot::builder().command(order())).await;
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    let (alice, bob) = (bot.cloud.person("alice@example.com"), bot.cloud.person("bob@example.com"));
    alice.mentions_bot(&lab, "order soup").unwrap();
    bot.settle().await;
    let ordered = bot.cloud.messages().into_iter().find(|said| said.person_email == "alice@example.com").unwrap();
    let story = explain(&bot, &ordered.id);
    assert!(story.contains("message to bob@example.com sent "), "{story}");
    let card =
        bot.cloud.messages().into_iter().find(|said| said.room_id == bob.direct_room() && !said.attachments.is_empty());
    press(&bob, &card.unwrap(), "Ready", json!({}));
    bot.settle().await;
    let all = bot.transcript().await;
    for said in ["An order.", "bot in Lab: Somebody is hungry.", "bot in Lab: The kitchen knows.", "The soup is ready."]
    {
        assert_eq!(all.matches(said).count(), 1, "{said}: {all}");
    }
    alice.mentions_bot(&lab, "order nothing").unwrap();
    alice.mentions_bot(&lab, "order riddle").unwrap();
    let all = bot.transcript().await;
    assert!(all.contains("We have no such thing.") && all.contains("That failed, reference"), "{all}");
    assert_eq!((all.matches("Somebody is hungry.").count(), all.matches("never said").count()), (1, 0), "{all}");
}

#[tokio::test]
async fn a_program_says_something_when_it_starts_and_once_for_each_occasion() {
    let starts = Arc::new(AtomicUsize::new(0));
    let program = || {
        let starts = Arc::clone(&starts);
        Bot::builder().command(order()).on_start(move |handle| {
            let starts = Arc::clone(&starts);
            async move {
                let to = Destination::email("alice@example.com");
                let card = Card::new()
                    .with(Text::new("Soup is left"))
                    .action(Submit::new("Ready", "ready").argument("dish", "rest"));
                let first = handle
                    .say("soup/today", to.clone(), Reply::text("Soup is left.").with_card(card.calls("order")))
                    .await?;
                assert_eq!(first.is_new, starts.load(Ordering::Relaxed) == 0);
                assert!(handle.say("empty", to.clone(), Reply::text(" ")).await.is_err());
                assert!(handle.say("question", to, Reply::text("Why?").ask(Question::new("ready"))).await.is_err());
                starts.fetch_add(1, Ordering::Relaxed);
                anyhow::bail!("the bot goes on all the same")
            }
        })
    };
    let bot = Harness::with("", program()).await;
    assert!(eventually(async || starts.load(Ordering::Relaxed) == 1).await);
    bot.settle().await;
    let alice = bot.cloud.person("alice@example.com");
    let card = bot.cloud.messages().into_iter().find(|said| !said.attachments.is_empty()).unwrap();
    press(&alice, &card, "Ready", json!({}));
    bot.settle().await;
    let (cloud, folder) = bot.kill().await;
    let bot = Harness::on(cloud, folder, "", program()).await;
    assert!(eventually(async || starts.load(Ordering::Relaxed) == 2).await);
    let all = bot.transcript().await;
    assert_eq!((all.matches("Soup is left.").count(), all.matches("The rest is ready.").count()), (1, 1), "{all}");
}

#[tokio::test]
async fn a_program_that_panics_leaves_the_bot_running() {
    let at_once = |_| -> std::future::Ready<anyhow::Result<()>> { panic!("as the test wants it") };
    let bot = Bot::builder().on_start(at_once).on_start(async |_| panic!("as the test wants it, too"));
    let bot = Harness::with("", bot).await;
    bot.cloud.person("alice@example.com").says("status");
    assert!(bot.transcript().await.contains("bot: "));
    bot.stop().await;
}

#[tokio::test]
async fn a_handler_of_events_says_something_once() {
    let bot = Bot::builder().event("rooms", "updated", async |context, data| {
        let title = context.webex().room(&data["id"].as_str().unwrap_or_default().into()).await?.title;
        context.say(Destination::email("alice@example.com"), Reply::text(format!("A space is called {title} now.")));
        Ok(())
    });
    let bot = Harness::with("", bot).await;
    let lab = bot.cloud.space("Lab", &["alice@example.com"]);
    bot.cloud.person("alice@example.com").renames(&lab, "Kitchen").unwrap();
    let all = bot.transcript().await;
    assert_eq!(all.matches("A space is called Kitchen now.").count(), 1, "{all}");
}

#[tokio::test]
async fn the_parts_of_what_is_said_take_no_key_of_another_occasion_and_all_are_checked() {
    let bot = Harness::with("[files]\nlargest = 100", Bot::builder().command(order())).await;
    let (handle, to) = (bot.handle(), Destination::email("alice@example.com"));
    let long = Reply::text("long ".repeat(2000));
    assert!(handle.say("hour", to.clone(), long).await.unwrap().is_new);
    assert!(handle.say("hour/1", to.clone(), Reply::text("The first hour.")).await.unwrap().is_new);
    assert!(!handle.say("hour", to.clone(), Reply::text("Not again. ".repeat(2000))).await.unwrap().is_new);
    let button = || Card::new().with(Text::new("Soup")).action(Submit::new("Ready", "ready"));
    for (reply, says) in [
        (Reply::text("A").with_card(button()), "cannot be sent: it is wrong"),
        (Reply::text("A").with_card(button().calls("nobody")), "cannot be sent: it is wrong"),
        (Reply::file("a.txt", "text/plain", "x".repeat(101)), "The file a.txt has 101 bytes"),
        (Reply::text("A").with_file_url("menu.pdf"), "menu.pdf is no http or https address"),
    ] {
        let error = handle.say("wrong", to.clone(), reply).await.unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert!(handle.say("wrong", to, Reply::text("Right.").with_card(button().calls("order"))).await.unwrap().is_new);
    let all = bot.transcript().await;
    for said in ["The first hour.", "Right."] {
        assert_eq!(all.matches(said).count(), 1, "{said}: {all}");
    }
    assert!(!all.contains("Not again."), "{all}");
}

#[tokio::test]
async fn what_fails_is_said_once_when_it_is_tried_again_and_not_at_all_where_something_takes_its_place() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let flaky = Command::new("flaky", "Fails once", move |context: Context, _| {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            context.say(Destination::email("bob@example.com"), Reply::text("It happened."));
            if nth == 0 { Err(anyhow::anyhow!("not yet").into()) } else { Ok(Reply::text("Done.")) }
        }
    });
    let fails = Command::new("fails", "Fails", async |context: Context, _| {
        context.say(Destination::email("bob@example.com"), Reply::text("Never said."));
        Err(CommandError::User("No.".to_owned()))
    });
    let bot = Bot::builder().command(flaky).command(fails).around(async |call: Call, context, next: Next| {
        match next.run(context).await {
            Err(_) if call.command == "fails" => Ok(Reply::text("It failed, and that is fine.")),
            reply => reply,
        }
    });
    let bot = Harness::with("[worker]\nbackoff = \"1ms\"", bot).await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("flaky");
    alice.says("fails");
    let all = bot.transcript().await;
    assert_eq!((all.matches("It happened.").count(), all.matches("Done.").count()), (1, 1), "{all}");
    assert!(all.contains("that is fine") && !all.contains("Never said."), "{all}");
    assert_eq!(tries.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_handler_of_events_says_is_checked_as_an_answer_is() {
    for (says, why) in [
        (Reply::text("Why?").ask(Question::new("ready")), "only an answer can ask a question"),
        (Reply::file("a.txt", "text/plain", "x".repeat(101)), "The file a.txt has 101 bytes"),
        (Reply::text("A").with_file_url("menu.pdf"), "menu.pdf is no http or https address"),
    ] {
        let bot = Bot::builder().event("rooms", "updated", move |context, _| {
            context.say(Destination::email("alice@example.com"), says.clone());
            std::future::ready(Ok(()))
        });
        let bot = Harness::with("[files]\nlargest = 100\n[worker]\nmax_attempts = 1", bot).await;
        let lab = bot.cloud.space("Lab", &["alice@example.com"]);
        bot.cloud.person("alice@example.com").renames(&lab, "Kitchen").unwrap();
        bot.settle().await;
        let rows = crate::cli::verb(bot.folder.path(), &["inbox", "list", "--json"]);
        assert!(rows.contains(why), "{why}: {rows}");
        assert!(!bot.transcript().await.contains("bot"), "nothing is said");
    }
    let bot = Harness::start().await;
    let error = bot.handle().say("a", Destination::email("bob"), Reply::text("A")).await.unwrap_err().to_string();
    assert_eq!(error, "\"bob\" is no email address");
}
