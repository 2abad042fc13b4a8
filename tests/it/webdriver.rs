//! A browser, driven through the few commands of W3C WebDriver that these tests need: JSON over HTTP to `chromedriver`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{eventually, http, skipped};

/// The keys that are no character, as WebDriver writes them.
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";

/// The property under which WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How often the driver is started before a test gives up on it.
const TRIES: usize = 5;

/// What the driver answers when it cannot do something, such as find an element.
pub type Outcome<T> = Result<T, String>;

/// A browser with one window. It ends with this value.
pub struct Browser {
    session: Session,
    _driver: Driver,
}

/// A running `chromedriver`, and the port on which it listens.
struct Driver {
    child: Child,
    port: u16,
}

/// The address of what a command is about: the session, or an element of its page.
#[derive(Clone)]
struct Session {
    http: reqwest::Client,
    url: String,
}

impl Drop for Driver {
    /// The driver is asked to end, so that it ends its browser too, whether the test passed or not.
    fn drop(&mut self) {
        if let Ok(mut driver) = TcpStream::connect(("127.0.0.1", self.port)) {
            let _ = driver.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
            let _ = driver.read_to_end(&mut Vec::new());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Driver {
    /// None where there is none to start. It takes a free port for IPv4 and then the same for IPv6, and ends if somebody
    /// else has that.
    fn start() -> Option<Driver> {
        for _ in 0..TRIES {
            let mut command = Command::new("chromedriver");
            let mut child = match command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn() {
                Ok(child) => child,
                Err(error) => {
                    skipped(&format!("no chromedriver ({error}); Debian has it in chromium-driver"));
                    return None;
                }
            };
            // The first lines name the port; the rest is read so that it never blocks.
            let output = child.stdout.take().expect("its output is piped");
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            let port = lines
                .find_map(|line| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse::<u16>().ok());
            if let Some(port) = port {
                std::thread::spawn(move || lines.for_each(drop));
                return Some(Driver { child, port });
            }
            let _ = child.wait();
        }
        panic!("chromedriver names its port");
    }
}

impl Browser {
    /// A window of this width in pixels; none where there is no browser to drive.
    pub async fn start(width: u32) -> Option<Browser> {
        let driver = Driver::start()?;
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            &format!("--window-size={width},800"),
        ];
        let options = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}});
        let root = Session { http: http(), url: format!("http://127.0.0.1:{}", driver.port) };
        let opened = root.post("/session", options).await.expect("chromedriver starts the browser");
        let id = opened["sessionId"].as_str().expect("chromedriver names the session");
        let session = Session { url: format!("{}/session/{id}", root.url), ..root };
        Some(Browser { session, _driver: driver })
    }

    pub async fn goto(&self, url: &str) {
        self.session.post("/url", json!({"url": url})).await.unwrap();
    }

    pub async fn title(&self) -> String {
        text(self.session.get("/title").await.unwrap())
    }

    /// The page as it is now, as HTML.
    pub async fn source(&self) -> String {
        text(self.session.get("/source").await.unwrap())
    }

    /// The first element that this CSS selector picks.
    pub async fn find(&self, css: &str) -> Outcome<Element> {
        self.session.post("/element", selector(css)).await.map(|found| self.element(&found))
    }

    pub async fn find_all(&self, css: &str) -> Vec<Element> {
        let found = self.session.post("/elements", selector(css)).await.unwrap();
        found.as_array().unwrap().iter().map(|found| self.element(found)).collect()
    }

    /// Waits until there is such an element.
    pub async fn appears(&self, css: &str) -> Element {
        let mut found = None;
        let find = async || {
            found = self.find(css).await.ok();
            found.is_some()
        };
        assert!(eventually(find).await, "no {css} in\n{}", self.source().await);
        found.unwrap()
    }

    /// What the body of a function returns.
    pub async fn execute(&self, script: &str) -> Value {
        self.session.post("/execute/sync", json!({"script": script, "args": []})).await.unwrap()
    }

    /// What the body of a function gives to the callback that is its last argument.
    pub async fn execute_async(&self, script: &str, arguments: &[Value]) -> Value {
        self.session.post("/execute/async", json!({"script": script, "args": arguments})).await.unwrap()
    }

    fn element(&self, found: &Value) -> Element {
        let id = found[ELEMENT].as_str().expect("the driver names an element");
        Element(Session { url: format!("{}/element/{id}", self.session.url), ..self.session.clone() })
    }
}

/// An element of the page as it was when it was found: one that was drawn anew since is another.
pub struct Element(Session);

impl Element {
    pub async fn text(&self) -> Outcome<String> {
        self.0.get("/text").await.map(text)
    }

    pub async fn click(&self) -> Outcome<()> {
        self.0.post("/click", json!({})).await.map(drop)
    }

    pub async fn types(&self, keys: &str) {
        self.0.post("/value", json!({"text": keys})).await.unwrap();
    }

    /// Picks the option of a list that has this value.
    pub async fn selects(&self, value: &str) {
        let option = self.0.post("/element", selector(&format!("option[value=\"{value}\"]"))).await.unwrap();
        let list = self.0.url.rsplit_once('/').unwrap().0;
        let option = Session { url: format!("{list}/{}", option[ELEMENT].as_str().unwrap()), ..self.0.clone() };
        Element(option).click().await.unwrap();
    }
}

impl Session {
    async fn get(&self, command: &str) -> Outcome<Value> {
        self.send(Method::GET, command, None).await
    }

    async fn post(&self, command: &str, body: Value) -> Outcome<Value> {
        self.send(Method::POST, command, Some(body)).await
    }

    async fn send(&self, method: Method, command: &str, body: Option<Value>) -> Outcome<Value> {
        let mut request = self.http.request(method, format!("{}{command}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("chromedriver answers");
        let is_done = answer.status().is_success();
        let answer: Value = answer.json().await.expect("chromedriver answers in JSON");
        if is_done { Ok(answer["value"].clone()) } else { Err(answer["value"]["message"].to_string()) }
    }
}

fn selector(css: &str) -> Value {
    json!({"using": "css selector", "value": css})
}

fn text(value: Value) -> String {
    value.as_str().expect("the driver answers with a text").to_owned()
}
