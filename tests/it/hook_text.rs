//! What a sender writes reaches the space as plain text: put into every text of every preset's samples, and posted.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::StreamExt;
use futures_util::stream;
use serde::Deserialize;
use serde_json::Value;
use switchboard::Bot;
use switchboard::simulator::Message;

use crate::harness::{Harness, http};

/// A mention of all and of somebody, a link that is disguised, a fence, HTML, and a change of direction.
const TEXT: &str = "``` <@all> <@personEmail:alice@example.com|A> [https://bank.example](https://evil.example) <b>bold</b> \
                    <img src=x onerror=x> \u{202e}evil\n```\n# bold\n<@all>";

/// Addresses that lead elsewhere than they seem to, or close the markup of a link.
const ADDRESSES: [&str; 3] = [
    "https://bank.example@evil.example/",
    "javascript:alert('https://bank.example')",
    "https://evil.example/)[https://bank.example](https://evil.example/<@all>",
];

#[derive(Deserialize)]
struct Sample {
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

/// The samples of each preset.
fn samples() -> Vec<(String, Vec<Sample>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/hooks/presets/samples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let read = files.filter(|file| file.extension().is_some_and(|ending| ending == "json")).map(|file| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        (name, serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
    });
    read.collect()
}

/// Where the texts of a value are, each with what takes its place.
fn hostile(value: &Value, at: String, all: &mut Vec<(String, &'static str)>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                hostile(inner, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(nth, inner)| hostile(inner, format!("{at}/{nth}"), all))
        }
        Value::String(text) => {
            all.push((at.clone(), TEXT));
            if text.starts_with("http") {
                all.extend(ADDRESSES.map(|address| (at.clone(), address)));
            }
        }
        _ => {}
    }
}

/// The links of HTML: address and text.
fn links(html: &str) -> Vec<(&str, &str)> {
    let links = html.split("<a ").skip(1).map(|rest| {
        let (tag, rest) = rest.split_once('>').unwrap();
        let address = tag.split_once("href=\"").unwrap().1.split('"').next().unwrap();
        (address, rest.split("</a>").next().unwrap())
    });
    links.collect()
}

#[track_caller]
fn is_plain(message: &Message) {
    let html = message.html.as_deref().unwrap_or_default();
    assert!(message.mentioned_people.is_empty() && message.mentioned_groups.is_empty(), "{html}");
    // A preset may quote, and write in bold.
    for element in ["<spark-mention", "<pre", "<code", "<h1", "<b>", "<img"] {
        assert!(!html.contains(element), "{html}");
    }
    assert!(!html.contains('\u{202e}') && !message.said().contains('\u{202e}'), "{html}");
    for (address, text) in links(html) {
        let host = url::Url::parse(address).unwrap().host_str().unwrap().to_owned();
        assert_eq!(host, text, "a link names its host: {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_sender_writes_mentions_links_or_formats() {
    let samples = samples();
    assert!(samples.len() >= 17);
    let hook = |name: &str| {
        format!(
            "[[hook]]\nname = \"{name}\"\npreset = \"{name}\"\nauth = \"none\"\nto = \"{name}@example.com\"\ndedupe = \"x-none\"\n"
        )
    };
    let settings: String = samples.iter().map(|(name, _)| hook(name)).collect();
    let bot = Harness::with(&settings, Bot::builder()).await;
    let client = http();
    let mut requests = Vec::new();
    for (name, samples) in &samples {
        for Sample { headers, body } in samples {
            let mut places = Vec::new();
            hostile(body, String::new(), &mut places);
            for (place, text) in places {
                let mut changed = body.clone();
                *changed.pointer_mut(&place).unwrap() = Value::from(text);
                let request = client.post(format!("{}/hooks/{name}", bot.url)).body(changed.to_string());
                requests.push(headers.iter().fold(request, |request, (name, value)| request.header(name, value)));
            }
        }
    }
    let answers = stream::iter(requests).map(|request| async move { request.send().await.unwrap().status() });
    let answers: Vec<_> = answers.buffer_unordered(16).collect().await;
    assert!(answers.iter().all(|status| *status == 202), "{answers:?}");
    tokio::time::timeout(crate::harness::PATIENCE * 4, bot.settled()).await.expect("all is told");
    let mut told = BTreeMap::<String, usize>::new();
    for message in bot.cloud.messages() {
        is_plain(&message);
        let text = message.text.clone().unwrap_or_default();
        if text.contains("<@all>") && text.contains("[https://bank.example](https://evil.example) <b>bold</b>") {
            let to = bot.cloud.rooms().into_iter().find(|room| room.id == message.room_id).unwrap().title;
            *told.entry(to).or_default() += 1;
        }
    }
    // The generic one is silent without a rule.
    assert_eq!(told.len(), samples.len() - 1, "each shows it as it was written: {told:?}");
}
