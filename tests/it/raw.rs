//! What Webex sent is kept to the byte, and shown by `explain` and `echo`.

use serde_json::{Value, json};
use switchboard::Bot;

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Harness, SECRET, eventually, switchboard};

const ALICE: &str = "alice@example.com";
const ECHO: &str = "[commands]\necho = true\n";

/// What `explain` says that Webex sent of the one event that has this id.
fn received(bot: &Harness, id: &str) -> Value {
    let stories: Value = serde_json::from_str(&verb(bot.folder.path(), &["explain", "--json", id])).unwrap();
    stories[0]["received"].clone()
}

/// Delivers the first message of somebody as a body that no library writes in this way; the message's id and the body.
async fn delivered_oddly(bot: &Harness, words: &str) -> (String, String) {
    bot.cloud.hold_deliveries();
    let alice = bot.cloud.person(ALICE);
    let id = alice.says(words);
    let (room, person) = (alice.direct_room(), &alice.account().id);
    let body = format!(
        "{{ \"event\" :\"created\",\"resource\":\t\"messages\",\"n\":1.0,\"slash\":\"a\\/b \\u00e9 é\", \"data\":\n\
         {{\"roomType\":\"direct\",\"personId\":\"{person}\",\"roomId\":\"{room}\",\"id\":\"{id}\"}} }}"
    );
    assert_eq!(bot.delivers(&body).await.0, 200);
    bot.cloud.resume_deliveries();
    bot.settle().await;
    (id, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bytes_of_a_webhook_are_kept_and_shown_as_they_came() {
    let bot = Harness::with(ECHO, Bot::builder()).await;
    let (id, body) = delivered_oddly(&bot, "echo hello").await;
    assert_eq!(received(&bot, &id), json!(body));
    let line = format!("Webex sent: {}", body.replace(['\n', '\t'], " "));
    assert!(explain(&bot, &id).contains(&line), "{}", explain(&bot, &id));
    let echoed = bot.cloud.messages().pop().unwrap().markdown.unwrap();
    assert!(echoed.contains(&body), "{echoed}");
    // A repeat in other bytes is the same event, which keeps those that came first.
    assert!(bot.cloud.deliver_again(&id));
    bot.settle().await;
    assert_eq!(received(&bot, &id), json!(body));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_frame_of_a_websocket_is_kept_and_shown() {
    let bot = Harness::with(&format!("{ECHO}[delivery]\nmode = \"websocket\""), Bot::builder()).await;
    let id = bot.cloud.person(ALICE).says("echo hello");
    bot.settle().await;
    let frame: Value = serde_json::from_str(received(&bot, &id).as_str().unwrap()).unwrap();
    assert_eq!(
        (&frame["data"]["eventType"], &frame["data"]["activity"]["verb"]),
        (&json!("conversation.activity"), &json!("post"))
    );
    assert!(bot.cloud.messages().pop().unwrap().markdown.unwrap().contains("\"conversation.activity\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_was_found_by_asking_it_is_said_that_webex_sent_nothing() {
    let polling = "[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"10ms\"\nrate = 1000000";
    let bot = Harness::with(&format!("{ECHO}{polling}"), Bot::builder()).await;
    let id = bot.cloud.person(ALICE).says("echo hello");
    let is_answered = async || bot.cloud.messages().len() == 2;
    assert!(eventually(is_answered).await);
    assert_eq!(received(&bot, &id), Value::Null);
    assert!(explain(&bot, &id).contains("nothing that Webex sent is kept of it: polling or catch-up found it"));
    assert!(bot.cloud.messages().pop().unwrap().markdown.unwrap().contains("Webex did not send me this"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_shown_is_without_the_secrets_of_the_settings() {
    let bot = Harness::start().await;
    let url = format!("https://bot.example.org/webex?key={SECRET}");
    let body = json!({"targetUrl": url, "resource": "rooms", "event": "updated", "data": {"id": "room-1"}});
    bot.delivers(body).await;
    let store = format!("sqlite:{}", bot.folder.path().join("ledger.db").display());
    let mut explain = switchboard();
    explain.args(["explain", "room-1"]).env("DATABASE_URL", store).env("WEBEX_WEBHOOK_SECRET", SECRET);
    let said = String::from_utf8(explain.output().unwrap().stdout).unwrap();
    assert!(said.contains("Webex sent: ") && said.contains("/webex?key=[secret]") && !said.contains(SECRET), "{said}");
}
