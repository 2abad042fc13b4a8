//! A bot and a cloud: in this process, or as the real program that can be killed.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use switchboard::simulator::{Cloud, Options};
use switchboard::{Bot, Handle, Letter, Line, Posted, Socket};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use toml::de::DeTable;

pub const SECRET: &str = "a-secret-for-tests";

/// How long anything may take before a test gives up on it; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The app in this process, with what it stands on.
pub struct Harness {
    pub cloud: Cloud,
    pub folder: TempDir,
    pub url: String,
    handle: Handle,
    stop: oneshot::Sender<()>,
    app: JoinHandle<anyhow::Result<()>>,
}

impl Harness {
    /// An open bot.
    pub async fn start() -> Harness {
        Harness::with("", Bot::builder()).await
    }

    /// With these settings above those of an open bot.
    pub async fn with(settings: &str, bot: Bot) -> Harness {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        let harness = Harness::on(cloud, tempfile::tempdir().unwrap(), settings, bot).await;
        harness.handle.ready().await;
        harness
    }

    /// On a cloud and a ledger that are there already; it may not be ready yet.
    pub async fn on(cloud: Cloud, folder: TempDir, settings: &str, bot: Bot) -> Harness {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut variables = settings_of_an_open_bot(&cloud, folder.path());
        variables.push(("SWITCHBOARD_WEBHOOK__PUBLIC_URL".to_owned(), format!("{url}/webex/webhook")));
        let file = DeTable::parse(settings).unwrap();
        variables.retain(|(name, _)| !is_written(file.get_ref(), name));
        if settings.contains("mode = \"websocket\"") {
            // Nothing of webhooks is needed then.
            variables.retain(|(name, _)| !name.contains("_WEBHOOK__"));
        }
        let config = bot.load_from_parts(settings, &variables).unwrap();
        let app = bot.build_on(listener, config).await.unwrap();
        let handle = app.handle();
        let (stop, stopped) = oneshot::channel::<()>();
        let app = tokio::spawn(app.run_until(async {
            let _ = stopped.await;
        }));
        Harness { cloud, folder, url, handle, stop, app }
    }

    /// Waits until the webhooks are registered.
    pub async fn ready(&self) {
        tokio::time::timeout(PATIENCE, self.handle.ready()).await.expect("the bot becomes ready");
    }

    /// Waits until everything said was delivered, and everything accepted is settled and sent.
    pub async fn settle(&self) {
        tokio::time::timeout(PATIENCE, self.settled()).await.expect("the bot settles");
    }

    /// The same, however long it takes.
    pub async fn settled(&self) {
        self.cloud.delivered().await;
        self.handle.settled().await.unwrap();
        self.cloud.delivered().await;
    }

    /// Puts a letter into the outbox.
    pub async fn put(&self, key: &str, letter: impl Into<Letter>) -> Posted {
        self.handle.post(key, letter.into()).await.unwrap()
    }

    /// Posts this to the bot as Webex would, signed; the status and the body of its answer.
    pub async fn delivers(&self, body: impl Display) -> (u16, String) {
        let body = body.to_string();
        let signature = signature(SECRET, body.as_bytes());
        post(&format!("{}/webex/webhook", self.url), body, Some(&signature)).await
    }

    /// Why a letter is not taken into the outbox.
    pub async fn refusal(&self, letter: impl Into<Letter>) -> String {
        self.handle.post("refused", letter.into()).await.unwrap_err().to_string()
    }

    /// Everything that was said so far, once all is settled.
    pub async fn transcript(&self) -> String {
        self.settle().await;
        self.cloud.transcript()
    }

    /// The value of a line of `/metrics`, by its name with labels; 0 when there is none.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.handle.metrics().await.unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// The running app.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Waits until the websocket is open and so many times there was something to be fetched by REST.
    pub async fn open(&self, gaps: u64) {
        let is_open = |line: &Line| line.gaps >= gaps && matches!(line.socket, Socket::Up { .. });
        self.until(is_open).await;
    }

    /// Waits until the websocket is down for a reason that holds this text.
    pub async fn down(&self, text: &str) {
        self.until(|line| matches!(&line.socket, Socket::Down { why, .. } if why.contains(text))).await;
    }

    /// How the websocket is and was.
    pub fn line(&self) -> watch::Receiver<Line> {
        self.handle.line().expect("delivery.mode is websocket")
    }

    async fn until(&self, holds: impl Fn(&Line) -> bool) {
        let mut line = self.line();
        let waited = tokio::time::timeout(PATIENCE, line.wait_for(|line| holds(line))).await;
        waited.unwrap_or_else(|_| panic!("the websocket is {:?}", self.line().borrow())).unwrap();
    }

    /// How often there was something to be fetched by REST so far.
    pub fn gaps(&self) -> u64 {
        self.line().borrow().gaps
    }

    /// Ends the app as `kill -9` would: whatever it is at is cut off where it waits.
    pub async fn kill(self) -> (Cloud, TempDir) {
        self.app.abort();
        let _ = self.app.await;
        (self.cloud, self.folder)
    }

    /// Stops the app as SIGTERM would, and gives back what it stood on.
    pub async fn stop(self) -> (Cloud, TempDir) {
        let _ = self.stop.send(());
        tokio::time::timeout(PATIENCE, self.app).await.expect("the app stops").unwrap().unwrap();
        (self.cloud, self.folder)
    }
}

/// Whether a file has the setting of a variable: `dm_policy` of `[access]` is `SWITCHBOARD_ACCESS__DM_POLICY`.
fn is_written(file: &DeTable<'_>, variable: &str) -> bool {
    let (section, key) = variable.trim_start_matches("SWITCHBOARD_").split_once("__").unwrap();
    file.get(section.to_lowercase().as_str())
        .is_some_and(|section| section.get_ref().get(key.to_lowercase().as_str()).is_some())
}

pub fn settings_of_an_open_bot(cloud: &Cloud, folder: &Path) -> Vec<(String, String)> {
    [
        ("SWITCHBOARD_WEBEX__API_URL", cloud.api_url()),
        ("SWITCHBOARD_WEBEX__TOKEN", cloud.bot().token),
        ("SWITCHBOARD_WEBHOOK__SECRET", SECRET.to_owned()),
        ("SWITCHBOARD_STORE__URL", format!("sqlite:{}", folder.join("ledger.db").display())),
        ("SWITCHBOARD_ADMIN__LISTEN", String::new()),
        ("SWITCHBOARD_ACCESS__DM_POLICY", "open".to_owned()),
        ("SWITCHBOARD_ACCESS__GROUP_POLICY", "mention".to_owned()),
        // Bots of one test follow each other faster than a mark goes stale.
        ("SWITCHBOARD_INSTANCE__ALONE", "false".to_owned()),
        // Tests say more at once than people do.
        ("SWITCHBOARD_FLOOD__PERSON", "0".to_owned()),
        ("SWITCHBOARD_FLOOD__SPACE", "0".to_owned()),
        ("SWITCHBOARD_WEBSOCKET__CATALOG_URL", cloud.catalog_url()),
        ("SWITCHBOARD_WEBSOCKET__BACKOFF_MAX", "50ms".to_owned()),
        ("SWITCHBOARD_WORKER__BACKOFF", "10ms".to_owned()),
        // A post that was not answered is waited for as long as both together.
        ("SWITCHBOARD_WEBEX__TIMEOUT", "1500ms".to_owned()),
        ("SWITCHBOARD_WORKER__VISIBLE_WITHIN", "500ms".to_owned()),
        ("SWITCHBOARD_WORKER__BACKOFF_MAX", "100ms".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Says that a test does nothing here, past whatever captures the output of tests. CI accepts no such thing.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}

/// Waits until the cloud was called so often.
pub async fn arrived(cloud: &Cloud, method: reqwest::Method, path: &str, count: usize) {
    let arrived = cloud.call_made(method, path, count);
    tokio::time::timeout(PATIENCE, arrived).await.expect("the bot makes the call");
}

/// Looks every few milliseconds until something holds that nothing announces; false when it does not come in time.
pub async fn eventually(mut holds: impl AsyncFnMut() -> bool) -> bool {
    let mut looks = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        while !holds().await {
            // From the end of a look, which may take longer than that.
            looks.reset();
            looks.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.is_ok()
}

/// For calls to the cloud and to the bot, which speak plain HTTP: no roots are read.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

pub async fn get(url: impl reqwest::IntoUrl) -> reqwest::Response {
    http().get(url).send().await.unwrap()
}

/// What Webex puts into `X-Spark-Signature`.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let mac = Hmac::<sha1::Sha1>::new_from_slice(secret.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

/// Posts to the bot as Webex would; the status and the body of its answer.
pub async fn post(url: &str, body: impl Into<Vec<u8>>, signature: Option<&str>) -> (u16, String) {
    let mut request = http().post(url).body(body.into());
    if let Some(signature) = signature {
        request = request.header("x-spark-signature", signature);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// The program itself, as a process.
pub struct Daemon {
    child: Child,
    pub url: String,
    lines: mpsc::Receiver<String>,
    /// Lines that were read while another was waited for.
    seen: RefCell<Vec<String>>,
}

impl Daemon {
    /// `switchboard run` on this cloud and ledger; returns once it listens.
    pub fn start(cloud: &Cloud, folder: &Path, port: u16, more: &[(&str, &str)]) -> Daemon {
        Daemon::start_without(cloud, folder, port, more, &[])
    }

    /// The same without some of the variables.
    pub fn start_without(cloud: &Cloud, folder: &Path, port: u16, more: &[(&str, &str)], less: &[&str]) -> Daemon {
        let mut command = switchboard();
        command.arg("run");
        prepare(&mut command, cloud, folder, port).envs(more.iter().copied());
        for name in less {
            command.env_remove(name);
        }
        Daemon::spawn(command, port)
    }

    /// Another program that runs a bot, with the settings in its environment.
    pub fn of(mut command: Command, cloud: &Cloud, folder: &Path, port: u16) -> Daemon {
        prepare(command.env_clear(), cloud, folder, port).stdout(Stdio::null());
        Daemon::spawn(command, port)
    }

    fn spawn(mut command: Command, port: u16) -> Daemon {
        let mut child = command.spawn().unwrap();
        let errors = BufReader::new(child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            // Read for as long as somebody holds the daemon, so that it never blocks on its log.
            let _ = errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
        let daemon = Daemon { child, url: format!("http://127.0.0.1:{port}"), lines, seen: RefCell::default() };
        daemon.logs("listening");
        daemon
    }

    /// Waits for a line of the log that holds this text.
    pub fn logs(&self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.borrow_mut().push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("no line with {text:?} in the log:\n{}", self.seen.borrow().join("\n")),
            }
        }
    }

    /// Whoever read the log goes away: the next line that is written finds nobody.
    pub fn close_log(&mut self) {
        self.lines = mpsc::channel().1;
    }

    /// Bytes of memory it has in use; 0 where the system does not say.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kib| kib.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
    }

    /// How many files and sockets it has open; 0 where the system does not say.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, as a supervisor stops it.
    pub fn terminate(&self) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for the end, and gives the whole log.
    pub fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().unwrap();
        let mut lines = self.seen.take();
        lines.extend(self.lines.iter());
        (status, lines)
    }

    /// Waits for the end.
    pub fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

pub fn prepare<'a>(command: &'a mut Command, cloud: &Cloud, folder: &Path, port: u16) -> &'a mut Command {
    command
        .current_dir(folder)
        .envs(settings_of_an_open_bot(cloud, folder))
        .env("SWITCHBOARD_WEBHOOK__PUBLIC_URL", format!("http://127.0.0.1:{port}/webex/webhook"))
        .env("SWITCHBOARD_SERVER__LISTEN", format!("127.0.0.1:{port}"))
        .stderr(Stdio::piped())
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program without the settings of whoever runs the tests.
pub fn switchboard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
