//! Whose the ledger is: one daemon at a time has it, nobody else can take it away, and another program's is left alone.

use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use rusqlite::Connection;
use switchboard::{Bot, Config};
use tokio::net::TcpListener;

use crate::cli::{finished, verb};
use crate::harness::{Harness, SECRET, settings_of_an_open_bot, switchboard};
use crate::ledger::{Scene, posted};

fn run(folder: &Path, url: &str) -> Command {
    let mut command = switchboard();
    command.arg("run").current_dir(folder).env("WEBEX_BOT_TOKEN", "t").env("WEBEX_WEBHOOK_SECRET", SECRET);
    command.env("SWITCHBOARD_WEBEX__API_URL", "http://127.0.0.1:9").env("SWITCHBOARD_ADMIN__LISTEN", "");
    command.env("DATABASE_URL", url).env("PORT", "0");
    command
}

fn execute(path: &Path, statements: &[&'static str]) {
    let connection = Connection::open(path).unwrap();
    for statement in statements {
        connection.execute_batch(statement).unwrap();
    }
}

fn application_id(path: &Path) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row("PRAGMA application_id", (), |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_is_refused_whatever_becomes_of_the_file_beside() {
    let scene = Scene::set().await;
    let _daemon = scene.start(&[]).await;
    let _ = std::fs::remove_file(scene.path(".lock"));
    let (code, said) = finished(&mut run(scene.folder.path(), "sqlite:ledger.db"));
    assert!(code == 1 && said.contains("another switchboard daemon is using it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_can_hold_up_a_start() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    for file in scene.files().iter().filter(|name| name.starts_with("ledger.db")) {
        let mode = std::fs::metadata(scene.folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    daemon.kill();
    // As an older version, or a copy, left it; and somebody has locked what lies beside.
    for ending in ["", "-wal", ".lock"] {
        std::fs::set_permissions(scene.path(ending), Permissions::from_mode(0o644)).unwrap();
    }
    let held = File::open(scene.path(".lock")).unwrap();
    held.lock().unwrap();
    let daemon = scene.start(&[]).await;
    for ending in ["", "-wal", "-shm", ".lock"] {
        let mode = std::fs::metadata(scene.path(ending)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "ledger.db{ending}");
    }
    daemon.kill();
    // An older daemon locks only that, and has the ledger open.
    let older = Connection::open(scene.path("")).unwrap();
    older.execute_batch("SELECT count(*) FROM ledger").unwrap();
    let (code, said) = finished(&mut run(scene.folder.path(), "sqlite:ledger.db"));
    assert!(code == 1 && said.contains("a switchboard daemon of an older version is using it"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_bot_in_one_process_is_refused_and_takes_no_lock_away_from_the_first() {
    let bot = Harness::start().await;
    let mut variables = settings_of_an_open_bot(&bot.cloud, bot.folder.path());
    variables.push(("SWITCHBOARD_WEBHOOK__PUBLIC_URL".to_owned(), "https://bot.example.org/webex/webhook".to_owned()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let second = Bot::builder().build_on(listener, Config::from_parts("", &variables).unwrap()).await;
    let said = format!("{:#}", second.err().unwrap());
    assert!(said.contains("another switchboard daemon is using it"), "{said}");
    // SQLite's own: whoever finds none of them takes itself for the last to close the ledger, and removes its log.
    let inode = std::fs::metadata(bot.folder.path().join("ledger.db")).unwrap().ino();
    let locks = std::fs::read_to_string("/proc/locks").unwrap_or_default();
    let is_of_sqlite = |lock: &str| lock.contains("POSIX") && lock.contains(&format!(":{inode} "));
    assert!(!cfg!(target_os = "linux") || locks.lines().any(is_of_sqlite), "{locks}");
    bot.cloud.person("alice@example.com").says("help status");
    bot.settle().await;
    assert!(bot.cloud.transcript().contains("**status**"), "{}", bot.cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_is_refused_and_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let makes: [&[&str]; 4] = [
        &["CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('mine')"],
        &["PRAGMA journal_mode = WAL", "CREATE TABLE notes (text)", "INSERT INTO notes VALUES ('mine')"],
        // It has migrations too, and they are not ours.
        &[
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, installed_on TIMESTAMP
             NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, checksum BLOB NOT NULL, execution_time BIGINT
             NOT NULL)",
            "INSERT INTO _sqlx_migrations VALUES (1, 'ledger', '', 1, x'00', 0)",
            "CREATE TABLE ledger (balance)",
        ],
        // It has no tables yet, and says whose it is.
        &["PRAGMA application_id = 252006674"],
    ];
    for statements in makes {
        execute(&path, statements);
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let before = std::fs::read(&path).unwrap();
        let url = "sqlite:other.db";
        let verbs: [&[&str]; 8] = [
            &["run"],
            &["check"],
            &["inbox", "list"],
            &["outbox", "list"],
            &["audit", "list"],
            &["pairing", "list"],
            &["approvals", "list"],
            &["explain", "7Q2M"],
        ];
        for verb in verbs {
            let mut command = switchboard();
            command.args(verb).current_dir(folder.path()).env("DATABASE_URL", url).env("PORT", "0");
            command.env("WEBEX_BOT_TOKEN", "t").env("WEBEX_WEBHOOK_SECRET", SECRET);
            command.env("SWITCHBOARD_WEBEX__API_URL", "http://127.0.0.1:9").env("SWITCHBOARD_ADMIN__LISTEN", "");
            let (code, said) = finished(&mut command);
            assert_eq!(code, 1, "{verb:?}: {said}");
            assert!(said.contains("it is the database of another program"), "{verb:?}: {said}");
            assert_eq!(std::fs::read(&path).unwrap(), before, "{verb:?}");
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644, "{verb:?}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{verb:?} leaves something behind");
        }
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_before_it_said_whose_it_is_is_known_and_says_so_from_then_on() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    daemon.terminate();
    assert!(daemon.wait().success());
    assert_eq!(application_id(&scene.path("")), 0x5377_6264);
    execute(&scene.path(""), &["PRAGMA application_id = 0"]);
    assert_eq!(scene.events(), 1, "for a verb, which changes nothing");
    assert_eq!(application_id(&scene.path("")), 0);
    let daemon = scene.start(&[]).await;
    daemon.terminate();
    assert!(daemon.wait().success());
    assert_eq!(application_id(&scene.path("")), 0x5377_6264);
    assert_eq!(scene.events(), 1);
}

#[test]
fn what_cannot_be_a_ledger_is_said_and_nothing_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("folder.db")).unwrap();
    for (url, says) in [
        ("sqlite:.", "cannot open the ledger HERE: it is a folder; name a file in it"),
        ("sqlite:folder.db", "cannot open the ledger HERE/folder.db: it is a folder; name a file in it"),
        ("sqlite:/dev/null", "cannot open the ledger /dev/null: it is not a file; name one"),
        ("sqlite:nowhere/ledger.db", "there is no folder HERE/nowhere: make it"),
    ] {
        let (code, said) = finished(&mut run(folder.path(), url));
        let said = said.replace(folder.path().to_str().unwrap(), "HERE");
        assert!(code == 1 && said.contains(says), "{url}: {said}");
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, [folder.path().join("folder.db")], "{url}");
        assert_eq!(std::fs::read_dir(folder.path().join("folder.db")).unwrap().count(), 0, "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_gone_is_told_at_the_start() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    daemon.terminate();
    let (status, lines) = daemon.ended();
    assert!(status.success() && lines.iter().all(|line| !line.contains("one before")), "the first start: {lines:#?}");
    std::fs::remove_file(scene.path("")).unwrap();
    let looked = || {
        let mut check = switchboard();
        check.arg("check").env("DATABASE_URL", format!("sqlite:{}", scene.path("").display()));
        check.env("WEBEX_BOT_TOKEN", "t").env("WEBEX_WEBHOOK_SECRET", SECRET);
        finished(check.env("SWITCHBOARD_WEBEX__API_URL", "http://127.0.0.1:9")).1
    };
    assert!(looked().contains("warn store     there was a ledger here, and it is missing"), "{}", looked());
    let (code, said) = finished(
        switchboard().args(["inbox", "list"]).env("DATABASE_URL", format!("sqlite:{}", scene.path("").display())),
    );
    assert!(code == 1 && said.contains("there is none yet"), "{said}");
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "two").await.0, 200);
    daemon.terminate();
    let lines = daemon.ended().1;
    let told = lines.iter().filter(|line| line.contains("ERROR") && line.contains("there was one before"));
    assert_eq!(told.count(), 1, "{lines:#?}");
    // Killed, and the ledger is gone while its log is not.
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "three").await.0, 200);
    daemon.kill();
    File::options().write(true).open(scene.path("")).unwrap().set_len(0).unwrap();
    std::fs::remove_file(scene.path(".lock")).unwrap();
    assert!(looked().contains("-wal is still there"), "{}", looked());
    let daemon = scene.start(&[]).await;
    assert_eq!(scene.events(), 0);
    daemon.terminate();
    let lines = daemon.ended().1;
    let told = lines.iter().find(|line| line.contains("there was one before"));
    assert!(told.is_some_and(|line| line.contains("-wal is still there, and is now")), "{lines:#?}");
    let aside = scene.files().into_iter().filter(|name| name.starts_with("ledger.db-wal.")).count();
    assert_eq!(aside, 1, "the log of what is gone is kept: {:?}", scene.files());
    assert!(!looked().contains("it is gone"), "told once: {}", looked());
    assert_eq!(verb(scene.folder.path(), &["inbox", "list", "--json"]).trim(), "[]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_was_emptied_is_told_at_the_start() {
    let scene = Scene::set().await;
    let emptied = |lines: Vec<String>| lines.iter().any(|line| line.contains("holds no event, though by its cursors"));
    let stopped = async |statements: &[&'static str]| {
        let daemon = scene.start(&[]).await;
        let _ = posted(&daemon, "one").await;
        daemon.terminate();
        let lines = daemon.ended().1;
        execute(&scene.path(""), statements);
        emptied(lines)
    };
    let read = "INSERT INTO cursor VALUES ('room', unixepoch() * 1000)";
    assert!(!stopped(&["DELETE FROM ledger", "DELETE FROM lane", read]).await, "a new ledger");
    assert!(!stopped(&["DELETE FROM ledger", "DELETE FROM cursor"]).await, "nothing was there by its cursors");
    assert!(!stopped(&["DELETE FROM ledger", read]).await, "all of it may be past its time");
    assert!(stopped(&[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_another_program_has_is_told_from_a_folder_that_cannot_be_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    std::fs::write(&path, "a letter to grandmother, and by no means a database ".repeat(100)).unwrap();
    let (code, said) = finished(&mut run(folder.path(), "sqlite:ledger.db"));
    assert!(code == 1 && said.contains("it is the file of another program: is store.url right?"), "{said}");
    assert!(!said.contains("writable"), "{said}");
}
