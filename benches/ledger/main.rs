//! What being durable costs: the daemon against a bare handler, side by side in one run, as one table.
//!
//! ```sh
//! cargo bench --bench ledger                               # about three minutes
//! cargo bench --bench ledger -- quick                      # a few seconds: does it run?
//! cargo bench --bench ledger -- --daemon target/dist/switchboard   # the shipped binary
//! cargo bench --bench ledger -- acks steady hooks replies slow-api stored start   # only these, for a profile
//! ```
//!
//! The server under test has one core, the load and the Webex API that answers the daemon have another (where there
//! are two, and `taskset`). Servers that are compared take turns, round by round; figures are medians over the rounds,
//! ratios are medians over the pairs. Nothing here passes or fails: on a busy machine the figures are only figures.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

mod cloud;
mod load;
mod process;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloud::Cloud;
use load::{Connection, Deliveries, Outcome, Receiver, Requests, closed_loop, open_loop};
use process::{Launcher, Process, Setup};

/// Keep-alive connections, as one Webex cluster and a reverse proxy would hold.
const CONNECTIONS: usize = 64;

/// Events a second of the steady load.
const STEADY: f64 = 2_000.0;

/// Small and large bodies a second that other systems post, and over how many connections.
const SMALL: f64 = 500.0;
const LARGE: f64 = 20.0;
const MANY_CONNECTIONS: usize = 200;

/// What is measured, in this order.
const PARTS: [&str; 7] = ["acks", "steady", "hooks", "replies", "slow-api", "stored", "start"];

/// How long a reply may take before a row is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much is measured.
struct Size {
    rounds: usize,
    /// Requests of a round: to the bare handler, and to the daemon.
    bare: usize,
    durable: usize,
    steady: Duration,
    replies: usize,
    slow_api: usize,
    starts: usize,
    stored: usize,
}

const FULL: Size = Size {
    rounds: 5,
    bare: 100_000,
    durable: 30_000,
    steady: Duration::from_secs(4),
    replies: 20_000,
    slow_api: 8_000,
    starts: 10,
    stored: 1_000_000,
};

const QUICK: Size = Size {
    rounds: 1,
    bare: 10_000,
    durable: 5_000,
    steady: Duration::from_millis(500),
    replies: 1_000,
    slow_api: 1_000,
    starts: 3,
    stored: 10_000,
};

fn main() {
    let mut size = FULL;
    let mut only = Vec::new();
    let mut daemon = PathBuf::from(env!("CARGO_BIN_EXE_switchboard"));
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            process::SERVE_BARE => return process::serve_bare(),
            "quick" => size = QUICK,
            "--daemon" => daemon = arguments.next().expect("--daemon PATH").into(),
            // Cargo's own.
            "--bench" => {}
            part if PARTS.contains(&part) => only.push(argument),
            other => panic!("unknown argument {other}; there are: quick, --daemon PATH, {}", PARTS.join(", ")),
        }
    }
    let daemon = daemon.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", daemon.display()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let launcher = Launcher::new(daemon);
    runtime.block_on(async {
        let mut bench = Bench { launcher, size, deliveries: Deliveries::new(), table: Table::default(), refused: 0 };
        for part in PARTS.into_iter().filter(|part| only.is_empty() || only.iter().any(|name| name == part)) {
            bench.launcher.pin_self(part != "start");
            match part {
                "acks" => bench.acknowledgements().await,
                "steady" => bench.steady().await,
                "hooks" => bench.hooks().await,
                "replies" => bench.replies().await,
                "slow-api" => bench.slow_api().await,
                "stored" => bench.put_cost().await,
                _ => bench.start().await,
            }
        }
        bench.print();
    });
}

struct Bench {
    launcher: Launcher,
    size: Size,
    deliveries: Deliveries,
    table: Table,
    /// Answers other than 200, over everything.
    refused: usize,
}

impl Bench {
    /// As fast as it goes: bare, durable, and durable on a slower disk.
    async fn acknowledgements(&mut self) {
        let cloud = Cloud::start(Duration::ZERO).await;
        let receiving = Setup { api: cloud.address, concurrency: 0, pinned: true, slow_fsync: false };
        let bare = self.launcher.bare();
        let fast = self.launcher.daemon(receiving).expect("nothing is asked of the system");
        let slow = self.launcher.daemon(Setup { slow_fsync: true, ..receiving });
        let mut servers = vec![(&bare, self.size.bare), (&fast, self.size.durable)];
        servers.extend(slow.as_ref().map(|slow| (slow, self.size.durable)));
        let mut rounds = Vec::new();
        for (server, count) in &servers {
            self.burst(server, count / 4).await;
        }
        for _ in 0..self.size.rounds {
            let mut round = Vec::new();
            for (server, count) in &servers {
                round.push(self.burst(server, *count).await);
            }
            rounds.push(round);
        }
        for (nth, disk) in [(1, ""), (2, ", fsync + 1 ms")] {
            let aim = |aim: &'static str| if nth == 1 { aim } else { "" };
            let name = format!("acknowledged events/s, {CONNECTIONS} connections{disk}");
            if nth == servers.len() {
                self.table.skipped(&name);
                continue;
            }
            let rate = |round: &Vec<Burst>, server: usize| round[server].outcome.rate();
            self.table.compared(&name, &rounds, |r| rate(r, 0), |r| rate(r, nth), count, aim("0.3 of bare"));
            let p99 = |round: &Vec<Burst>, server: usize| round[server].outcome.p99();
            self.table.compared(
                &format!("- p99 of the ack{disk}"),
                &rounds,
                |r| p99(r, 0),
                |r| p99(r, nth),
                millis,
                "",
            );
            let busy = |round: &Vec<Burst>, server: usize| round[server].busy_micros;
            self.table.compared(
                &format!("- the server's CPU time an event{disk}"),
                &rounds,
                |r| busy(r, 0),
                |r| busy(r, nth),
                micros,
                "",
            );
        }
    }

    /// At a load that neither server has trouble with.
    async fn steady(&mut self) {
        let cloud = Cloud::start(Duration::ZERO).await;
        let receiving = Setup { api: cloud.address, concurrency: 0, pinned: true, slow_fsync: false };
        let bare = self.launcher.bare();
        let durable = self.launcher.daemon(receiving).expect("nothing is asked of the system");
        let count = (STEADY * self.size.steady.as_secs_f64()) as usize;
        let mut rounds = Vec::new();
        for _ in 0..self.size.rounds.div_ceil(2) {
            let mut round = Vec::new();
            for server in [&bare, &durable] {
                let requests = self.deliveries.make(count);
                let outcome = open_loop(server.address, CONNECTIONS, STEADY, &requests).await;
                self.refused += outcome.refused;
                round.push(outcome);
            }
            rounds.push(round);
        }
        let name = format!("p99 of the ack at a steady {STEADY} events/s");
        self.table.compared(&name, &rounds, |r| r[0].p99(), |r| r[1].p99(), millis, "within 3x of bare");
    }

    /// What other systems post, against deliveries of Webex of the same size, to one daemon in turns. Then large bodies
    /// among small ones.
    async fn hooks(&mut self) {
        let cloud = Cloud::start(Duration::ZERO).await;
        let receiving = Setup { api: cloud.address, concurrency: 0, pinned: true, slow_fsync: false };
        let daemon = self.launcher.daemon(receiving).expect("nothing is asked of the system");
        let mut rounds = Vec::new();
        for _ in 0..self.size.rounds {
            let mut round = Vec::new();
            for to in [Receiver::Webhook, Receiver::Hook] {
                let requests = self.deliveries.make_for(to, self.size.durable, 0);
                round.push(self.send(&daemon, &requests).await);
            }
            rounds.push(round);
        }
        let rate = |round: &Vec<Burst>, of: usize| round[of].outcome.rate();
        let name = format!("deliveries to a hook/s, against Webex's, {CONNECTIONS} connections");
        self.table.compared(&name, &rounds, |r| rate(r, 0), |r| rate(r, 1), count, "no slower");
        let busy = |round: &Vec<Burst>, of: usize| round[of].busy_micros;
        let name = "- the server's CPU time a delivery";
        self.table.compared(name, &rounds, |r| busy(r, 0), |r| busy(r, 1), micros, "");
        let seconds = self.size.steady.as_secs_f64();
        let small = self.deliveries.make_for(Receiver::Hook, (SMALL * seconds) as usize, 0);
        let large = self.deliveries.make_for(Receiver::Hook, (LARGE * seconds) as usize, 1024 * 1024);
        let mixed = small.spread(&large);
        let outcome = open_loop(daemon.address, MANY_CONNECTIONS, SMALL + LARGE, &mixed).await;
        self.refused += outcome.refused;
        let name = format!("p99 of {SMALL} small bodies and {LARGE} of 1 MiB a second, {MANY_CONNECTIONS} connections");
        self.table.alone(&name, millis(outcome.p99()), "under 250 ms");
    }

    /// From the webhook to the posted reply, with an API that answers at once.
    async fn replies(&mut self) {
        for (name, pinned, slow_fsync, aim) in [
            ("replies/s, webhook to POST", true, false, "14,000"),
            ("replies/s, both cores for everything", false, false, ""),
            ("replies/s, fsync + 1 ms", true, true, ""),
        ] {
            self.launcher.pin_self(pinned);
            let cloud = Cloud::start(Duration::ZERO).await;
            let setup = Setup { api: cloud.address, concurrency: 256, pinned, slow_fsync };
            let Some(daemon) = self.launcher.daemon(setup) else {
                self.table.skipped(name);
                continue;
            };
            let mut rates = Vec::new();
            for _ in 0..self.size.rounds.div_ceil(2) {
                let Some(rate) = self.answered(&cloud, &daemon, self.size.replies).await else { break };
                rates.push(rate);
            }
            self.table.alone(name, median(rates).map_or("stalled".to_owned(), count), aim);
        }
    }

    /// An API as far away as the real one.
    async fn slow_api(&mut self) {
        let cloud = Cloud::start(Duration::from_millis(100)).await;
        let setup = Setup { api: cloud.address, concurrency: 256, pinned: true, slow_fsync: false };
        let daemon = self.launcher.daemon(setup).expect("nothing is asked of the system");
        let rate = self.answered(&cloud, &daemon, self.size.slow_api).await;
        let (reads, posts) = cloud.most_in_flight();
        self.table.alone(
            "most calls in flight, API answers after 100 ms",
            format!("{reads} reads, {posts} posts"),
            "256",
        );
        self.table.alone("- replies/s", rate.map_or("stalled".to_owned(), count), "");
    }

    /// Posts events and waits for as many replies; replies a second.
    async fn answered(&mut self, cloud: &Cloud, daemon: &Process, count: usize) -> Option<f64> {
        cloud.greeted().await;
        // The first ones open the connections to the API.
        for events in [count / 10, count] {
            let before = cloud.posted();
            let requests = self.deliveries.make(events);
            let started = Instant::now();
            self.refused += closed_loop(daemon.address, CONNECTIONS, &requests).await.refused;
            let ended = cloud.posted_at(before + events, PATIENCE).await;
            let Some(ended) = ended else {
                eprintln!("only {} of {events} events were answered", cloud.posted() - before);
                return None;
            };
            if events == count {
                return Some(count as f64 / (ended - started).as_secs_f64());
            }
        }
        None
    }

    /// Whether a ledger gets slower by what is in it: a new one and a full one take turns.
    async fn put_cost(&mut self) {
        let cloud = Cloud::start(Duration::ZERO).await;
        let receiving = Setup { api: cloud.address, concurrency: 0, pinned: true, slow_fsync: false };
        let full = self.launcher.daemon(receiving).expect("nothing is asked of the system");
        let batch = self.size.stored.min(50_000);
        for _ in 0..self.size.stored / batch {
            let requests = self.deliveries.make(batch);
            self.refused += closed_loop(full.address, 4 * CONNECTIONS, &requests).await.refused;
        }
        let mut rounds = Vec::new();
        for _ in 0..self.size.rounds.div_ceil(2) {
            let new = self.launcher.daemon(receiving).expect("nothing is asked of the system");
            rounds.push((self.burst(&new, self.size.durable).await, self.burst(&full, self.size.durable).await));
        }
        let stored = count(self.size.stored as f64);
        let cost = |outcome: &Outcome| 1e6 / outcome.rate();
        let wall = pairs(&rounds, |round| cost(&round.1.outcome) / cost(&round.0.outcome));
        let busy = pairs(&rounds, |round| round.1.busy_micros / round.0.busy_micros);
        let time = pairs(&rounds, |round| cost(&round.1.outcome));
        let what = format!("time an event with {stored} stored, against a new ledger");
        self.table.row(&what, String::new(), micros(time), format!("{wall:.2}x"), "within 1.3x");
        self.table.row("- the server's CPU time an event", String::new(), String::new(), format!("{busy:.2}x"), "");
    }

    /// With a new ledger each time: the tables are made, too.
    async fn start(&mut self) {
        let cloud = Cloud::start(Duration::ZERO).await;
        let setup = Setup { api: cloud.address, concurrency: 16, pinned: false, slow_fsync: false };
        let mut times = Vec::new();
        let mut resident = 0;
        for nth in 0..self.size.starts {
            let started = Instant::now();
            let daemon = self.launcher.daemon(setup).expect("nothing is asked of the system");
            let healthy = Connection::open(daemon.address)
                .await
                .exchange(b"GET /healthz HTTP/1.1\r\nhost: bot.example.org\r\n\r\n")
                .await;
            times.push(started.elapsed().as_secs_f64() * 1e3);
            assert!(healthy, "/healthz did not answer 200");
            if nth + 1 == self.size.starts {
                tokio::time::sleep(Duration::from_secs(1)).await;
                resident = daemon.memory("VmRSS");
            }
        }
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        self.table.alone("cold start to the first /healthz", millis(median(times).unwrap_or_default()), "20 ms");
        self.table.alone("idle memory (resident)", megabytes(resident * 1024), "20 MB");
        self.table.alone("size of the binary measured", megabytes(self.launcher.binary_size()), "15 MB");
    }

    /// One round of the closed loop.
    async fn burst(&mut self, server: &Process, count: usize) -> Burst {
        let requests = self.deliveries.make(count);
        self.send(server, &requests).await
    }

    async fn send(&mut self, server: &Process, requests: &Arc<Requests>) -> Burst {
        let before = server.busy();
        let outcome = closed_loop(server.address, CONNECTIONS, requests).await;
        self.refused += outcome.refused;
        let busy = server.busy().saturating_sub(before);
        Burst { outcome, busy_micros: busy.as_secs_f64() * 1e6 / requests.len() as f64 }
    }

    fn print(mut self) {
        self.table.alone("answers other than 200 and 202", count(self.refused as f64), "0");
        let cores = self.launcher.cores;
        let pinned = if self.launcher.can_pin { "" } else { ", NOT pinned (that takes taskset and two cores)" };
        let fsync = self.launcher.fsync_time().as_secs_f64() * 1e3;
        println!("{cores} cores{pinned}; a 4 KiB write and fsync takes {fsync:.2} ms.\n");
        self.table.print();
        if self.refused > 0 {
            eprintln!("{} other answers: these figures measure refusals", self.refused);
            std::process::exit(1);
        }
    }
}

struct Burst {
    outcome: Outcome,
    busy_micros: f64,
}

/// A markdown table.
#[derive(Default)]
struct Table(Vec<[String; 5]>);

impl Table {
    fn row(&mut self, what: &str, bare: String, daemon: String, ratio: String, aim: &str) {
        eprintln!("{what}: {daemon} {ratio}");
        self.0.push([what.to_owned(), bare, daemon, ratio, aim.to_owned()]);
    }

    fn alone(&mut self, what: &str, figure: String, aim: &str) {
        self.row(what, String::new(), figure, String::new(), aim);
    }

    fn skipped(&mut self, what: &str) {
        self.alone(what, "skipped: needs cc and a binary that is not static".to_owned(), "");
    }

    fn compared<R>(
        &mut self,
        what: &str,
        rounds: &[R],
        bare: impl Fn(&R) -> f64,
        daemon: impl Fn(&R) -> f64,
        show: fn(f64) -> String,
        aim: &str,
    ) {
        let ratio = pairs(rounds, |round| daemon(round) / bare(round));
        self.row(what, show(pairs(rounds, &bare)), show(pairs(rounds, &daemon)), format!("{ratio:.2}x"), aim);
    }

    fn print(&self) {
        let head = ["measured", "bare handler", "switchboard", "compared", "aim"].map(str::to_owned);
        let widths: Vec<_> =
            (0..5).map(|column| self.0.iter().chain([&head]).map(|row| row[column].len()).max().unwrap_or(0)).collect();
        let print = |row: &[String; 5]| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!(" {cell:width$} |"));
            println!("|{}", cells.collect::<String>());
        };
        print(&head);
        println!("|{}", widths.iter().map(|width| format!("{}|", "-".repeat(width + 2))).collect::<String>());
        self.0.iter().for_each(print);
    }
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

fn pairs<R>(rounds: &[R], figure: impl Fn(&R) -> f64) -> f64 {
    median(rounds.iter().map(figure).collect()).unwrap_or_default()
}

fn count(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

fn millis(figure: f64) -> String {
    format!("{figure:.2} ms")
}

fn micros(figure: f64) -> String {
    format!("{figure:.1} µs")
}
