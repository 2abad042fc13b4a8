//! Clicks whose delivery, or which themselves, do not say in which space they were.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::card::{Submit, Text};
use switchboard::simulator::{Fault, Message};
use switchboard::{Bot, Card, Command, Reply};

use crate::cards::{card, data, outcome};
use crate::harness::Harness;

const ALICE: &str = "alice@example.com";

/// A bot whose card `go` may be pressed once, how often that ran, and the card.
async fn pressed_once() -> (Harness, Arc<AtomicUsize>, Message) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&runs);
    let go = move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok(Reply::text("Gone.")))
    };
    let go_card = Card::new().with(Text::new("Go?")).action(Submit::new("Go", "go"));
    let show = move |_, _| std::future::ready(Ok(Reply::card(go_card.clone())));
    let bot = Harness::with("", Bot::builder().command(Command::new("show", "Shows", show).action("go", go))).await;
    bot.cloud.person(ALICE).says("show");
    bot.settle().await;
    let card = card(&bot.cloud);
    (bot, runs, card)
}

/// Delivers a click as Webex would, but for the space.
async fn deliver(bot: &Harness, click: &str) {
    let data =
        json!({"id": click, "type": "submit", "messageId": "m", "personId": bot.cloud.person(ALICE).account().id});
    let body = json!({"resource": "attachmentActions", "event": "created", "data": data});
    assert_eq!(bot.delivers(body).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_does_not_say_in_which_space_is_worked_on_in_the_order_of_its_cards_space() {
    for has_room in [true, false] {
        let (bot, runs, card) = pressed_once().await;
        if !has_room {
            bot.cloud.fault(Fault::on(Method::GET, "/attachment/actions/").always().alter(&[("roomId", Value::Null)]));
        }
        bot.cloud.hold_deliveries();
        let alice = bot.cloud.person(ALICE);
        let clicks: Vec<_> = (0..5).map(|_| alice.clicks(&card.id, data(&card, "Go")).unwrap()).collect();
        for click in &clicks {
            deliver(&bot, click).await;
        }
        // The same clicks, with their space, are no others.
        bot.cloud.resume_deliveries();
        bot.settle().await;
        assert_eq!(runs.load(Ordering::Relaxed), 1, "it works once: {}", bot.cloud.transcript());
        let said: Vec<_> = bot.cloud.messages().into_iter().skip(2).map(|message| message.text.unwrap()).collect();
        assert_eq!(said, ["Gone.", "That card has been used already."]);
        let story = crate::cli::verb(bot.folder.path(), &["explain", &clicks[0]]);
        assert!(story.contains("show"), "{story}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_does_not_say_in_which_space_and_whose_card_is_gone_is_gone() {
    let (bot, runs, card) = pressed_once().await;
    bot.cloud.fault(Fault::on(Method::GET, "/attachment/actions/").always().alter(&[("roomId", Value::Null)]));
    bot.cloud.fault(Fault::on(Method::GET, "/messages/").always().answer(
        404,
        &[("content-type", "application/json")],
        "{\"message\":\"Unable to get message.\"}",
    ));
    bot.cloud.hold_deliveries();
    let click = bot.cloud.person(ALICE).clicks(&card.id, data(&card, "Go")).unwrap();
    deliver(&bot, &click).await;
    bot.cloud.resume_deliveries();
    bot.settle().await;
    assert_eq!((runs.load(Ordering::Relaxed), bot.cloud.messages().len()), (0, 2));
    assert_eq!(outcome(&bot, "none", "gone").await, 1.0);
}
