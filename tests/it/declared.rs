//! Commands as data: what is declared of one is what people are helped with and held to, and the table can be exchanged.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::{
    Args, Bot, Call, Command, CommandError, Context, Next, Param, Question, Reply, Rest, Result, Somebody, arguments,
};

use crate::harness::Harness;

fn note() -> Command {
    async fn run(_: Context, args: Args) -> Result<Reply> {
        let (minutes, what): (u32, String) = (args.get("minutes")?, args.get("what")?);
        let about = match args.get("for")? {
            Some(Somebody::Email(email)) => format!(" for {email}"),
            Some(Somebody::Id(_)) => " for an id".to_owned(),
            None => String::new(),
        };
        let billed = if args.get("billed")? { ", billed" } else { "" };
        Ok(Reply::text(format!("{minutes} minutes of {what}{about}{billed}: {}", args.get::<String>("text")?)))
    }
    Command::new("note", "Notes time", run)
        .alias("n")
        .param(Param::integer("minutes").about("How long it took"))
        .param(Param::text("what").choices(["work", "travel"]).default("work"))
        .param(Param::person("for").optional())
        .param(Param::flag("billed"))
        .param(Param::text("text").default("nothing said").rest())
}

#[tokio::test]
async fn arguments_come_by_place_and_by_name_and_each_is_what_it_should_be() {
    let bot = Harness::with("", Bot::builder().command(note())).await;
    let alice = bot.cloud.person("alice@example.com");
    for text in [
        "note 30",
        "N 30 TRAVEL bob@example.com billed to  \"Bonn\"",
        "note for=bob@example.com 30 work text=1 is  verbatim",
        "note many",
        "note 30 play",
        "note -1",
        "note",
        "help n",
    ] {
        alice.says(text);
    }
    insta::assert_snapshot!(bot.transcript().await, @r#"
    alice: note 30
    alice: N 30 TRAVEL bob@example.com billed to  "Bonn"
    alice: note for=bob@example.com 30 work text=1 is  verbatim
    alice: note many
    alice: note 30 play
    alice: note -1
    alice: note
    alice: help n
    bot: 30 minutes of work: nothing said
    bot: 30 minutes of travel for bob@example.com, billed: to  "Bonn"
    bot: 30 minutes of work for bob@example.com: 1 is  verbatim
    bot: "many" is no whole number that I can take for minutes. Usage: note <minutes> [work|travel] [for] [billed] [text...]
    bot: "play" is not a choice for what; say one of work, travel. Usage: note <minutes> [work|travel] [for] [billed] [text...]
    bot: "-1" is no whole number that I can take for minutes. Usage: note <minutes> [work|travel] [for] [billed] [text...]
    bot: I need the minutes. Usage: note <minutes> [work|travel] [for] [billed] [text...]
    bot: **note**: Notes time

      ```
      Usage: note <minutes> [work|travel] [for] [billed] [text...]
      ```

      - `minutes`: How long it took

      Also called `n`.
    "#);
}

#[tokio::test]
async fn commands_are_exchanged_while_the_bot_runs() {
    let bot = Harness::with("", Bot::builder().command(note())).await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("note 30");
    bot.settled().await;
    let ping = || Command::new("ping", "Answers", async |_, _| Ok(Reply::text("pong")));
    let error = bot.handle().exchange_commands(vec![ping(), ping()]).unwrap_err().to_string();
    assert!(error.contains("two commands are called \"ping\""), "{error}");
    alice.says("n 40");
    bot.settled().await;
    bot.handle().exchange_commands(vec![ping()]).unwrap();
    alice.says("ping");
    alice.says("note 30");
    let transcript = bot.transcript().await;
    for said in [
        "bot: 30 minutes of work",
        "bot: 40 minutes of work",
        "bot: pong",
        "bot: You said: \"note 30\". I don't know that",
    ] {
        assert!(transcript.contains(said), "{transcript}");
    }
}

#[tokio::test]
async fn what_is_around_all_commands_sees_each_and_may_refuse_it() {
    async fn order(_: Context, _: Args) -> Result<Reply> {
        Ok(Reply::text("What shall it be?").ask(Question::new("what")))
    }
    let order = Command::new("order", "Orders", order).action("what", async |_, _| Ok(Reply::text("Ordered.")));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let bot = Bot::builder().command(order).around(move |call: Call, context, next: Next| {
        let log = Arc::clone(&log);
        async move {
            if call.command == "status" {
                return Err(CommandError::User("Not today.".to_owned()));
            }
            let reply = next.run(context).await;
            log.lock().unwrap().push((call.command, call.action, reply.is_ok()));
            reply
        }
    });
    let bot = Harness::with("", bot).await;
    let alice = bot.cloud.person("alice@example.com");
    for text in ["order", "pizza", "status", "help status"] {
        alice.says(text);
        bot.settle().await;
    }
    assert!(bot.transcript().await.contains("bot: Not today."));
    let call = |command: &str, action: Option<&str>| (command.to_owned(), action.map(str::to_owned), true);
    assert_eq!(*seen.lock().unwrap(), [call("order", None), call("order", Some("what")), call("help", None)]);
}

arguments! {
    struct Worked {
        minutes: u8,
        since: Option<Duration>,
        billed: bool,
        text: Rest = "nothing said",
    }
}

#[tokio::test]
async fn arguments_may_be_a_struct() {
    let worked = Command::taking("worked", "Notes time", async |_, worked: Worked| {
        let Worked { minutes, since, billed, text: Rest(text) } = worked;
        Ok(Reply::text(format!("{minutes} {since:?} {billed} {text}")))
    });
    let bot = Harness::with("", Bot::builder().command(worked)).await;
    let alice = bot.cloud.person("alice@example.com");
    for text in ["worked 30", "worked 30 2h billed on  \"it\"", "worked 300"] {
        alice.says(text);
        bot.settle().await;
    }
    let transcript = bot.transcript().await;
    for said in [
        "bot: 30 None false nothing said",
        "bot: 30 Some(7200s) true on  \"it\"",
        "bot: \"300\" is no whole number that I can take for minutes. Usage: worked <minutes> [since] [billed] [text...]",
    ] {
        assert!(transcript.contains(said), "{transcript}");
    }
}
