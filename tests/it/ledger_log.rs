//! The write-ahead log stays below `store.log_limit` while events come without a pause, and a stop leaves nothing of it.
//! `SOAK=full` makes it ten minutes of 400 events a second under the limit that is the default.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use crate::harness::{Daemon, PATIENCE, SECRET, eventually, http, signature};
use crate::ledger::{Scene, posted};

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Events that come until told to stop, or at this pace each second, by so many at a time; each has a body of about a
/// thousand bytes.
fn load(
    daemon: &Daemon,
    hands: usize,
    pace: Option<f64>,
) -> (Arc<AtomicBool>, Arc<AtomicU64>, Vec<tokio::task::JoinHandle<()>>) {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (url, client) = (format!("{}/webex/webhook", daemon.url), http());
    let hands = (0..hands).map(|hand| {
        let (stop, count, url, client) = (Arc::clone(&stop), Arc::clone(&count), url.clone(), client.clone());
        tokio::spawn(async move {
            let mut beat = pace.map(|pace| tokio::time::interval(Duration::from_secs_f64(1.0 / pace)));
            for nth in 0_u64.. {
                if let Some(beat) = &mut beat {
                    beat.tick().await;
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let data =
                    json!({"id": format!("{hand}-{nth}-{}", "x".repeat(1000)), "roomId": format!("room-{}", nth % 50)});
                let body = json!({"id": "w", "resource": "messages", "event": "created", "data": data}).to_string();
                let signed = signature(SECRET, body.as_bytes());
                let answer = client.post(&url).header("x-spark-signature", signed).body(body).send().await.unwrap();
                assert_eq!(answer.status(), 200);
                count.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    let hands = hands.collect();
    (stop, count, hands)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_stays_below_its_limit_and_a_stop_leaves_nothing() {
    const LIMIT: u64 = 1024 * 1024;
    let scene = Scene::set().await;
    let daemon = scene.start(&[("SWITCHBOARD_STORE__LOG_LIMIT", "1048576")]).await;
    let (stop, count, hands) = load(&daemon, 16, None);
    let (mut largest, mut cuts, mut before) = (0, 0, 0);
    let much = eventually(async || {
        let now = size(&scene.path("-wal"));
        cuts += u32::from(now < before);
        (largest, before) = (now.max(largest), now);
        size(&scene.path("")) > 6 * LIMIT
    });
    assert!(much.await, "{} events", count.load(Ordering::Relaxed));
    stop.store(true, Ordering::Relaxed);
    for hand in hands {
        hand.await.unwrap();
    }
    assert!(largest <= LIMIT, "the log was of {largest} bytes, after {cuts} cuts");
    daemon.terminate();
    assert!(daemon.wait().success());
    assert!(!scene.path("-wal").exists() && !scene.path("-shm").exists(), "{:?}", scene.files());
    assert_eq!(scene.events() as u64, count.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_end_stops_nobody_and_is_told_of() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[("SWITCHBOARD_STORE__LOG_LIMIT", "1048576")]).await;
    let reader = Connection::open(scene.path("")).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM ledger").unwrap();
    let (stop, _, hands) = load(&daemon, 16, None);
    let line = tokio::task::spawn_blocking(move || (daemon.logs("longer than store.log_limit"), daemon));
    let (line, daemon) = tokio::time::timeout(PATIENCE, line).await.unwrap().unwrap();
    assert!(line.contains("something reads the ledger all this time"), "{line}");
    drop(reader);
    assert!(eventually(async || size(&scene.path("-wal")) < 1024 * 1024).await, "it is cut once the reader is gone");
    stop.store(true, Ordering::Relaxed);
    for hand in hands {
        hand.await.unwrap();
    }
    assert_eq!(posted(&daemon, "last").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_minutes_of_load_do_not_make_the_log_grow() {
    const LIMIT: u64 = 256 * 1024 * 1024;
    let seconds: u64 = match std::env::var("SOAK").as_deref() {
        Ok("full") => 600,
        _ => return,
    };
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    let (stop, count, hands) = load(&daemon, 40, Some(10.0));
    let (began, mut largest, mut told) = (Instant::now(), 0, 0);
    let mut measured = Vec::new();
    while began.elapsed().as_secs() < seconds {
        let now = size(&scene.path("-wal"));
        largest = now.max(largest);
        if began.elapsed().as_secs() >= told {
            told += 30;
            let (events, mb) = (count.load(Ordering::Relaxed), |bytes: u64| bytes as f64 / 1e6);
            let _ = writeln!(
                std::io::stderr(),
                "growth: after {} s, {events} events: memory {:.0} MB, {} descriptors, ledger {:.0} MB, log {:.1} MB, at most {:.1} MB",
                began.elapsed().as_secs(),
                mb(daemon.memory()),
                daemon.descriptors(),
                mb(size(&scene.path(""))),
                mb(now),
                mb(largest)
            );
            measured.push((daemon.memory(), daemon.descriptors()));
        }
        tokio::time::interval_at(tokio::time::Instant::now() + Duration::from_millis(100), Duration::from_secs(1))
            .tick()
            .await;
    }
    stop.store(true, Ordering::Relaxed);
    for hand in hands {
        hand.await.unwrap();
    }
    assert!(largest <= LIMIT, "{largest}");
    // What is needed is there after a minute or two.
    let (memory, descriptors) = measured[4];
    let (memory_now, descriptors_now) = measured[measured.len() - 1];
    assert!(memory_now < memory + memory / 4, "memory grew from {memory} to {memory_now} bytes");
    assert!(descriptors_now <= descriptors + 8, "descriptors grew from {descriptors} to {descriptors_now}");
    daemon.terminate();
    assert!(daemon.wait().success());
    assert!(!scene.path("-wal").exists(), "{:?}", scene.files());
}
