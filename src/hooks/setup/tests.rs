//! What is to be set at each sender, and that what the shipped templates post is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::hooks::presets::{ALL, Signal};

const BASE: &str = "https://bot.example.org";

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("src/hooks/presets/samples/{name}.setup.txt"))
}

/// A hook of the settings.
fn hook(preset: &str, proof: Value) -> config::Hook {
    let mut hook = json!({"name": "ci", "preset": preset});
    hook.as_object_mut().unwrap().extend(proof.as_object().unwrap().clone());
    serde_json::from_value(hook).unwrap()
}

#[test]
fn what_is_to_be_set_is_as_it_was_looked_at() {
    for preset in ALL {
        let made = chat::with_secret("ci", preset, "ops@example.org", &"{secret}".into()).unwrap();
        let told = text(&made, BASE, Shown::Inline("{secret}")).unwrap();
        let printed = text(&made, BASE, Shown::Named(None)).unwrap();
        let found =
            format!("# In the direct message about a hook from the chat\n\n{told}\n\n# hooks setup\n\n{printed}\n");
        let golden = golden(preset.name);
        if std::env::var_os("UPDATE_SAMPLES").is_some() {
            std::fs::write(&golden, &found).unwrap();
        }
        assert_eq!(found, std::fs::read_to_string(&golden).unwrap_or_default(), "{}", preset.name);
    }
}

#[test]
fn every_proof_has_a_text_at_every_sender_and_none_shows_its_secret() {
    let signature = json!({"secrets": ["s3cret"], "header": "x-signature"});
    let proofs = [
        json!({"auth": "none"}),
        json!({"auth": {"bearer": "s3cret"}}),
        json!({"auth": {"basic": "deploy:s3cret"}}),
        json!({"auth": {"header": {"name": "x-token", "value": "s3cret"}}}),
        json!({"auth": {"service_key": ["s3cret"]}}),
        json!({"auth": {"url_token": "s3cret"}}),
        json!({"auth": {"jwt": {"secret": ["a-key-of-s3cret"], "aud": "bot", "iss": "ci"}}}),
        json!({"signature": signature}),
        json!({"signature": signature, "auth": {"bearer": "s3cret"}}),
    ];
    for preset in ALL {
        for proof in &proofs {
            let says = text(&hook(preset.name, proof.clone()), BASE, Shown::Named(None))
                .unwrap_or_else(|error| panic!("{} {proof}: {error}", preset.name));
            assert!(says.contains("bot.example.org/hooks/ci") && !says.contains("s3cret"), "{proof}: {says}");
            assert!(!says.contains("\n\n\n") && !says.contains("{{ "), "{}: {says}", preset.name);
            // Each secret that the text uses is named once below it, and no other.
            let place = |name: &str| format!("{name}: in ");
            let is_place = |line: &&str| [SIGNING, SECRET].iter().any(|name| line.starts_with(&place(name)));
            let used: String = says.lines().filter(|line| !is_place(line)).collect();
            for (name, is_used) in
                [(SIGNING, used.contains(SIGNING)), (SECRET, used.replace(SIGNING, "").contains(SECRET))]
            {
                let named = says.lines().filter(|line| line.starts_with(&place(name))).count();
                assert_eq!(named, usize::from(is_used), "{} {proof}: {name}: {says}", preset.name);
            }
        }
    }
}

#[test]
fn a_jwt_is_made_by_the_sender_and_its_key_is_never_sent() {
    let proof = json!({"auth": {"jwt": {"secret": ["0123456789abcdef"], "aud": "bot", "iss": "ci"}}});
    for preset in ALL {
        let says = text(&hook(preset.name, proof.clone()), BASE, Shown::Named(None)).unwrap();
        assert!(!says.contains("SECRET") && !says.contains("0123456789"), "{}: {says}", preset.name);
        let Some((before, line)) = says.split_once("\nTOKEN: ") else { continue };
        for name in
            ["aud \"bot\"", "iss \"ci\"", "exp", "HS256", "auth.jwt.secret of [[hook]] ci", "Never send the key"]
        {
            assert!(line.contains(name), "{}: {says}", preset.name);
        }
        let has_scheme = ["Bearer TOKEN", "type: Bearer", "Scheme: Bearer", "Bearer $switchboard-secret"];
        assert!(has_scheme.iter().any(|scheme| before.contains(scheme)), "{}: {says}", preset.name);
    }
    let says = text(&hook("generic", proof), BASE, Shown::Named(None)).unwrap();
    assert!(says.contains("Authorization: Bearer TOKEN"), "{says}");
}

#[test]
fn a_public_key_is_called_one() {
    let ed25519 = json!({"secrets": ["00"], "header": "x-signature", "algorithm": "ed25519", "key": "hex"});
    let whpk = json!({"secrets": ["whpk_AAAA"]});
    for (preset, signature) in [("generic", &ed25519), ("cloudevents", &ed25519), ("standard-webhooks", &whpk)] {
        let says = text(&hook(preset, json!({"signature": signature})), BASE, Shown::Named(None)).unwrap();
        assert!(says.contains("SIGNING-SECRET is the public key") && !says.contains("HMAC"), "{says}");
        assert!(says.contains("its private key of ed25519") && !says.contains("curl -X"), "{says}");
        assert!(says.contains("/hooks/ci"), "{says}");
    }
}

/// What a preset makes of the payload of a shipped template, with these values in place of what the sender fills in.
fn read(name: &str, filled: impl Fn(&str) -> Value, is_placeholder: impl Fn(&str) -> bool) -> Signal {
    let preset = presets::named(name).unwrap();
    let made = chat::with_secret("ci", preset, "ops@example.org", &"x".into()).unwrap();
    let text = text(&made, BASE, Shown::Named(None)).unwrap();
    let (_, rest) = text.split_once("\n{\n").or_else(|| text.split_once("          {\n")).unwrap();
    let (body, _) = rest
        .split_once("}\n")
        .map(|_| rest.split_at(rest.find("\n}").or(rest.find("\n          }")).unwrap()))
        .unwrap();
    let fields = body.lines().map(|line| {
        let (name, value) = line.trim().trim_end_matches(',').split_once(": ").unwrap();
        assert!(is_placeholder(value), "{line}");
        (name.trim_matches('"').to_owned(), filled(name.trim_matches('"')))
    });
    let body = Value::Object(fields.collect());
    preset.signal(&BTreeMap::new(), &body)
}

#[test]
fn what_the_template_for_argo_cd_posts_is_read() {
    let filled = |name: &str| match name {
        "app" => "shop".into(),
        "status" => "Failed".into(),
        "health" => "Degraded".into(),
        "url" => "https://argo.example.org/applications/shop".into(),
        _ => "x".into(),
    };
    let signal = read("argocd", filled, |value| value.starts_with("{{") && value.ends_with("}}"));
    let says = signal.says.unwrap();
    assert!(says.contains("FAILED") && says.contains("shop") && signal.key == "shop", "{says}");
    assert!(presets::named("argocd").unwrap().setup.contains("method: POST"));
}

#[test]
fn what_the_template_for_datadog_posts_is_read() {
    let filled = |name: &str| match name {
        "transition" => "Triggered".into(),
        "title" => "Disk is full".into(),
        "monitor_id" => "7".into(),
        _ => "x".into(),
    };
    let signal = read("datadog", filled, |value| value.starts_with("\"$") && value.ends_with('"'));
    let says = signal.says.unwrap();
    assert!(says.contains("Triggered") && says.contains("Disk is full") && signal.key == "7 x", "{says}");
}

#[test]
fn what_the_script_for_zabbix_posts_is_read() {
    let preset = presets::named("zabbix").unwrap();
    let (_, fields) = preset.setup.split_once("\n[").unwrap();
    let (fields, _) = fields.split_once(']').unwrap();
    let fields: Vec<_> = fields.split(", ").map(|name| name.trim_matches('\'')).collect();
    let parameters = |name: &&&str| preset.setup.lines().any(|line| line.trim_start().starts_with(&format!("{name} ")));
    assert_eq!(fields.iter().filter(parameters).count(), fields.len(), "each is a parameter");
    let value = |name: &&str| match *name {
        "event_id" => "42",
        "value" => "1",
        "update_status" => "0",
        "trigger" => "Disk is full",
        _ => "x",
    };
    let body: Value = fields
        .iter()
        .map(|name| ((*name).to_owned(), Value::from(value(name))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let signal = preset.signal(&BTreeMap::new(), &body);
    let says = signal.says.unwrap();
    assert!(says.contains("PROBLEM") && says.contains("Disk is full") && signal.key == "42", "{says}");
}
