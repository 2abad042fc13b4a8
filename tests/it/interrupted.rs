//! What was begun when the process ended goes first in its space, whatever arrives late and was said before it.

use std::sync::Arc;
use std::sync::Mutex;

use serde_json::json;
use switchboard::card::Submit;
use switchboard::{Args, Bot, Card, Command, Context, Inputs, Reply, Result};
use tokio::sync::Notify;

use crate::cards::{data, press};
use crate::harness::{Harness, eventually};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// A card of which one button may be pressed once. What ran is noted, and does not end before it may.
fn gate(ran: &Arc<Mutex<Vec<String>>>, may_end: Option<Arc<Notify>>) -> Bot {
    async fn ask(_: Context, _: Args) -> Result<Reply> {
        let card = Card::new().action(Submit::new("Go", "go")).action(Submit::new("Stop", "stop"));
        Ok(Reply::text("Now?").with_card(card))
    }
    let acts = |name: &'static str| {
        let (ran, may_end) = (Arc::clone(ran), may_end.clone());
        move |context: Context, _: Inputs| {
            let (ran, may_end) = (Arc::clone(&ran), may_end.clone());
            async move {
                ran.lock().unwrap().push(name.to_owned());
                if let Some(may_end) = may_end {
                    may_end.notified().await;
                }
                Ok(Reply::text(format!("{name}: done for {}", context.sender().email)))
            }
        }
    };
    Bot::builder().command(Command::new("gate", "Asks", ask).action("go", acts("go")).action("stop", acts("stop")))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_was_cut_off_keeps_the_use_of_its_card_from_an_earlier_one_that_comes_late() {
    let ran = Arc::default();
    let bot = Harness::with("", gate(&ran, Some(Arc::new(Notify::new())))).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    let (alice, bob) = (bot.cloud.person(ALICE), bot.cloud.person(BOB));
    alice.mentions_bot(&lab, "gate").unwrap();
    bot.settle().await;
    let card = bot.cloud.messages().pop().unwrap();
    // Stop is pressed first, and its delivery is lost for now.
    let before = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(1);
    bot.cloud.deliveries(|manner| manner.copies = 0);
    let stop = bob.clicks(&card.id, data(&card, "Stop")).unwrap();
    bot.cloud.delivered().await;
    bot.cloud.deliveries(|manner| manner.copies = 1);
    press(&alice, &card, "Go", json!({}));
    assert!(eventually(async || *ran.lock().unwrap() == ["go"]).await);
    let body = json!({"resource": "attachmentActions", "event": "created",
        "data": {"id": stop, "roomId": lab, "personId": bob.account().id, "created": before}});
    assert_eq!(bot.delivers(body).await.0, 200);
    // Go has done what it does, and the daemon is killed before that is settled.
    let (cloud, folder) = bot.kill().await;
    let bot = Harness::on(cloud, folder, "", gate(&ran, None)).await;
    bot.ready().await;
    bot.settle().await;
    let own = bot.cloud.bot().id;
    let said = bot.cloud.messages().into_iter().filter(|message| message.person_id == own);
    let said: Vec<_> = said.map(|message| message.text.unwrap_or_default()).skip(1).collect();
    assert_eq!(said, ["go: done for alice@example.com", "That card has been used already."]);
    assert_eq!(*ran.lock().unwrap(), ["go", "go"], "at least once, and for nobody else");
}
