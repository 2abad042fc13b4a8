//! Scripts post by the bearer API: who may, what they are answered, and what becomes of it.

use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::{Cloud, Options};

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Daemon, Harness, eventually, free_port, get, http, switchboard};

const ALICE: &str = "alice@example.com";
const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER: &str = "fedcba9876543210fedcba9876543210";

/// The settings of a key that may post to Alice.
fn key(more: &str) -> String {
    format!("[[api_key]]\nname = \"backup\"\nkey = \"{KEY}\"\nto = \"{ALICE}\"\nmay = [\"messages\"]\n{more}")
}

/// What a caller is answered: the status, and the body.
async fn asks(bot: &Harness, key: &str, body: impl ToString) -> (u16, Value) {
    let request = http().post(format!("{}/api/messages", bot.url)).bearer_auth(key).body(body.to_string());
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// The id of a message that was taken.
async fn posts(bot: &Harness, body: Value) -> String {
    let (status, answer) = asks(bot, KEY, &body).await;
    assert_eq!(status, 202, "{body}: {answer}");
    assert_eq!(answer.as_object().unwrap().len(), 1, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// The field that is wrong, and what is wrong with it.
async fn wrong(bot: &Harness, body: Value) -> (String, String) {
    let (status, answer) = asks(bot, KEY, &body).await;
    assert_eq!(status, 422, "{body}: {answer}");
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("field"), text("error"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_says_is_posted_once_and_explained() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    let text = "Backup of **db** done by <@all> & [x](https://x.test)";
    let id = posts(&bot, json!({ "text": text, "to": ALICE.to_uppercase() })).await;
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches(text).count(), 1, "{transcript}");
    let message = &bot.cloud.messages()[0];
    assert_eq!((message.text.as_deref(), message.markdown.as_deref()), (Some(text), None), "a text has no markup");
    let story = explain(&bot, &id);
    assert!(
        story.contains("since the API key backup asked for it: a message to alice@example.com")
            && story.contains("audited in row 1: API key backup, api messages, done (the key may post there)")
            && story.contains("post sent "),
        "{story}"
    );
    assert!(!story.contains(KEY));
    let audit = verb(bot.folder.path(), &["audit", "list", "--json"]);
    let audit: Value = serde_json::from_str(&audit).unwrap();
    assert_eq!((&audit[0]["via"], &audit[0]["event"]), (&json!("api"), &json!(id)));
    assert!(verb(bot.folder.path(), &["audit", "verify"]).contains("unbroken"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_post_where_its_settings_say_and_nowhere_else() {
    let more = format!(
        "[[api_key]]\nname = \"none\"\nkey = \"{OTHER}\"\nto = \"bob@example.com\"\n[webex]\nroom_id = \"unused\"\n"
    );
    let settings =
        key(&more).replace(&format!("to = \"{ALICE}\""), &format!("to = [\"{ALICE}\", \"carol@example.com\"]"));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let both = json!({"to": [ALICE, "carol@example.com", "Alice@Example.com"], "text": "to both"});
    posts(&bot, both).await;
    for (to, status) in [
        (json!("bob@example.com"), 403),
        (json!([ALICE, "bob@example.com"]), 403),
        (json!("Ops / Incidents"), 403),
        (json!("unused"), 403),
        (json!([]), 422),
        (json!(""), 422),
        (json!(null), 422),
        (json!([1]), 422),
    ] {
        let (answered, body) = asks(&bot, KEY, json!({"to": to, "text": "x"})).await;
        assert_eq!(answered, status, "{to}: {body}");
        assert!(status != 422 || body["field"] == "to", "{to}: {body}");
    }
    // What a key may not is told before anything is read.
    assert_eq!(asks(&bot, OTHER, "{").await.0, 403);
    for shown in ["", "x", &KEY[1..], &format!("{KEY}0")] {
        let (status, answer) = asks(&bot, shown, "{").await;
        assert_eq!((status, answer["error"].is_string()), (401, true), "{shown}");
    }
    let url = format!("{}/api/messages", bot.url);
    let answer = http().post(&url).header("authorization", KEY).body("{}").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
    let answer = get(&url).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST".parse().unwrap()));
    assert_eq!(get(format!("{}/api/none", bot.url)).await.status(), 404);
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("to both").count(), 2, "{transcript}");
    assert_eq!(bot.cloud.messages().len(), 2, "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_named_by_its_field() {
    let bot = Harness::with(&key("[server]\napi_body_limit = 4096"), Bot::builder()).await;
    let card = json!({"type": "AdaptiveCard", "version": "1.9"});
    let button = json!({"type": "AdaptiveCard", "version": "1.3",
        "actions": [{"type": "Action.Submit", "data": {"action": "go"}}]});
    let fine = json!({"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "x"}]});
    for (body, field, says) in [
        (json!({"text": "x", "txt": "y"}), "txt", "is no field"),
        (json!({"text": 5}), "text", "has to be a text"),
        (json!({"to": 5, "text": "x"}), "to", "has to be a text or a list of texts"),
        (json!({"to": [5], "text": "x"}), "to", "has to be a text or a list of texts"),
        (
            json!({"text": "x", "file_url": "http://10.0.0.1/x"}),
            "file_url",
            "has the address 10.0.0.1, which is private",
        ),
        (json!({"text": "x", "update": "yes"}), "update", "has to be true or false"),
        (json!({"text": "x", "priority": "urgent"}), "priority", "has to be high or normal"),
        (json!({"text": ""}), "text", "is empty"),
        (json!({"text": " \u{200b}\n"}), "text", "is empty"),
        (json!({"markdown": "\n"}), "markdown", "is empty"),
        (json!({"text": "", "card": fine}), "text", "is empty"),
        (json!({}), "text", "is missing"),
        (json!({"text": "x", "markdown": "y"}), "markdown", "beside text"),
        (json!({"card": card}), "card", "version"),
        (json!({"card": "x"}), "card", ""),
        (json!({"card": button}), "card", "has a button that submits"),
        (json!({"text": "x", "thread": ""}), "thread", "is empty"),
        (json!({"text": "x", "update": true}), "update", "needs a thread"),
        (json!({"card": fine, "update": true, "thread": "t"}), "update", "card"),
        (json!({"text": "x", "idempotency_key": " "}), "idempotency_key", "is empty"),
        (json!({"text": "x", "idempotency_key": "k".repeat(256)}), "idempotency_key", "255"),
        (json!(["text"]), "body", "an object"),
    ] {
        let (named, error) = wrong(&bot, body.clone()).await;
        assert!(named == field && error.contains(says), "{body}: {named}: {error}");
    }
    for broken in ["", "{", "text=x", "{\"text\": \"x\"", &"[".repeat(2000)] {
        let (status, answer) = asks(&bot, KEY, broken).await;
        assert!(status == 400 && answer["error"].is_string(), "{broken}: {status} {answer}");
    }
    assert_eq!(asks(&bot, KEY, json!({"text": "x".repeat(4096)})).await.0, 413);
    let twice = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY).header("idempotency-key", "a");
    let twice = twice.body(json!({"text": "x", "idempotency_key": "b"}).to_string()).send().await.unwrap();
    assert_eq!(twice.status(), 422);
    let twice = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY).header("idempotency-key", "a");
    let twice = twice.header("idempotency-key", "a").body(json!({"text": "x"}).to_string()).send().await.unwrap();
    assert_eq!(twice.status(), 400);
    assert!(twice.text().await.unwrap().contains("is there twice"));
    bot.settle().await;
    assert!(bot.cloud.messages().is_empty());
    assert_eq!(verb(bot.folder.path(), &["outbox", "list", "--state", "all", "--json"]).trim(), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_first_answer_and_another_message_with_its_key_is_refused() {
    let bot = Harness::with(&key(&key("").replace("backup", "other").replace(KEY, OTHER)), Bot::builder()).await;
    let body = json!({"text": "done", "idempotency_key": "night/1"});
    let first = posts(&bot, body.clone()).await;
    let header = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY).header("Idempotency-Key", "night/1");
    let again: Value = header.body("{ \"text\":\"done\" }").send().await.unwrap().json().await.unwrap();
    assert_eq!(again["id"], json!(first));
    bot.settle().await;
    assert_eq!(posts(&bot, body.clone()).await, first, "also once it is sent");
    let (field, error) = wrong(&bot, json!({"text": "other", "idempotency_key": "night/1"})).await;
    assert!(field == "idempotency_key" && error.contains("another message"), "{error}");
    // Keys are the API key's own, and without one each post is new.
    let (status, theirs) = asks(&bot, OTHER, &body).await;
    assert!(status == 202 && theirs["id"] != json!(first));
    assert_ne!(posts(&bot, json!({"text": "each"})).await, posts(&bot, json!({"text": "each"})).await);
    let transcript = bot.transcript().await;
    assert_eq!((transcript.matches("done").count(), transcript.matches("each").count()), (2, 2), "{transcript}");
    let audit: Value = serde_json::from_str(&verb(bot.folder.path(), &["audit", "list", "--json"])).unwrap();
    assert_eq!(audit.as_array().unwrap().len(), 4, "a repeat is no deed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_together_is_in_one_thread_and_an_update_changes_its_root() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    posts(&bot, json!({"markdown": "**running**", "thread": "job 1", "update": true})).await;
    posts(&bot, json!({"text": "a detail", "thread": "job 1", "priority": "high"})).await;
    bot.settle().await;
    posts(&bot, json!({"markdown": "**done**", "thread": "job 1", "update": true})).await;
    posts(&bot, json!({"text": "another job", "thread": "job 2"})).await;
    let transcript = bot.transcript().await;
    let messages = bot.cloud.messages();
    let said: Vec<_> = messages
        .iter()
        .map(|said| (said.markdown.as_deref().or(said.text.as_deref()).unwrap(), said.parent_id.clone()))
        .collect();
    let root = Some(messages[0].id.clone());
    assert_eq!(said, [("**done**", None), ("a detail", root), ("another job", None)], "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_is_cut_into_several_messages_that_are_there_together_or_not_at_all() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    let text = "word ".repeat(3000);
    let id = posts(&bot, json!({"text": text, "thread": "long"})).await;
    bot.settle().await;
    let messages = bot.cloud.messages();
    assert_eq!(messages.len(), 3);
    let words: usize = messages.iter().map(|message| message.text.as_deref().unwrap().matches("word").count()).sum();
    assert_eq!(words, 3000);
    assert!(messages[1..].iter().all(|message| message.parent_id.as_ref() == Some(&messages[0].id)));
    let story = explain(&bot, &id);
    assert_eq!(story.matches("further message to alice@example.com sent").count(), 2, "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_shown_with_the_text_beside_it_and_markdown_may_mention() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    let card = json!({"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "Disk full"}],
        "actions": [{"type": "Action.OpenUrl", "title": "Look", "url": "https://ops.example.org"}]});
    posts(&bot, json!({"card": card, "text": "The disk is full."})).await;
    posts(&bot, json!({ "card": card })).await;
    posts(&bot, json!({"markdown": format!("<@personEmail:{ALICE}|Alice> look")})).await;
    bot.settle().await;
    let messages = bot.cloud.messages();
    assert_eq!(messages[0].text.as_deref(), Some("The disk is full."));
    assert!(messages[..2].iter().all(|message| message.attachments[0]["content"]["body"][0]["text"] == "Disk full"));
    assert!(messages[2].html.as_deref().unwrap_or_default().contains("spark-mention"), "{:?}", messages[2].html);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_does_not_take_is_503_and_is_taken_when_it_comes_again() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    let other = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let request = http().post(format!("{}/api/messages", bot.url)).bearer_auth(KEY);
    let answer = request.body(r#"{"text": "x", "idempotency_key": "1"}"#).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (503, &"5".parse().unwrap()));
    other.execute_batch("ROLLBACK").unwrap();
    posts(&bot, json!({"text": "x", "idempotency_key": "1"})).await;
    bot.settle().await;
    assert_eq!(bot.cloud.messages().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_is_posted_by_the_next_process() {
    let settings = key("");
    let bot = Harness::with(&format!("[worker]\nconcurrency = 0\n{settings}"), Bot::builder()).await;
    let id = posts(&bot, json!({"text": "kept", "idempotency_key": "1"})).await;
    let (cloud, folder) = bot.kill().await;
    let bot = Harness::on(cloud, folder, &settings, Bot::builder()).await;
    bot.ready().await;
    assert_eq!(posts(&bot, json!({"text": "kept", "idempotency_key": "1"})).await, id);
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("kept").count(), 1, "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_there_is_no_api() {
    let bot = Harness::start().await;
    assert_eq!(http().post(format!("{}/api/messages", bot.url)).body("{}").send().await.unwrap().status(), 404);
}

/// What an answer of the public listener holds.
async fn document(bot: &Harness) -> Value {
    let answer = get(format!("{}/api/openapi.json", bot.url)).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    answer.json().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_what_is_answered_and_its_examples_are_taken() {
    let bot = Harness::with(&key("").replace(ALICE, "ops@example.org"), Bot::builder()).await;
    let document = document(&bot).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{document}");
    assert_eq!(document["info"]["license"], Value::Null);
    let post = &document["paths"]["/api/messages"]["post"];
    let statuses: Vec<_> = post["responses"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(statuses, ["202", "400", "401", "403", "413", "422", "503"]);
    assert_eq!(document["components"]["securitySchemes"]["key"]["scheme"], "bearer");
    let examples = post["requestBody"]["content"]["application/json"]["examples"].as_object().unwrap();
    assert_eq!(examples.len(), 4);
    let mut shown = std::collections::BTreeSet::new();
    for example in examples.values() {
        let body = &example["value"];
        shown.extend(body.as_object().unwrap().keys().cloned());
        posts(&bot, body.clone()).await;
    }
    let fields = document["components"]["schemas"]["MessageRequest"]["properties"].as_object().unwrap();
    assert_eq!(shown, fields.keys().cloned().collect(), "each field is in an example");
    let answer = http().post(format!("{}/api/openapi.json", bot.url)).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"GET".parse().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_for_people_lists_each_field_and_answer_and_loads_nothing() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port, admin) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let admin = format!("127.0.0.1:{admin}");
    std::fs::write(folder.path().join("bot.toml"), key("")).unwrap();
    let daemon = Daemon::start(&cloud, folder.path(), port, &[("SWITCHBOARD_ADMIN__LISTEN", &admin)]);
    let answer = get(format!("http://{admin}/docs")).await;
    assert!(answer.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let page = answer.text().await.unwrap();
    assert!(!page.contains(" src=") && !page.contains("href=") && !page.contains(KEY), "{page}");
    for part in [
        "<h2>POST /api/messages</h2>",
        "<code>to</code><td>string or list of string<td>Where it goes",
        "<code>priority</code><td>high, normal<td>Whether somebody waits",
        "<code>update</code><td>boolean",
        "<tr><td>202<td><code>id</code>",
        "<tr><td>422<td><code>error, field</code>",
        "curl -X POST https://BOT/api/messages -H &quot;Authorization: Bearer $KEY&quot;",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    assert_eq!(get(format!("{}/docs", daemon.url)).await.status(), 404, "the public listener has no page");
}

#[test]
fn a_wrong_key_of_the_settings_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bot.toml");
    std::fs::write(folder.path().join("key"), format!("{KEY}\n")).unwrap();
    let secret = folder.path().join("key").display().to_string();
    for (text, says) in [
        (key("").replace(KEY, "short"), "must be 16 characters or more"),
        (key("").replace("backup", "Back up"), "is no name"),
        (key("").replace(ALICE, "*@example.com"), "names neither a space nor a person"),
        (key("").replace(&format!("to = \"{ALICE}\"\n"), ""), "has nowhere to post"),
        (key("").replace("messages", "message"), "message"),
        (
            key("").replace("\"messages\"", "\"hooks\""),
            "may of the api_key backup has \"hooks\", and nothing uses this right yet",
        ),
        (key(&key("")), "is there twice"),
        (key("").replace("key = \"", "keys = \""), "keys"),
        (key(&format!("key_file = \"{secret}\"")), "key and key_file are both given"),
        (key("").replace(&format!("key = \"{KEY}\""), &format!("key_file = \"{secret}\"")), ""),
    ] {
        std::fs::write(&file, format!("[webex]\ntoken = \"x\"\n[webhook]\nsecret = \"{KEY}\"\n{text}\n")).unwrap();
        let output = switchboard().args(["check", "--config", file.to_str().unwrap()]).output().unwrap();
        let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(all.contains(says), "{text}: {all}");
        assert!(!all.contains(KEY), "{all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_and_an_id_of_one_space_are_one_destination() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let ops = cloud.space("Ops", &[ALICE]);
    cloud.space("Other", &[ALICE]);
    let settings = key("").replace(&format!("to = \"{ALICE}\""), "to = [\"Ops\", \"carol@example.com\"]");
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), &settings, Bot::builder()).await;
    bot.ready().await;
    posts(&bot, json!({"to": ["Ops", &ops], "text": "by both names"})).await;
    posts(&bot, json!({"to": &ops, "text": "by its id"})).await;
    for to in ["Other", "nowhere"] {
        assert_eq!(asks(&bot, KEY, json!({"to": to, "text": "x"})).await.0, 403, "{to}");
    }
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("by both names").count(), 1, "{transcript}");
    assert_eq!(transcript.matches("by its id").count(), 1, "{transcript}");
    bot.cloud.space("Ops", &[ALICE]);
    assert_eq!(asks(&bot, KEY, json!({"to": "Ops", "text": "pinned"})).await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_that_is_not_of_the_key_is_refused_without_a_call_to_webex() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let [ops, lab] = ["Ops", "Lab"].map(|title| cloud.space(title, &[ALICE]));
    cloud.space("Other", &[ALICE]);
    let settings = key("").replace(&format!("to = \"{ALICE}\""), &format!("to = [\"Ops\", {lab:?}, \"Gone\"]"));
    let hook = "[[hook]]\nname = \"ci\"\nauth = \"none\"\nto = [\"Lab\", \"Other\"]\n";
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), &format!("{settings}{hook}"), Bot::builder()).await;
    bot.ready().await;
    let pins = || {
        let ledger = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
        ledger.query_row("SELECT count(*) FROM place", (), |row| row.get::<_, u32>(0)).unwrap()
    };
    assert!(eventually(async || pins() == 3).await);
    posts(&bot, json!({"to": "Ops", "text": "by its title"})).await;
    bot.settle().await;
    posts(&bot, json!({"to": "Lab", "text": "by the title that it was seen with"})).await;
    bot.settle().await;
    let looks = |cloud: &Cloud| {
        let is_look =
            |path: &str, query: Option<&str>| path == "/rooms" && query.unwrap_or_default().contains("type=group");
        cloud.calls().iter().filter(|call| is_look(&call.path, call.query.as_deref())).count()
    };
    let before = looks(&bot.cloud);
    for title in ["Other", "ops", "nowhere", "elsewhere"] {
        assert_eq!(asks(&bot, KEY, json!({"to": title, "text": "x"})).await.0, 403, "{title}");
    }
    assert_eq!(looks(&bot.cloud), before);
    for _ in 0..3 {
        assert_eq!(wrong(&bot, json!({"to": "Gone", "text": "x"})).await.0, "to");
    }
    // The start may have looked for it just now.
    assert!(looks(&bot.cloud) <= before + 1, "a title of the key that means no space is looked for once in a while");
    let rooms: Vec<_> = bot.cloud.messages().into_iter().map(|message| message.room_id).collect();
    assert_eq!(rooms, [ops, lab]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_changes_has_ten_edits_and_then_a_new_one_takes_over() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    for nth in 0..=11 {
        posts(&bot, json!({"text": format!("step {nth}"), "thread": "job", "update": true})).await;
        bot.settle().await;
    }
    let said: Vec<_> = bot.cloud.messages().into_iter().map(|message| message.text.unwrap_or_default()).collect();
    assert_eq!((said.len(), said[0].as_str()), (2, "step 10"), "{said:?}");
    assert!(said[1].starts_with("step 11\n\nThe message before: webexteams://im?space="), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_of_a_script_puts_no_command_into_anybodys_mouth() {
    let bot = Harness::with(&key(""), Bot::builder()).await;
    for data in [json!({"say": "hook add x"}), json!({"action": "approve"}), json!(null)] {
        let button = json!({"type": "Action.Submit", "title": "Show details", "data": data});
        let text = json!({"type": "TextBlock", "text": "Backup failed"});
        let card = json!({"type": "AdaptiveCard", "version": "1.3", "body": [text], "actions": [button]});
        let (field, error) = wrong(&bot, json!({ "card": card })).await;
        assert!(field == "card" && error.contains("a button that submits"), "{error}");
    }
}
