//! What a delivery costs besides the ledger: its signature, its body, its meaning, its rules.
//!
//! ```sh
//! cargo test --release --lib hooks::tests::cost -- --ignored --nocapture
//! ```

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::json;

use super::super::body;
use super::hooks;
use crate::clock;

const SETTINGS: &str = r#"
[[hook]]
name = "ci"
preset = "github"
to = "alice@example.com"
signature = { secrets = ["0123456789abcdef0123456789abcdef"] }
vars = { sha = "$.head_commit.id", files = "head_commit.modified" }
[[hook.rule]]
when = "event == 'pull_request.opened'"
template = "{{ title }}"
[[hook.rule]]
when = "event == 'push' and body.forced"
template = "**forced** {{ sha }} by {{ actor }}"
[[hook.rule]]
when = "state == 'firing' and was != 'firing'"
template = "{{ title }}"
"#;

/// A push of a few commits, of the size that GitHub's have.
fn push() -> Bytes {
    let user = json!({"login": "bob", "id": 21031067, "html_url": "https://github.com/bob", "type": "User", "site_admin": false,
        "avatar_url": "https://avatars1.githubusercontent.com/u/21031067?v=4", "url": "https://api.github.com/users/bob"});
    let commit = |nth: u32| {
        json!({"id": format!("{nth:040x}"), "message": "Make it faster\n\nMore text", "timestamp": "2026-05-15T15:20:41Z",
            "url": format!("https://github.com/acme/api/commit/{nth:040x}"), "author": user, "committer": user,
            "added": [], "removed": [], "modified": ["src/main.rs", "README.md"], "distinct": true})
    };
    let urls: BTreeMap<String, String> = (0..45)
        .map(|nth| (format!("url_{nth}"), format!("https://api.github.com/repos/acme/api/{nth}{{/sha}}")))
        .collect();
    let repository = json!({"id": 186853002, "name": "api", "full_name": "acme/api", "default_branch": "main", "owner": user,
        "html_url": "https://github.com/acme/api", "urls": urls});
    let body = json!({"ref": "refs/heads/main", "before": "0", "after": "1", "created": false, "deleted": false,
        "forced": false, "compare": "https://github.com/acme/api/compare/a...b", "commits": [commit(1), commit(2), commit(3)],
        "head_commit": commit(3), "repository": repository, "pusher": {"name": "bob"}, "sender": user});
    Bytes::from(body.to_string())
}

/// The median time of one call.
fn cost(mut call: impl FnMut()) -> Duration {
    const CALLS: u32 = 200;
    let mut times: Vec<_> = (0..101)
        .map(|_| {
            let started = clock::instant();
            (0..CALLS).for_each(|_| call());
            started.elapsed() / CALLS
        })
        .collect();
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
#[ignore = "it measures, which only a release build does well"]
#[allow(clippy::print_stdout)]
fn what_a_delivery_of_github_costs() {
    let hooks = hooks(SETTINGS);
    let hook = &hooks.0.settings["ci"];
    let bytes = push();
    // A wrong signature costs as much as the right one.
    let mut headers = HeaderMap::new();
    headers.insert("x-hub-signature-256", format!("sha256={}", "0".repeat(64)).parse().unwrap());
    let kept = BTreeMap::from([("x-github-event".to_owned(), "push".to_owned())]);
    let scheme = &hook.signature.as_ref().unwrap().scheme;
    let verify = cost(|| drop(black_box(scheme.verify(&headers, bytes.clone(), 0))));
    let value = body::read(&kept, &bytes).unwrap();
    let parse = cost(|| drop(black_box(body::read(&kept, &bytes).unwrap())));
    let signal = hook.signal(&kept, &value);
    let read = cost(|| drop(black_box(hook.signal(&kept, &value))));
    let rules = cost(|| assert!(hook.tell(&signal, &kept, &value).told.is_empty()));
    let all = verify + parse + read + rules;
    println!("{} bytes: verify {verify:?}, parse {parse:?}, preset {read:?}, rules {rules:?}: {all:?}", bytes.len());
}
