//! What was decided on a command that others have to approve stays decided, whatever goes wrong afterwards; and what can
//! be shown of it and cannot.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use switchboard::simulator::Fault;
use switchboard::{Bot, Command, Reply};
use tokio::sync::Notify;

use crate::approvals::{ALICE, BOB, Scene, THIRD, TWO, approvals, audit, change, said, until_said};
use crate::cards::{card, data, press};
use crate::cli::{finished, verb};
use crate::harness::{Harness, PATIENCE, SECRET, eventually, switchboard};

/// Waits until the bot has counted so much.
async fn counted(bot: &Harness, metric: &str, least: f64) {
    assert!(eventually(async || bot.metric(metric).await >= least).await, "{metric} is below {least}");
}

/// A command whose first try says when it runs, waits to be let go on, and fails.
fn flaky(within: Duration) -> (Bot, Arc<AtomicUsize>, Arc<Notify>, Arc<Notify>) {
    let (runs, runs_first, goes_on) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (counted, first, on) = (Arc::clone(&runs), Arc::clone(&runs_first), Arc::clone(&goes_on));
    let command = Command::new("flaky", "Fails once", move |_, _| {
        let is_first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        let (first, on) = (Arc::clone(&first), Arc::clone(&on));
        async move {
            if is_first {
                first.notify_one();
                on.notified().await;
                Err(anyhow::anyhow!("half done"))?;
            }
            Ok(Reply::text("Done."))
        }
    });
    (Bot::builder().command(command.approve([BOB, THIRD], 1, within)), runs, runs_first, goes_on)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_undoes_the_last_approval_once_its_command_has_begun() {
    let (flaky, runs, runs_first, goes_on) = flaky(Duration::from_secs(1));
    let bot = Harness::with("", flaky).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB, THIRD]);
    bot.cloud.person(ALICE).mentions_bot(&lab, "flaky").unwrap();
    bot.settle().await;
    let asking = card(&bot.cloud);
    bot.cloud.hold_deliveries();
    // Pressed before and delivered after.
    press(&bot.cloud.person(THIRD), &asking, "Deny", json!({}));
    bot.cloud.set_clock_offset(jiff::SignedDuration::from_secs(1));
    let last = bot.cloud.person(BOB).clicks(&asking.id, data(&asking, "Approve")).unwrap();
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": last, "roomId": lab}});
    assert_eq!(bot.delivers(body).await.0, 200);
    tokio::time::timeout(PATIENCE, runs_first.notified()).await.expect("the command runs");
    assert_eq!(approvals(bot.folder.path())[0]["state"], "running");
    bot.cloud.resume_deliveries();
    bot.cloud.delivered().await;
    // And its time is over by now.
    change(bot.folder.path(), "UPDATE approval SET expires_at = 1").await;
    goes_on.notify_one();
    bot.settle().await;
    let told: Vec<_> = said(&bot.cloud).into_iter().map(|(_, text)| text).collect();
    assert_eq!(runs.load(Ordering::Relaxed), 2);
    assert!(told[0] == "That is decided already. Approved by bob@example.com; it is about to run.", "{told:?}");
    assert!(told[1].contains("flaky was approved") && told[2] == "Done." && told.len() == 3, "{told:?}");
    assert_eq!(approvals(bot.folder.path())[0]["state"], "approved");
    let rows = audit(bot.folder.path());
    assert_eq!(
        rows[1..],
        [
            "click bob flaky/approve counted: 1 of 1 for REFERENCE",
            "click person3 flaky/deny declined: it is decided already for REFERENCE",
            "daemon alice flaky answered: approved by as many others as it takes for REFERENCE",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_in_time_goes_before_the_end_of_the_time_whatever_webexs_clock_says() {
    for offset in [600, -600] {
        let settings = TWO.replace("quorum = 2", "quorum = 1").replace("1h", "2s");
        let scene = Scene::set(&format!("[webex]\ntimeout = \"30s\"\n{settings}")).await;
        scene.bot.cloud.set_clock_offset(jiff::SignedDuration::from_secs(offset));
        let asking = scene.asks("deploy api").await;
        // Something said before holds up the space until the time is over.
        scene.bot.cloud.fault(Fault::on(Method::GET, "/messages*").stall());
        scene.person(ALICE).mentions_bot(&scene.lab, "help").unwrap();
        tokio::time::timeout(PATIENCE, scene.bot.cloud.call_stalled()).await.expect("the message is being read");
        press(&scene.person(BOB), &asking, "Approve", json!({}));
        scene.bot.cloud.delivered().await;
        let clock = "switchboard_events_received_total{source=\"clock\",resource=\"approvals\",outcome=\"accepted\"}";
        counted(&scene.bot, clock, 1.0).await;
        scene.bot.cloud.release();
        scene.bot.settle().await;
        assert_eq!((scene.runs(), scene.outcome("approved").await), (1, 1.0), "{}", scene.bot.cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_deletes_what_they_asked_still_gets_the_outcome_and_the_reply() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    let asking = scene.asks("deploy api").await;
    let asked = scene.bot.cloud.messages()[0].clone();
    scene.person(ALICE).deletes(&asked.id).unwrap();
    scene.presses(BOB, &asking, "Approve").await;
    let said = scene.said_since(&asking).await;
    assert!(said.len() == 2 && said[0].contains("deploy was approved"), "{said:?}");
    assert_eq!(said[1], "alice@example.com deploys api.");
    assert!(!scene.is_there(&asking) && scene.bot.metric("switchboard_dead_letters").await == 0.0);
    let outcome = card(&scene.bot.cloud);
    assert!(outcome.parent_id.is_none() && !outcome.attachments.is_empty(), "the card is not lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_left_the_space_does_not_count_and_asks_for_nothing_any_more() {
    let scene = Scene::set(TWO).await;
    scene.person(ALICE).adds(&scene.lab, "person4@example.com").unwrap();
    let settings = TWO.replace("\"alice@example.com\"", "\"person4@example.com\"");
    let scene = scene.again(&settings, async |_| {}).await;
    let asking = scene.asks("deploy api").await;
    scene.presses(BOB, &asking, "Approve").await;
    scene.person(BOB).leaves(&scene.lab).unwrap();
    scene.presses(THIRD, &asking, "Approve").await;
    let told = scene.said_since(&asking).await;
    assert_eq!(told[1], "person3@example.com approved: 1 of 2. bob@example.com does not count any more.");
    assert_eq!(approvals(scene.bot.folder.path())[0]["approved_by"], json!([THIRD]));
    scene.person(ALICE).leaves(&scene.lab).unwrap();
    scene.presses("person4@example.com", &asking, "Approve").await;
    assert_eq!((scene.runs(), scene.outcome("refused").await), (0, 1.0));
    let last = scene.said_since(&asking).await.pop().unwrap();
    assert!(last.contains("Approved by person3@example.com and person4@example.com; not run"), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_taken_for_something_else_is_put_before_nobody() {
    let scene = Scene::set(TWO).await;
    for (unseen, sign) in [
        ('\u{200b}', "U+200B"),
        ('\u{200c}', "U+200C"),
        ('\u{200d}', "U+200D"),
        ('\u{ad}', "U+00AD"),
        ('\u{2060}', "U+2060"),
        ('\u{feff}', "U+FEFF"),
        ('\u{180e}', "U+180E"),
        ('\u{34f}', "U+034F"),
        ('\u{fe0f}', "U+FE0F"),
        ('\u{fff9}', "U+FFF9"),
        ('\u{115f}', "U+115F"),
        ('\u{3164}', "U+3164"),
        ('\u{2800}', "U+2800"),
        ('\u{e0061}', "U+E0061"),
        ('\u{a0}', "U+00A0"),
        ('\u{2028}', "U+2028"),
        ('\t', "U+0009"),
    ] {
        scene.person(ALICE).mentions_bot(&scene.lab, &format!("deploy \"a{unseen}pi\"")).unwrap();
        scene.bot.settle().await;
        let (_, last) = said(&scene.bot.cloud).pop().unwrap();
        assert!(last.contains(&format!("they could not see the sign {sign} in it")), "{sign}: {last}");
    }
    scene.person(ALICE).mentions_bot(&scene.lab, &format!("deploy \"{}\"", "x\n".repeat(30))).unwrap();
    scene.bot.settle().await;
    let (_, last) = said(&scene.bot.cloud).pop().unwrap();
    assert!(last.contains("30 lines or fewer"), "{last}");
    assert!(approvals(scene.bot.folder.path()).is_empty());
    // Letters are counted, not bytes; lines and blanks are shown as what they are.
    let umlauts = "\u{e4}".repeat(900);
    let asking = scene.asks(&format!("deploy {umlauts}")).await;
    assert!(asking.text.unwrap().contains(&umlauts));
    let asking = scene.asks("deploy \"only a comment\nrm -rf  /\"").await;
    let body = &asking.attachments[0]["content"]["body"];
    let lines: Vec<_> = body.as_array().unwrap()[1..3].iter().map(|block| block["text"].as_str().unwrap()).collect();
    assert_eq!(lines, ["deploy \"only a comment", "rm -rf \u{a0}/\""]);
    assert!(asking.text.unwrap().contains("One Deny ends it. Only alice@example.com can withdraw it."));
}

#[tokio::test(flavor = "multi_thread")]
async fn check_tells_of_rules_that_nobody_can_fulfil_and_of_what_needs_no_approval() {
    let scene = Scene::set(TWO).await;
    let check = |settings: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
        let api = scene.bot.cloud.api_url();
        let variables = [
            ("WEBEX_BOT_TOKEN", scene.bot.cloud.bot().token),
            ("SWITCHBOARD_WEBEX__API_URL", api),
            ("WEBEX_WEBHOOK_SECRET", SECRET.to_owned()),
        ];
        finished(switchboard().arg("check").current_dir(folder.path()).envs(variables)).1
    };
    let open = "[access]\ngroup_policy = \"mention\"\n";
    let report = |more: &str, approve: &str| format!("[[command]]\nname = \"report\"\n{more}\napprove = {approve}");
    let listed = "[access]\nallow_from = [\"alice@example.com\"]\n";
    let admin = "[access]\nadmins = [\"alice@example.com\"]\n";
    let allowlist = "group_policy = \"allowlist\"\n";
    let by_bob = report("", "{ by = [\"bob@example.com\"] }");
    for (settings, says) in [
        (format!("{listed}group_policy = \"disabled\"\n{by_bob}"), "access.group_policy is \"disabled\""),
        (format!("{listed}{allowlist}{by_bob}"), "too few of approve.by are listed"),
        (
            format!("{open}{}", report("rooms = [\"direct\"]", "{ by = [\"bob@example.com\"] }")),
            "its rooms are only direct messages",
        ),
        (
            format!("{open}{}", report("allow = [\"bob@example.com\"]", "{ by = [\"bob@example.com\"] }")),
            "would have to approve it too",
        ),
        (format!("{admin}{}", report("allow = [\"admins\"]", "{ by = [\"admins\"] }")), "would have to approve it too"),
        (
            format!("{admin}[[command]]\nname = \"pairing\"\napprove = {{ by = [\"bob@example.com\"] }}"),
            "pairing needs approval, and these actions of it do not",
        ),
        (report("", "true"), "give a table such as { by = "),
        (report("", "{ quorum = 1 }"), "approve.by is missing"),
        (report("", "{ by = [\"bob\"], quorum = 0, within = \"9d\" }"), "from 1 to 20; and it has an approve.within"),
    ] {
        let said = check(&settings);
        assert!(said.contains(says), "{settings}\n{said}");
    }
    for settings in
        [format!("{open}{by_bob}"), format!("[access]\nallow_from = [\"*@example.com\"]\n{allowlist}{by_bob}")]
    {
        let said = check(&settings);
        assert!(!said.contains("needs approval"), "{settings}\n{said}");
    }
    let domain = "[[command]]\nname = \"deploy\"\napprove = { by = [\"*@example.com\"] }";
    let scene = scene.again(domain, async |_| {}).await;
    assert!(scene.asks("deploy api").await.text.unwrap().contains("anybody at example.com"));
    change(scene.bot.folder.path(), "DELETE FROM approval").await;
    // The only admin is told at once, and not after the time is over.
    let alone = format!("{admin}[[command]]\nname = \"deploy\"\napprove = {{ by = [\"admins\"] }}");
    let scene = scene.again(&alone, async |_| {}).await;
    scene.asks_nothing("without you there are too few who may").await;
}

/// How the newest request stands.
fn newest(scene: &Scene) -> Value {
    approvals(scene.bot.folder.path())[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_put_before_nobody_ends_and_whoever_asked_is_told() {
    let scene = Scene::set(TWO).await;
    // Without its card, and then not at all.
    for (status, times, nth) in [(400, 2, 1.0), (403, 1, 2.0)] {
        scene.bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(status, &[], "").times(times));
        scene.person(ALICE).mentions_bot(&scene.lab, "deploy api").unwrap();
        counted(&scene.bot, "switchboard_approvals_total{outcome=\"unasked\"}", nth).await;
        scene.bot.settle().await;
        assert_eq!(newest(&scene)["state"], "unasked");
        assert_eq!(newest(&scene)["ended_by"], "the clock");
        let (_, told) = said(&scene.bot.cloud).pop().unwrap();
        assert!(told.contains("Asked for by alice@example.com. Its card was not put before anybody"), "{told}");
        scene.bot.cloud.clear_faults();
    }
    assert_eq!((scene.outcome("unasked").await, scene.runs()), (2.0, 0));
    let messages = scene.bot.cloud.messages();
    let has_buttons =
        |message: &&switchboard::simulator::Message| format!("{:?}", message.attachments).contains("seal");
    assert!(messages.iter().find(has_buttons).is_none());
    assert!(!said(&scene.bot.cloud).iter().any(|(_, text)| text.contains("has to be approved")), "its text goes too");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_copy_of_a_card_that_was_posted_twice_goes() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    for title in ["Approve", "Deny"] {
        scene.bot.cloud.fault(Fault::on(Method::POST, "/messages").apply_then_reset());
        let second = scene.asks("deploy api").await;
        let messages = scene.bot.cloud.messages();
        let first = messages.iter().find(|message| message.text == second.text).unwrap().clone();
        assert_ne!(first.id, second.id);
        scene.presses(BOB, &first, title).await;
        assert!(!scene.is_there(&first) && !scene.is_there(&second), "{}", scene.bot.cloud.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_withdraws_what_waits() {
    let scene = Scene::set(TWO).await;
    let asking = scene.asks("deploy api").await;
    let reference = newest(&scene)["reference"].as_str().unwrap().to_owned();
    let said = verb(scene.bot.folder.path(), &["approvals", "withdraw", &reference.to_lowercase()]);
    assert!(said.contains("the daemon tells the space"), "{said}");
    // Nobody can decide on it from then on.
    scene.presses(BOB, &asking, "Approve").await;
    let told = scene.said_since(&asking).await;
    assert!(told[0].starts_with("That is decided already. Withdrawn by the command line"), "{told:?}");
    let scene = scene.again(TWO, async |_| {}).await;
    until_said(&scene.bot.cloud, "deploy was withdrawn").await;
    scene.bot.settle().await;
    assert!(!scene.is_there(&asking));
    assert_eq!((&newest(&scene)["state"], scene.outcome("withdrawn").await), (&json!("withdrawn"), 1.0));
    let rows = audit(scene.bot.folder.path());
    assert!(rows.iter().any(|row| row.starts_with("cli nobody approvals withdraw done: request")), "{rows:?}");
    assert_eq!(rows.last().unwrap(), "daemon nobody deploy/expire ended: withdrawn by the command line for REFERENCE");
    let (code, said) = finished(
        switchboard()
            .args(["approvals", "withdraw", &reference])
            .env("DATABASE_URL", format!("sqlite:{}", scene.bot.folder.path().join("ledger.db").display())),
    );
    assert!(code != 0 && said.contains("0 requests called"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_dropped_comes_again_and_is_not_counted_for_ever() {
    let scene = Scene::set(&TWO.replace("1h", "1s")).await;
    scene.asks("deploy api").await;
    until_said(&scene.bot.cloud, "Nobody approved it within 1s.").await;
    scene.bot.settle().await;
    // As if the event had been dropped before it did anything.
    let open = "UPDATE approval SET state = 0, ended_at = NULL, ended_by = NULL, ended_event = NULL";
    let scene = scene.again(TWO, async |folder| change(folder, open).await).await;
    counted(&scene.bot, "switchboard_approvals_total{outcome=\"expired\"}", 1.0).await;
    scene.bot.settle().await;
    assert_eq!(newest(&scene)["state"], "expired");
    let metric = "switchboard_events_received_total{source=\"clock\",resource=\"approvals\",outcome=\"duplicate\"}";
    assert_eq!(scene.bot.metric(metric).await, 0.0);
    // One that is over and not ended yet keeps nobody from asking.
    let more = "WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 20) INSERT INTO approval \
         SELECT randomblob(16), event, command, asked, person, person_id, email, room, thread, message, files, \
         requested_at, 1, 0, NULL, NULL, NULL, NULL FROM approval, n";
    change(scene.bot.folder.path(), more).await;
    scene.asks("deploy web").await;
    assert!(said(&scene.bot.cloud).iter().any(|(_, text)| text.contains("deploy has to be approved deploy web")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_an_operator_drops_ends_as_failed() {
    let settings = TWO.replace("quorum = 2", "quorum = 1");
    let scene = Scene::set(&settings).await;
    let asking = scene.asks("deploy api").await;
    scene.bot.cloud.fault(Fault::on(Method::GET, "/memberships").stall());
    press(&scene.person(BOB), &asking, "Approve", json!({}));
    tokio::time::timeout(PATIENCE, scene.bot.cloud.call_stalled()).await.expect("the run begins");
    let folder = scene.bot.folder.path();
    let rows: Vec<Value> = serde_json::from_str(&verb(folder, &["inbox", "list", "--json"])).unwrap();
    verb(folder, &["inbox", "drop", rows[0]["id"].as_str().unwrap()]);
    scene.bot.cloud.release();
    scene.bot.settle().await;
    let scene = scene.again(&settings, async |_| {}).await;
    until_said(&scene.bot.cloud, "deploy was approved and failed").await;
    scene.bot.settle().await;
    assert!(!scene.is_there(&asking));
    assert_eq!(newest(&scene)["state"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_read_does_not_hold_up_its_space() {
    let scene = Scene::set(TWO).await;
    let asking = scene.asks("deploy api").await;
    change(scene.bot.folder.path(), "UPDATE approval SET files = 'nothing'").await;
    press(&scene.person(BOB), &asking, "Approve", json!({}));
    scene.person(ALICE).mentions_bot(&scene.lab, "help deploy").unwrap();
    until_said(&scene.bot.cloud, "Deploys a service").await;
    scene.bot.settle().await;
    assert_eq!(scene.bot.metric("switchboard_dead_letters").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_what_was_asked_has_every_vote_and_the_end_even_where_webex_takes_none() {
    let scene = Scene::set(TWO).await;
    let asking = scene.asks("deploy api").await;
    let asked = scene.bot.cloud.messages()[0].clone();
    scene.presses(BOB, &asking, "Approve").await;
    scene.bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], "").times(1));
    scene.presses(THIRD, &asking, "Approve").await;
    let folder = scene.bot.folder.path();
    let reference = newest(&scene)["reference"].as_str().unwrap().to_owned();
    let story = verb(folder, &["explain", &asked.id]);
    for told in [
        "approved by bob@example.com, event ",
        "approved by person3@example.com, event ",
        "approved by person3@example.com; event ",
        "outcome given up after 1 tries",
        "deletion of the card given up after 1 tries: what takes its place was not sent",
    ] {
        assert!(story.contains(told), "{told} in {story}");
    }
    let rows: Vec<Value> = serde_json::from_str(&verb(folder, &["audit", "list", "--json"])).unwrap();
    for row in rows.iter().filter(|row| row["via"] == "click") {
        assert!(row["reason"].as_str().unwrap().ends_with(&format!("for {reference}")), "{row}");
        let click = verb(folder, &["explain", row["event"].as_str().unwrap()]);
        assert!(click.contains(&format!("the request is {reference}")), "{click}");
    }
    // And where it does.
    let asking = scene.asks("deploy nothing").await;
    let asked = asking.parent_id.clone().unwrap();
    scene.presses(BOB, &asking, "Approve").await;
    scene.presses(THIRD, &asking, "Approve").await;
    let story = verb(folder, &["explain", &asked]);
    assert!(story.contains("outcome sent") && story.contains("the card deleted"), "{story}");
    let told = scene.said_since(&asking).await;
    assert!(told[1].contains("deploy was approved and not done") && told[1].contains("would not do it"), "{told:?}");
    assert_eq!((told[2].as_str(), scene.outcome("declined").await), ("There is nothing to deploy.", 1.0));
}
