//! Who did what: a row for all that was judged, in a chain that shows when one was altered or removed.

use std::io::{BufRead, BufReader};
use std::path::Path;

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Options};
use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};

use crate::cli::{finished, verb};
use crate::harness::{Daemon, Harness, arrived, eventually, free_port, http, prepare, switchboard};

/// The rows, oldest first.
fn rows(folder: &Path, more: &[&str]) -> Vec<Value> {
    let args = [&["audit", "list", "--limit", "100000", "--json"], more].concat();
    let mut rows: Vec<Value> = serde_json::from_str(&verb(folder, &args)).unwrap();
    rows.reverse();
    rows
}

/// The exit code of `audit verify`, and what it says.
fn verify(folder: &Path, more: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let url = format!("sqlite:{}", folder.join("ledger.db").display());
    let variables = variables.iter().copied();
    finished(switchboard().args(["audit", "verify"]).args(more).env("DATABASE_URL", url).envs(variables))
}

async fn tamper(folder: &Path, statement: &str) {
    Connection::open(folder.join("ledger.db")).unwrap().execute_batch(statement).unwrap();
}

/// Fails with what it was told.
fn failing() -> Command {
    async fn run(_: Context, mut args: Args) -> Result<Reply> {
        Err(anyhow::anyhow!("cannot {}", args.rest()))?
    }
    Command::new("fail", "Fails", run).param(Param::text("text").rest())
}

/// A card in a space, posted as the bot.
async fn card(cloud: &Cloud, room: &str) -> String {
    let card = json!({"roomId": room, "markdown": "a card", "attachments": [{
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {"type": "AdaptiveCard", "version": "1.3", "body": [], "actions": [{"type": "Action.Submit", "title": "Go"}]}}]});
    let posting = http().post(format!("{}/messages", cloud.api_url())).bearer_auth(cloud.bot().token);
    let posted: Value = posting.json(&card).send().await.unwrap().json().await.unwrap();
    posted["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_judgement_has_a_row_with_who_where_what_and_by_which_rule() {
    let settings = "[access]\ndm_policy = \"pairing\"\ngroup_policy = \"allowlist\"\nallow_from = [\"alice@example.com\"]\n\
                    [worker]\nmax_attempts = 2";
    let bot = Harness::with(settings, Bot::builder().command(failing())).await;
    let (alice, bob) = (bot.cloud.person("alice@example.com"), bot.cloud.person("bob@example.com"));
    let lab = bot.cloud.space("Lab", &["alice@example.com", "bob@example.com"]);
    let card = card(&bot.cloud, &lab).await;
    for text in ["help", "a secret word", "report soon", "fail secretly"] {
        alice.says(text);
        bot.settle().await;
    }
    alice.mentions_bot(&lab, "status").unwrap();
    bot.settle().await;
    bob.says("a secret word");
    bot.settle().await;
    bob.mentions_bot(&lab, "status secretly").unwrap();
    bot.settle().await;
    for person in [&alice, &bob] {
        person.clicks(&card, json!({"word": "secret"})).unwrap();
        bot.settle().await;
    }
    // Deleted before it could be read: nobody is judged, and that stands there.
    bot.cloud.hold_deliveries();
    let gone = alice.says("a secret word");
    alice.deletes(&gone).unwrap();
    bot.cloud.resume_deliveries();
    bot.settle().await;

    let folder = bot.folder.path();
    let rows = rows(folder, &[]);
    let field = |row: &Value, name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let told = rows.iter().map(|row| {
        let names = ["via", "email", "place", "action", "verdict", "reason"];
        format!("{}: {}", names.map(|name| field(row, name)).join(", "), row["allowed"])
    });
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n"), @"
    message, alice@example.com, direct, help, answered, listed in access.allow_from: true
    message, alice@example.com, direct, none, unknown, listed in access.allow_from: true
    message, alice@example.com, direct, report, usage, listed in access.allow_from: true
    message, alice@example.com, direct, fail, failed, listed in access.allow_from: true
    message, alice@example.com, group, status, answered, listed in access.allow_from: true
    message, bob@example.com, direct, none, stranger, an unknown person, who was given a code to be let in: false
    message, bob@example.com, group, none, denied, not listed in access.group_allow_from or access.allow_from: false
    click, alice@example.com, group, none, ignored, no button of mine was pressed: it has no seal: true
    click, bob@example.com, group, none, denied, not listed in access.group_allow_from or access.allow_from: false
    message, -, -, none, gone, nobody was judged at the end; the note of the event says why: null
    ");
    let persons: Vec<_> = rows.iter().map(|row| field(row, "person")).collect();
    assert_eq!(persons[0], alice.account().id);
    assert_eq!(persons[5], bob.account().id);
    assert_eq!((field(&rows[0], "room"), field(&rows[4], "room")), (alice.direct_room(), lab));
    assert!(rows.iter().all(|row| row["at_ms"].as_i64().unwrap() > 1_600_000_000_000 && row["event"].is_string()));
    assert!(!format!("{rows:?}").contains("secret"), "what people type is not kept: {rows:?}");

    let count = |more: &[&str]| self::rows(folder, more).len();
    assert_eq!((count(&["--denied"]), count(&["--since", "1h"])), (3, rows.len()));
    assert_eq!((count(&["--person", "BOB@example.com"]), count(&["--person", &bob.account().id])), (3, 3));
    assert_eq!(count(&["--person", "bob@example.com", "--since", "0s"]), 0);
    let table = verb(folder, &["audit", "list", "--limit", "2"]);
    assert!(table.lines().count() == 3 && table.starts_with("ROW"), "{table}");
    let reference = field(&rows[6], "reference");
    let story = verb(folder, &["explain", &reference]);
    assert!(
        story.contains("audited in row 7: bob@example.com, none, denied (not listed in access.group_allow_from"),
        "{story}"
    );
    let (code, said) = verify(folder, &[], &[]);
    assert!(
        code == 0 && said.starts_with("10 rows, from ") && said.contains(", unbroken\nthe last is row 10, hash "),
        "{said}"
    );
    let last = said.split_once(", hash ").unwrap().1.split_once('\n').unwrap();
    assert_eq!((last.0, last.1.split_once(':').unwrap().0), (&*field(&rows[9], "hash"), "not sealed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_does_has_a_row_of_the_same_event() {
    let bot = Harness::with("[worker]\nmax_attempts = 1", Bot::builder().command(failing())).await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], ""));
    bot.cloud.person("alice@example.com").says("fail now");
    bot.settle().await;
    let folder = bot.folder.path();
    let id = |queue: &str| {
        let list: Value = serde_json::from_str(&verb(folder, &[queue, "list", "--json"])).unwrap();
        list[0]["id"].as_str().unwrap().to_owned()
    };
    let (event, message) = (id("inbox"), id("outbox"));
    verb(folder, &["outbox", "drop", &message]);
    verb(folder, &["inbox", "retry", &event]);
    bot.settle().await;
    verb(folder, &["inbox", "drop", &event]);
    let rows = rows(folder, &[]);
    let told: Vec<_> = rows.iter().map(|row| (row["action"].as_str().unwrap(), row["via"].as_str().unwrap())).collect();
    let expected = [
        ("fail", "message"),
        ("outbox drop", "cli"),
        ("inbox retry", "cli"),
        ("fail", "message"),
        ("inbox drop", "cli"),
    ];
    assert_eq!(told, expected);
    assert!(rows.iter().all(|row| row["event"] == event.as_str()), "{rows:?}");
    assert!(
        rows[1]["person"].as_str().unwrap().starts_with("operator ") && rows[1]["reason"] == format!("row {message}")
    );
    let story = verb(folder, &["explain", &event]);
    assert_eq!(story.matches("audited in row").count(), 5, "{story}");
    assert_eq!(verify(folder, &[], &[]).0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_or_removed_row_is_named_and_foreign_text_disturbs_no_terminal() {
    let bot = Harness::start().await;
    for _ in 0..4 {
        bot.cloud.person("alice@example.com").says("help");
    }
    bot.settle().await;
    let (_cloud, folder) = bot.stop().await;
    let folder = folder.path();
    assert_eq!(verify(folder, &[], &[]).0, 0, "without the daemon too");
    tamper(folder, "UPDATE audit SET email = 'a\u{1b}[31m\u{202e}@example.com' WHERE seq = 3").await;
    let (code, said) = verify(folder, &[], &[]);
    assert!(code == 1 && said.starts_with("broken: row 3 was altered") && said.contains("\n4 rows, from "), "{said}");
    tamper(folder, "UPDATE audit SET reason = 'why)\n  answered' WHERE seq = 3").await;
    let story = verb(folder, &["explain", rows(folder, &[])[2]["event"].as_str().unwrap()]);
    assert!(story.contains("(why)   answered)") && !story.contains("\n  answered"), "{story}");
    let list = verb(folder, &["audit", "list"]) + &verb(folder, &["audit", "list", "--json"]);
    assert!(!list.contains(['\u{1b}', '\u{202e}']) && list.contains("\\u001b"), "{list}");
    tamper(folder, "DELETE FROM audit WHERE seq = 2").await;
    let (code, said) = verify(folder, &["--json"], &[]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["unbroken"], &said["rows"]), (1, &json!(false), &json!(3)));
    let altered = "was altered, or put there in place of another, or does not follow the one before it";
    // What row 3 is built on is not there any more, so nobody can say that it was altered.
    assert_eq!(said["findings"], json!([{"row": 2, "problem": "is missing"}]));
    tamper(folder, "UPDATE audit SET place = 'group' WHERE seq = 4").await;
    let (code, said) = verify(folder, &["--json"], &[]);
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &said["more_findings"]), (1, &json!(0)));
    assert_eq!(said["findings"], json!([{"row": 2, "problem": "is missing"}, {"row": 4, "problem": altered}]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_finding_is_told_up_to_ten_and_a_damaged_row_hides_no_other() {
    let bot = Harness::start().await;
    for _ in 0..14 {
        bot.cloud.person("alice@example.com").says("help");
    }
    bot.settle().await;
    let (_cloud, folder) = bot.stop().await;
    let folder = folder.path();
    tamper(folder, "UPDATE audit SET event = x'00' WHERE seq = 5").await;
    let list = verb(folder, &["audit", "list", "--person", "bob@example.com"]);
    assert!(list.lines().count() == 2 && list.contains("damaged, see `audit verify`: "), "{list}");
    let list = verb(folder, &["audit", "list"]);
    assert!(list.lines().count() == 15 && list.matches("damaged").count() == 1, "{list}");
    let damaged: Vec<_> = rows(folder, &[]).iter().map(|row| row["damaged"] == true).collect();
    assert!(damaged.len() == 14 && damaged.iter().enumerate().all(|(nth, damaged)| *damaged == (nth == 4)));
    tamper(folder, "UPDATE audit SET reason = 'other' WHERE seq <> 5").await;
    let (code, said) = verify(folder, &[], &[]);
    assert_eq!((code, said.matches("broken: row ").count()), (1, 10), "{said}");
    assert!(said.contains("\nbroken: row 5 has content that no row of the audit has\n"), "{said}");
    assert!(said.contains("\nbroken: and 4 more findings\n14 rows, from "), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_variable_seals_may_be_replaced_and_a_cut_chain_is_in_the_log() {
    let (cloud, folder, port) =
        (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap(), free_port());
    let alice = cloud.person("alice@example.com");
    let say = async |times: usize| {
        let posts =
            || cloud.calls().iter().filter(|call| call.method == Method::POST && call.path == "/messages").count();
        let posts = posts() + times;
        (0..times).for_each(|_| drop(alice.says("help")));
        arrived(&cloud, Method::POST, "/messages", posts).await;
    };
    let first = [("SWITCHBOARD_AUDIT__KEY", "the-first-key-of-the-tests")];
    let daemon = Daemon::start(&cloud, folder.path(), port, &first);
    crate::restart::ready(&daemon).await;
    say(2).await;
    let (code, said) = verify(folder.path(), &[], &first);
    assert!(
        code == 0 && said.ends_with("\nsealed\n"),
        "a ledger made with a key is sealed before its first row: {said}"
    );
    daemon.terminate();
    assert!(daemon.wait().success());
    let old = folder.path().join("old");
    std::fs::write(&old, "the-first-key-of-the-tests\n").unwrap();
    let second = [
        ("SWITCHBOARD_AUDIT__KEY", "the-second-key-of-the-tests"),
        ("SWITCHBOARD_AUDIT__OLD_KEY_FILE", old.to_str().unwrap()),
    ];
    let (code, said) = verify(folder.path(), &[], &second);
    assert!(code == 0 && said.contains("\nsealed with audit.old_key; the daemon seals it"), "{said}");
    let daemon = Daemon::start(&cloud, folder.path(), port, &second);
    crate::restart::ready(&daemon).await;
    say(2).await;
    let (code, said) = verify(folder.path(), &[], &second[..1]);
    assert!(code == 0 && said.contains("5 rows, ") && said.ends_with("\nsealed\n"), "{said}");
    assert_eq!(verify(folder.path(), &[], &first).0, 1, "the first key is not the seal's any more");

    // The end that the chain had, with its seal, comes back after two more rows.
    tamper(folder.path(), "CREATE TABLE was AS SELECT seq, hash, seal FROM audit_head").await;
    say(2).await;
    tamper(folder.path(), "DELETE FROM audit WHERE seq > (SELECT seq FROM was)").await;
    tamper(folder.path(), "UPDATE audit_head SET (seq, hash, seal) = (SELECT seq, hash, seal FROM was)").await;
    assert_eq!(verify(folder.path(), &[], &second).0, 0, "only the daemon knows better");
    say(1).await;
    let line = daemon.logs("the audit is broken");
    assert!(line.contains("ERROR") && line.contains("it had reached row 7, and now ended at 5"), "{line}");
    say(1).await;
    let (code, said) = verify(folder.path(), &[], &second);
    assert!(code == 1 && said.starts_with("broken: row 6 and all to row 7 are missing\nbroken: row 8 is"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_the_chain_is_unbroken_and_each_event_is_in_it_once() {
    const ROUNDS: usize = 3;
    const EACH: usize = 30;
    let (cloud, folder, port) =
        (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap(), free_port());
    let key = folder.path().join("key");
    std::fs::write(&key, "a-key-for-these-tests\n").unwrap();
    let variables = [("SWITCHBOARD_AUDIT__KEY_FILE", key.to_str().unwrap())];
    let people: Vec<_> = (0..6).map(|nth| cloud.person(&format!("person{nth}@example.com"))).collect();
    for round in 0..ROUNDS {
        let daemon = Daemon::start(&cloud, folder.path(), port, &variables);
        crate::restart::ready(&daemon).await;
        let posts = cloud.calls().iter().filter(|call| call.method == Method::POST && call.path == "/messages").count();
        for nth in 0..EACH {
            people[nth % people.len()].says(&format!("round {round} message {nth}"));
        }
        arrived(&cloud, Method::POST, "/messages", posts + EACH / 3).await;
        // Read while it is written to, and again until it is killed in the middle of its work.
        while cloud.calls().iter().filter(|call| call.method == Method::POST && call.path == "/messages").count()
            < posts + EACH / 2
        {
            let (code, said) = verify(folder.path(), &[], &variables);
            assert!(code == 0 && said.contains(", unbroken\n") && said.ends_with("\nsealed\n"), "{said}");
        }
        daemon.kill();
        cloud.delivered().await;
        assert_eq!(verify(folder.path(), &[], &variables).0, 0, "nothing but whole commits");
    }
    let daemon = Daemon::start(&cloud, folder.path(), port, &variables);
    let audited = || rows(folder.path(), &["--since", "1h"]).into_iter().filter(|row| row["via"] == "message").count();
    assert!(eventually(async || audited() >= ROUNDS * EACH).await, "each has its row");
    let list: Vec<Value> =
        serde_json::from_str(&verb(folder.path(), &["inbox", "list", "--state", "done", "--limit", "1000", "--json"]))
            .unwrap();
    let mut settled: Vec<_> = list
        .iter()
        .filter(|row| row["verdict"] == "unknown")
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect();
    let mut events: Vec<_> =
        rows(folder.path(), &[]).iter().filter_map(|row| Some(row["event"].as_str()?.to_owned())).collect();
    settled.sort();
    events.sort();
    assert_eq!(settled.len(), ROUNDS * EACH);
    assert_eq!(events, settled, "each settled event once, and nothing else");
    assert_eq!(verify(folder.path(), &[], &variables).0, 0);

    // Sealed: whoever makes the head anew without the key is found, and a verb without the key writes nothing.
    let (code, said) = verify(folder.path(), &[], &[]);
    let unseen = said.contains("not known to be unbroken") && said.contains("audit.key is not set here");
    assert!(code == 1 && unseen, "a variable that was forgotten is no green light: {said}");
    let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
    cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], ""));
    people[0].says("refused");
    let dead = || verb(folder.path(), &["outbox", "list", "--state", "dead", "--json"]);
    assert!(eventually(async || dead().contains("\"dead\"")).await, "it is refused");
    let list: Value = serde_json::from_str(&dead()).unwrap();
    let drop = |variables: &[(&str, &str)]| {
        let id = list[0]["id"].as_str().unwrap();
        finished(switchboard().args(["outbox", "drop", id]).env("DATABASE_URL", &url).envs(variables.iter().copied()))
    };
    let (code, said) = drop(&[]);
    assert!(code == 1 && said.contains("the audit is sealed: set audit.key"), "{said}");
    assert_eq!(drop(&variables).0, 0);
    daemon.terminate();
    assert!(daemon.wait().success());
    tamper(folder.path(), "UPDATE audit_head SET seal = randomblob(32)").await;
    let (code, said) = verify(folder.path(), &[], &variables);
    assert!(
        code == 1 && said.contains("broken: the seal over all rows does not fit") && !said.contains("a-key-for-these"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_erased_while_the_daemon_was_stopped_is_told_until_an_operator_seals_it() {
    let (cloud, folder, port) =
        (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap(), free_port());
    let key = [("SWITCHBOARD_AUDIT__KEY", "the-key-of-these-tests")];
    let run = async || {
        let daemon = Daemon::start(&cloud, folder.path(), port, &key);
        crate::restart::ready(&daemon).await;
        cloud.person("alice@example.com").says("help");
        assert!(eventually(async || !rows(folder.path(), &[]).is_empty()).await, "it has its row");
        daemon
    };
    let daemon = run().await;
    assert_eq!(verify(folder.path(), &[], &key).0, 0);
    daemon.terminate();
    assert!(daemon.wait().success());
    tamper(folder.path(), "DELETE FROM audit").await;
    tamper(folder.path(), "UPDATE audit_head SET anchor_seq = 0, seq = 0, hash = anchor_hash, seal = NULL").await;
    let mut starting = prepare(switchboard().arg("run"), &cloud, folder.path(), port).envs(key).spawn().unwrap();
    let log = BufReader::new(starting.stderr.take().unwrap()).lines().map_while(Result::ok);
    let log: Vec<_> = log.take_while(|line| !line.contains("listening")).collect();
    let warned = |line: &String| line.contains("WARN") && line.contains("the audit is not sealed, though audit.key");
    assert!(log.iter().any(warned), "{log:?}");
    starting.kill().unwrap();
    starting.wait().unwrap();
    let _daemon = run().await;
    let (code, said) = verify(folder.path(), &[], &key);
    assert!(code == 1 && said.starts_with("broken: there is no seal over the rows"), "{said}");
    let seal = |variables: &[(&str, &str)]| {
        let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
        finished(switchboard().args(["audit", "seal"]).env("DATABASE_URL", url).envs(variables.iter().copied()))
    };
    let (code, said) = seal(&[]);
    assert!(code == 1 && said.contains("there is no key to seal with"), "{said}");
    assert_eq!((seal(&key), seal(&key)), ((0, "sealed from here on\n".to_owned()), (0, "sealed already\n".to_owned())));
    let (code, said) = verify(folder.path(), &[], &key);
    let rows = rows(folder.path(), &[]);
    let row = rows.iter().rfind(|row| row["action"] == "audit seal").unwrap();
    assert!(row["person"].as_str().unwrap().starts_with("operator ") && row["verdict"] == "sealed", "{row}");
    let since =
        format!("\nsealed since row {}, written at {}; the rows before it", row["row"], row["at"].as_str().unwrap());
    assert!(code == 0 && said.contains(&since) && said.contains("could have been forged"), "{said}");
    let (code, said) = seal(&[("SWITCHBOARD_AUDIT__KEY", "another-key-of-these-tests")]);
    assert!(code == 1 && said.contains("its seal was not made with audit.key"), "{said}");
}
