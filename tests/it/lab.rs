//! The laboratory that ships: what an author's tests are made of.

use std::time::Duration;

use serde_json::json;
use switchboard::card::{Input, Submit, Text};
use switchboard::lab::Lab;
use switchboard::simulator::{Fault, Method};
use switchboard::{Args, Bot, Card, Command, CommandError, Context, Inputs, Param, Question, Reply, Result};

fn order() -> Command {
    async fn ask(_: Context, mut args: Args) -> Result<Reply> {
        let dish = args.required("dish")?;
        let card = Card::new()
            .with(Text::new("Which size?"))
            .with(Input::choice("size", &[("Large", "large"), ("Small", "small")]).label("Size").required())
            .with(Input::text("wish").label("Anything else?"))
            .action(Submit::new("Order", "take").argument("dish", dish));
        Ok(Reply::text("How?").with_card(card))
    }
    async fn take(_: Context, inputs: Inputs) -> Result<Reply> {
        let (size, dish) = (inputs.required("size", "size")?, inputs.argument("dish").unwrap_or_default());
        Ok(Reply::text(format!("One {size} {dish} is on its way.")))
    }
    Command::new("order", "Orders lunch", ask).param(Param::text("dish")).action("take", take)
}

#[tokio::test]
async fn a_conversation_is_read_as_people_see_it() -> anyhow::Result<()> {
    let lab = Lab::start(Bot::builder().command(order())).await?;
    let (alice, bob) = (lab.person("alice"), lab.person("bob"));
    let kitchen = lab.space("Kitchen", &[&alice, &bob]);
    let asked = alice.says("order pizza").await?;
    let taken = alice.presses(&asked[0], "Order", [("size", "large")]).await?;
    assert_eq!(taken[0].said(), "One large pizza is on its way.");
    let asked = bob.says_in(&kitchen, "order soup").await?;
    bob.presses(&asked[0], "Order", json!({"size": "small", "wish": "hot"})).await?;
    insta::assert_snapshot!(lab.transcript(), @r"
    alice: order pizza
    bot: How?
      | Which size?
      | Size [size: large | small]
      | Anything else? [wish: text]
      | <Order>
    alice presses Order (size=large)
    bot (reply): One large pizza is on its way.
    bob in Kitchen: Switchboard order soup
    bot in Kitchen: How?
      | Which size?
      | Size [size: large | small]
      | Anything else? [wish: text]
      | <Order>
    bob in Kitchen presses Order (size=small, wish=hot)
    bot in Kitchen (reply): One small soup is on its way.
    ");
    assert_eq!(alice.heard().len(), 2);
    lab.stop().await
}

#[tokio::test]
async fn people_in_a_laboratory_do_no_more_than_people_at_an_app() -> anyhow::Result<()> {
    let lab = Lab::start(Bot::builder().command(order())).await?;
    let alice = lab.person("alice");
    let asked = alice.says("order pizza").await?;
    let wrong =
        async |title, inputs: serde_json::Value| alice.presses(&asked[0], title, inputs).await.unwrap_err().to_string();
    assert_eq!(wrong("Buy", json!({})).await, "the card has no button Buy; it has: Order");
    assert_eq!(wrong("Order", json!({})).await, "the input size is required");
    let said = alice.says("status").await?;
    let nothing = alice.presses(&said[0], "Order", ()).await.unwrap_err().to_string();
    assert!(nothing.starts_with("there is no card at the message"), "{nothing}");
    let elsewhere = lab.space("Elsewhere", &[]);
    assert!(alice.says_in(&elsewhere, "help").await.is_err());
    Ok(())
}

#[tokio::test]
async fn files_threads_and_questions_work_as_with_webex() -> anyhow::Result<()> {
    async fn count(context: Context, _: Args) -> Result<Reply> {
        let file = context.files().into_iter().next().ok_or_else(|| CommandError::User("I need a file.".into()))?;
        let lines = String::from_utf8(file.download().await?.bytes.to_vec())?.lines().count();
        Ok(Reply::text(format!("{lines} lines. Again?")).ask(Question::new("again")))
    }
    let again = |context: Context, _: Inputs| async move { Ok(Reply::text(format!("You said {}.", context.text()))) };
    let lab =
        Lab::start(Bot::builder().command(Command::new("count", "Counts lines", count).action("again", again))).await?;
    let alice = lab.person("alice@example.org");
    let answer = alice.uploads("count", "a.csv", "text/csv", b"a\nb\n").await?;
    alice.replies(&answer[0], "yes").await?;
    insta::assert_snapshot!(lab.transcript(), @r"
    alice: count [file a.csv]
    bot: 2 lines. Again?
    alice (reply): yes
    bot (reply): You said yes.
    ");
    Ok(())
}

#[tokio::test]
async fn settings_are_above_those_of_an_open_bot() -> anyhow::Result<()> {
    let lab =
        Lab::with("[access]\ndm_policy = \"allowlist\"\nallow_from = [\"bob@example.com\"]", Bot::builder()).await?;
    assert_eq!(lab.person("alice").says("help").await?.len(), 0);
    assert_eq!(lab.person("bob").says("help").await?.len(), 1);
    let wrong = Lab::with("[access]\ndm_policy = \"closed\"", Bot::builder()).await.err().unwrap().to_string();
    assert!(wrong.starts_with("the given settings, line 2: access.dm_policy must be one of"), "{wrong}");
    Ok(())
}

#[tokio::test]
async fn a_bot_that_does_not_settle_is_an_error_that_says_what_is_open() -> anyhow::Result<()> {
    let waits = |_: Context, _: Args| async { std::future::pending::<Result<Reply>>().await };
    let lab = Lab::start(Bot::builder().command(Command::new("wait", "Waits", waits))).await?;
    let lab = lab.within(Duration::from_millis(300));
    insta::assert_snapshot!(lab.person("alice").says("wait").await.unwrap_err(), @r"
    the bot did not settle within 300ms: events open: 1, replies open: 0. What was said:
    alice: wait
    ");
    Ok(())
}

#[tokio::test]
async fn what_goes_wrong_at_webex_can_be_had() -> anyhow::Result<()> {
    let lab = Lab::start(Bot::builder()).await?;
    lab.cloud().fault(Fault::on(Method::POST, "/messages").answer(502, &[], "bad gateway"));
    assert!(!lab.person("alice").says("help").await?.is_empty(), "it is sent again");
    Ok(())
}
