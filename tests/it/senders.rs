//! Other systems post, each with its own rule of when it tries again, while the daemon is killed, stopped, full and locked.
//! What a sender was answered 202 for is told once and in order. What is lost, the sender gave up by its own rule.
//! `SOAK=full` makes it large.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use switchboard::simulator::{Cloud, Options};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cli::verb;
use crate::harness::{Daemon, PATIENCE, eventually, free_port, http};
use crate::websocket::lock;
use table::{Answer, Event, Next, SENDERS, Sender, Sends};

/// By how much the waits and the pauses of the senders are shorter than they are.
const WAITS: u32 = 5;
const PAUSES: u32 = 20;

struct Size {
    keys: usize,
    /// How often everything that can go wrong does.
    rounds: usize,
    /// How often so long is waited for the last messages as tests wait.
    patience: usize,
}

impl Size {
    fn chosen() -> Size {
        match std::env::var("SOAK").as_deref() {
            Ok("full") => Size { keys: 4, rounds: 20, patience: 10 },
            _ => Size { keys: 2, rounds: 1, patience: 1 },
        }
    }
}

/// What became of an event, as far as its sender knows.
#[derive(Clone, Copy)]
struct Fate {
    /// When it was sent first.
    sent: Instant,
    /// When it was answered with 2xx.
    taken: Option<Instant>,
    /// Whether a try was not answered, so that nobody knows what became of it.
    is_doubtful: bool,
}

/// The senders at work.
struct Scene {
    url: String,
    is_over: watch::Sender<bool>,
    fates: Mutex<BTreeMap<Event, Fate>>,
    statuses: Mutex<BTreeSet<(&'static str, u16)>>,
    tries: watch::Sender<usize>,
}

impl Scene {
    /// Waits until the senders have made so many more tries, or for some seconds.
    async fn until_more_tries(&self, count: usize) {
        let mut tries = self.tries.subscribe();
        let wanted = *tries.borrow() + count;
        let _ = tokio::time::timeout(PATIENCE / 6, tries.wait_for(|tries| *tries >= wanted)).await;
    }

    /// Sends an event once.
    async fn attempt(&self, sender: &Sender, event: Event, client: &reqwest::Client) -> Answer {
        let now = Instant::now();
        let fate = Fate { sent: now, taken: None, is_doubtful: false };
        self.fates.lock().unwrap().entry(event).or_insert(fate);
        let url = format!("{}/hooks/{}", self.url, sender.name);
        let request = (sender.request)(client.post(url), event).timeout(sender.waits / WAITS);
        let answer = match request.send().await {
            Ok(answer) => {
                let after = answer.headers().get("retry-after").and_then(|after| after.to_str().ok()?.parse().ok());
                Answer::Status(answer.status().as_u16(), after.map(Duration::from_secs))
            }
            Err(error) if error.is_connect() => Answer::NoConnection,
            Err(_) => Answer::None,
        };
        if let Answer::Status(status, _) = answer {
            self.statuses.lock().unwrap().insert((sender.name, status));
        }
        if let Some(fate) = self.fates.lock().unwrap().get_mut(&event) {
            match answer {
                Answer::Status(200..300, _) => fate.taken = Some(Instant::now()),
                Answer::None => fate.is_doubtful = true,
                Answer::Status(..) | Answer::NoConnection => {}
            }
        }
        self.tries.send_modify(|tries| *tries += 1);
        answer
    }

    /// Sends an event as often as the sender's rule says. Whether it was taken.
    async fn send(&self, sender: &Sender, event: Event, client: &reqwest::Client) -> bool {
        for tries in 1.. {
            match self.attempt(sender, event, client).await {
                Answer::Status(200..300, _) => return true,
                answer => match (sender.rule)(answer, tries) {
                    Next::GiveUp => return false,
                    // What it was asked to wait is no pause of its own.
                    Next::Obey(pause) => passes(pause).await,
                    Next::Again(pause) => passes(pause / PAUSES).await,
                },
            }
        }
        unreachable!("a sender counts its tries")
    }

    /// Everything that one sender has to say of one key, until all is over.
    async fn speak(self: Arc<Self>, sender: &'static Sender, key: usize) {
        let (client, began) = (http(), Instant::now());
        let event = move |nth| Event { sender: sender.name, key, nth };
        let mut pace = tokio::time::interval(PACE);
        let (mut failures, mut on_their_way) = (0, JoinSet::new());
        for nth in 0.. {
            pace.tick().await;
            let is_over = *self.is_over.borrow();
            match sender.sends {
                Sends::Each if !is_over => {
                    let (scene, client) = (Arc::clone(&self), client.clone());
                    on_their_way.spawn(async move { scene.send(sender, event(nth), &client).await });
                }
                Sends::InOrder { most_failures, off } if !is_over => {
                    failures = if self.send(sender, event(nth), &client).await { 0 } else { failures + 1 };
                    if failures >= most_failures {
                        passes(off / PAUSES).await;
                    }
                }
                // The last state counts; those that it has overtaken are not sent any more.
                Sends::State { interval } => {
                    let state = usize::try_from(began.elapsed().as_millis() / PACE.as_millis()).unwrap();
                    if self.send(sender, event(state), &client).await && is_over {
                        break;
                    }
                    passes(interval / PAUSES).await;
                }
                Sends::Each | Sends::InOrder { .. } => break,
            }
        }
        on_their_way.join_all().await;
    }
}

/// The time between two events of a key.
const PACE: Duration = Duration::from_millis(400);

/// A pause that a sender makes by its rule.
async fn passes(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

/// A hook that takes large bodies, so that `hooks.keep` is soon full while nothing is worked on.
const FILL: &str = "[hooks]\nkeep = \"32MiB\"\n[[hook]]\nname = \"fill\"\nauth = \"none\"\nto = \"alice@example.com\"\n\
                    max_body = 8388608\n[[hook.rule]]\ntemplate = \"full\"\n";

/// The daemon, and what is done to it.
struct Victim {
    cloud: Cloud,
    folder: tempfile::TempDir,
    port: u16,
    daemon: Option<Daemon>,
    /// Messages that were on their way at a kill, or while the daemon stood still.
    in_flight: usize,
}

impl Victim {
    fn list(&self, arguments: &[&str]) -> Vec<Value> {
        let all = [arguments, &["--limit", "100000", "--json"]].concat();
        serde_json::from_str(&verb(self.folder.path(), &all)).unwrap()
    }

    fn start(&mut self) {
        self.start_with(&[]);
    }

    fn start_with(&mut self, settings: &[(&str, &str)]) {
        self.daemon = Some(Daemon::start(&self.cloud, self.folder.path(), self.port, settings));
    }

    fn count_in_flight(&mut self) {
        let open = self.list(&["outbox", "list", "--state", "open"]);
        self.in_flight += open.iter().filter(|row| row["leased"] == true).count();
    }

    fn kill(&mut self) {
        self.daemon.take().unwrap().kill();
        self.count_in_flight();
    }

    fn signal(&self, signal: &str) {
        let id = self.daemon.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Fills the ledger while nothing is worked on, lets the senders hear of it, and goes on with the work.
    async fn fill(&mut self, scene: &Scene) {
        self.kill();
        self.start_with(&[("SWITCHBOARD_WORKER__CONCURRENCY", "0")]);
        // The largest that it takes.
        let is_full = async || {
            for size in [7 << 20, 512 << 10, 32 << 10, 2 << 10, 128, 8] {
                let body = format!("\"{}\"", "x".repeat(size));
                match http().post(format!("{}/hooks/fill", scene.url)).body(body).send().await {
                    Ok(answer) if answer.status() == 503 => {}
                    Ok(_) | Err(_) => return false,
                }
            }
            true
        };
        assert!(eventually(is_full).await, "it is full in the end");
        scene.until_more_tries(20).await;
        self.kill();
        self.start();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_sender_was_told_is_taken_is_told_once_and_in_order_whatever_befalls_the_daemon() {
    let began = Instant::now();
    let cloud = Cloud::start(Options::default()).await.unwrap();
    // Each second one to a person, the others to a space.
    let to = |nth: usize| match nth % 2 {
        0 => format!("person{nth}@example.com"),
        _ => cloud.space(&format!("Space {nth}"), &["alice@example.com"]),
    };
    let folder = tempfile::tempdir().unwrap();
    let hooks: String = SENDERS.iter().enumerate().map(|(nth, sender)| hook(sender, &to(nth))).collect();
    std::fs::write(folder.path().join("bot.toml"), format!("{FILL}{hooks}")).unwrap();
    let port = free_port();
    let mut victim = Victim { cloud, folder, port, daemon: None, in_flight: 0 };
    victim.start();
    let scene = Arc::new(Scene {
        url: format!("http://127.0.0.1:{port}"),
        is_over: watch::Sender::new(false),
        fates: Mutex::default(),
        statuses: Mutex::default(),
        tries: watch::Sender::new(0),
    });
    let size = Size::chosen();
    let mut speaking = JoinSet::new();
    for sender in SENDERS {
        for key in 0..size.keys {
            speaking.spawn(Arc::clone(&scene).speak(sender, key));
        }
    }
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..size.rounds {
        scene.until_more_tries(dice.usize(10..30)).await;
        victim.kill();
        scene.until_more_tries(dice.usize(3..10)).await;
        victim.start();
        scene.until_more_tries(dice.usize(10..30)).await;
        victim.fill(&scene).await;
        scene.until_more_tries(dice.usize(5..10)).await;
        let held = lock(victim.folder.path());
        scene.until_more_tries(dice.usize(5..10)).await;
        drop(held);
        scene.until_more_tries(dice.usize(10..20)).await;
        victim.signal("-STOP");
        victim.count_in_flight();
        scene.until_more_tries(dice.usize(2..6)).await;
        victim.signal("-CONT");
        scene.until_more_tries(dice.usize(10..20)).await;
        victim.kill();
        victim.start();
    }
    scene.until_more_tries(dice.usize(30..60)).await;
    scene.is_over.send_replace(true);
    speaking.join_all().await;
    let nothing_left =
        async || ["inbox", "outbox"].iter().all(|queue| victim.list(&[queue, "list", "--state", "open"]).is_empty());
    let mut is_done = false;
    for _ in 0..size.patience {
        is_done = is_done || eventually(nothing_left).await;
    }
    assert!(is_done, "all is worked on and sent");
    judge(&scene, &victim, began);
}

fn hook(sender: &Sender, to: &str) -> String {
    format!("[[hook]]\nname = \"{}\"\nto = \"{to}\"\n{}\n", sender.name, sender.hook)
}

/// Compares what the senders know with what was told.
fn judge(scene: &Scene, victim: &Victim, began: Instant) {
    let told: Vec<Event> = victim.cloud.messages().iter().flat_map(|message| Event::all_in(message.said())).collect();
    let mut places: BTreeMap<Event, Vec<usize>> = BTreeMap::new();
    for (place, event) in told.iter().enumerate() {
        places.entry(*event).or_default().push(place);
    }
    let fates = scene.fates.lock().unwrap();
    let mut lost = 0;
    for (event, fate) in fates.iter() {
        assert!(fate.taken.is_none() || places.contains_key(event), "{event:?} was taken, and is not told");
        assert!(
            fate.taken.is_some() || fate.is_doubtful || !places.contains_key(event),
            "{event:?} was refused each time, and is told"
        );
        lost += usize::from(fate.taken.is_none());
        for (later, fate_of_later) in fates.range(event..).skip(1).take_while(|(later, _)| later.is_of_key(event)) {
            let is_before = fate.taken.is_some_and(|taken| taken < fate_of_later.sent);
            let (Some(first), Some(second)) = (places.get(event), places.get(later)) else { continue };
            assert!(!is_before || first[0] < second[0], "{later:?} is told before {event:?}");
        }
    }
    let doubled = told.len() - places.len();
    let taken = fates.len() - lost;
    let _ = writeln!(
        std::io::stderr(),
        "{} senders, {} tries: {taken} events taken and told, {lost} given up by their senders, {doubled} doubled with {} \
         on their way at a kill, in {:.1} s",
        SENDERS.len(),
        *scene.tries.borrow(),
        victim.in_flight,
        began.elapsed().as_secs_f64(),
    );
    assert!(doubled <= victim.in_flight, "{doubled} are told twice, and {} were on their way", victim.in_flight);
    assert!(taken > fates.len() / 3, "most are taken");
    // Some senders are switched off, for a while or for good, by any other.
    let statuses = scene.statuses.lock().unwrap();
    let is_expected =
        |(sender, status): &(&str, u16)| [202, 503].contains(status) || (*sender == "cloudevents" && *status == 429);
    assert!(statuses.iter().all(is_expected), "{statuses:?}");
    assert!(statuses.iter().any(|(_, status)| *status == 503), "none met a full ledger: {statuses:?}");
    // Whoever tries until it is taken has lost nothing.
    for (event, fate) in fates.iter().filter(|(event, _)| ["pagerduty", "standard"].contains(&event.sender)) {
        assert!(fate.taken.is_some(), "{event:?}");
    }
}
