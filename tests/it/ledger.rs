//! The ledger's files are removed, moved, cut or replaced while the daemon runs: nothing is acknowledged that is not kept.

use std::collections::BTreeSet;
use std::fs::{File, copy, rename};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Options};

use crate::cli::verb;
use crate::harness::{Daemon, SECRET, eventually, free_port, get, http, signature};

/// A daemon that only receives: what it acknowledged is open until another one works on it.
pub struct Scene {
    cloud: Cloud,
    pub folder: tempfile::TempDir,
    port: u16,
}

impl Scene {
    pub async fn set() -> Scene {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        Scene { cloud, folder: tempfile::tempdir().unwrap(), port: free_port() }
    }

    pub async fn start(&self, more: &[(&str, &str)]) -> Daemon {
        let settings = [&[("SWITCHBOARD_WORKER__CONCURRENCY", "0"), ("SWITCHBOARD_DELIVERY__CATCH_UP", "0s")], more];
        let daemon = Daemon::start(&self.cloud, self.folder.path(), self.port, &settings.concat());
        crate::restart::ready(&daemon).await;
        daemon
    }

    pub fn path(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("ledger.db{ending}"))
    }

    /// How many events the ledger under the name holds.
    pub fn events(&self) -> usize {
        let open = verb(self.folder.path(), &["inbox", "list", "--state", "open", "--limit", "100000", "--json"]);
        serde_json::from_str::<Vec<Value>>(&open).unwrap().len()
    }

    pub fn files(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

/// Posts an event as Webex would; the status of the answer, and when to come again.
pub async fn posted(daemon: &Daemon, name: &str) -> (u16, Option<String>) {
    let data = json!({"id": name.replace(" ", "-"), "roomId": "room", "personId": "somebody"});
    let body = json!({"id": "w", "name": "n", "resource": "messages", "event": "created", "data": data}).to_string();
    let signed = signature(SECRET, body.as_bytes());
    let request = http().post(format!("{}/webex/webhook", daemon.url)).header("x-spark-signature", signed);
    let answer = request.body(body).send().await.unwrap();
    let again = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), again)
}

/// A file, what is done to it, what is said of which, and whether what was acknowledged before is kept.
type Case<'a> = (&'a str, &'a dyn Fn(&Path), &'a str, &'a str, bool);

async fn store_of(daemon: &Daemon) -> String {
    let answer: Value = get(format!("{}/readyz", daemon.url)).await.json().await.unwrap();
    answer["store"].as_str().unwrap().to_owned()
}

fn cut(path: &Path) {
    File::options().write(true).open(path).unwrap().set_len(0).unwrap();
}

fn replace(path: &Path) {
    let copied = path.with_extension("copy");
    copy(path, &copied).unwrap();
    rename(copied, path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_the_files_is_noticed_before_anything_is_acknowledged() {
    let remove = |path: &Path| std::fs::remove_file(path).unwrap();
    let half = |path: &Path| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    };
    let overwrite = |path: &Path| {
        let size = std::fs::metadata(path).unwrap().len();
        std::fs::write(path, vec![b'x'; usize::try_from(size).unwrap()]).unwrap();
    };
    let moved = "removed, moved or replaced";
    // What was acknowledged before is in the ledger afterwards if only a name is gone, and not the ledger's.
    let cases: [Case; 9] = [
        ("", &remove, "the ledger's file was ", moved, false),
        ("", &replace, "the ledger's file was ", moved, false),
        ("", &cut, "the ledger's file was ", "truncated or overwritten", false),
        ("", &overwrite, "the ledger's file was ", "truncated or overwritten", false),
        ("-wal", &remove, "the ledger's -wal file was ", moved, true),
        ("-wal", &replace, "the ledger's -wal file was ", moved, true),
        ("-wal", &cut, "the ledger's -wal file was ", "truncated or overwritten", false),
        ("-wal", &half, "the ledger's -wal file was ", "truncated or overwritten", false),
        ("-shm", &remove, "the ledger's -shm file was ", moved, true),
    ];
    let cases = cases.map(|(ending, harm, part, what, is_kept)| async move {
        let scene = Scene::set().await;
        let daemon = scene.start(&[]).await;
        for nth in 0..5 {
            assert_eq!(posted(&daemon, &format!("before {nth}")).await, (200, None));
        }
        harm(&scene.path(ending));
        let case = format!("{part}{what}");
        assert_eq!(posted(&daemon, "after").await, (503, Some("5".to_owned())), "{case}");
        assert_eq!(posted(&daemon, "later").await.0, 503, "{case}");
        // It is asked once a second.
        let says = format!("{case} while the daemon runs");
        assert!(eventually(async || store_of(&daemon).await == says).await, "{says}");
        daemon.terminate();
        let (status, lines) = daemon.ended();
        assert_eq!(status.code(), Some(1), "{case}: {lines:#?}");
        let errors: Vec<_> = lines.iter().filter(|line| line.contains(" ERROR ")).collect();
        assert!(errors.len() == 1 && errors[0].contains(&case), "{case}: {errors:#?}");
        assert!(lines.last().unwrap().contains(&case), "{case}: {lines:#?}");
        if is_kept {
            assert_eq!(scene.events(), 5, "{case}");
        }
    });
    futures_util::future::join_all(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_back_goes_on_and_nothing_that_was_acknowledged_is_lost() {
    for ending in ["", "-wal", "-shm"] {
        let scene = Scene::set().await;
        let daemon = scene.start(&[]).await;
        let mut acknowledged = 0;
        let (path, away) = (scene.path(ending), scene.folder.path().join("away"));
        for round in 0..3 {
            for nth in 0..10 {
                assert_eq!(posted(&daemon, &format!("{round} {nth}")).await.0, 200);
                acknowledged += 1;
            }
            rename(&path, &away).unwrap();
            assert_eq!(posted(&daemon, &format!("{round} away")).await.0, 503, "ledger.db{ending}");
            rename(&away, &path).unwrap();
            assert!(eventually(async || store_of(&daemon).await == "ok").await, "ledger.db{ending}");
        }
        daemon.logs("going on");
        // Webex sends again what was not acknowledged.
        assert_eq!(posted(&daemon, "0 away").await.0, 200);
        daemon.kill();
        assert_eq!(scene.events(), acknowledged + 1, "ledger.db{ending}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_is_moved_away_is_whole_in_itself() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[("SWITCHBOARD_STORE__MISSING_FOR", "0s")]).await;
    for nth in 0..10 {
        assert_eq!(posted(&daemon, &nth.to_string()).await.0, 200);
    }
    rename(scene.path(""), scene.folder.path().join("moved.db")).unwrap();
    assert_eq!(daemon.ended().0.code(), Some(1));
    rename(scene.folder.path().join("moved.db"), scene.path("")).unwrap();
    // What the log held is in the ledger, so that a log left behind adds nothing to another ledger.
    assert_eq!(std::fs::metadata(scene.path("-wal")).unwrap().len(), 0);
    std::fs::remove_file(scene.path("-wal")).unwrap();
    assert_eq!(scene.events(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_without_the_ledger_is_no_clean_stop_and_touches_no_other() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    // Another ledger takes the place, with a log of its own.
    replace(&scene.path(""));
    std::fs::rename(scene.path("-wal"), scene.folder.path().join("old-wal")).unwrap();
    std::fs::write(scene.path("-wal"), "another's log").unwrap();
    daemon.terminate();
    let (status, lines) = daemon.ended();
    assert!(status.code() == Some(1) && lines.last().unwrap().contains("removed, moved or replaced"), "{lines:#?}");
    assert_eq!(std::fs::read_to_string(scene.path("-wal")).unwrap(), "another's log");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_cut_costs_no_acknowledged_event() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[("SWITCHBOARD_STORE__MISSING_FOR", "0s")]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    cut(&scene.path("-shm"));
    // It shares memory with it: to touch that part ends the process.
    assert!(!daemon.ended().0.success());
    assert_eq!(scene.events(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_written_over_the_ledger_is_told_from_it() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    daemon.terminate();
    assert!(daemon.wait().success());
    let backup = scene.folder.path().join("backup.db");
    copy(scene.path(""), &backup).unwrap();
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "two").await.0, 200);
    // It is the same file, no smaller than it was, and a ledger.
    copy(&backup, scene.path("")).unwrap();
    assert_eq!(posted(&daemon, "three").await.0, 503);
    daemon.logs("the ledger's file was truncated or overwritten");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_a_link_is_looked_at_too() {
    let scene = Scene::set().await;
    let (disk, link) = (tempfile::tempdir().unwrap(), scene.path(""));
    std::fs::write(disk.path().join("real.db"), "").unwrap();
    std::os::unix::fs::symlink(disk.path().join("real.db"), &link).unwrap();
    let daemon = scene.start(&[]).await;
    assert_eq!(posted(&daemon, "one").await.0, 200);
    std::fs::write(disk.path().join("other.db"), "").unwrap();
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(disk.path().join("other.db"), &link).unwrap();
    assert_eq!(posted(&daemon, "two").await.0, 503, "the link leads elsewhere");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(disk.path().join("real.db"), &link).unwrap();
    assert_eq!(posted(&daemon, "three").await.0, 200);
    rename(disk.path().join("real.db-wal"), disk.path().join("away")).unwrap();
    assert_eq!(posted(&daemon, "four").await.0, 503);
    daemon.kill();
    assert_eq!(scene.events(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_the_ledger_is_replaced_comes_again_whatever_the_way_in() {
    for mode in ["polling", "websocket"] {
        let scene = Scene::set().await;
        let alice = scene.cloud.person("alice@example.com");
        let settings = [
            ("SWITCHBOARD_DELIVERY__MODE", mode),
            ("SWITCHBOARD_DELIVERY__CATCH_UP", "24h"),
            ("SWITCHBOARD_DELIVERY__RECONCILE", "100ms"),
            ("SWITCHBOARD_POLLING__INTERVAL", "50ms"),
        ];
        let daemon = scene.start(&settings).await;
        alice.says("before");
        assert!(eventually(async || scene.events() == 1).await, "{mode}");
        // A copy, as a backup takes it, gets the name.
        let copied = scene.folder.path().join("copy.db");
        let copying = format!("VACUUM INTO '{}'", copied.display());
        Connection::open(scene.path("")).unwrap().execute_batch(&copying).unwrap();
        rename(copied, scene.path("")).unwrap();
        alice.says("meanwhile");
        daemon.logs("nothing is acknowledged");
        daemon.terminate();
        assert_eq!(daemon.wait().code(), Some(1), "{mode}");
        assert_eq!(scene.events(), 1, "{mode}");
        let _daemon = scene.start(&settings).await;
        assert!(eventually(async || scene.events() == 2).await, "{mode}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_may_do_with_a_ledger_is_no_damage() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[("SWITCHBOARD_STORE__MISSING_FOR", "0s")]).await;
    let other = Connection::open(scene.path("")).unwrap();
    // Pages that are given back.
    for statement in [
        "CREATE TABLE ballast AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         SELECT randomblob(4000) FROM n",
        "PRAGMA wal_checkpoint(TRUNCATE)",
    ] {
        other.execute_batch(statement).unwrap();
    }
    for (nth, statement) in ["DROP TABLE ballast", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"].into_iter().enumerate()
    {
        assert_eq!(posted(&daemon, &format!("before {nth}")).await.0, 200);
        other.execute_batch(statement).unwrap();
        assert_eq!(posted(&daemon, &format!("after {nth}")).await.0, 200, "{statement}");
        assert_eq!(store_of(&daemon).await, "ok", "{statement}");
    }
    assert!(std::fs::metadata(scene.path("")).unwrap().len() < 1_000_000, "it was vacuumed");
    daemon.kill();
    assert_eq!(scene.events(), 6);
}
