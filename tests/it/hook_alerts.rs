//! Groups of alerts, as Alertmanager and Grafana post them: what is a repeat, and what each alert of a group is.

use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::Cloud;

use crate::explain::explain;
use crate::harness::Harness;
use crate::hook_rules::{beside, said};
use crate::hooks::{hook, posts, run};

const PRESETS: [&str; 2] = ["alertmanager", "grafana"];

fn settings(preset: &str, more: &str) -> String {
    hook("in", &format!("preset = \"{preset}\"\nauth = \"none\"\n{more}"))
}

/// An alert that fires, or has this other status.
fn alert(name: &str, status: &str, severity: &str) -> Value {
    json!({
        "status": status, "fingerprint": name, "startsAt": "2026-11-27T09:30:00Z",
        "labels": {"alertname": "DiskFull", "disk": name, "severity": severity},
        "annotations": {"summary": format!("Disk {name} is full")},
        "generatorURL": format!("https://prometheus.example.org/{name}"),
    })
}

fn firing(names: &[&str]) -> Value {
    group(names.iter().map(|name| alert(name, "firing", "warning")).collect())
}

fn group(alerts: Vec<Value>) -> Value {
    let status = if alerts.iter().any(|alert| alert["status"] == "firing") { "firing" } else { "resolved" };
    json!({"groupKey": "{}:{alertname=DiskFull}", "status": status, "groupLabels": {"alertname": "DiskFull"}, "alerts": alerts})
}

/// Posts a group and waits until it is told; gives the event's id.
async fn post(bot: &Harness, group: &Value) -> String {
    let (status, _, id) = posts(bot, "/hooks/in", &[], group.to_string()).await;
    assert_eq!(status, 202);
    bot.settle().await;
    id.unwrap()
}

fn count(cloud: &Cloud) -> usize {
    cloud.messages().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_comes_back_is_told_and_a_repeat_of_the_last_post_is_not() {
    for preset in PRESETS {
        let bot = Harness::with(&settings(preset, ""), Bot::builder()).await;
        let (both, one) = (firing(&["a", "b"]), firing(&["a"]));
        for (group, told) in [(&both, 1), (&both, 1), (&one, 2), (&both, 3), (&both, 3), (&one, 4)] {
            post(&bot, group).await;
            assert_eq!(count(&bot.cloud), told, "{preset}: {}", bot.cloud.transcript());
        }
        let repeat = post(&bot, &one).await;
        let story = explain(&bot, &repeat);
        assert!(story.contains("it is a repeat"), "{story}");
        let diff = beside(&bot, &settings(preset, ""), &["hooks", "diff", "in"]);
        assert!(diff.contains("0 of 7 deliveries"), "{diff}");
        // An operator who wants it once more gets it.
        beside(&bot, &settings(preset, ""), &["hooks", "replay", &repeat]);
        bot.settle().await;
        assert_eq!(count(&bot.cloud), 5, "{}", bot.cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_says_nothing_of_how_things_stand_now() {
    let settings = settings("alertmanager", "");
    let bot = Harness::with(&settings, Bot::builder()).await;
    let first = post(&bot, &firing(&["a", "b"])).await;
    post(&bot, &firing(&["a"])).await;
    beside(&bot, &settings, &["hooks", "replay", &first]);
    bot.settle().await;
    assert_eq!(count(&bot.cloud), 3, "{}", bot.cloud.transcript());
    post(&bot, &firing(&["a"])).await;
    assert_eq!(count(&bot.cloud), 3, "{}", bot.cloud.transcript());
    let diff = beside(&bot, &settings, &["hooks", "diff", "in"]);
    assert!(diff.contains("0 of 4 deliveries"), "{diff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_was_told_is_told_when_it_comes_again() {
    let rule = "[[hook.rule]]\nwhen = \"alerts | length > 1\"";
    let (both, one) = (firing(&["a", "b"]), firing(&["a"]));
    let bot = Harness::with(&settings("alertmanager", &format!("shadow = true\n{rule}")), Bot::builder()).await;
    post(&bot, &both).await;
    let (cloud, folder) = bot.stop().await;
    let bot = Harness::on(cloud, folder, &settings("alertmanager", rule), Bot::builder()).await;
    bot.ready().await;
    for (group, told) in [(&both, 1), (&both, 1), (&one, 1), (&one, 1), (&both, 2)] {
        post(&bot, group).await;
        assert_eq!(count(&bot.cloud), told, "{}", bot.cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_known_after_a_restart_and_if_both_come_at_once() {
    let bot = Harness::with(&settings("alertmanager", ""), Bot::builder()).await;
    let body = firing(&["a"]).to_string();
    let both = [posts(&bot, "/hooks/in", &[], body.clone()), posts(&bot, "/hooks/in", &[], body)];
    let answers = futures_util::future::join_all(both).await;
    assert!(answers.iter().all(|(status, ..)| *status == 202));
    bot.settle().await;
    assert_eq!(count(&bot.cloud), 1, "{}", bot.cloud.transcript());
    let (cloud, folder) = bot.kill().await;
    let bot = Harness::on(cloud, folder, &settings("alertmanager", ""), Bot::builder()).await;
    bot.ready().await;
    post(&bot, &firing(&["a"])).await;
    assert_eq!(count(&bot.cloud), 1, "{}", bot.cloud.transcript());
    post(&bot, &firing(&["a", "b"])).await;
    assert_eq!(count(&bot.cloud), 2, "{}", bot.cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_alert_has_its_own_message_that_is_kept_up_to_date() {
    let rule = "[[hook.rule]]\neach = \"$.alerts[*]\"\nupdate = true\ntemplate = \"{{ status }} {{ labels.disk }}\"";
    for preset in PRESETS {
        let bot = Harness::with(&settings(preset, rule), Bot::builder()).await;
        post(&bot, &firing(&["a", "b", "c"])).await;
        assert_eq!(said(&bot.cloud), ["firing a", "firing b", "firing c"], "{preset}");
        let b_is_over = ["firing", "resolved", "firing"].into_iter().zip(["a", "b", "c"]);
        post(&bot, &group(b_is_over.map(|(status, name)| alert(name, status, "warning")).collect())).await;
        assert_eq!(said(&bot.cloud), ["firing a", "resolved b", "firing c"], "{preset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_each_the_preset_names_what_the_alert_is_and_not_its_group() {
    let rule = "[[hook.rule]]\neach = \"$.alerts[*]\"\nwhen = \"severity == 'critical' and state == 'firing'\"\n\
                template = \"{{ title }}, {{ state }}, {{ severity }}, {{ url }}, {{ at }}\"";
    for preset in PRESETS {
        let bot = Harness::with(&settings(preset, rule), Bot::builder()).await;
        let alerts = [("a", "firing", "warning"), ("b", "firing", "critical"), ("c", "resolved", "critical")];
        let alerts = alerts.map(|(name, status, severity)| alert(name, status, severity));
        post(&bot, &group([&alerts[..], &[alert("d", "firing", "")]].concat())).await;
        let wanted = r"Disk b is full, firing, critical, https://prometheus.example.org/b, 2026-11-27T09:30:00Z";
        assert_eq!(said(&bot.cloud), [wanted], "{preset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_defined_is_counted_and_told() {
    let rules = "[[hook.rule]]\nwhen = \"severty == 'critical'\"\ntemplate = \"a\"\n\
                 [[hook.rule]]\nname = \"team\"\nwhen = \"labels.team in ['x'] or alerts[7].status == 'firing'\"\ntemplate = \"b\"\n\
                 [[hook.rule]]\nwhen = \"status == 'other' or nothing is defined\"\ntemplate = \"c\"\n\
                 [[hook.rule]]\nwhen = \"text\"\ntemplate = \"d\"\n\
                 [[hook.rule]]\nwhen = \"missing == 1 or status == 'firing'\"\ntemplate = \"e\"\nstop = true\n";
    let settings = settings("alertmanager", rules);
    let bot = Harness::with(&settings, Bot::builder()).await;
    let body = firing(&["a"]);
    let id = post(&bot, &body).await;
    std::fs::write(bot.folder.path().join("a.json"), body.to_string()).unwrap();
    std::fs::write(bot.folder.path().join("bot.toml"), &settings).unwrap();
    for told in [explain(&bot, &id), run(bot.folder.path(), &["hooks", "test", "in", "a.json"])] {
        let team = "rule team: a value in `alerts[7].status == 'firing'` and labels are not defined";
        for says in ["rule 1: severty is not defined", team, "rule 4: text is not defined"] {
            assert!(told.contains(says), "{says}: {told}");
        }
        assert!(!told.contains("rule 3:") && !told.contains("rule 5:"), "{told}");
    }
    for (rule, count) in [("1", 1.0), ("team", 1.0), ("3", 0.0), ("4", 1.0), ("5", 0.0)] {
        let name = format!("switchboard_rules_undefined_total{{hook=\"in\",rule=\"{rule}\"}}");
        assert_eq!(bot.metric(&name).await, count, "{rule}");
    }
}

#[test]
fn what_each_message_takes_the_place_of_has_to_be_said_where_the_preset_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "[[hook.rule]]\neach = \"$.items[*]\"\nupdate = true\ntemplate = \"a\"";
    let settings = hook("in", &format!("preset = \"github\"\nauth = \"none\"\n{rule}"));
    std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
    let check = crate::harness::switchboard().current_dir(folder.path()).arg("check").output().unwrap();
    let said = [check.stdout, check.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains("rule 1: update: ") && said.contains("Give thread as well"), "{said}");
}
