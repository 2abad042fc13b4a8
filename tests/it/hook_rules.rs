//! What rules of hooks make of deliveries: variables, parts, repeats, cards, and messages that are kept up to date.

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::Cloud;

use crate::explain::explain;
use crate::harness::Harness;
use crate::hooks::{ALICE, hook, posts, run};

/// A bot with one open hook, `in`, and these settings of it.
async fn bot(more: &str) -> Harness {
    Harness::with(&hook("in", &format!("auth = \"none\"\n{more}")), Bot::builder()).await
}

/// Posts this to the hook; gives the event's id.
async fn post(bot: &Harness, body: Value) -> String {
    let (status, _, id) = posts(bot, "/hooks/in", &[], body.to_string()).await;
    assert_eq!(status, 202);
    id.unwrap()
}

/// What the bot's messages say now, in order.
pub fn said(cloud: &Cloud) -> Vec<String> {
    let text = |message: switchboard::simulator::Message| message.markdown.or(message.text).unwrap_or_default();
    cloud.messages().into_iter().map(text).collect()
}

fn edits_made(cloud: &Cloud) -> usize {
    cloud.calls().iter().filter(|call| call.method == Method::PUT && call.path.starts_with("/messages")).count()
}

const ALERTS: &str = r#"
vars = { env = "$.common.env", names = "$.alerts[*].name", first = "alerts.0.name", missing = "$.nothing" }
[[hook.rule]]
each = "$.alerts[*]"
when = "status == 'firing' and env == 'prod'"
template = "{{ body.name }} of {{ payload.alerts | length }} in {{ env }}"
thread = "{{ name }}"
[[hook.rule]]
when = "vars.missing == 'x' or missing"
template = "never"
[[hook.rule]]
when = "status == 'any'"
template = "{{ names | join('+') }} from {{ first }}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_split_and_its_values_have_names() {
    let bot = bot(ALERTS).await;
    let alert = |name: &str, status: &str| json!({"name": name, "status": status});
    let alerts = [alert("<@all>", "firing"), alert("b", "resolved"), alert("c", "firing")];
    let body = json!({"common": {"env": "prod"}, "status": "any", "alerts": alerts});
    let id = post(&bot, body.clone()).await;
    bot.settle().await;
    let wanted = ["&lt;@all&gt; of 3 in prod", "c of 3 in prod", "&lt;@all&gt;+b+c from &lt;@all&gt;"];
    assert_eq!(said(&bot.cloud), wanted);
    post(&bot, body).await;
    bot.settle().await;
    let story = explain(&bot, &id);
    assert_eq!(story.matches("reply sent").count(), 3, "each letter is explained: {story}");
    let parents = bot.cloud.messages().into_iter().filter(|message| message.parent_id.is_some()).count();
    assert_eq!(parents, 2, "each part has its thread");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parts_are_told_up_to_the_limit_and_then_how_many_more_there_are() {
    let rule = "[[hook.rule]]\neach = \"alerts\"\ntemplate = \"part {{ body }}\"";
    let settings = format!("[hooks]\nparts = 3\n{}", hook("in", &format!("auth = \"none\"\n{rule}")));
    let bot = Harness::with(&settings, Bot::builder()).await;
    post(&bot, json!({"alerts": [1, 2, 3, 4, 5]})).await;
    bot.settle().await;
    let said = said(&bot.cloud);
    assert_eq!(said[..3], ["part 1", "part 2", "part 3"]);
    assert!(said.len() == 4 && said[3].contains("and 2 more"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_known_by_a_header_or_a_part_of_the_body_of_ones_own() {
    let rule = "[[hook.rule]]\ntemplate = \"{{ body.text }}\"";
    let settings = [
        hook("header", &format!("auth = \"none\"\ndedupe = \"X-Delivery\"\n{rule}")),
        hook("body", &format!("auth = \"none\"\ndedupe = \"$.meta.id\"\n{rule}")),
        hook("none", &format!("auth = \"none\"\n{rule}")),
        // A header that is taken for a proof is not kept, and its id counts nevertheless.
        hook("token", &format!("auth = \"none\"\ndedupe = \"X-Event-Token\"\n{rule}")),
        hook("batch", "auth = \"none\"\npreset = \"cloudevents\"\ndedupe = \"x-delivery\""),
    ];
    let bot = Harness::with(&settings.concat(), Bot::builder()).await;
    let body = |id: u32, text: &str| json!({"meta": {"id": id}, "text": text}).to_string();
    let send = async |path: &str, delivery: &str, body: String| {
        posts(&bot, path, &[("x-delivery", delivery)], body).await.2.unwrap()
    };
    let first = send("/hooks/header", "1", body(1, "a")).await;
    assert_eq!(send("/hooks/header", "1", body(2, "b")).await, first);
    assert_ne!(send("/hooks/header", "2", body(2, "c")).await, first);
    let first = send("/hooks/body", "1", body(7, "d")).await;
    assert_eq!(send("/hooks/body", "2", body(7, "d")).await, first);
    assert_ne!(send("/hooks/none", "1", body(7, "e")).await, send("/hooks/none", "1", body(7, "e")).await);
    let token = async |id: &str| posts(&bot, "/hooks/token", &[("x-event-token", id)], body(1, "f")).await.2.unwrap();
    let first = token("1").await;
    assert_eq!(token("1").await, first);
    assert_ne!(token("2").await, first);
    let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "g", "subject": id});
    let batch = json!([event("1"), event("2")]).to_string();
    let kind = ("content-type", "application/cloudevents-batch+json");
    for _ in 0..2 {
        posts(&bot, "/hooks/batch", &[kind, ("x-delivery", "1")], batch.clone()).await;
    }
    bot.settle().await;
    let (of_batch, mut said): (Vec<_>, Vec<_>) = said(&bot.cloud).into_iter().partition(|text| text.contains("shop"));
    said.sort();
    assert_eq!((said.join(" "), of_batch.len()), ("a c d e e f f".to_owned(), 2), "{of_batch:?}");
}

const CARD: &str = r#"
[[hook.rule]]
template = "{{ title }}"
thread = "{{ title }}"
update = true
card = '''{"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "{{ title }}"}],
  "actions": [{"type": "Action.OpenUrl", "title": "Open", "url": "{{ url }}"}]}'''
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_posts_a_card_whose_texts_are_harmless() {
    let bot = bot(CARD).await;
    let title = "\"}], [x](https://evil.example.org) <@all>";
    for _ in 0..2 {
        post(&bot, json!({"title": title, "url": "https://ci.example.org/a_b"})).await;
    }
    bot.settle().await;
    let messages = bot.cloud.messages();
    let [first, second] = &messages[..] else { panic!("{messages:?}") };
    let card = &first.attachments[0]["content"];
    assert_eq!(card["body"][0]["text"], r#""}\], \[x\]\(https://evil.example.org\) &lt;@all&gt;"#);
    assert_eq!(card["actions"][0]["url"], "https://ci.example.org/a_b");
    assert_eq!(second.parent_id.as_ref(), Some(&first.id), "Webex edits no message with a card");
    let id = post(&bot, json!({"title": "a", "url": "no address"})).await;
    bot.settle().await;
    let story = explain(&bot, &id);
    assert!(story.contains("without its card: actions[0].url"), "{story}");
    assert!(bot.cloud.messages().iter().any(|message| message.attachments.is_empty()), "its text is told");
}

const UPDATE: &str = r#"
[[hook.rule]]
thread = "{{ build }}"
update = true
template = "{{ build }} is {{ status }}, step {{ step }}"
"#;

/// Posts a step of a build that stands in this state.
async fn step(bot: &Harness, status: &str, step: u32) {
    post(bot, json!({"build": "b1", "status": status, "step": step})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_edited_in_place_and_a_repeat_or_an_older_text_changes_nothing() {
    let bot = bot(UPDATE).await;
    for (status, nth) in [("running", 1), ("running", 1), ("failed", 2), ("failed", 2)] {
        step(&bot, status, nth).await;
        bot.settle().await;
    }
    assert_eq!(said(&bot.cloud), ["b1 is failed, step 2"]);
    assert_eq!(edits_made(&bot.cloud), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_of_the_same_state_are_gathered_and_another_state_is_told_at_once() {
    let bot = bot(UPDATE).await;
    for nth in 1..=2 {
        step(&bot, "running", nth).await;
        bot.settle().await;
    }
    // These wait, and one edit is made of all. Other messages to the same person do not wait for them.
    for nth in 3..=6 {
        step(&bot, "running", nth).await;
    }
    posts(&bot, "/hooks/in", &[], json!({"build": "b2", "status": "new", "step": 1}).to_string()).await;
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["b1 is running, step 6", "b2 is new, step 1"]);
    assert_eq!(edits_made(&bot.cloud), 2);
    // This waits too, and is overtaken by what is newer.
    step(&bot, "running", 7).await;
    step(&bot, "done", 8).await;
    bot.settle().await;
    assert_eq!(said(&bot.cloud)[0], "b1 is done, step 8");
    assert!(edits_made(&bot.cloud) <= 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_no_edit_is_left_a_new_message_takes_over_and_links_to_the_old_one() {
    let bot = bot(UPDATE).await;
    // The first one posts, and ten edit, since each tells another state.
    for nth in 1..=13 {
        let state = if nth % 2 == 0 { "failed" } else { "running" };
        step(&bot, state, nth).await;
        bot.settle().await;
    }
    let messages = bot.cloud.messages();
    let said = said(&bot.cloud);
    assert_eq!((said.len(), said[0].as_str()), (2, "b1 is running, step 11"));
    assert!(said[1].starts_with("b1 is running, step 13"), "{said:?}");
    assert!(
        said[1].contains("[The message before](webexteams://im?space=") && said[1].contains("&message="),
        "{said:?}"
    );
    assert_eq!(messages[1].parent_id, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_somebody_deleted_is_begun_anew_once() {
    let bot = bot(UPDATE).await;
    step(&bot, "running", 1).await;
    bot.settle().await;
    let first = bot.cloud.messages().remove(0);
    let url = format!("{}/messages/{}", bot.cloud.api_url(), first.id);
    crate::harness::http().delete(url).bearer_auth(bot.cloud.bot().token).send().await.unwrap();
    for (state, nth) in [("failed", 2), ("running", 3)] {
        step(&bot, state, nth).await;
        bot.settle().await;
    }
    assert_eq!(said(&bot.cloud), ["b1 is running, step 3"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_everything_is_done_but_posting() {
    let bot = bot("shadow = true\n[[hook.rule]]\nname = \"all\"\ntemplate = \"{{ a }}\"").await;
    let id = post(&bot, json!({"a": "b"})).await;
    bot.settle().await;
    assert!(bot.cloud.messages().is_empty());
    let story = explain(&bot, &id);
    assert!(story.contains("the hook is in shadow") || story.contains("shadow = true"), "{story}");
    assert!(story.contains("by rule all"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_shadow_a_rule_that_fails_lets_the_others_say_nothing_either() {
    let rules = "shadow = true\n[[hook.rule]]\ntemplate = \"{{ nothing }}\"\n[[hook.rule]]\ntemplate = \"also\"";
    let bot = bot(rules).await;
    let id = post(&bot, json!({"a": "b"})).await;
    bot.settle().await;
    assert!(bot.cloud.messages().is_empty() && explain(&bot, &id).contains("rule 1: template"));
}

#[test]
fn a_template_of_a_file_is_read_and_tried() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("alert.md"), "**{{ title }}** {{ link_text | markdown }}").unwrap();
    let settings = hook("in", "auth = \"none\"\n[[hook.rule]]\ntemplate_file = \"alert.md\"");
    std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
    std::fs::write(folder.path().join("a.json"), r#"{"title": "*a*", "link_text": "[b](https://example.org)"}"#)
        .unwrap();
    let tried = run(folder.path(), &["hooks", "test", "in", "a.json"]);
    assert!(tried.contains(&format!("to {ALICE}")) && tried.contains(r"**\*a\*** [b](https://example.org)"), "{tried}");
}

/// What a verb prints with these settings of the bot's folder, beside the bot.
pub fn beside(bot: &Harness, settings: &str, arguments: &[&str]) -> String {
    let ledger = format!("[store]\nurl = \"sqlite:{}\"\n", bot.folder.path().join("ledger.db").display());
    std::fs::write(bot.folder.path().join("bot.toml"), format!("{ledger}{settings}")).unwrap();
    run(bot.folder.path(), arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_deliveries_are_listed_compared_with_other_rules_and_worked_on_again() {
    let rule = |word: &str| {
        hook("in", &format!("auth = \"none\"\n[[hook.rule]]\nwhen = \"n > 1\"\ntemplate = \"{word} {{{{ n }}}}\""))
    };
    let bot = Harness::with(&rule("told"), Bot::builder()).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(post(&bot, json!({"n": n, "a b": {"c": ["x"]}})).await);
    }
    bot.settle().await;
    let same = beside(&bot, &rule("told"), &["hooks", "diff", "in"]);
    assert_eq!(same.trim(), "0 of 3 deliveries would be told otherwise");
    let other = beside(&bot, &rule("said"), &["hooks", "diff", "in", "--last", "2"]);
    let wanted = |sign: &str, text: &str| other.contains(&format!("  {sign} to {ALICE}: {text}\n"));
    assert!(
        wanted("-", "told 3") && wanted("+", "said 3") && wanted("-", "told 2") && wanted("+", "said 2"),
        "{other}"
    );
    assert!(other.contains("2 of 2 deliveries would be told otherwise"), "{other}");
    let vars = beside(&bot, &rule("told"), &["hooks", "vars", "in", "--last"]);
    assert!(vars.contains("body.n") && vars.contains("body['a b'].c[0]"), "{vars}");
    let again = beside(&bot, &rule("told"), &["hooks", "replay", &ids[1], "--json"]);
    let again: Value = serde_json::from_str(&again).unwrap();
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["told 2", "told 3", "told 2"]);
    let story = explain(&bot, again["event"].as_str().unwrap());
    assert!(story.contains("hooks replay") && story.contains("reply sent"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_is_posted_as_its_sender_would_with_every_kind_of_proof() {
    const KEY: &str = "0123456789abcdef0123456789abcdef";
    let rule = "[[hook.rule]]\ntemplate = \"{{ a }}\"";
    let proofs = [
        ("bearer", format!("auth = {{ bearer = \"{KEY}\" }}")),
        ("basic", "auth = { basic = \"ci:pass\" }".to_owned()),
        ("key", format!("auth = {{ service_key = [\"{KEY}\"] }}")),
        ("path", format!("auth = {{ url_token = \"{KEY}\" }}")),
        (
            "standard",
            "preset = \"standard-webhooks\"\nsignature = { secrets = [\"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"] }".to_owned(),
        ),
        (
            "field",
            format!(
                "signature = {{ header = \"x-s\", prefix = \"v1=\", separator = \",\", timestamp = \"t=\", signed = \"{{timestamp}}.{{body}}\", secrets = [\"{KEY}\"] }}"
            ),
        ),
        ("jwt", format!("auth = {{ jwt = {{ secret = \"{KEY}\", aud = \"bot\", iss = \"ci\" }} }}")),
        ("public", format!("auth = {{ jwt = {{ key_file = \"{}/src/signature/samples/rsa.pem\" }} }}", env!("CARGO_MANIFEST_DIR"))),
    ];
    let settings: String = proofs.iter().map(|(name, proof)| hook(name, &format!("{proof}\n{rule}"))).collect();
    let bot = Harness::with(&settings, Bot::builder()).await;
    let listen = format!("[server]\nlisten = \"{}\"\n", bot.url.trim_start_matches("http://"));
    std::fs::write(bot.folder.path().join("payload.json"), "{\"a\": \"b\"}").unwrap();
    let settings = format!("{listen}{settings}");
    for (name, _) in &proofs[..7] {
        let said = beside(&bot, &settings, &["hooks", "send", name, "payload.json"]);
        assert!(said.starts_with("202: it is on disk as ") && !said.contains(KEY), "{name}: {said}");
    }
    bot.settle().await;
    assert_eq!(said(&bot.cloud), ["b"; 7]);
    let output = crate::harness::switchboard()
        .current_dir(bot.folder.path())
        .args(["hooks", "send", "public", "payload.json"])
        .output()
        .unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("it has the private key"));
}
