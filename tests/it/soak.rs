//! Everything at once: many people in many spaces while deliveries are lost, doubled and mixed up, the way in breaks, and
//! the daemon is killed again and again. `SOAK=full` makes it as large as the promise; without it, it is small.

use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::Method;
use switchboard::simulator::{Cloud, Fault, Message, Options, Person, WebhookStatus};
use tokio::sync::broadcast;

use crate::cli::verb;
use crate::harness::{Daemon, eventually, free_port, get};

const ALICE: &str = "alice@example.com";

#[derive(Clone, Copy)]
struct Size {
    /// How many of the spaces are direct ones.
    direct: usize,
    messages: usize,
    spaces: usize,
    kills: usize,
    /// How often a webhook is switched off.
    inactive: usize,
    /// How often every websocket breaks.
    drops: usize,
    patience: Duration,
}

impl Size {
    fn chosen() -> Size {
        match std::env::var("SOAK").as_deref() {
            Ok("full") => Size {
                direct: 2,
                messages: 10_000,
                spaces: 500,
                kills: 10,
                inactive: 2,
                drops: 10,
                patience: Duration::from_secs(1200),
            },
            _ => Size {
                direct: 2,
                messages: 400,
                spaces: 20,
                kills: 3,
                inactive: 2,
                drops: 3,
                patience: Duration::from_secs(120),
            },
        }
    }

    /// For a way to Webex on which other things answer in its place, and a Webex that is slow.
    fn of_a_bad_way() -> Size {
        match std::env::var("SOAK").as_deref() {
            Ok("full") => Size { direct: 30, messages: 3_000, spaces: 60, kills: 45, ..Size::chosen() },
            _ => Size { direct: 8, messages: 160, spaces: 16, kills: 4, ..Size::chosen() },
        }
    }
}

struct Soak {
    cloud: Cloud,
    folder: tempfile::TempDir,
    port: u16,
    mode: &'static str,
    direct: Vec<Person>,
    spaces: Vec<String>,
    heard: broadcast::Receiver<Message>,
    answered: HashSet<usize>,
    end: Instant,
}

impl Soak {
    async fn set(mode: &'static str, size: &Size) -> Soak {
        let cloud = Cloud::start(Options { seed: Some(7), ..Options::default() }).await.unwrap();
        let direct: Vec<_> = (0..size.direct).map(|nth| cloud.person(&format!("person{nth}@example.com"))).collect();
        let mut spaces: Vec<_> = direct.iter().map(|person| person.direct_room()).collect();
        for nth in spaces.len()..size.spaces {
            spaces.push(cloud.space(&format!("Space {nth}"), &[ALICE]));
        }
        let folder = tempfile::tempdir().unwrap();
        let (heard, answered, end) = (cloud.subscribe(), HashSet::new(), Instant::now() + size.patience);
        Soak { cloud, folder, port: free_port(), mode, direct, spaces, heard, answered, end }
    }

    /// The daemon as it ships, with shorter waits.
    fn start(&self) -> Daemon {
        let settings = [
            ("SWITCHBOARD_DELIVERY__MODE", self.mode),
            ("SWITCHBOARD_DELIVERY__RECONCILE", "200ms"),
            ("SWITCHBOARD_POLLING__INTERVAL", "100ms"),
            ("SWITCHBOARD_POLLING__RATE", "1000000"),
            ("SWITCHBOARD_WEBHOOK__CHECK_INTERVAL", "200ms"),
            ("SWITCHBOARD_WORKER__VISIBLE_WITHIN", "500ms"),
        ];
        Daemon::start(&self.cloud, self.folder.path(), self.port, &settings)
    }

    /// Message `nth`, in one of the spaces.
    fn say(&self, nth: usize) {
        // A stride that has no factor in common with their number visits all of them.
        let space = nth * 7919 % self.spaces.len();
        let text = format!("m{nth}");
        match self.direct.get(space) {
            Some(person) => drop(person.says(&text)),
            None => drop(self.cloud.person(ALICE).mentions_bot(&self.spaces[space], &text).unwrap()),
        }
    }

    /// The numbers that were answered in each space, in the order of the answers.
    fn answers(&self) -> BTreeMap<String, Vec<usize>> {
        let bot = self.cloud.bot().id;
        let mut answers: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for message in self.cloud.messages().into_iter().filter(|message| message.person_id == bot) {
            answers.entry(message.room_id.clone()).or_default().push(answer(&message));
        }
        answers
    }

    /// Waits until so many different messages were answered.
    async fn until_answered(&mut self, count: usize) {
        let bot = self.cloud.bot().id;
        while self.answered.len() < count {
            match tokio::time::timeout_at(self.end.into(), self.heard.recv()).await {
                Ok(Ok(message)) if message.person_id == bot => {
                    self.answered.insert(answer(&message));
                }
                Ok(Ok(_)) => {}
                // So much was said that some of it was passed over.
                Ok(Err(_)) => self.answered = self.answers().into_values().flatten().collect(),
                Err(_) => panic!("{}: {} of {count} answered", self.mode, self.answered.len()),
            }
        }
    }

    fn switch_a_webhook_off(&self) {
        let ours = self.cloud.webhooks().into_iter().find(|webhook| webhook.resource == "messages");
        if let Some(ours) = ours {
            self.cloud.set_webhook_status(&ours.id, WebhookStatus::Inactive);
        }
    }

    /// Replies that somebody was about to send when the daemon was killed.
    fn in_flight(&self) -> usize {
        let open = verb(self.folder.path(), &["outbox", "list", "--state", "open", "--limit", "100000", "--json"]);
        let rows: Vec<serde_json::Value> = serde_json::from_str(&open).unwrap();
        rows.iter().filter(|row| row["leased"] == true).count()
    }
}

/// Which message this answers.
fn answer(message: &Message) -> usize {
    let text = message.text.as_deref().unwrap_or_default();
    let nth = text.strip_prefix("You said: \"m").and_then(|rest| rest.split('"').next()?.parse().ok());
    nth.unwrap_or_else(|| panic!("the bot said {text:?}"))
}

/// What answers in Webex's place in one call of twenty; and each second post is carried out up to 300 ms late.
fn bad_way(cloud: &Cloud) {
    const EACH: f64 = 0.05 / 9.0;
    let page = "<html>Please sign in</html>";
    for status in [200, 302, 400, 401, 403, 407, 408, 421, 425] {
        cloud.fault(Fault::on_any().always().chance(EACH).answer(status, &[("content-type", "text/html")], page));
    }
    for late in [50, 100, 150, 200, 250, 300] {
        let late = Fault::on(Method::POST, "/messages").always().chance(0.12).delay(Duration::from_millis(late));
        cloud.fault(late);
    }
}

async fn soak(mode: &'static str) {
    soak_with(mode, Size::chosen(), |_| {}).await;
}

async fn soak_with(mode: &'static str, size: Size, prepare: impl FnOnce(&Cloud)) {
    let is_bad = size.direct > 2;
    let began = Instant::now();
    let mut soak = Soak::set(mode, &size).await;
    soak.cloud.deliveries(|manner| (manner.lose, manner.reorder) = (0.1, true));
    let mut dice = fastrand::Rng::with_seed(7);
    let mut daemon = soak.start();
    soak.ready().await;
    prepare(&soak.cloud);
    let mut in_flight = 0;
    for nth in 0..size.messages {
        soak.cloud.deliveries(|manner| manner.copies = 1 + nth % 5 / 4);
        // Over a websocket as many are lost, and as many come twice.
        let copies = if dice.f64() < 0.1 { 0 } else { 1 + nth % 5 / 4 };
        soak.cloud.sockets(|sockets| sockets.copies = copies);
        soak.say(nth);
        // People do not wait, but they do not say a thousand things at once either.
        soak.until_answered((nth + 1).saturating_sub(size.messages / 20)).await;
        if at(nth, size.messages, size.inactive) {
            soak.switch_a_webhook_off();
        }
        if at(nth, size.messages, size.drops) {
            soak.cloud.drop_sockets();
        }
        if at(nth, size.messages, size.kills) {
            daemon.kill();
            in_flight += soak.in_flight();
            daemon = soak.start();
        }
    }
    soak.until_answered(size.messages).await;
    // Whatever was going to be said twice has been, once nothing is left to do.
    let nothing_left = async || verb(soak.folder.path(), &["outbox", "list", "--json"]).trim() == "[]";
    assert!(eventually(nothing_left).await, "all is sent");
    daemon.terminate();
    assert!(daemon.wait().success());
    let answers = soak.answers();
    let said: usize = answers.values().map(Vec::len).sum();
    let doubled = said - size.messages;
    let direct = &soak.spaces[..size.direct];
    let in_direct = |space: &String| direct.contains(space);
    let twice = |numbers: &Vec<usize>| numbers.len() - numbers.iter().collect::<HashSet<_>>().len();
    let doubled_direct: usize =
        answers.iter().filter(|(space, _)| in_direct(space)).map(|(_, numbers)| twice(numbers)).sum();
    let _ = writeln!(
        std::io::stderr(),
        "soak, {mode}: {} messages in {} spaces, {} kills: all answered in {:.1} s, 0 lost, {doubled_direct} doubled in \
         direct spaces, {} in group spaces ({in_flight} replies were in flight at the kills)",
        size.messages,
        size.spaces,
        size.kills,
        began.elapsed().as_secs_f64(),
        doubled - doubled_direct
    );
    assert_eq!(doubled_direct, 0, "in direct spaces nothing comes twice");
    assert!(
        is_bad || doubled <= in_flight,
        "{doubled} answers came twice, and only {in_flight} were in flight at a kill"
    );
    for (space, numbers) in answers {
        let mut seen = HashSet::new();
        let first: Vec<_> = numbers.into_iter().filter(|nth| seen.insert(*nth)).collect();
        assert!(first.is_sorted(), "{mode}: out of order in {space}: {first:?}");
    }
}

impl Soak {
    async fn ready(&self) {
        let ready = async || get(format!("http://127.0.0.1:{}/readyz", self.port)).await.status() == 200;
        assert!(eventually(ready).await, "the daemon is ready");
    }
}

/// Whether one of `times` even parts of `all` ends here.
fn at(nth: usize, all: usize, times: usize) -> bool {
    (nth + 1).is_multiple_of(all / (times + 1)) && (nth + 1) < all
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_bad_way_to_webex_nothing_is_lost_and_nothing_doubled_in_direct_spaces() {
    let modes: &[_] = match std::env::var("SOAK").as_deref() {
        Ok("full") => &["webhook", "both", "polling", "websocket"],
        _ => &["webhook"],
    };
    for mode in modes {
        soak_with(mode, Size::of_a_bad_way(), bad_way).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_webhooks_everything_is_answered_in_order() {
    soak("webhook").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_polling_everything_is_answered_in_order() {
    soak("polling").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_both_everything_is_answered_in_order() {
    soak("both").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_websocket_everything_is_answered_in_order() {
    soak("websocket").await;
}
