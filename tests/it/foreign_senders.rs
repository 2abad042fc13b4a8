//! What libraries of other projects sign is let in, and with one byte changed it is not.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use futures_util::{StreamExt, stream};
use serde::Deserialize;
use switchboard::Bot;

use crate::harness::{Harness, http, skipped};
use crate::hooks::{SECRET, hook};

/// The longest message that is made of an example, in bytes.
const LONGEST: usize = 1000;

/// What a library would post.
#[derive(Clone, Deserialize)]
struct Delivery {
    hook: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// The settings of the hooks by their names, and what is posted to them.
#[derive(Deserialize)]
struct Senders {
    hooks: BTreeMap<String, String>,
    deliveries: Vec<Delivery>,
}

/// What this program of `tests/clients` prints. None where `tests/clients/setup` was not run, which CI does not accept.
fn printed(program: &str, needs: &str, script: &str) -> Option<Vec<u8>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    if !root.join(needs).exists() {
        skipped(&format!("no {needs}; tests/clients/setup gets it"));
        return None;
    }
    let program = if program.contains('/') { root.join(program) } else { program.into() };
    let output = Command::new(program).arg(root.join(script)).arg(SECRET).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(output.stdout)
}

async fn post(client: &reqwest::Client, bot: &Harness, Delivery { hook, headers, body }: Delivery) -> u16 {
    let mut request = client.post(format!("{}/hooks/{hook}", bot.url)).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    request.send().await.unwrap().status().as_u16()
}

/// The same text with another letter in its middle.
fn changed(text: &str) -> String {
    let at = (text.len() / 2..text.len()).find(|at| text.as_bytes()[*at].is_ascii_alphanumeric()).unwrap();
    let other = if text.as_bytes()[at].eq_ignore_ascii_case(&b'a') { "b" } else { "a" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_libraries_of_senders_sign_is_let_in_and_nothing_else() {
    let python = "target/clients/bin/python";
    let Some(printed) = printed(python, python, "tests/clients/senders.py") else { return };
    let Senders { hooks, deliveries } = serde_json::from_slice(&printed).unwrap();
    let settings: String = hooks.iter().map(|(name, more)| hook(name, more)).collect();
    let (bot, client) = (Harness::with(&settings, Bot::builder()).await, http());
    assert_eq!(deliveries.len(), 8);
    for delivery in deliveries {
        let name = &delivery.hook;
        assert_eq!(post(&client, &bot, delivery.clone()).await, 202, "{name}");
        let proof = |name: &&String| name.contains("signature") || name.contains("authorization") || *name == "key";
        let header = delivery.headers.keys().find(proof).unwrap();
        let mut forged = delivery.clone();
        forged.headers.insert(header.clone(), changed(&delivery.headers[header]));
        assert!(matches!(post(&client, &bot, forged).await, 400 | 401), "{name}");
        if header.contains("signature") {
            let forged = Delivery { body: changed(&delivery.body), ..delivery.clone() };
            assert_eq!(post(&client, &bot, forged).await, 400, "{name}");
        }
    }
    let transcript = bot.transcript().await;
    for said in
        ["**invoice.paid**", "**org.example.to\\_binary** from /shop", "**org.example.to\\_structured** from /shop"]
    {
        assert!(transcript.contains(said), "{said}: {transcript}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_github_is_let_in_and_told_shortly() {
    let npm = "target/clients/npm";
    let needs = format!("{npm}/node_modules/@octokit/webhooks/package.json");
    let Some(printed) = printed("node", &needs, &format!("{npm}/octokit.mjs")) else { return };
    let deliveries: Vec<Delivery> = serde_json::from_slice(&printed).unwrap();
    assert!(deliveries.len() > 300, "{}", deliveries.len());
    let settings = hook("github", &format!("preset = \"github\"\nsignature = {{ secrets = [\"{SECRET}\"] }}"));
    let (bot, client) = (Harness::with(&settings, Bot::builder()).await, http());
    let (bot, client) = (&bot, &client);
    let posts = deliveries.iter().map(async |delivery| {
        let forged = Delivery { body: changed(&delivery.body), ..delivery.clone() };
        [post(client, bot, forged).await, post(client, bot, delivery.clone()).await]
    });
    let answers: Vec<_> = stream::iter(posts).buffer_unordered(4).collect().await;
    assert!(answers.iter().all(|answers| *answers == [400, 202]), "{answers:?}");
    bot.settle().await;
    let messages = bot.cloud.messages();
    let text = |message: &switchboard::simulator::Message| {
        message.markdown.clone().or(message.text.clone()).unwrap_or_default()
    };
    let long: Vec<_> = messages.iter().map(text).filter(|text| text.len() > LONGEST).collect();
    assert!(long.is_empty() && messages.len() > 20, "{} messages, too long: {long:?}", messages.len());
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
}
