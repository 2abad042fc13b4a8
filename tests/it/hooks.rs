//! Other systems post: who is let in, what they are answered, and what becomes of it.

use std::path::Path;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::Bot;

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Harness, get, http, switchboard};
use crate::signing::hmac_sha256;

pub const ALICE: &str = "alice@example.com";
pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The settings of a hook that posts to Alice.
pub fn hook(name: &str, more: &str) -> String {
    format!("[[hook]]\nname = \"{name}\"\nto = \"{ALICE}\"\n{more}\n")
}

/// What a sender is answered: the status, the code, and the id of the event.
pub type Answered = (u16, String, Option<String>);

pub async fn posts(bot: &Harness, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answered {
    let mut request = http().post(format!("{}{path}", bot.url)).body(body.into());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let answer: Value = answer.json().await.unwrap();
    assert!(answer["message"].is_string() && answer["description"].is_string(), "{answer}");
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    (status, text("code").unwrap(), text("id"))
}

fn github_signature(body: &str) -> String {
    format!("sha256={}", hex::encode(hmac_sha256(SECRET.as_bytes(), &[body.as_bytes()])))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_signs_is_told_once_and_explained() {
    let signed = format!("preset = \"github\"\nsignature = {{ secrets = [\"{SECRET}\"] }}");
    let bot = Harness::with(&hook("ci", &signed), Bot::builder()).await;
    let body = json!({
        "action": "opened", "number": 7, "repository": {"full_name": "acme/api"}, "sender": {"login": "bob"},
        "pull_request": {"title": "Faster <@all>", "html_url": "https://github.com/acme/api/pull/7"},
    })
    .to_string();
    let signature = github_signature(&body);
    let headers =
        [("x-github-event", "pull_request"), ("x-github-delivery", "d-1"), ("x-hub-signature-256", &*signature)];
    let (status, code, id) = posts(&bot, "/hooks/ci", &headers, body.clone()).await;
    assert_eq!((status, code.as_str()), (202, "1002"));
    assert_eq!(posts(&bot, "/hooks/ci", &headers, body.clone()).await, (202, "1002".to_owned(), id.clone()));
    for outcome in ["accepted", "duplicate"] {
        let name = format!("switchboard_hooks_received_total{{hook=\"ci\",outcome=\"{outcome}\"}}");
        assert_eq!(bot.metric(&name).await, 1.0, "{outcome}");
    }
    let transcript = bot.transcript().await;
    let says = "acme/api \\#7: opened by bob: Faster &lt;@all&gt; [github.com](https://github.com/acme/api/pull/7)";
    assert_eq!(transcript.matches(says).count(), 1, "{transcript}");
    let story = explain(&bot, &id.unwrap());
    assert!(
        story.contains("a post to the hook ci")
            && story.contains("its sender sent: {")
            && story.contains("its message is in the outbox, by the preset"),
        "{story}"
    );
    // Nothing that proves anything is kept.
    let row = body_of_the_first_event(&bot);
    assert!(row.contains("x-github-event") && !row.contains(&signature[8..]), "{row}");
}

/// What the ledger holds of the first event, besides its payload.
pub fn body_of_the_first_event(bot: &Harness) -> String {
    let ledger = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
    ledger.query_row("SELECT body FROM ledger WHERE queue = 0 ORDER BY seq LIMIT 1", (), |row| row.get(0)).unwrap()
}

/// A group with these alerts, each with its name and state.
fn group(alerts: &[(&str, &str)]) -> String {
    let alert = |(name, status): &(&str, &str)| {
        json!({
            "status": status, "fingerprint": name, "startsAt": "2026-11-27T09:30:00Z",
            "labels": {"alertname": "Slow", "severity": "critical"}, "annotations": {"summary": name},
        })
    };
    let alerts: Vec<_> = alerts.iter().map(alert).collect();
    let labels = json!({"alertname": "Slow"});
    json!({"version": "4", "groupKey": "{}:{}", "status": "firing", "groupLabels": labels, "alerts": alerts})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_group_of_alerts_is_told_in_one_thread_and_a_repeat_is_not() {
    let settings = hook("alerts", &format!("preset = \"alertmanager\"\nauth = {{ bearer = \"{SECRET}\" }}"));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let bearer = format!("Bearer {SECRET}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for alerts in [
        &[("disk", "firing")][..],
        &[("disk", "firing")],
        &[("disk", "firing"), ("cpu", "firing")],
        &[("disk", "resolved"), ("cpu", "resolved")],
    ] {
        assert_eq!(posts(&bot, "/hooks/alerts", &headers, group(alerts)).await.0, 202);
    }
    let transcript = bot.transcript().await;
    let heads: Vec<_> = transcript.lines().filter(|line| line.contains("**Slow**")).collect();
    let [first, second, third] = &heads[..] else { panic!("{transcript}") };
    assert!(
        first.contains("**FIRING** 1 (1 critical)") && second.contains("**FIRING** 2 (2 critical)"),
        "{transcript}"
    );
    assert!(third.contains("**RESOLVED** 2"), "{transcript}");
    let messages = bot.cloud.messages();
    let roots: Vec<_> = messages.iter().map(|message| message.parent_id.as_deref()).collect();
    assert_eq!(roots, [None, Some(messages[0].id.as_str()), Some(messages[0].id.as_str())]);
    assert!(!body_of_the_first_event(&bot).contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_ledger_does_not_take_is_503_and_is_taken_when_it_comes_again() {
    let bot = Harness::with(&hook("ci", "auth = \"none\""), Bot::builder()).await;
    let other = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = http().post(format!("{}/hooks/ci", bot.url)).body("{}").send().await.unwrap();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!((answer["code"].as_str(), answer.get("id")), (Some("7005"), None));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(posts(&bot, "/hooks/ci", &[], "{}").await.0, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn above_its_limit_a_hook_says_when_to_come_again_and_counts_only_who_is_let_in() {
    let settings = hook("ci", &format!("auth = {{ bearer = \"{SECRET}\" }}\nlimit = \"2/h\""));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let bearer = format!("Bearer {SECRET}");
    let headers = [("authorization", bearer.as_str())];
    for _ in 0..5 {
        assert_eq!(posts(&bot, "/hooks/ci", &[], "{}").await.0, 401);
    }
    for _ in 0..2 {
        assert_eq!(posts(&bot, "/hooks/ci", &headers, "{}").await.0, 202);
    }
    assert_eq!(posts(&bot, "/hooks/ci", &headers, "{}").await, (429, "7020".to_owned(), None));
    let answer = http().post(format!("{}/hooks/ci", bot.url)).header("authorization", bearer).send().await.unwrap();
    let seconds: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=1800).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_told_what_a_hook_takes_and_cloud_events_may_ask() {
    let bot = Harness::with(&hook("ci", "auth = \"none\"\nlimit = \"600/h\""), Bot::builder()).await;
    let url = format!("{}/hooks/ci", bot.url);
    let answer = get(&url).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["allow"]), (405, &"POST, PUT, OPTIONS".parse().unwrap()));
    assert!(answer.text().await.unwrap().contains("takes POST and PUT"));
    assert_eq!(http().put(&url).body("{}").send().await.unwrap().status(), 202);
    let asks = http().request(Method::OPTIONS, &url);
    let answer = asks.header("webhook-request-origin", "events.example.org").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["webhook-allowed-origin"]),
        (200, &"events.example.org".parse().unwrap())
    );
    assert_eq!(answer.headers()["webhook-allowed-rate"], "10", "what the limit of the hook lets through in a minute");
    assert_eq!(http().request(Method::OPTIONS, &url).send().await.unwrap().status(), 405);
}

const RULES: &str = r#"
[[hook.rule]]
name = "critical"
when = "severity == 'critical' and body.env == 'prod'"
to = "bob@example.com"
template = "**{{ what }}** in {{ body.env }} {{ link(where) }}"
thread = "{{ what }}"
stop = true
[[hook.rule]]
when = "severity != 'none'"
template = "{{ severity }}: {{ what }}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn rules_say_what_is_told_where_and_how_and_what_none_holds_for_is_kept() {
    let bot = Harness::with(&hook("biz", &format!("auth = \"none\"{RULES}")), Bot::builder()).await;
    let post = async |body: Value| posts(&bot, "/hooks/biz", &[], body.to_string()).await.2.unwrap();
    let critical = |env: &str| json!({"what": "<@all> down", "env": env, "severity": "critical", "where": "https://ops.example.org/1"});
    post(critical("prod")).await;
    post(critical("prod")).await;
    post(critical("test")).await;
    let unmatched = post(json!({"what": "nothing"})).await;
    let transcript = bot.transcript().await;
    let says = "**&lt;@all&gt; down** in prod [ops.example.org](https://ops.example.org/1)";
    assert_eq!(transcript.matches(says).count(), 2, "{transcript}");
    assert_eq!(transcript.matches("critical: &lt;@all&gt; down").count(), 1, "{transcript}");
    let messages = bot.cloud.messages();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages.iter().filter(|message| message.parent_id.is_some()).count(), 1, "the same thread");
    let story = explain(&bot, &unmatched);
    assert!(story.contains("no rule of the hook holds"), "{story}");
    assert!(explain(&bot, &unmatched).contains("its sender sent: {\"what\":\"nothing\"}"), "it is kept");
    let matched = async |rule: &str| {
        bot.metric(&format!("switchboard_rules_matched_total{{hook=\"biz\",rule=\"{rule}\"}}")).await
    };
    assert_eq!((matched("critical").await, matched("2").await), (2.0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_is_cut_into_several() {
    let rules = "auth = \"none\"\n[[hook.rule]]\ntemplate = \"{{ text }}\"";
    let bot = Harness::with(&hook("biz", rules), Bot::builder()).await;
    let text = "word ".repeat(3000);
    posts(&bot, "/hooks/biz", &[], json!({ "text": text }).to_string()).await;
    bot.settle().await;
    let messages = bot.cloud.messages();
    assert_eq!(messages.len(), 3);
    let words: usize = messages.iter().map(|message| message.text.as_deref().unwrap().matches("word").count()).sum();
    assert_eq!(words, 3000);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_message_that_is_edited_the_first_part_is_shown() {
    let rules = "auth = \"none\"\n[[hook.rule]]\nthread = \"t\"\nupdate = true\ntemplate = \"{{ text }}\"";
    let bot = Harness::with(&hook("biz", rules), Bot::builder()).await;
    for word in ["first ", "second "] {
        posts(&bot, "/hooks/biz", &[], json!({ "text": word.repeat(3000), "state": word }).to_string()).await;
        bot.settle().await;
    }
    let messages = bot.cloud.messages();
    let [message] = messages.as_slice() else { panic!("{} messages", messages.len()) };
    let text = message.text.as_deref().unwrap();
    assert!(text.starts_with("second") && text.ends_with('…') && text.len() > 5000, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_lacks_a_value_says_nothing_holds_up_no_other_and_is_carried_out_once_it_is_mended() {
    let rules = |word: &str| {
        format!(
            "auth = \"none\"\n[[hook.rule]]\nname = \"news\"\ntemplate = \"All is {{{{ {word} }}}}\"\n[[hook.rule]]\ntemplate = \"also\""
        )
    };
    let bot = Harness::with(&hook("biz", &rules("body.state.word")), Bot::builder()).await;
    let id = posts(&bot, "/hooks/biz", &[], r#"{"other":"well"}"#).await.2.unwrap();
    let transcript = bot.transcript().await;
    assert!(!transcript.contains("All is") && transcript.contains("also"), "{transcript}");
    let story = explain(&bot, &id);
    assert!(story.contains("rule news: ") && story.contains("undefined"), "{story}");
    assert!(verb(bot.folder.path(), &["inbox", "list", "--state", "dead"]).contains("failed"));
    let (cloud, folder) = bot.stop().await;
    verb(folder.path(), &["inbox", "retry", &id]);
    let bot = Harness::on(cloud, folder, &hook("biz", &rules("other")), Bot::builder()).await;
    bot.ready().await;
    let transcript = bot.transcript().await;
    assert_eq!((transcript.matches("All is well").count(), transcript.matches("also").count()), (1, 1), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_writes_forges_no_line_and_proofs_are_not_kept() {
    let settings = hook("in", &format!("preset = \"standard-webhooks\"\nauth = {{ url_token = \"{SECRET}\" }}"));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let body =
        json!({"type": format!("x\n2026-01-01T00:00:00Z audited in row 7: alice {}", "y".repeat(500))}).to_string();
    let original = format!("/hooks/in/{SECRET}");
    let headers = [("x-original-uri", original.as_str()), ("x-gitlab-token", "hidden"), ("x-kept", "yes")];
    let id = posts(&bot, &original, &headers, body).await.2.unwrap();
    bot.settle().await;
    let story = explain(&bot, &id);
    assert!(!story.lines().any(|line| line.trim_start().starts_with("2026-01-01")), "{story}");
    let row = body_of_the_first_event(&bot);
    assert!(row.contains("x-kept") && !row.contains(SECRET) && !row.contains("hidden") && row.len() < 500, "{row}");
    let metrics = bot.handle().metrics().await.unwrap();
    assert!(!metrics.contains(SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_for_a_hook_that_is_gone_is_kept_as_a_dead_letter() {
    let off = "[worker]\nconcurrency = 0\n";
    let bot = Harness::with(&format!("{off}{}", hook("old", "auth = \"none\"")), Bot::builder()).await;
    let id = posts(&bot, "/hooks/old", &[], "{}").await.2.unwrap();
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &hook("new", "auth = \"none\""), Bot::builder()).await;
    bot.ready().await;
    bot.settle().await;
    let story = explain(&bot, &id);
    assert!(story.contains("given up") && story.contains("no hook of this name any more"), "{story}");
}

#[test]
fn a_hook_is_tried_and_nothing_is_posted() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [
        hook("ci", "preset = \"github\"\nauth = \"none\""),
        hook("biz", &format!("auth = {{ url_token = \"{SECRET}\" }}{RULES}")),
    ];
    std::fs::write(folder.path().join("bot.toml"), settings.concat()).unwrap();
    let release = r#"{"action":"published","repository":{"full_name":"acme/api"},"release":{"tag_name":"v1"}}"#;
    std::fs::write(folder.path().join("release.json"), release).unwrap();
    std::fs::write(folder.path().join("down.json"), r#"{"what":"db","env":"prod","severity":"critical","where":"x"}"#)
        .unwrap();
    let list = run(folder.path(), &["hooks", "list"]);
    assert!(list.contains("/hooks/biz") && list.contains("a token in the path") && !list.contains(SECRET), "{list}");
    let told = run(folder.path(), &["hooks", "test", "ci", "release.json", "--header", "X-GitHub-Event: release"]);
    assert!(told.contains("event: release.published") && told.contains("released **v1**"), "{told}");
    let silent = run(folder.path(), &["hooks", "test", "ci", "release.json"]);
    assert!(silent.contains("nothing would be posted: its preset says nothing"), "{silent}");
    let down = run(folder.path(), &["hooks", "test", "biz", "down.json"]);
    assert!(down.contains("to bob@example.com, by rule critical, in the thread db:\n\n**db** in prod"), "{down}");
    assert!(!folder.path().join("switchboard.db").exists());
}

/// What a verb prints with the settings of this folder.
pub fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = switchboard().current_dir(folder).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What is wrong with hooks, and what is said of it.
const WRONG: &[(&str, &str)] = &[
    ("name = \"ci\"\nto = \"a@example.com\"", "lets everybody in"),
    ("name = \"C I\"\nto = \"a@example.com\"\nauth = \"none\"", "is no part of a path"),
    ("name = \"ci\"\nauth = \"none\"", "has nowhere to go"),
    ("name = \"ci\"\nto = \" \"\nauth = \"none\"", "neither a space nor a person"),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = { bearer = \"a\", basic = \"a:b\" }", "several kinds of proof"),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"nobody\"", "is neither a table such as"),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = { bearer_file = \"/nowhere\" }",
        "names a file that cannot be read",
    ),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nmax_body = 0", "must be from 1 to"),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nlimit = \"0/m\"", "has a limit that is none: write"),
    (
        "name = \"ci\"\nauth = \"none\"\nexpect = { every = \"1h\" }\n[[hook.rule]]\nto = \"a@example.com\"",
        "has nowhere to go",
    ),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nexpect = {}", "has no time in it: give every"),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nexpect = { every = \"0s\" }", "no time to wait"),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nexpect = { by = \"03:10 Mars/Base\" }",
        "names no time zone that there is",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\npreset = \"gitbub\"",
        "there are generic, alertmanager, argocd",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\nname = \"odd\"\nwhen = \"a ==\"",
        "hook ci: rule odd: when: syntax error",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ntemplate = \"{{ a\"",
        "hook ci: rule 1: template: syntax error",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\nto = \"*@example.com\"",
        "neither a space nor a person",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nsignature = { secrets = [\"0123456789abcdef\"] }",
        "the preset has no signature of its own",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\npreset = \"github\"\nsignature = { secrets = [] }",
        "there are no secrets",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nsignature = { header = \"x-s\", signed = \"{id}\", secrets = [\"0123456789abcdef\"] }",
        "does not contain {body}",
    ),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nvars = { a = \"$.[\" }", "vars.a: $.[ is no JSONPath"),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\ndedupe = \"x y\"", "dedupe: \"x y\" is no header"),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = { bearer = \"0123456789abcdef\" }\ndedupe = \"Authorization\"",
        "dedupe: the header authorization holds what auth asks for",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\neach = \"a..b\"\ntemplate = \"x\"",
        "rule 1: each: \"a..b\" is no name",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\neach = \"a\"",
        "rule 1: each: what is said of a part?",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ntemplate_file = \"/nowhere\"",
        "rule 1: template_file: /nowhere cannot be read",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ntemplate = \"x\"\nupdate = true",
        "Give thread as well",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ncard = \"{{ a\"",
        "rule 1: card: syntax error",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\nwhen = \"a | nofilter\"",
        "rule 1: when: there is no filter nofilter",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ntemplate = \"{{ nofunction(a) }}\"",
        "rule 1: template: there is no function nofunction",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ncard = \"{\"",
        "rule 1: card: it is no JSON",
    ),
    (
        "name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\n[[hook.rule]]\ncard = '{\"type\": \"AdaptiveCard\", \"version\": \"9.3\", \"body\": []}'",
        "rule 1: card: version",
    ),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nvars = { body = \"$.a\" }", "vars.body: "),
    ("name = \"ci\"\nto = \"a@example.com\"\nauth = \"none\"\nvars = { \"a-b\" = \"$.a\" }", "vars.a-b: "),
];

#[test]
fn a_wrong_hook_is_explained_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bot.toml");
    for (hook, says) in WRONG {
        std::fs::write(&file, format!("[webex]\ntoken = \"x\"\n[webhook]\nsecret = \"{SECRET}\"\n[[hook]]\n{hook}\n"))
            .unwrap();
        let output = switchboard().args(["check", "--config", file.to_str().unwrap()]).output().unwrap();
        let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{hook}: {all}");
        assert!(all.contains(says) && all.contains("bot.toml, line"), "{hook}: {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_has_its_code_and_nothing_is_kept() {
    let signed = format!("signature = {{ header = \"x-signature\", secrets = [\"{SECRET}\"] }}");
    let settings = [
        hook("bearer", &format!("auth = {{ bearer = \"{SECRET}\" }}\nmax_body = 100")),
        hook("basic", "auth = { basic = \"ci:pass\" }"),
        hook("header", &format!("auth = {{ header = {{ name = \"x-token\", value = \"{SECRET}\" }} }}")),
        hook("key", &format!("auth = {{ service_key = [\"an-older-service-key\", \"{SECRET}\"] }}")),
        hook("path", &format!("auth = {{ url_token = \"{SECRET}\" }}")),
        hook("open", "auth = \"none\""),
        hook("off", "auth = \"none\"\nenabled = false"),
        hook("signed", &signed),
    ];
    let bot = Harness::with(&settings.concat(), Bot::builder()).await;
    let bearer = format!("Bearer {SECRET}");
    let path = format!("/hooks/path/{SECRET}");
    let wrong = [
        ("/hooks/none", vec![], "{}", 404, "7008"),
        ("/hooks/", vec![], "{}", 404, "7008"),
        ("/hooks/open/more", vec![], "{}", 404, "7008"),
        ("/hooks/off", vec![], "{}", 403, "7007"),
        ("/hooks/bearer", vec![("authorization", bearer.as_str())], &"x".repeat(101), 413, "430"),
        ("/hooks/bearer", vec![], &"x".repeat(101), 413, "430"),
        ("/hooks/signed", vec![("x-signature", "00")], "{", 400, "7028"),
        ("/hooks/bearer", vec![], "{}", 401, "7002"),
        ("/hooks/bearer", vec![("authorization", "Bearer x")], "{}", 401, "7001"),
        ("/hooks/bearer", vec![("authorization", SECRET)], "{}", 401, "7001"),
        ("/hooks/basic", vec![("authorization", "Basic Y2k6cGFzcw")], "{}", 401, "7001"),
        ("/hooks/header", vec![("x-token", "x")], "{}", 401, "7001"),
        ("/hooks/key", vec![], "{}", 401, "7002"),
        ("/hooks/key", vec![("key", "x")], "{}", 401, "7001"),
        ("/hooks/path", vec![], "{}", 401, "7002"),
        ("/hooks/header", vec![], "{}", 401, "7002"),
        ("/hooks/basic", vec![], "{}", 401, "7002"),
        ("/hooks/path/x", vec![], "{}", 401, "7001"),
        ("/hooks/signed", vec![], "{}", 400, "7029"),
        ("/hooks/signed", vec![("x-signature", "00")], "{}", 400, "7028"),
        ("/hooks/bearer", vec![("authorization", bearer.as_str())], "{", 400, "7000"),
        ("/hooks/open", vec![], "", 400, "7000"),
        ("/hooks/open", vec![], &"[".repeat(1000), 400, "7000"),
    ];
    for (path, headers, body, status, code) in wrong {
        let answered = posts(&bot, path, &headers, body).await;
        assert_eq!(answered, (status, code.to_owned(), None), "{path} {headers:?}");
    }
    assert_eq!(verb(bot.folder.path(), &["inbox", "list", "--state", "all", "--json"]).trim(), "[]");
    let counted = async |hook: &str, outcome: &str| {
        bot.metric(&format!("switchboard_hooks_received_total{{hook=\"{hook}\",outcome=\"{outcome}\"}}")).await
    };
    for (hook, outcome, count) in [
        ("bearer", "too_large", 2.0),
        ("bearer", "unauthenticated", 3.0),
        ("bearer", "unreadable", 1.0),
        ("signed", "unsigned", 3.0),
        ("off", "inactive", 1.0),
    ] {
        assert_eq!(counted(hook, outcome).await, count, "{hook} {outcome}");
    }
    assert!(!bot.handle().metrics().await.unwrap().contains("hook=\"none\""), "a name of somebody else");
    for (path, headers) in [
        ("/hooks/bearer", vec![("authorization", bearer.as_str())]),
        ("/hooks/basic", vec![("authorization", "basic Y2k6cGFzcw==")]),
        ("/hooks/header", vec![("x-token", SECRET)]),
        ("/hooks/key", vec![("key", "an-older-service-key")]),
        (path.as_str(), vec![]),
        ("/hooks/open", vec![]),
    ] {
        assert_eq!(posts(&bot, path, &headers, "{}").await.0, 202, "{path}");
    }
}

#[test]
fn a_wrong_hook_and_a_wrong_rule_for_a_command_are_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let command = "[[command]]\nname = \"nosuch\"\nallow = [\"admins\"]\n";
    let settings = format!("{command}{}", hook("ci", "preset = \"gitbub\"\nauth = \"none\""));
    std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
    let output = switchboard().current_dir(folder.path()).arg("check").output().unwrap();
    let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(all.contains("hook ci: preset") && all.contains("nosuch"), "{all}");
}

/// Posts a body six times, each time after the one before is worked off; gives the ids.
async fn six_times(bot: &Harness, path: &str, body: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..6 {
        let (status, _, id) = posts(bot, path, &[], body.to_owned()).await;
        assert_eq!(status, 202);
        ids.push(id.unwrap());
        bot.settle().await;
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_of_what_is_done_make_room_and_what_waits_is_never_dropped_for_others() {
    let keep = "[hooks]\nkeep = \"32MiB\"\n";
    let large = hook("in", "auth = \"none\"\nmax_body = 8388608");
    let body = format!("\"{}\"", "x".repeat(7 << 20));
    let bot = Harness::with(&format!("{keep}{large}"), Bot::builder()).await;
    let ids = six_times(&bot, "/hooks/in", &body).await;
    let sent = |id: &String| explain(&bot, id).contains("its sender sent");
    assert_eq!(ids.iter().map(sent).collect::<Vec<_>>(), [false, false, true, true, true, true]);
    // Nothing is worked on from here on.
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &format!("[worker]\nconcurrency = 0\n{keep}{large}"), Bot::builder()).await;
    bot.ready().await;
    let mut answered = Vec::new();
    for _ in 0..6 {
        answered.push(posts(&bot, "/hooks/in", &[], body.clone()).await.0);
    }
    assert_eq!(answered, [202, 202, 202, 202, 503, 503]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_do_not_stop_other_hooks_and_lose_their_payloads_the_oldest_first() {
    let keep = "[hooks]\nkeep = \"32MiB\"\n";
    let broken = "auth = \"none\"\nmax_body = 8388608\n[[hook.rule]]\ntemplate = \"{{ nothing }}\"";
    let settings = format!("{keep}{}{}", hook("broken", broken), hook("well", "auth = \"none\""));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let body = format!("\"{}\"", "x".repeat(7 << 20));
    let ids = six_times(&bot, "/hooks/broken", &body).await;
    assert_eq!(posts(&bot, "/hooks/well", &[], "1".to_owned()).await.0, 202);
    let sent = |id: &String| explain(&bot, id).contains("its sender sent");
    assert_eq!(ids.iter().map(sent).collect::<Vec<_>>(), [false, false, true, true, true, true]);
    assert!(explain(&bot, &ids[0]).contains("what was posted to the hook is no longer kept"));
    let url = format!("sqlite:{}", bot.folder.path().join("ledger.db").display());
    let output = switchboard().args(["inbox", "retry", &ids[0]]).env("DATABASE_URL", &url).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("is no longer kept, by hooks.keep"), "{said}");
    verb(bot.folder.path(), &["inbox", "retry", &ids[5]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_works_is_told_only_after_one_that_failed_and_over_a_restart() {
    let rules = "\n[[hook.rule]]\nwhen = \"was == 'firing' and state == 'ok'\"\ntemplate = \"mended\"";
    let of = |name: &str, more: &str| hook(name, &format!("preset = \"github\"\nauth = \"none\"{more}"));
    let settings = format!("{}{}", of("ci", ""), of("rules", rules));
    let bot = Harness::with(&settings, Bot::builder()).await;
    let run = async |bot: &Harness, id: u32, branch: &str, how: &str| {
        let run = json!({"id": id, "workflow_id": 1, "name": "CI", "head_branch": branch, "conclusion": how});
        let body = json!({"action": "completed", "repository": {"full_name": "acme/api"}, "workflow_run": run});
        for path in ["/hooks/ci", "/hooks/rules"] {
            posts(bot, path, &[("x-github-event", "workflow_run")], body.to_string()).await;
        }
        bot.settle().await;
    };
    run(&bot, 1, "main", "success").await;
    run(&bot, 2, "main", "failure").await;
    run(&bot, 3, "other", "success").await;
    run(&bot, 4, "main", "skipped").await;
    let (cloud, folder) = bot.kill().await;
    let bot = Harness::on(cloud, folder, &settings, Bot::builder()).await;
    bot.ready().await;
    run(&bot, 5, "main", "success").await;
    run(&bot, 6, "main", "success").await;
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("**CI** ended with failure").count(), 1, "{transcript}");
    assert_eq!(transcript.matches("main: **CI** works again").count(), 1, "{transcript}");
    assert_eq!(transcript.matches("mended").count(), 1, "{transcript}");
}
