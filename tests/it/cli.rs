//! The program as a person at a terminal uses it: verbs, exit codes, and what it says about wrong settings.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use switchboard::simulator::{Cloud, Fault, Options, WebhookDraft};

use crate::harness::{Daemon, Harness, PATIENCE, arrived, free_port, switchboard};

/// Runs a verb on the ledger in this folder and gives its standard output.
pub fn verb(folder: &Path, args: &[&str]) -> String {
    let url = format!("sqlite:{}", folder.join("ledger.db").display());
    let output = switchboard().args(args).env("DATABASE_URL", url).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A bot's settings, complete; each test spoils one.
fn run_with(variables: &[(&str, &str)], file: Option<&str>) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = switchboard();
    command.arg("run").current_dir(folder.path()).env("PORT", "0").env("SWITCHBOARD_ADMIN__LISTEN", "");
    command.env("WEBEX_BOT_TOKEN", "the-token-itself").env("WEBEX_WEBHOOK_SECRET", "the-secret-itself");
    for (name, value) in variables {
        if *value == "unset" {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    if let Some(text) = file {
        std::fs::write(folder.path().join("bot.toml"), text).unwrap();
    }
    finished(&mut command)
}

pub fn finished(command: &mut Command) -> (i32, String) {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A daemon that starts where it should refuse is ended, and fails the test by its exit code.
    let (done, waiting) = std::sync::mpsc::channel::<()>();
    let id = child.id().to_string();
    let guard = std::thread::spawn(move || {
        if waiting.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    });
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    drop(done);
    guard.join().unwrap();
    // Which ledger a verb looked at is said each time; a test of its own reads that.
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    let said = stderr.split_inclusive('\n').filter(|line| !line.starts_with("switchboard: the ledger is "));
    (status.code().unwrap_or(-1), String::from_utf8_lossy(&stdout).into_owned() + &said.collect::<String>())
}

#[test]
fn wrong_settings_are_explained_and_exit_2() {
    let missing_file = "the-file-that-is-not-there";
    for (variables, file, says) in [
        (vec![("WEBEX_BOT_TOKEN", "unset")], None, vec!["webex.token is missing", "WEBEX_BOT_TOKEN", "bot.toml"]),
        (vec![("WEBEX_BOT_TOKEN", " ")], None, vec!["webex.token is missing"]),
        (vec![("WEBEX_WEBHOOK_SECRET", "unset")], None, vec!["webhook.secret is missing", "WEBEX_WEBHOOK_SECRET"]),
        (vec![("WEBEX_WEBHOOK_SECRET", "")], None, vec!["webhook.secret is missing"]),
        (
            vec![("WEBEX_BOT_TOKEN", "unset"), ("WEBEX_BOT_TOKEN_FILE", missing_file)],
            None,
            vec!["webex.token_file", missing_file, "WEBEX_BOT_TOKEN_FILE"],
        ),
        (
            vec![],
            Some("[access]\ndm_polcy = \"open\""),
            vec!["bot.toml", "unknown key access.dm_polcy", "did you mean dm_policy?"],
        ),
        (vec![], Some("[acess]\ndm_policy = \"open\""), vec!["bot.toml", "unknown key acess"]),
        (
            vec![],
            Some("[[command]]\nname = \"reprot\"\nallow = [\"admins\"]"),
            vec!["bot.toml", "no command is called \"reprot\"; did you mean report?"],
        ),
        (
            vec![],
            Some("[[command]]\nname = \"report\"\nallow = [\"Alice\"]"),
            vec!["bot.toml", "allow that is no person"],
        ),
        (
            vec![],
            Some("[[command]]\nname = \"status\"\n[[command]]\nname = \"report\"\napprove = { quorum = 2 }"),
            vec!["bot.toml", "command 2.approve.by is missing"],
        ),
        (vec![("SWITCHBOARD_PAIRING__PER_HOUR", "0")], None, vec!["PAIRING__PER_HOUR", "access.dm_policy"]),
        (vec![("SWITCHBOARD_FLOOD__BURST", "0")], None, vec!["FLOOD__BURST", "from 1 to 1000"]),
        (
            vec![("SWITCHBOARD_ACCESS__DM_POLCY", "open")],
            None,
            vec!["SWITCHBOARD_ACCESS__DM_POLCY", "did you mean dm_policy?"],
        ),
        (
            vec![("SWITCHBOARD_ACCESS_DM_POLICY", "open")],
            None,
            vec!["SWITCHBOARD_ACCESS__DM_POLICY", "two underscores"],
        ),
        (vec![], Some("[worker]\nconcurrency = \"many\""), vec!["bot.toml", "worker.concurrency has the wrong type"]),
        (
            vec![("SWITCHBOARD_WORKER__CONCURRENCY", "many")],
            None,
            vec!["SWITCHBOARD_WORKER__CONCURRENCY", "wrong type"],
        ),
        (vec![], Some("[access]\ndm_policy = \"opne\""), vec!["access.dm_policy must be one of", "allowlist", "open"]),
        (vec![], Some("[worker]\nlease = \"soon\""), vec!["worker.lease", "not a duration"]),
        (vec![], Some("[files]\nlargest = 104857601"), vec!["bot.toml", "files.largest must be from 1 to 104857600"]),
        (
            vec![],
            Some("[files]\nwaiting = 1"),
            vec!["bot.toml, line 2: files.waiting must not be less than files.largest"],
        ),
        (
            vec![],
            Some("[worker]\nlease = \"5s\""),
            vec!["bot.toml, line 2: worker.deadline must be shorter than worker.lease"],
        ),
        (
            vec![],
            Some("[webex]\napi_url = \"http://webex.example.com\""),
            vec!["bot.toml", "webex.api_url must be https"],
        ),
        (
            vec![],
            Some("[webhook]\npublic_url = \"bot.example.org\""),
            vec!["webhook.public_url must be a whole https URL"],
        ),
        (
            vec![],
            Some("[access]\nallow_from = [\"alice@example.com\", \"alice\"]"),
            vec!["access.allow_from entry 2 names nobody"],
        ),
        (
            vec![("WEBEX_BOT_TOKEN", "unset")],
            Some("[webex]\ntoken = 4711081512"),
            vec!["bot.toml", "webex.token has the wrong type"],
        ),
        (vec![], Some("[webex\n"), vec!["bot.toml, line 1", "not valid TOML"]),
        (
            vec![("DATABASE_URL", "postgres://u:the-password@h/d")],
            None,
            vec!["DATABASE_URL", "store.url must be sqlite:PATH"],
        ),
        (
            vec![("SWITCHBOARD_LOG__LEVEL", "warning")],
            None,
            vec!["SWITCHBOARD_LOG__LEVEL", "log.level must be error, warn"],
        ),
        (
            vec![("SWITCHBOARD_ACCESS__ALLOW_FROM", "[\"a@b.c\",")],
            None,
            vec!["SWITCHBOARD_ACCESS__ALLOW_FROM", "give a list"],
        ),
        (
            vec![("SWITCHBOARD_ACCESS__ADMINS", "Alice <alice@example.com>")],
            None,
            vec!["access.admins entry 1 names nobody"],
        ),
        (vec![("WEBEX_BOT_TOKEN", "Bearer the-token-itself")], None, vec!["WEBEX_BOT_TOKEN", "without \"Bearer\""]),
        (
            vec![("WEBEX_BOT_TOKEN_FILE", "x")],
            None,
            vec!["WEBEX_BOT_TOKEN (environment) and WEBEX_BOT_TOKEN_FILE (environment) are both given"],
        ),
        (vec![("SWITCHBOARD_WEBHOOK__PATH", "/:x")], None, vec!["webhook.path must be a plain path"]),
        (vec![("SWITCHBOARD_POLLING__RATE", "0")], None, vec!["polling.rate must be at least 1"]),
        (vec![], Some("webex = \"x\""), vec!["bot.toml, line 1: webex is outside every section"]),
        (vec![], Some("[audit]\nretention = \"1h\""), vec!["bot.toml, line 2: audit.retention must be 1d or longer"]),
        (
            vec![("SWITCHBOARD_AUDIT__KEY", " ")],
            None,
            vec![
                "SWITCHBOARD_AUDIT__KEY",
                "audit.key must be 16 characters or more (make one with",
                "can forge the audit",
            ],
        ),
        (
            vec![],
            Some("[audit]\nold_key = \"fifteen-letters\""),
            vec!["bot.toml, line 2: audit.old_key must be 16 characters or more"],
        ),
        (
            vec![("SWITCHBOARD_CARDS__SECRET", "fifteen-letters")],
            None,
            vec!["SWITCHBOARD_CARDS__SECRET", "cards.secret must be 16 characters or more", "press any button"],
        ),
        (
            vec![],
            Some("[cards]\nprevious_secrets = [\"sixteen-letters-or-more\", \"fifteen-letters\"]"),
            vec!["bot.toml, line 2: cards.previous_secrets must be 16 characters or more"],
        ),
        (
            vec![],
            Some("[cards]\nprevious_secrets = []\nprevious_secrets_file = \"x\""),
            vec!["bot.toml, line 3: cards.previous_secrets and cards.previous_secrets_file are both given"],
        ),
        (
            vec![("SWITCHBOARD_CARDS__PREVIOUS_SECRETS_FILE", missing_file)],
            None,
            vec!["SWITCHBOARD_CARDS__PREVIOUS_SECRETS_FILE", "cards.previous_secrets_file names a file", missing_file],
        ),
        (vec![("SWITCHBOARD_AUDIT_KEY", "the-secret-itself")], None, vec!["write SWITCHBOARD_AUDIT__KEY"]),
        (vec![("SWITCHBOARD_AUDIT_KEY_FILE", "x")], None, vec!["write SWITCHBOARD_AUDIT__KEY_FILE"]),
        (vec![("SWITCHBOARD_AUDIT_OLD_KEY", "the-secret-itself")], None, vec!["write SWITCHBOARD_AUDIT__OLD_KEY"]),
        (vec![("SWITCHBOARD_AUDIT_OLD_KEY_FILE", "x")], None, vec!["write SWITCHBOARD_AUDIT__OLD_KEY_FILE"]),
        (vec![("SWITCHBOARD_WEBEX_TOKEN_FILE", "x")], None, vec!["write SWITCHBOARD_WEBEX__TOKEN_FILE"]),
        (vec![("PORT", "web")], None, vec!["PORT (environment): not a port"]),
        (
            vec![("SWITCHBOARD_DELIVERY__MODE", "both"), ("WEBEX_WEBHOOK_SECRET", "unset")],
            None,
            vec!["webhook.secret is missing"],
        ),
    ] {
        let (code, said) = run_with(&variables, file);
        assert_eq!(code, 2, "{variables:?} {file:?}: {said}");
        for part in says {
            assert!(said.contains(part), "{part:?} is not in: {said}");
        }
        for secret in ["the-token-itself", "the-secret-itself", "the-password", "4711081512", "fifteen-letters"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[test]
fn both_forms_of_a_secret_in_one_place_are_refused() {
    let (code, said) = run_with(&[("WEBEX_BOT_TOKEN", "unset")], Some("[webex]\ntoken_file = \"x\"\ntoken = \"y\""));
    assert_eq!(code, 2);
    assert!(said.contains("bot.toml, line 2: webex.token and webex.token_file are both given"), "{said}");
}

#[test]
fn all_that_is_missing_is_said_at_once() {
    let (code, said) = run_with(&[("WEBEX_BOT_TOKEN", "unset"), ("WEBEX_WEBHOOK_SECRET", "unset")], None);
    assert_eq!(code, 2);
    assert!(said.contains("webex.token is missing") && said.contains("webhook.secret is missing"), "{said}");
}

#[test]
fn wrong_use_exits_2_and_a_failure_1() {
    assert_eq!(finished(switchboard().arg("dance")).0, 2);
    assert_eq!(finished(switchboard().args(["run", "--config", "nowhere.toml"])).0, 2);
    assert_eq!(finished(switchboard().arg("--help")).0, 0);
    assert_eq!(finished(switchboard().arg("--version")), (0, format!("switchboard {}\n", env!("CARGO_PKG_VERSION"))));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run_with(&[("SWITCHBOARD_SERVER__LISTEN", &address), ("PORT", "unset")], None);
    assert_eq!(code, 1);
    assert!(said.contains("server.listen: cannot listen on"), "{said}");
    let (code, said) = run_with(&[("DATABASE_URL", "sqlite:/nowhere/at/all.db")], None);
    assert_eq!(code, 1);
    assert!(said.contains("cannot open the ledger /nowhere/at/all.db"), "{said}");
    let (code, said) = finished(switchboard().args(["inbox", "list"]).env("DATABASE_URL", "sqlite:/nowhere/at/all.db"));
    assert_eq!(code, 1);
    assert!(said.contains("there is none yet"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_another_version_is_refused_with_what_to_do() {
    let (cloud, folder) = Harness::start().await.stop().await;
    let path = folder.path().join("ledger.db");
    let url = format!("sqlite:{}", path.display());
    let migrations = |statement: &str| Connection::open(&path).unwrap().execute_batch(statement).unwrap();
    let verbs: [&[&str]; 4] = [&["audit", "list"], &["inbox", "list"], &["pairing", "list"], &["explain", "7Q2M"]];
    let program = |verb: &[&str]| {
        let mut program = switchboard();
        program.args(verb).env("DATABASE_URL", &url).env("WEBEX_BOT_TOKEN", cloud.bot().token);
        program.env("WEBEX_WEBHOOK_SECRET", crate::harness::SECRET).env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url());
        finished(program.env("PORT", "0").env("SWITCHBOARD_ADMIN__LISTEN", ""))
    };
    let refused = |says: &[&str]| {
        for verb in verbs {
            let (code, said) = program(verb);
            assert_eq!(code, 1, "{verb:?}: {said}");
            for part in says.iter().chain(&["cannot open the ledger ", path.to_str().unwrap()]) {
                assert!(said.contains(part), "{verb:?}: {part:?} is not in: {said}");
            }
        }
    };
    // As the last version left it, before it had these tables.
    migrations("DELETE FROM _sqlx_migrations WHERE version > 3");
    refused(&["an older switchboard made it", "of version 3", "start the daemon of this version once"]);
    // As a version to come will leave it.
    migrations(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'to come', true, x'00', 0)",
    );
    let newer = ["a newer switchboard has worked with it", "of version 9999", "run the newer one"];
    refused(&newer);
    // What the daemon refuses, `check` does not call sound.
    let (code, said) = program(&["check"]);
    assert!(code == 1 && said.contains("FAIL store") && newer.iter().all(|part| said.contains(part)), "{said}");
    let (code, said) = program(&["run"]);
    assert!(code == 1 && newer.iter().all(|part| said.contains(part)), "{said}");
    migrations(
        "DELETE FROM _sqlx_migrations WHERE version = 9999; UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 2",
    );
    let changed = ["version 2 of its tables is another than this program's", "run that build"];
    refused(&changed);
    for verb in ["check", "run"] {
        let (code, said) = program(&[verb]);
        assert!(code == 1 && changed.iter().all(|part| said.contains(part)), "{verb}: {said}");
    }
    migrations("DROP TABLE _sqlx_migrations");
    refused(&["it has no tables of switchboard", "is store.url right?"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_above_the_file_and_lists_are_json_or_commas() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("bot.toml"),
        "[access]\ndm_policy = \"disabled\"\nallow_from = [\"bob@example.com\"]",
    )
    .unwrap();
    std::fs::write(folder.path().join("secret"), format!("{}\n", crate::harness::SECRET)).unwrap();
    for list in ["alice@example.com, *@example.org", r#"["alice@example.com"]"#] {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let secret = folder.path().join("secret").display().to_string();
        let variables = [
            ("SWITCHBOARD_ACCESS__DM_POLICY", "allowlist"),
            ("SWITCHBOARD_ACCESS__ALLOW_FROM", list),
            ("SWITCHBOARD_WEBHOOK__SECRET_FILE", &secret),
            ("SWITCHBOARD_WEBHOOK__SECRET", "unset"),
        ];
        // The harness gives the secret itself; here only the file is to be given.
        let daemon =
            Daemon::start_without(&cloud, folder.path(), free_port(), &variables, &["SWITCHBOARD_WEBHOOK__SECRET"]);
        arrived(&cloud, reqwest::Method::POST, "/webhooks", 3).await;
        cloud.person("bob@example.com").says("help");
        cloud.delivered().await;
        let mut heard = cloud.subscribe();
        cloud.person("alice@example.com").says("help");
        while heard.recv().await.unwrap().person_id != cloud.bot().id {}
        assert!(!cloud.transcript().contains("bot to bob"), "{}", cloud.transcript());
        daemon.kill();
        std::fs::remove_file(folder.path().join("ledger.db")).unwrap();
    }
}

#[test]
fn a_chat_is_piped_through_the_simulator() {
    let mut child = switchboard().arg("simulate").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"help\nstatus\n@bot status please\npairing list\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("alice: help\nbot:\nI know these commands:")
            && said.contains("alice: status\nbot:\n```\nversion"),
        "{said}"
    );
    assert!(said.contains("bot in Lab: I don't know what to do with \"please\" here. Usage: status"), "{said}");
    // Alice is the admin there.
    assert!(said.ends_with("alice: pairing list\nbot: Nobody waits to be let in.\n"), "{said}");
    let who = "Everybody at example.com may speak to the bot directly; in a space it answers anybody who mentions it. Alice is the admin. \
               Eve <eve@example.org> is a stranger: her first message to the bot gets her a code, and Alice a card to \
               let her in.\n";
    assert!(said.contains(who), "{said}");
}

#[test]
fn the_simulator_says_first_what_a_program_needs_to_know() {
    let args = ["simulate", "--json", "--person", "someone@example.org"];
    let mut child = switchboard().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"help\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let first = lines.next().unwrap();
    assert!(first["api_url"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    for key in ["id", "email", "token"] {
        assert!(first["bot"][key].is_string() && first["people"][2][key].is_string(), "{key}");
    }
    assert_eq!(first["people"][2]["email"], "someone@example.org");
    assert_eq!(first["rooms"][0]["title"], "Lab");
    let emails: Vec<_> = lines.map(|message| message["personEmail"].as_str().unwrap().to_owned()).collect();
    assert_eq!(emails, ["alice@example.com", "switchboard@webex.bot"]);
}

#[test]
fn the_simulator_names_its_page_first_and_stays_until_it_is_told() {
    let mut child = switchboard().args(["simulate", "--stay"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let address = first.strip_prefix("Chat in the browser: http://").unwrap().trim_end_matches('/');
    let mut page = std::net::TcpStream::connect(address).unwrap();
    write!(page, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(
        answer.contains("<title>Switchboard simulator</title>") && answer.contains("default-src 'none'"),
        "{answer}"
    );
    assert!(child.try_wait().unwrap().is_none(), "it ended with its input");
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_simulator_keeps_its_state_and_its_luck() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let simulate = |arguments: &[&str], input: &str| {
        let mut child = switchboard();
        let child = child.args(["simulate", "--json"]).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    };
    let rooms = |output: &Output| {
        let said = String::from_utf8(output.stdout.clone()).unwrap();
        let first: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
        first["rooms"].clone()
    };
    let seven = rooms(&simulate(&["--seed", "7"], ""));
    assert_eq!(seven, rooms(&simulate(&["--seed", "7"], "")));
    assert_ne!(seven, rooms(&simulate(&["--seed", "8"], "")));

    let kept = ["--state", state.to_str().unwrap()];
    assert_eq!(rooms(&simulate(&kept, "help\n")).as_array().unwrap().len(), 1);
    let again = rooms(&simulate(&kept, ""));
    assert_eq!(again.as_array().unwrap().len(), 2, "the direct room of before, and no second Lab: {again}");

    std::fs::write(&state, "something else").unwrap();
    let output = simulate(&kept, "");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint.contains("--state") && complaint.contains("move it away to begin anew"), "{complaint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_is_in_order_and_what_to_do() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = switchboard();
    command
        .arg("check")
        .current_dir(folder.path())
        .env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url())
        .env("WEBEX_BOT_TOKEN", cloud.bot().token)
        .env("WEBEX_WEBHOOK_SECRET", crate::harness::SECRET)
        .env("SWITCHBOARD_WEBHOOK__PUBLIC_URL", "http://127.0.0.1:9/");
    insta::assert_snapshot!(finished(&mut command).1.replace(&cloud.bot().id, "ID").replace(folder.path().to_str().unwrap(), "HERE"), @r#"
    warn settings  nobody is told when a stranger asks to be let in
                   name admins in access.admins by email or id (*@domain cannot be written to), or look into `switchboard pairing list`
    warn settings  webhook.secret has fewer than 32 characters and may be guessed
                   make one with `openssl rand -hex 32`
    warn settings  webhook.public_url ends in another path than webhook.path: /, and not /webex/webhook
                   right if a proxy in between rewrites it; otherwise make them the same
    ok   store     HERE/switchboard.db is not there yet and can be made
    ok   token     Webex accepts it; it belongs to the bot Switchboard <switchboard@webex.bot>, id ID
    warn webhooks  none yet
                   the daemon makes them when it starts; `switchboard webhooks sync` makes them now
    "#);
    cloud.add_webhook(ours_with_an_old_url()).unwrap();
    assert!(
        finished(&mut command).1.contains("FAIL webhooks  switchboard messages calls http://127.0.0.1:9/old and not")
    );
    assert_eq!(finished(switchboard().args(["webhooks", "sync"]).envs(variables(&command))).0, 0);
    let (code, said) = finished(&mut command);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("all 3 are registered and active"), "{said}");
    cloud.fault(Fault::on(reqwest::Method::GET, "/people/me").answer(
        401,
        &[],
        r#"{"message":"no","trackingId":"ROUTER_1"}"#,
    ));
    let (code, said) = finished(&mut command);
    assert_eq!(code, 1);
    assert!(
        said.contains("FAIL token     Webex answered 401 to people/me: no (tracking id ROUTER_1)")
            && said.contains("regenerated"),
        "{said}"
    );
    let (code, said) = finished(command.env("WEBEX_BOT_TOKEN", "").arg("--json"));
    assert_eq!(code, 2);
    let findings: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(findings[0]["state"], "fail");
}

fn ours_with_an_old_url() -> WebhookDraft {
    let text = |text: &str| Some(text.to_owned());
    WebhookDraft {
        name: text("switchboard messages"),
        target_url: text("http://127.0.0.1:9/old"),
        resource: text("messages"),
        event: text("created"),
        ..WebhookDraft::default()
    }
}

fn variables(command: &Command) -> Vec<(String, String)> {
    let text = |value: &std::ffi::OsStr| value.to_str().unwrap().to_owned();
    command.get_envs().filter_map(|(name, value)| Some((text(name), text(value?)))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_webhooks_and_send_show_what_webex_has() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let lab = cloud.space("Lab", &["alice@example.com"]);
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        finished(
            switchboard()
                .args(args)
                .current_dir(folder.path())
                .env("SWITCHBOARD_WEBEX__API_URL", cloud.api_url())
                .env("WEBEX_BOT_TOKEN", cloud.bot().token)
                .env("WEBEX_WEBHOOK_SECRET", crate::harness::SECRET)
                .env("SWITCHBOARD_WEBHOOK__PUBLIC_URL", "http://127.0.0.1:9/"),
        )
    };
    let (code, rooms) = run(&["rooms", "--json"]);
    assert_eq!(code, 0, "{rooms}");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&rooms).unwrap()[0]["title"], "Lab");
    assert!(run(&["rooms"]).1.contains("Lab"));
    assert_eq!(run(&["send", "--room", &lab, "hello", "there"]).0, 0);
    assert_eq!(run(&["send", "--to", "alice@example.com", "--markdown", "**hi**"]).0, 0);
    std::fs::write(folder.path().join("notes.txt"), "the notes").unwrap();
    assert_eq!(run(&["send", "--room", &lab, "--file", "notes.txt"]).0, 0);
    let (code, said) = run(&["send", "hello"]);
    assert_eq!(code, 2);
    assert!(said.contains("nobody to send to: give --room or --to, or set webex.room_id"), "{said}");
    insta::assert_snapshot!(cloud.transcript(), @"
    bot in Lab: hello there
    bot: **hi**
    bot in Lab: [file notes.txt]
    ");
    let file = &cloud.messages()[2].files[0];
    assert_eq!(cloud.content(file).unwrap().bytes, "the notes");
    assert_eq!(
        run(&["webhooks", "sync"]).1,
        "created switchboard messages\ncreated switchboard attachmentActions\ncreated switchboard memberships\n"
    );
    assert_eq!(run(&["webhooks", "sync"]).1, "nothing to change\n");
    let list = run(&["webhooks", "list", "--json"]).1;
    assert!(list.contains("\"ours\": true") && !list.contains("\"secret\""), "{list}");
    assert_eq!(run(&["webhooks", "delete", "--all"]).1.lines().count(), 3);
    assert!(cloud.webhooks().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_tells_why_an_event_was_answered_or_not() {
    let settings = "[access]\ndm_policy = \"allowlist\"\nallow_from = [\"alice@example.com\"]";
    let bot = Harness::with(settings, switchboard::Bot::builder()).await;
    let answered = bot.cloud.person("alice@example.com").says("help");
    let denied = bot.cloud.person("bob@example.com").says("help");
    bot.settle().await;
    let (_cloud, folder) = bot.stop().await;
    let story = verb(folder.path(), &["explain", &answered]);
    for part in [
        "a message from alice@example.com",
        "it matched the command help",
        "answered: listed in access.allow_from",
        "reply sent",
    ] {
        assert!(story.contains(part), "{part:?} is not in: {story}");
    }
    let story = verb(folder.path(), &["explain", &denied]);
    assert!(story.contains("not answered: not listed in access.allow_from"), "{story}");
    let reference = story.split_whitespace().nth(1).unwrap();
    assert_eq!(verb(folder.path(), &["explain", reference]), story);
    let list: serde_json::Value =
        serde_json::from_str(&verb(folder.path(), &["inbox", "list", "--state", "done", "--json"])).unwrap();
    assert_eq!(list.as_array().unwrap().iter().filter(|row| row["verdict"] == "denied").count(), 1);
    let url = format!("sqlite:{}", folder.path().join("ledger.db").display());
    let (code, said) = finished(switchboard().args(["explain", "nothing"]).env("DATABASE_URL", url));
    assert_eq!(code, 1);
    assert!(said.contains("no event nothing in the ledger"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_looked_at_retried_and_dropped_beside_the_daemon() {
    let bot = Harness::start().await;
    let refuse = || Fault::on(reqwest::Method::POST, "/messages").answer(403, &[], "");
    let alice = bot.cloud.person("alice@example.com");
    for (text, mend) in [("help status", "retry"), ("help report", "drop")] {
        bot.cloud.fault(refuse());
        alice.says(text);
        bot.settle().await;
        let list: serde_json::Value =
            serde_json::from_str(&verb(bot.folder.path(), &["outbox", "list", "--json"])).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
        let id = list[0]["id"].as_str().unwrap();
        let shown = verb(bot.folder.path(), &["outbox", "show", id]);
        assert!(shown.contains("dead") && shown.contains("Webex answered 403"), "{shown}");
        verb(bot.folder.path(), &["outbox", mend, &id[..8]]);
        bot.settle().await;
        assert_eq!(verb(bot.folder.path(), &["outbox", "list", "--json"]), "[]\n");
    }
    let transcript = bot.transcript().await;
    assert!(transcript.contains("**status**") && !transcript.contains("**report**"), "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_tried_again_by_hand_gets_its_reply_after_the_notice_of_its_failure() {
    let failing = Arc::new(AtomicBool::new(true));
    let fails = Arc::clone(&failing);
    let command = switchboard::Command::new("flaky", "Fails until it is mended", move |_, _| {
        let fails = fails.load(Ordering::Relaxed);
        async move {
            if fails {
                Err(anyhow::anyhow!("not yet"))?
            }
            Ok(switchboard::Reply::text("mended"))
        }
    });
    let settings = "[worker]\nmax_attempts = 1";
    let bot = Harness::with(settings, switchboard::Bot::builder().command(command)).await;
    bot.cloud.person("alice@example.com").says("flaky");
    bot.settle().await;
    failing.store(false, Ordering::Relaxed);
    let list: serde_json::Value = serde_json::from_str(&verb(bot.folder.path(), &["inbox", "list", "--json"])).unwrap();
    let reference = list[0]["reference"].as_str().unwrap();
    assert!(bot.cloud.transcript().contains(&format!("That failed, reference {reference}.")), "{list}");
    assert!(verb(bot.folder.path(), &["inbox", "retry", reference, "--json"]).contains("tried again"));
    assert!(bot.transcript().await.ends_with("bot: mended\n"), "{}", bot.cloud.transcript());
    assert_eq!(verb(bot.folder.path(), &["inbox", "list", "--json"]), "[]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_any_more_stops_nothing() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut daemon = Daemon::start(&cloud, folder.path(), free_port(), &[("SWITCHBOARD_LOG__LEVEL", "trace")]);
    arrived(&cloud, reqwest::Method::POST, "/webhooks", 3).await;
    daemon.close_log();
    let mut heard = cloud.subscribe();
    for text in ["help", "status"] {
        cloud.person("alice@example.com").says(text);
        while heard.recv().await.unwrap().person_id != cloud.bot().id {}
    }
    daemon.terminate();
    assert!(daemon.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_one_part_is_made_finer_and_blanks_in_the_filter_do_not_matter() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let filter = [("SWITCHBOARD_LOG__LEVEL", "info, switchboard::receiver::webhook = debug")];
    let daemon = Daemon::start(&cloud, folder.path(), free_port(), &filter);
    arrived(&cloud, reqwest::Method::POST, "/webhooks", 3).await;
    cloud.person("alice@example.com").says("help");
    assert!(daemon.logs("received").contains("DEBUG"));
}

#[test]
fn completions_are_printed_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish"] {
        let (code, script) = finished(switchboard().args(["completions", shell]));
        assert!(code == 0 && script.contains("simulate"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let mut child =
        switchboard().args(["completions", "bash"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verb_says_which_ledger_it_looked_into() {
    let (_cloud, folder) = Harness::start().await.stop().await;
    let place = folder.path().join("ledger.db");
    let ask = |verb: &[&str], url: &str| {
        let mut program = switchboard();
        let output = program.args(verb).current_dir(folder.path()).env("DATABASE_URL", url).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for verb in [
        &["inbox", "list"][..],
        &["outbox", "list"],
        &["pairing", "list"],
        &["approvals", "list"],
        &["audit", "list"],
        &["inbox", "show", "7Q2M"],
    ] {
        let (said, aside) = ask(verb, "sqlite:ledger.db");
        assert!(aside.contains(&format!("the ledger is {}", place.display())), "{verb:?}: {aside}");
        assert!(!said.contains("the ledger is"), "programs read this: {said}");
    }
    let (_, aside) = ask(&["explain", "7Q2M"], "sqlite:ledger.db");
    assert!(aside.contains(&format!("no event 7Q2M in the ledger {}", place.display())), "{aside}");
    let (_, aside) = ask(&["inbox", "list"], "sqlite:other.db");
    assert!(aside.contains(&format!("cannot open the ledger {}/other.db", folder.path().display())), "{aside}");
}

#[test]
fn an_address_that_cannot_be_listened_on_says_why() {
    let (code, said) = run_with(&[("SWITCHBOARD_SERVER__LISTEN", "192.0.2.1:8080"), ("PORT", "unset")], None);
    assert!(code == 1 && said.contains("this machine has no address 192.0.2.1"), "{said}");
    assert!(!said.contains("another program"), "{said}");
}
