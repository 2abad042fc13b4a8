//! What the rules as they are now would change about earlier deliveries.

use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::{Cloud, Options};

use crate::harness::{Harness, switchboard};
use crate::hook_rules::beside;
use crate::hooks::{ALICE, hook, posts, run};

const SAME: &str = "deliveries would be told otherwise";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_to_the_title_of_a_space_is_the_same_message() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    cloud.space("Ops", &[ALICE]);
    let settings = "[[hook]]\nname = \"in\"\nauth = \"none\"\nto = \"Ops\"\n[[hook.rule]]\ntemplate = \"{{ a }}\"\n";
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), settings, Bot::builder()).await;
    bot.ready().await;
    posts(&bot, "/hooks/in", &[], json!({"a": "b"}).to_string()).await;
    bot.settle().await;
    assert_eq!(bot.cloud.messages().len(), 1);
    let diff = beside(&bot, settings, &["hooks", "diff", "in"]);
    assert_eq!(diff.trim(), format!("0 of 1 {SAME}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_works_again_is_told_as_before_even_if_the_failure_is_not_compared() {
    let settings = hook("in", "preset = \"github\"\nauth = \"none\"");
    let bot = Harness::with(&settings, Bot::builder()).await;
    for (id, how) in [(1, "failure"), (2, "success"), (3, "success")] {
        let run = json!({"id": id, "workflow_id": 1, "name": "CI", "head_branch": "main", "conclusion": how});
        let body = json!({"action": "completed", "repository": {"full_name": "acme/api"}, "workflow_run": run});
        posts(&bot, "/hooks/in", &[("x-github-event", "workflow_run")], body.to_string()).await;
        bot.settle().await;
        std::fs::write(bot.folder.path().join("run.json"), body.to_string()).unwrap();
    }
    assert_eq!(bot.cloud.messages().len(), 2);
    for last in 1..=3 {
        let diff = beside(&bot, &settings, &["hooks", "diff", "in", "--last", &last.to_string()]);
        assert_eq!(diff.trim(), format!("0 of {last} {SAME}"));
    }
    std::fs::write(bot.folder.path().join("headers"), "X-GitHub-Event: workflow_run\n").unwrap();
    let test = ["hooks", "test", "in", "run.json", "--headers", "headers"];
    assert!(run(bot.folder.path(), &test).contains("nothing would be posted"));
    assert!(run(bot.folder.path(), &[&test[..], &["--was", "firing"]].concat()).contains("works again"));
    let vars = run(bot.folder.path(), &["hooks", "vars", "in", "run.json", "--headers", "headers"]);
    assert!(vars.contains("workflow_run"), "{vars}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_rule_hides_no_message_of_another() {
    let good = "[[hook.rule]]\nname = \"good\"\ntemplate = \"{{ a }}\"";
    let wrong = "[[hook.rule]]\nname = \"bad\"\ntemplate = \"{{ a.b.c.d }}\"";
    let settings = hook("in", &format!("auth = \"none\"\n{wrong}\n{good}"));
    let bot = Harness::with(&settings, Bot::builder()).await;
    posts(&bot, "/hooks/in", &[], json!({"a": "b"}).to_string()).await;
    bot.settle().await;
    let diff = beside(&bot, &settings, &["hooks", "diff", "in", "--json"]);
    let diff: Value = serde_json::from_str(&diff).unwrap();
    assert_eq!((&diff[0]["gone"], &diff[0]["new"]), (&json!([]), &json!([])), "{diff}");
    assert!(diff[0]["errors"][0].as_str().unwrap().contains("rule bad"), "{diff}");
    std::fs::write(bot.folder.path().join("a.json"), "{\"a\": \"b\"}").unwrap();
    let tried = switchboard().current_dir(bot.folder.path()).args(["hooks", "test", "in", "a.json"]).output().unwrap();
    let said = String::from_utf8(tried.stdout).unwrap();
    assert_eq!(tried.status.code(), Some(1), "{said}");
    assert!(said.contains("rule bad") && said.contains(&format!("to {ALICE}, by rule good:\n\nb")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_people_see_of_a_message_is_compared() {
    let rule = |more: &str| hook("in", &format!("auth = \"none\"\n[[hook.rule]]\n{more}"));
    let card = r#"card = '{"type": "AdaptiveCard", "version": "1.3", "body": [{"type": "TextBlock", "text": "hi"}]}'"#;
    let plain = "template = \"deploy\"";
    let threaded = format!("{plain}\nthread = \"one\"");
    let long = "template = \"{% for _ in range(900) %}a long text {% endfor %}\"";
    let before = [plain.to_owned(), threaded.clone(), long.to_owned(), format!("{plain}\n{card}")];
    let changes = [
        (plain, "template = \"deploy FAILED, look now [x](https://ci.example.org)\"".to_owned(), "FAILED"),
        (plain, format!("{plain}\n{card}"), "with the card {"),
        (plain, threaded.clone(), "in the thread of the key hooks/in/"),
        (threaded.as_str(), format!("{threaded}\nupdate = true"), "in place of its first message: deploy"),
        (threaded.as_str(), format!("{plain}\nthread = \"two\""), "in the thread of the key hooks/in/"),
        (long, "template = \"{% for _ in range(901) %}a long text {% endfor %}\"".to_owned(), "a long text"),
    ];
    for old in before {
        let bot = Harness::with(&rule(&old), Bot::builder()).await;
        posts(&bot, "/hooks/in", &[], "{}").await;
        bot.settle().await;
        let diff = beside(&bot, &rule(&old), &["hooks", "diff", "in"]);
        assert_eq!(diff.trim(), format!("0 of 1 {SAME}"), "{old}");
        for (_, new, says) in changes.iter().filter(|(of, ..)| *of == old) {
            let diff = beside(&bot, &rule(new), &["hooks", "diff", "in"]);
            let added = diff.lines().find(|line| line.starts_with("  + ")).unwrap_or_default();
            assert!(added.contains(says) && diff.contains(&format!("1 of 1 {SAME}")), "{old} to {new}: {diff}");
        }
    }
}
