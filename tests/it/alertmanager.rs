//! Debian's Prometheus and Alertmanager as senders. Without these programs the tests say that they are skipped and pass,
//! except where `CI` is set.

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::json;
use switchboard::Bot;
use switchboard::simulator::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::harness::{Harness, eventually, free_port, http, skipped};
use crate::websocket::lock;

const ALICE: &str = "alice@example.com";
const BEARER: &str = "0123456789abcdef0123456789abcdef";

/// A running program that others wrote. It ends with this value.
pub struct Foreign {
    child: Child,
    name: &'static str,
    log: std::path::PathBuf,
}

impl Foreign {
    /// Starts a program in a folder. None where there is none of this name.
    pub fn start(name: &'static str, folder: &Path, arguments: &[&str]) -> Option<Foreign> {
        let log = folder.join(format!("{name}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let mut command = Command::new(name);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        match command.spawn() {
            Ok(child) => Some(Foreign { child, name, log }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                skipped(&format!("no {name}; Debian has it in the package of this name"));
                None
            }
            Err(error) => panic!("{name}: {error}"),
        }
    }

    /// Waits until it answers 200 at this address.
    pub async fn answers(&self, url: &str) {
        let is_up = async || http().get(url).send().await.is_ok_and(|answer| answer.status() == 200);
        assert!(eventually(is_up).await, "{}: {}", self.name, self.said());
    }

    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An Alertmanager with short intervals that posts to these hooks.
struct Alertmanager {
    program: Foreign,
    port: u16,
}

impl Alertmanager {
    async fn start(bot: &Harness, hooks: &[&str], repeat: &str) -> Option<Alertmanager> {
        let (folder, port) = (bot.folder.path(), free_port());
        let receiver = |hook: &&str| {
            let url = format!("{}/hooks/{hook}", bot.url);
            let authorization = format!("{{authorization: {{type: Bearer, credentials: {BEARER}}}}}");
            format!("      - {{url: '{url}', send_resolved: true, http_config: {authorization}}}\n")
        };
        let receivers: String = hooks.iter().map(receiver).collect();
        let route = format!("group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: {repeat}");
        let settings =
            format!("route: {{receiver: bot, {route}}}\nreceivers:\n  - name: bot\n    webhook_configs:\n{receivers}");
        std::fs::write(folder.join("alertmanager.yml"), settings).unwrap();
        let listen = format!("--web.listen-address=127.0.0.1:{port}");
        let arguments = ["--config.file=alertmanager.yml", "--storage.path=alerts", &listen, NO_CLUSTER];
        let program = Foreign::start("prometheus-alertmanager", folder, &arguments)?;
        program.answers(&format!("http://127.0.0.1:{port}/-/ready")).await;
        Some(Alertmanager { program, port })
    }

    /// Posts an alert as Prometheus does; it fires until its end.
    async fn alert(&self, instance: &str) {
        let labels = json!({"alertname": "DiskFull", "instance": instance, "severity": "critical"});
        let alert = json!([{"labels": labels, "annotations": {"summary": format!("The disk of {instance} is full")}}]);
        let url = format!("http://127.0.0.1:{}/api/v2/alerts", self.port);
        let answer = http().post(url).json(&alert).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

pub const NO_CLUSTER: &str = "--cluster.listen-address=";

/// A Prometheus that looks at this target, and tells this Alertmanager which of its disks are full.
async fn prometheus(folder: &Path, target: u16, alertmanager: u16) -> Option<Foreign> {
    let settings = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}\n\
         rule_files: [rules.yml]\n\
         alerting: {{alertmanagers: [{{static_configs: [{{targets: ['127.0.0.1:{alertmanager}']}}]}}]}}\n\
         scrape_configs: [{{job_name: disks, static_configs: [{{targets: ['127.0.0.1:{target}']}}]}}]\n"
    );
    let rule = "groups:\n  - name: disks\n    rules:\n      - alert: DiskFull\n        expr: disk_free_ratio < 0.1\n        \
                labels: {severity: critical}\n        annotations: {summary: 'Disk {{ $labels.disk }} is full'}\n";
    std::fs::write(folder.join("prometheus.yml"), settings).unwrap();
    std::fs::write(folder.join("rules.yml"), rule).unwrap();
    let port = free_port();
    let listen = format!("--web.listen-address=127.0.0.1:{port}");
    let storage = "--storage.tsdb.path=metrics";
    let arguments = ["--config.file=prometheus.yml", storage, &listen, "--rules.alert.resend-delay=1s"];
    let program = Foreign::start("prometheus", folder, &arguments)?;
    program.answers(&format!("http://127.0.0.1:{port}/-/ready")).await;
    Some(program)
}

/// What a Prometheus scrapes. The test says how much of each disk is free.
pub struct Target {
    pub port: u16,
    metrics: Arc<Mutex<String>>,
}

impl Target {
    pub async fn start() -> Target {
        Target::on("127.0.0.1:0").await
    }

    pub async fn on(address: &str) -> Target {
        let listener = TcpListener::bind(address).await.unwrap();
        let (port, metrics) = (listener.local_addr().unwrap().port(), Arc::<Mutex<String>>::default());
        let shown = Arc::clone(&metrics);
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let body = shown.lock().unwrap().clone();
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close";
                let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = connection.write_all(answer.as_bytes()).await;
            }
        });
        Target { port, metrics }
    }

    pub fn shows(&self, metrics: &str) {
        *self.metrics.lock().unwrap() = format!("{metrics}\n");
    }

    fn disks(&self, disks: &[(&str, f64)]) {
        let lines = disks.iter().map(|(disk, free)| format!("disk_free_ratio{{disk=\"{disk}\"}} {free}"));
        self.shows(&lines.collect::<Vec<_>>().join("\n"));
    }
}

fn hook(name: &str, to: &str, more: &str) -> String {
    format!(
        "[[hook]]\nname = \"{name}\"\npreset = \"alertmanager\"\nauth = {{ bearer = \"{BEARER}\" }}\nto = \"{to}\"\n{more}\n"
    )
}

fn in_room(bot: &Harness, room: &str) -> Vec<Message> {
    bot.cloud.messages().into_iter().filter(|message| message.room_id == room).collect()
}

/// Waits until the last message of the space begins so.
async fn says(bot: &Harness, programs: &[&Foreign], room: &str, text: &str) {
    let last = || in_room(bot, room).pop().and_then(|message| message.markdown).unwrap_or_default();
    if !eventually(async || last().contains(text)).await {
        let logs: String = programs.iter().map(|program| program.said()).collect();
        panic!("no {text:?} in\n{}\n{logs}", bot.cloud.transcript());
    }
}

async fn taken(bot: &Harness, outcome: &str) -> f64 {
    let labels = format!("source=\"hook\",resource=\"hooks\",outcome=\"{outcome}\"");
    bot.metric(&format!("switchboard_events_received_total{{{labels}}}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_prometheus_finds_is_one_message_that_is_edited_and_elsewhere_one_thread() {
    let cloud = switchboard::simulator::Cloud::start(Default::default()).await.unwrap();
    let (edited, thread) = (cloud.space("Edited", &[ALICE]), cloud.space("Thread", &[ALICE]));
    let settings = [hook("edited", &edited, "[[hook.rule]]\nupdate = true"), hook("thread", &thread, "")];
    let bot = Harness::on(cloud, tempfile::tempdir().unwrap(), &settings.concat(), Bot::builder()).await;
    bot.ready().await;
    let target = Target::start().await;
    target.disks(&[("a", 0.5), ("b", 0.5)]);
    let Some(alertmanager) = Alertmanager::start(&bot, &["edited", "thread"], "1s").await else { return };
    let Some(prometheus) = prometheus(bot.folder.path(), target.port, alertmanager.port).await else { return };
    let programs = [&prometheus, &alertmanager.program];
    let both_say = async |text: &str| {
        says(&bot, &programs, &edited, text).await;
        says(&bot, &programs, &thread, text).await;
    };

    target.disks(&[("a", 0.05), ("b", 0.5)]);
    both_say("**FIRING** 1 (1 critical): **DiskFull**").await;
    // Alertmanager says it again and again, and nothing is posted.
    let before = taken(&bot, "accepted").await;
    assert!(
        eventually(async || taken(&bot, "accepted").await >= before + 4.0).await,
        "{}",
        alertmanager.program.said()
    );
    bot.settle().await;
    assert_eq!((in_room(&bot, &edited).len(), in_room(&bot, &thread).len()), (1, 1), "{}", bot.cloud.transcript());
    assert!(in_room(&bot, &edited)[0].updated.is_none(), "a repeat edits nothing");

    target.disks(&[("a", 0.05), ("b", 0.02)]);
    both_say("**FIRING** 2 (2 critical): **DiskFull**").await;
    target.disks(&[("a", 0.5), ("b", 0.5)]);
    both_say("**RESOLVED** 2: **DiskFull**").await;

    bot.settle().await;
    let all = bot.cloud.transcript();
    assert_eq!(in_room(&bot, &edited).len(), 1, "one message tells all of it: {all}");
    let told = in_room(&bot, &thread);
    let parents: Vec<_> = told.iter().map(|message| message.parent_id.as_deref()).collect();
    assert_eq!(parents, [None, Some(&*told[0].id), Some(&*told[0].id)], "{all}");
    assert!(all.contains("critical: Disk a is full, since"), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_tries_again_what_the_ledger_did_not_take() {
    let bot = Harness::with(&hook("alerts", ALICE, ""), Bot::builder()).await;
    let Some(alertmanager) = Alertmanager::start(&bot, &["alerts"], "1h").await else { return };
    let held = lock(bot.folder.path());
    alertmanager.alert("db1").await;
    assert!(eventually(async || taken(&bot, "rejected").await >= 1.0).await, "{}", alertmanager.program.said());
    assert!(bot.cloud.messages().is_empty());
    drop(held);
    let room = bot.cloud.person(ALICE).direct_room();
    says(&bot, &[&alertmanager.program], &room, "The disk of db1 is full").await;
    bot.settle().await;
    assert_eq!(bot.cloud.messages().len(), 1, "{}", bot.cloud.transcript());
}
