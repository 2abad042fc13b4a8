//! `switchboard simulate` as people and programs start it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use reqwest::Method;
use serde_json::{Value, json};

use crate::cli::finished;
use crate::harness::{PATIENCE, eventually, http, switchboard};

/// A simulator that stays, and what it says.
struct Simulator {
    child: Child,
    said: Receiver<Value>,
    /// The first object it printed.
    first: Value,
}

impl Simulator {
    fn start(arguments: &[&str]) -> Simulator {
        let mut command = switchboard();
        let command = command.args(["simulate", "--json", "--stay"]).args(arguments).stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (heard, said) = channel();
        std::thread::spawn(move || {
            let mut objects = lines.map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap());
            objects.try_for_each(|object| heard.send(object))
        });
        let first = said.recv_timeout(PATIENCE).unwrap();
        Simulator { child, said, first }
    }

    /// The next message of the bot.
    fn answer(&self) -> Value {
        loop {
            let message = self.said.recv_timeout(PATIENCE).expect("the bot says nothing more");
            if message["personEmail"] == BOT {
                return message;
            }
        }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Value {
        let address = format!("{}{path}", self.first["page_url"].as_str().unwrap());
        let mut request = http().request(method, address);
        if !body.is_null() {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn says(&self, email: &str, text: &str) -> Value {
        let body = json!({"toPersonEmail": BOT, "text": text});
        self.call(Method::POST, &format!("as/{email}/messages"), body).await
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const BOT: &str = "switchboard@webex.bot";
const EVE: &str = "eve@example.org";

#[tokio::test(flavor = "multi_thread")]
async fn eve_is_a_stranger_until_alice_lets_her_in() {
    let simulator = Simulator::start(&["--person", "carol@example.net"]);
    let emails: Vec<_> =
        simulator.first["people"].as_array().unwrap().iter().map(|person| person["email"].clone()).collect();
    assert!(emails.contains(&json!(EVE)), "{emails:?}");
    simulator.says("carol@example.net", "status").await;
    assert!(simulator.answer()["markdown"].as_str().unwrap().contains("version"), "whoever was named may speak");

    let asked = simulator.says(EVE, "status").await;
    let (mut told, mut asks) = (Value::Null, Value::Null);
    while told.is_null() || asks.is_null() {
        let said = simulator.answer();
        let is_to_eve = said["roomId"] == asked["roomId"];
        *(if is_to_eve { &mut told } else { &mut asks }) = said;
    }
    assert!(!told.to_string().contains("version"), "{told}");
    assert!(asks.to_string().contains(EVE), "Alice is asked: {asks}");
    let waiting = simulator.says("alice@example.com", "pairing list").await;
    let list = simulator.answer();
    assert_eq!(list["roomId"], waiting["roomId"]);
    let list = list["markdown"].as_str().or(list["text"].as_str()).unwrap().to_owned();
    let code = told["markdown"].as_str().or(told["text"].as_str()).unwrap();
    let code =
        code.split(|letter: char| !letter.is_ascii_alphanumeric()).find(|word| word.len() >= 6 && list.contains(word));
    let code = code.unwrap_or_else(|| panic!("no code in {told} that is in {list}"));
    simulator.says("alice@example.com", &format!("pairing approve {code}")).await;
    while !simulator.answer().to_string().contains("You are let in") {}
    simulator.says(EVE, "status").await;
    while !simulator.answer().to_string().contains("version") {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_loses_nothing_that_the_state_file_has() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let arguments = ["--no-bot", "--state", state.to_str().unwrap()];
    let mut simulator = Simulator::start(&arguments);
    simulator.says(EVE, "keep me").await;
    assert!(eventually(async || std::fs::read_to_string(&state).is_ok_and(|text| text.contains("keep me"))).await);
    simulator.child.kill().unwrap();
    simulator.child.wait().unwrap();
    let again = Simulator::start(&arguments);
    let room = &again.call(Method::GET, &format!("as/{EVE}/rooms?type=direct"), Value::Null).await["items"][0]["id"];
    let path = format!("as/{EVE}/messages?roomId={}", room.as_str().unwrap());
    assert_eq!(again.call(Method::GET, &path, Value::Null).await["items"][0]["text"], json!("keep me"));
}

#[test]
fn it_reads_the_settings_file_that_is_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let help = finished(switchboard().args(["simulate", "--help"])).1;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(help.contains("by default ./bot.toml if it exists (simulate reads none by default)"), "{help}");
    let run = |arguments: &[&str]| {
        let mut command: Command = switchboard();
        finished(command.arg("simulate").args(arguments).current_dir(folder.path()).stdin(Stdio::null()))
    };
    std::fs::write(folder.path().join("bot.toml"), "[access]\ndm_policy = \"nonsense\"").unwrap();
    let (code, said) = run(&[]);
    assert!(code == 0 && said.contains("Eve <eve@example.org> is a stranger"), "{said}");
    assert_eq!(run(&["--config", "bot.toml"]).0, 2);
    std::fs::write(folder.path().join("bot.toml"), "[access]\ndm_policy = \"disabled\"").unwrap();
    let (code, said) = run(&["--config", "bot.toml"]);
    assert!(code == 0 && said.contains("The section [access] in bot.toml says who may speak."), "{said}");
}
