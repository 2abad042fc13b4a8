//! The set-ups in `deploy/example`, tried as their READMEs say: every command of them runs here. Only ports and intervals
//! are others, since tests run beside each other and do not wait.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::alertmanager::{Foreign, Target};
use crate::harness::{eventually, free_port, get, switchboard};

const ALICE: &str = "alice@example.com";

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/example")
}

/// A copy of an example, in a folder of its own.
struct Example {
    folder: tempfile::TempDir,
    /// The port of the bot.
    port: u16,
    /// The commands of its README.
    commands: Vec<String>,
}

impl Example {
    /// Copies an example, with these texts in place of others.
    fn copy(name: &str, instead: &[(&str, &str)]) -> Example {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let bot = format!("127.0.0.1:{port}");
        for file in std::fs::read_dir(examples().join(name)).unwrap().map(|file| file.unwrap().path()) {
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.replace("127.0.0.1:3000", &bot);
            let text = instead.iter().fold(text, |text, (from, to)| text.replace(from, to));
            let copy = folder.path().join(file.file_name().unwrap());
            std::fs::write(&copy, text).unwrap();
            std::fs::set_permissions(copy, file.metadata().unwrap().permissions()).unwrap();
        }
        let programs = folder.path().join("programs");
        std::fs::create_dir(&programs).unwrap();
        symlink(env!("CARGO_BIN_EXE_switchboard"), programs.join("switchboard")).unwrap();
        let readme = std::fs::read_to_string(folder.path().join("README.md")).unwrap();
        let commands = readme.lines().filter_map(|line| line.strip_prefix("    ").map(str::to_owned)).collect();
        Example { folder, port, commands }
    }

    /// A command of the README, which begins so.
    fn command(&self, begins: &str) -> Command {
        let found = self.commands.iter().find(|command| command.starts_with(begins));
        self.shell(found.unwrap_or_else(|| panic!("README.md does not say {begins}")))
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let path = format!("{}:{}", self.folder.path().join("programs").display(), std::env::var("PATH").unwrap());
        command.args(["-c", line]).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env_clear().env("PATH", path).env("PORT", self.port.to_string());
        command
    }

    /// Runs a command of the README to its end.
    fn runs(&self, begins: &str) -> Output {
        let output = self.command(begins).output().unwrap();
        assert!(output.status.success(), "{begins}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }

    fn simulates(&self) -> Simulation {
        let line = self.commands.iter().find(|command| command.starts_with("switchboard simulate")).unwrap();
        let mut command = self.shell(&format!("exec {line}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let page = lines.find_map(|line| line.strip_prefix("Chat in the browser: ").map(str::to_owned)).unwrap();
        let hook = lines.next().unwrap();
        assert!(hook.starts_with(&format!("Hook: http://127.0.0.1:{}/hooks/", self.port)), "{hook}");
        std::thread::spawn(move || lines.for_each(drop));
        Simulation { child, page }
    }
}

/// A running `switchboard simulate`.
struct Simulation {
    child: Child,
    page: String,
}

impl Simulation {
    /// What Alice reads of the bot, the oldest first.
    async fn told(&self) -> Vec<Value> {
        let read = async |what: &str| -> Vec<Value> {
            let answer: Value = get(format!("{}as/{ALICE}/{what}", self.page)).await.json().await.unwrap();
            serde_json::from_value(answer["items"].clone()).unwrap()
        };
        let Some(room) = read("rooms?type=direct").await.pop() else { return Vec::new() };
        let mut messages = read(&format!("messages?roomId={}", room["id"].as_str().unwrap())).await;
        messages.reverse();
        messages
    }

    /// Waits until the bot has said so many things, and the last of them holds this text.
    async fn says(&self, count: usize, text: &str) -> String {
        let mut last = String::new();
        let has_said = async || {
            let told = self.told().await;
            last = told.last().and_then(|message| message["markdown"].as_str()).unwrap_or_default().to_owned();
            told.len() == count && last.contains(text)
        };
        assert!(eventually(has_said).await, "no {text:?} as number {count} in {:?}", self.told().await);
        last
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_tells_of_what_is_down_and_that_it_is_up_again_in_one_message() {
    let [alertmanager, prometheus, target] = [(); 3].map(|()| free_port());
    let [at_alertmanager, at_target] = [alertmanager, target].map(|port| format!("127.0.0.1:{port}"));
    let instead = [
        ("127.0.0.1:9093", at_alertmanager.as_str()),
        ("127.0.0.1:8000", &at_target),
        (": 15s", ": 300ms"),
        ("group_wait: 10s", "group_wait: 0s"),
        ("group_interval: 1m", "group_interval: 1s"),
    ];
    let example = Example::copy("alertmanager", &instead);
    example.runs("openssl");
    let bot = example.simulates();
    let listen = |port: u16| format!("--web.listen-address=127.0.0.1:{port}");
    let start = |name, arguments: &str, port| {
        let listen = listen(port);
        let arguments: Vec<_> = arguments.split(' ').skip(1).chain([listen.as_str()]).collect();
        Foreign::start(name, example.folder.path(), &arguments)
    };
    let said = |begins: &str| example.commands.iter().find(|command| command.starts_with(begins)).unwrap();
    let Some(alertmanager) = start("prometheus-alertmanager", said("alertmanager "), alertmanager) else { return };
    let Some(_prometheus) = start("prometheus", said("prometheus "), prometheus) else { return };
    let told = bot.says(1, "**FIRING** 1 (1 critical): **Down**").await;
    assert!(told.contains(&format!("critical: shop at {at_target} does not answer, since")), "{told}");
    let web = Target::on(&at_target).await;
    web.shows(std::fs::read_to_string(example.folder.path().join("metrics")).unwrap().trim());
    let told = bot.says(1, "**RESOLVED** 1: **Down**").await;
    assert!(told.contains(&format!("critical: shop at {at_target} does not answer, from ")), "{told}");
    assert!(!alertmanager.said().contains("level=error"), "{}", alertmanager.said());
    for program in ["alertmanager", "prometheus"] {
        assert!(example.folder.path().join("data").join(program).is_dir(), "{program} keeps its data in the folder");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_github_signs_is_told_and_its_command_line_gets_the_secret() {
    let example = Example::copy("github", &[]);
    example.runs("openssl");
    let bot = example.simulates();
    example.runs("./try.sh");
    let told = bot.says(1, "The checkout is slow").await;
    assert!(told.contains(r"acme/shop \#7") && told.contains("(https://github.com/acme/shop/issues/7)"), "{told}");
    // A forged one is refused, and the script says so.
    std::fs::write(example.folder.path().join("github.secret"), "another-secret-of-some-length").unwrap();
    let output = example.command("./try.sh").output().unwrap();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stdout).contains("7028"), "{output:?}");

    let gh = example.folder.path().join("programs/gh");
    std::fs::write(&gh, "#!/bin/sh\necho \"$@\"\ncat\n").unwrap();
    std::fs::set_permissions(&gh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let asked = String::from_utf8(example.runs("sed ").stdout).unwrap();
    let (arguments, body) = asked.split_once('\n').unwrap();
    assert_eq!(arguments, "api repos/OWNER/REPO/hooks --input -");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["config"]["secret"], "another-secret-of-some-length");
    assert_eq!(body["config"]["url"], "https://bot.example.org/hooks/github");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_of_cron_is_told_with_its_end_also_while_the_bot_restarts() {
    let example = Example::copy("cron", &[]);
    example.runs("openssl");
    // The bot is not there yet, and curl tries again.
    let first = example.command("./notify.sh backup true").stderr(Stdio::piped()).spawn().unwrap();
    let bot = example.simulates();
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success(), "{}", String::from_utf8_lossy(&first.stderr));
    bot.says(1, "backup is done on ").await;
    let failed = example.command("./notify.sh backup ls").output().unwrap();
    assert_eq!(failed.status.code(), Some(2), "{}", String::from_utf8_lossy(&failed.stderr));
    let told = bot.says(2, "**backup failed** on ").await;
    assert!(told.contains("with exit code 2") && told.contains("```\nls: cannot access '/nowhere'"), "{told}");
    // The line of the crontab, with another job.
    let crontab = std::fs::read_to_string(example.folder.path().join("crontab")).unwrap();
    let line = crontab.lines().find(|line| !line.starts_with('#')).unwrap();
    let command = line.split_whitespace().skip(5).collect::<Vec<_>>().join(" ");
    let folder = format!("{}/", example.folder.path().display());
    let command = command.replace("/opt/bot/", &folder).replace("/usr/local/bin/backup --all", "true");
    assert!(example.shell(&command).status().unwrap().success());
    bot.says(3, "backup is done on ").await;
    // Whom the bot does not know is told so by the exit code, and by nothing else.
    std::fs::write(example.folder.path().join("cron.token"), "another-token-of-some-length").unwrap();
    let unknown = example.command("./notify.sh backup true").output().unwrap();
    assert_eq!(unknown.status.code(), Some(75), "{}", String::from_utf8_lossy(&unknown.stderr));
    assert_eq!(bot.told().await.len(), 3);
}

#[test]
fn each_example_is_complete_and_the_readme_leads_to_it() {
    let readme = std::fs::read_to_string(examples().join("../../README.md")).unwrap();
    assert!(readme.contains("(deploy/example)"));
    for folder in std::fs::read_dir(examples()).unwrap().map(|folder| folder.unwrap().path()) {
        let name = folder.file_name().unwrap().to_str().unwrap();
        assert!(readme.contains(name), "README.md does not name {name}");
        let copy = Example::copy(name, &[]);
        copy.runs("openssl");
        let list = switchboard().args(["hooks", "list"]).current_dir(copy.folder.path()).output().unwrap();
        let said = String::from_utf8_lossy(&list.stdout);
        assert!(list.status.success() && said.contains("/hooks/"), "{name}: {said}");
    }
}
