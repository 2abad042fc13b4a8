//! What the presets make of samples, and of whatever else may come.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::{ALL, Preset, Signal};

/// The longest default message, in bytes.
const LONGEST: usize = 1000;

#[derive(Deserialize)]
struct Sample {
    what: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Value,
}

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/hooks/presets/samples").join(name)
}

fn shown(preset: &Preset, sample: &Sample) -> String {
    let Signal {
        event,
        key,
        title,
        state,
        severity,
        source,
        actor,
        url,
        at,
        delivery,
        says,
        picture,
        subject,
        digest,
        is_recovery,
        was,
    } = preset.signal(&sample.headers, &sample.body);
    let says = says.unwrap_or_else(|| "(silent)".to_owned());
    assert!(says.len() <= LONGEST, "{}: {says}", sample.what);
    let at = at.map(|at| at.to_string()).unwrap_or_default();
    let delivery = delivery.unwrap_or_default();
    let fields = [
        ("event", event),
        ("key", key),
        ("title", title),
        ("state", format!("{state:?}")),
        ("severity", format!("{severity:?}")),
        ("source", source),
        ("actor", actor),
        ("url", url),
        ("at", at),
        ("delivery", delivery),
        ("picture", picture.unwrap_or_default()),
        ("subject", subject),
        ("digest", digest.unwrap_or_default()),
        ("was", was),
        ("is_recovery", if is_recovery { "yes".to_owned() } else { String::new() }),
    ];
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let fields: String = fields.map(|(name, value)| format!("    {name}: {value}\n")).collect();
    format!("# {}\n\n{fields}\n{says}\n", sample.what)
}

#[test]
fn what_is_made_of_the_samples_is_as_it_was_looked_at() {
    for preset in ALL {
        let samples = std::fs::read(file(&format!("{}.json", preset.name)))
            .unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        let samples: Vec<Sample> = serde_json::from_slice(&samples).unwrap();
        assert!(!samples.is_empty());
        let found: Vec<_> = samples.iter().map(|sample| shown(preset, sample)).collect();
        let (found, golden) = (found.join("\n"), file(&format!("{}.md", preset.name)));
        if std::env::var_os("UPDATE_SAMPLES").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        assert_eq!(found, std::fs::read_to_string(&golden).unwrap_or_default(), "{}", preset.name);
    }
}

/// Puts this in place of each part of a value, one after the other.
fn mutate(value: &Value, with: &Value, each: &mut impl FnMut(&Value)) {
    let mut parts = Vec::new();
    pointers(value, String::new(), &mut parts);
    for part in parts {
        let mut changed = value.clone();
        if let Some(part) = changed.pointer_mut(&part) {
            *part = with.clone();
        }
        each(&changed);
    }
}

fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                pointers(inner, format!("{at}/{}", name.replace('~', "~0").replace('/', "~1")), all);
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(nth, inner)| pointers(inner, format!("{at}/{nth}"), all))
        }
        _ => {}
    }
    all.push(at);
}

#[test]
fn a_preset_reads_whatever_it_gets_and_says_nothing_dangerous() {
    let hostile = Value::from("<@all> <b> [x](https://evil.example.org) \n# ```\u{202e}");
    let odd = [Value::Null, Value::from(1), Value::Array(vec![Value::Null]), Value::Object(Default::default())];
    for preset in ALL {
        let samples = std::fs::read(file(&format!("{}.json", preset.name))).unwrap();
        for Sample { headers, body, .. } in serde_json::from_slice::<Vec<Sample>>(&samples).unwrap() {
            for with in &odd {
                mutate(&body, with, &mut |body| drop(preset.signal(&headers, body)));
            }
            mutate(&body, &hostile, &mut |body| {
                let says = preset.signal(&headers, body).says.unwrap_or_default();
                let is_harmless = !["<@all>", "<b>", "](https://evil", "```", "\u{202e}", "\n#"]
                    .iter()
                    .any(|part| says.contains(part));
                assert!(is_harmless, "{}: {says}", preset.name);
            });
        }
    }
}

#[test]
fn the_settings_list_every_preset() {
    let text = include_str!("../../../bot.toml");
    let (_, list) = text.split_once("# preset = \"github\"").unwrap();
    let (_, list) = list.split_once("who posts: ").unwrap();
    let (list, _) = list.split_once(", of whose payloads").unwrap();
    let list: String = list.chars().filter(|letter| !matches!(letter, '#' | '\n' | ' ')).collect();
    let mut listed: Vec<_> =
        list.split(',').map(|name| name.strip_prefix("or").filter(|name| *name == "generic").unwrap_or(name)).collect();
    let mut all: Vec<_> = ALL.iter().map(|preset| preset.name).collect();
    listed.sort_unstable();
    all.sort_unstable();
    assert_eq!(listed, all);
}

#[test]
fn names_of_presets_are_different() {
    let names: std::collections::BTreeSet<_> = ALL.iter().map(|preset| preset.name).collect();
    assert_eq!(names.len(), ALL.len());
}
