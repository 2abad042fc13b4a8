//! The commands that `hooks setup` prints are taken when they are run, and what may be a secret is not shown.

use std::process::Command;

use serde_json::json;
use switchboard::Bot;

use crate::explain::explain;
use crate::harness::Harness;
use crate::hook_rules::beside;
use crate::hooks::{hook, posts};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const BASE64: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Proofs of every form with which anybody who has the secret can post, each with that secret.
fn proofs() -> Vec<(String, String)> {
    let signed = |key: &str, more: &str| {
        (format!("signature = {{ header = \"X-Signature\", secrets = [\"{key}\"], {more} }}"), key.to_owned())
    };
    let whsec = format!("whsec_{BASE64}");
    let auth = |form: &str| (format!("auth = {{ {} }}", form.replace("KEY", KEY)), KEY.to_owned());
    vec![
        ("auth = \"none\"".to_owned(), String::new()),
        auth("bearer = \"KEY\""),
        auth("basic = \"ci:KEY\""),
        auth("header = { name = \"X-Token\", value = \"KEY\" }"),
        auth("service_key = [\"KEY\"]"),
        auth("url_token = \"KEY\""),
        signed(KEY, ""),
        signed(KEY, "algorithm = \"sha1\", prefix = \"sha1=\""),
        signed(KEY, "algorithm = \"sha512\", encoding = \"base64\""),
        signed(KEY, "key = \"hex\""),
        signed(BASE64, "key = \"base64\""),
        signed(KEY, "prefix = \"v1=\", separator = \",\", timestamp = \"t=\", signed = \"{timestamp}.{body}\""),
        signed(KEY, "prefix = \"v0=\", timestamp = \"X-Time\", signed = \"v0:{timestamp}:$'{body}\""),
        signed(
            &whsec,
            "key = \"whsec\", encoding = \"base64\", prefix = \"v1,\", separator = \" \", id = \"X-Id\", timestamp = \"X-Time\", signed = \"{id}.{timestamp}.{body}\"",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_commands_are_taken() {
    let mut hooks = Vec::new();
    for preset in ["generic", "cloudevents"] {
        for (proof, secret) in proofs() {
            hooks.push((format!("{preset}-{}", hooks.len()), format!("preset = \"{preset}\"\n{proof}"), secret));
        }
    }
    let settings: String = hooks.iter().map(|(name, proof, _)| hook(name, proof)).collect();
    let bot = Harness::with(&settings, Bot::builder()).await;
    let settings = format!("[webhook]\npublic_url = \"{}/webex/webhook\"\n{settings}", bot.url);
    for (name, proof, secret) in &hooks {
        let printed = beside(&bot, &settings, &["hooks", "setup", name]);
        let commands = printed.lines().skip_while(|line| !line.starts_with("BODY=") && !line.starts_with("curl "));
        let commands: Vec<_> = commands.take_while(|line| !line.is_empty()).collect();
        let commands = commands.join("\n").replace("SIGNING-SECRET", secret).replace("SECRET", secret);
        let curl = "set -eu\ncurl() { command curl -s -o /dev/null -w '%{http_code}' \"$@\"; }";
        let output = Command::new("sh").args(["-c", &format!("{curl}\n{commands}")]).output().unwrap();
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(answer, "202", "{proof}\n{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_jenkins_may_have_secrets_in_is_named_and_not_shown() {
    let settings = hook("ci", "preset = \"jenkins\"\nauth = \"none\"\nvars = { x = \"$.build.parameters.PASSWORD\" }");
    let bot = Harness::with(&settings, Bot::builder()).await;
    let build = json!({"phase": "STARTED", "number": 7, "parameters": {"PASSWORD": "s3cret"}, "log": ["a", "s3cret"]});
    let id = posts(&bot, "/hooks/ci", &[], json!({"name": "shop", "build": build}).to_string()).await.2.unwrap();
    bot.settle().await;
    let vars = beside(&bot, &settings, &["hooks", "vars", "ci", "--last"]);
    assert!(vars.contains("body.build.parameters.PASSWORD") && vars.contains("body.build.number"), "{vars}");
    let ledger = explain(&bot, &id);
    assert!(ledger.contains("its sender sent: {") && ledger.contains("PASSWORD"), "{ledger}");
    for shown in [vars, ledger] {
        assert!(shown.contains("(hidden") && !shown.contains("s3cret"), "{shown}");
    }
    let explained = beside(&bot, &settings, &["explain", &id, "--json"]);
    assert!(!explained.contains("s3cret") && explained.contains("STARTED"), "{explained}");
    let gone = beside(&bot, "", &["explain", &id]);
    assert!(!gone.contains("s3cret") && gone.contains("STARTED"), "{gone}");
    let build = "<phase>STARTED</phase><parameters><PASSWORD>s3cret</PASSWORD></parameters><log>s3cret</log>";
    let xml = format!("<job><name>shop</name><build>{build}</build></job>");
    let id = posts(&bot, "/hooks/ci", &[], xml).await.2.unwrap();
    bot.settle().await;
    for told in [beside(&bot, &settings, &["hooks", "vars", "ci", "--last"]), explain(&bot, &id)] {
        assert!(!told.contains("s3cret") && told.contains("STARTED"), "{told}");
    }
}
