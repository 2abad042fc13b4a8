//! Secrets by name, in `[secrets]`: what they open, and what is said of a wrong one.

use serde_json::json;
use switchboard::Bot;

use crate::harness::{Harness, http, switchboard};
use crate::hooks::{SECRET, hook, posts};

const OTHER: &str = "another-secret-for-tests";

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_and_a_key_take_a_secret_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ci");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let settings = format!("[secrets]\nci = \"file:{}\"\n", path.display())
        + &hook("plain", "auth = { bearer = \"secret.ci\" }")
        + &hook("keys", &format!("auth = {{ service_key = [\"{OTHER}\", \"secret.ci\"] }}"))
        + "[[api_key]]\nname = \"script\"\nkey = \"secret.ci\"\nto = [\"alice@example.com\"]\nmay = [\"messages\"]\n";
    let bot = Harness::with(&settings, Bot::builder()).await;
    let bearer = |secret: &str| format!("Bearer {secret}");
    assert_eq!(posts(&bot, "/hooks/plain", &[("authorization", &bearer(SECRET))], "{}").await.0, 202);
    assert_eq!(posts(&bot, "/hooks/plain", &[("authorization", &bearer("secret.ci"))], "{}").await.0, 401);
    assert_eq!(posts(&bot, "/hooks/keys", &[("key", SECRET)], "{}").await.0, 202);
    assert_eq!(posts(&bot, "/hooks/keys", &[("key", OTHER)], "{}").await.0, 202);
    assert_eq!(posts(&bot, "/hooks/keys", &[("key", "secret.ci")], "{}").await.0, 401);
    let message = json!({"to": "alice@example.com", "text": "done"});
    let request = http().post(format!("{}/api/messages", bot.url)).bearer_auth(SECRET).json(&message);
    assert_eq!(request.send().await.unwrap().status(), 202);
}

#[test]
fn a_wrong_secret_is_told_once_with_its_place_and_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "\n").unwrap();
    let bearer = "auth = { bearer = \"secret.ci\" }";
    for (secret, more, says) in [
        ("ci = \"env:CI_TOKEN\"", bearer, "secrets.ci is kept in the variable CI_TOKEN, which is not set or is empty"),
        ("ci = \"s3cr3t-itself-written-here\"", bearer, "secrets.ci is no place of a secret, and a secret itself does"),
        ("ci = 5", bearer, "secrets.ci has the wrong type; write where it is kept"),
        ("\"c-i\" = \"env:CI_TOKEN\"", "auth = \"none\"", "secrets.c-i has a name that no template can write"),
        ("ci = \"file:/nowhere\"", bearer, "secrets.ci names a file that cannot be read (/nowhere)"),
        (&format!("ci = \"file:{}\"", empty.display()), bearer, "(secrets.ci): it is empty; put the secret into it"),
        ("", bearer, "hook 1.auth.bearer names secret.ci, which [secrets] does not have; write it there"),
        (
            "ci_token = \"env:GOOD\"",
            "auth = { service_key = [\"secret.ci_toke\"] }",
            "hook 1.auth.service_key entry 1 names secret.ci_toke, which [secrets] does not have; did you mean \
             secret.ci_token?",
        ),
        ("ci = \"env:SHORT\"", bearer, "must be 16 characters or more"),
    ] {
        let settings = format!(
            "[webex]\ntoken = \"x\"\n[webhook]\nsecret = \"{SECRET}\"\n[secrets]\n{secret}\n{}",
            hook("ci", more)
        );
        std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
        let mut command = switchboard();
        command.arg("check").current_dir(folder.path()).env("GOOD", SECRET).env("SHORT", "s3cr3t");
        let output = command.output().unwrap();
        let all = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{secret}: {all}");
        assert!(all.contains(says) && !all.contains("s3cr3t"), "{secret}: {all}");
        let places = ["bot.toml, line", "(environment)", "(secrets.ci)"];
        assert_eq!(places.iter().map(|place| all.matches(place).count()).sum::<usize>(), 1, "{secret}: {all}");
    }
}
