//! Which cards are sent, which only with a warning, and which in words.

use serde_json::{Value, json};
use switchboard::card::{Submit, Text};
use switchboard::simulator::Cloud;
use switchboard::{Bot, Card, Command, Reply};

use crate::cards::card;
use crate::harness::{Daemon, Harness, free_port};
use crate::restart::ready;

const ALICE: &str = "alice@example.com";

/// A bot with a command `show` that answers with this card, whose buttons may call `go`.
fn showing(content: Value) -> Bot {
    let show = move |_, _| {
        let card = Card::from_json(content.clone());
        async move { Ok(Reply::card(card.map_err(anyhow::Error::from)?)) }
    };
    let go = async |_, _| Ok(Reply::text("Gone."));
    Bot::builder().command(Command::new("show", "Shows", show).action("go", go))
}

fn content(body: Value, actions: Value) -> Value {
    json!({"type": "AdaptiveCard", "version": "1.3", "body": body, "actions": actions})
}

#[tokio::test(flavor = "multi_thread")]
async fn what_webex_was_not_seen_to_refuse_is_sent() {
    let submits = |count: usize| {
        let submit = |nth| json!({"type": "Action.Submit", "title": format!("{nth}"), "data": {"action": "go"}});
        (0..count).map(submit).collect::<Vec<_>>()
    };
    for (body, actions) in [
        (json!([{"type": "Container"}, {"type": "ColumnSet"}]), json!([])),
        (
            json!([{"type": "ActionSet", "actions": submits(4)}, {"type": "ActionSet", "actions": submits(4)}]),
            json!([]),
        ),
        (json!([]), json!(submits(7))),
        (json!([{"type": "Image", "url": "data:image/png;base64,aa"}]), json!([])),
        (json!([{"type": "Image", "url": "http://x.test/a.png"}]), json!([])),
        (json!([{"type": "Input.ChoiceSet", "id": "a", "choices": [{"title": "None", "value": ""}]}]), json!([])),
        (json!([{"type": "TextBlock", "text": "x".repeat(16_000)}]), json!([])),
        (json!([{"type": "Input.Text", "id": "a", "isRequired": true}]), json!([])),
    ] {
        let content = content(body, actions);
        let bot = Harness::with("", showing(content.clone())).await;
        bot.cloud.person(ALICE).says("show");
        bot.settle().await;
        let sent = card(&bot.cloud).attachments[0]["content"].clone();
        assert_eq!(sent["body"].as_array().unwrap().len(), content["body"].as_array().unwrap().len(), "{content}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_app_of_webex_shows_is_told_in_words_and_a_button_nobody_has_is_not_sent() {
    let text = json!({"type": "TextBlock", "text": "Read this.", "wrap": "True"});
    let error = Card::from_json(content(json!([text]), json!([]))).unwrap_err().to_string();
    assert_eq!(error, "body[0].wrap: has to be true or false, without quotes; else Webex does not show the card");

    let card = Card::new().with(Text::new("Read this.")).action(Submit::new("Go", "gone"));
    let show = move |_, _| std::future::ready(Ok(Reply::card(card.clone())));
    let bot = Harness::with("", Bot::builder().command(Command::new("show", "Shows", show))).await;
    let asked = bot.cloud.person(ALICE).says("show");
    bot.settle().await;
    let reply = bot.cloud.messages().pop().unwrap();
    assert_eq!((reply.markdown.as_deref(), reply.attachments.len()), (Some("Read this."), 0));
    let story = crate::cli::verb(bot.folder.path(), &["explain", &asked]);
    let why = "it is wrong at the button \"Go\": calls the action \"gone\" that show does not have";
    assert!(story.contains(why), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_warns_of_a_card_that_webex_may_not_take() {
    let cloud = Cloud::start(Default::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let open = [("SWITCHBOARD_COMMANDS__ECHO", "true")];
    let daemon = Daemon::start(&cloud, folder.path(), free_port(), &open);
    ready(&daemon).await;
    let content = content(json!([{"type": "Image", "url": "data:image/png;base64,aa"}]), json!([]));
    cloud.person(ALICE).says(&format!("echo {content}"));
    let line = daemon.logs("a card is sent that Webex may not take or not show as it is");
    assert!(line.contains("body[0].url: is a data: address, of which Webex's documents say nothing"), "{line}");
}
