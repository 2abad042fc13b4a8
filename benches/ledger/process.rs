//! The servers under test: started, pinned to a core, looked at, and killed when they go out of scope.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::load::{HOOK, SECRET};

/// Makes this program the bare handler.
pub const SERVE_BARE: &str = "--serve-bare";

/// Where servers run while they are measured; the load has the other core.
const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

/// A running server.
pub struct Process {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// A figure of `/proc/PID/status` in KiB, such as `VmRSS`.
    pub fn memory(&self, figure: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// Time that its threads spent on a core.
    pub fn busy(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).into_iter().flatten().flatten();
        let nanoseconds = threads.filter_map(|thread| {
            let figures = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            figures.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    fn has_loaded(&self, library: &Path) -> bool {
        let maps = fs::read_to_string(format!("/proc/{}/maps", self.child.id())).unwrap_or_default();
        maps.contains(&*library.to_string_lossy())
    }

    /// Starts a program that tells where it listens in its first line for which `address` finds that.
    fn start(mut command: Command, is_stderr: bool, address: fn(&str) -> Option<SocketAddr>) -> Process {
        command.stdin(Stdio::null());
        if is_stderr {
            command.stderr(Stdio::piped())
        } else {
            command.stdout(Stdio::piped())
        };
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let output: Box<dyn std::io::Read + Send> = if is_stderr {
            Box::new(child.stderr.take().expect("it is piped"))
        } else {
            Box::new(child.stdout.take().expect("it is piped"))
        };
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let found = lines.by_ref().find_map(|line| {
            let found = address(&line);
            said.push(line);
            found
        });
        let Some(address) = found else {
            panic!("{command:?} ended without listening:\n{}", said.join("\n"));
        };
        // What it says later is read, or it would wait for us; the first errors are shown.
        std::thread::spawn(move || {
            for (nth, line) in lines.filter(|line| line.contains(r#""level":"ERROR""#)).enumerate() {
                if nth < 3 {
                    eprintln!("daemon: {line}");
                }
            }
        });
        Process { address, child }
    }
}

/// How the servers are started.
pub struct Launcher {
    daemon: PathBuf,
    folder: TempDir,
    /// Cores of this machine, before anything is pinned.
    pub cores: usize,
    /// Whether this machine can give the server a core of its own.
    pub can_pin: bool,
    slow_fsync: Option<PathBuf>,
    started: std::cell::Cell<usize>,
}

/// How one daemon is started.
#[derive(Clone, Copy)]
pub struct Setup {
    /// The Webex API.
    pub api: SocketAddr,
    /// `worker.concurrency`.
    pub concurrency: usize,
    /// On a core of its own.
    pub pinned: bool,
    /// With 1 ms added to every fsync.
    pub slow_fsync: bool,
}

impl Launcher {
    /// Looks at what this machine has.
    pub fn new(daemon: PathBuf) -> Launcher {
        // The target folder is on a disk, which the system's folder for temporary files need not be.
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let has_taskset = Command::new("taskset").arg("--version").output().is_ok();
        let library = folder.path().join("slow_fsync.so");
        let source = folder.path().join("slow_fsync.c");
        fs::write(&source, include_str!("slow_fsync.c")).expect("the folder is writable");
        let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O2", "-o"]).arg(&library).arg(source).status();
        let slow_fsync = compiled.is_ok_and(|status| status.success()).then_some(library);
        Launcher { daemon, folder, cores, can_pin: has_taskset && cores > 1, slow_fsync, started: Default::default() }
    }

    /// Keeps this process, and what it starts unpinned, on the core that servers are not pinned to; or lets it run on all.
    pub fn pin_self(&self, pinned: bool) {
        if self.can_pin {
            let cores = if pinned { LOAD_CORE } else { "0-1" };
            let me = std::process::id().to_string();
            let _ = Command::new("taskset").args(["-a", "-c", "-p", cores, &me]).output();
        }
    }

    /// Starts a handler that only reads the body, on the servers' core.
    pub fn bare(&self) -> Process {
        let mut command = self.command(&std::env::current_exe().expect("this program has a path"), true);
        command.arg(SERVE_BARE);
        Process::start(command, false, |line| line.parse().ok())
    }

    /// Starts the daemon with a new ledger. `None` when fsync cannot be slowed down here.
    pub fn daemon(&self, setup: Setup) -> Option<Process> {
        let mut command = self.command(&self.daemon, setup.pinned);
        let nth = self.started.replace(self.started.get() + 1);
        let hook = format!(
            "[[hook]]\nname = \"{HOOK}\"\nto = \"alice@example.org\"\nlimit = \"1000000/s\"\nmax_body = 4194304\n\
             signature = {{ header = \"x-spark-signature\", secrets = [\"{SECRET}\"] }}\n"
        );
        fs::write(self.folder.path().join("bot.toml"), hook).expect("the folder is writable");
        command
            .arg("run")
            .current_dir(self.folder.path())
            .env_clear()
            .env("WEBEX_BOT_TOKEN", "benchmark")
            .env("WEBEX_WEBHOOK_SECRET", SECRET)
            .env("SWITCHBOARD_WEBEX__API_URL", format!("http://{}/v1", setup.api))
            .env("SWITCHBOARD_SERVER__LISTEN", "127.0.0.1:0")
            .env("SWITCHBOARD_ADMIN__LISTEN", "")
            .env("SWITCHBOARD_STORE__URL", format!("sqlite:{}", self.folder.path().join(format!("{nth}.db")).display()))
            .env("SWITCHBOARD_WORKER__CONCURRENCY", setup.concurrency.to_string())
            .env("SWITCHBOARD_ACCESS__DM_POLICY", "open")
            // The replies that were always measured: without the card of help.
            .env("SWITCHBOARD_CARDS__ENABLED", "false")
            // The API here keeps no webhooks, by which daemons know each other.
            .env("SWITCHBOARD_INSTANCE__ALONE", "false")
            .env("SWITCHBOARD_FLOOD__PERSON", "0")
            .env("SWITCHBOARD_FLOOD__SPACE", "0")
            .env("SWITCHBOARD_LOG__FORMAT", "json")
            .env("SWITCHBOARD_LOG__LEVEL", "error,switchboard::app=info");
        let library = if setup.slow_fsync { Some(self.slow_fsync.as_deref()?) } else { None };
        if let Some(library) = library {
            command.env("LD_PRELOAD", library).env("SLOW_FSYNC_US", "1000");
        }
        let process = Process::start(command, true, |line| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            (line["message"] == "listening").then(|| line["address"].as_str()?.parse().ok())?
        });
        // A static binary loads nothing.
        library.is_none_or(|library| process.has_loaded(library)).then_some(process)
    }

    /// The daemon's size in bytes.
    pub fn binary_size(&self) -> u64 {
        fs::metadata(&self.daemon).map_or(0, |file| file.len())
    }

    /// How long one small write and fsync takes here.
    pub fn fsync_time(&self) -> Duration {
        use std::io::Write;
        let mut file = tempfile::tempfile_in(self.folder.path()).expect("a temporary file");
        let mut times: Vec<Duration> = (0..51)
            .map(|_| {
                let started = std::time::Instant::now();
                file.write_all(&[0; 4096]).and_then(|()| file.sync_data()).expect("the disk takes it");
                started.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    fn command(&self, program: &Path, pinned: bool) -> Command {
        if pinned && self.can_pin {
            let mut command = Command::new("taskset");
            command.args(["-c", SERVER_CORE]).arg(program);
            command
        } else {
            Command::new(program)
        }
    }
}

/// Reads the body and answers as the daemon does, and nothing else.
pub fn serve_bare() {
    use axum::{Json, Router, body::Bytes, routing::post};
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        println!("{}", listener.local_addr().expect("it is bound"));
        let handler = async |_body: Bytes| Json(serde_json::json!({"received": true}));
        axum::serve(listener, Router::new().route(crate::load::PATH, post(handler))).await.expect("it serves");
    });
}
