//! The chat page in a real browser: Chromium, driven by its WebDriver. Without `chromedriver` these tests say that they are
//! skipped and pass, except where `CI` is set.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use reqwest::Method;
use serde_json::json;
use switchboard::simulator::Fault;

use crate::harness::{Harness, PATIENCE, arrived};

/// A browser on the page of a bot's cloud.
struct Page {
    bot: Harness,
    client: Client,
    driver: Child,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

impl Page {
    /// None where there is no browser to drive.
    async fn open(width: u32) -> Option<Page> {
        let driver = Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "chromedriver: {error}; install chromium-driver");
                eprintln!("SKIPPED: no chromedriver ({error}); Debian has it in chromium-driver");
                return None;
            }
        };
        // The first lines name the port; the rest is read so that it never blocks.
        let mut lines = BufReader::new(driver.stdout.take()?).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.split_once("on port ")?.1.trim_end_matches('.').parse::<u16>().ok())?;
        std::thread::spawn(move || lines.for_each(drop));
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", &format!("--window-size={width},800")];
        let options = json!({"goog:chromeOptions": {"args": arguments}});
        let capabilities = options.as_object().cloned()?;
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("chromedriver starts the browser");
        let bot = Harness::start().await;
        bot.cloud.person("alice@example.com");
        bot.cloud.space("Lab", &["alice@example.com", "bob@example.com"]);
        client.goto(&bot.cloud.page_url()).await.unwrap();
        Some(Page { bot, client, driver })
    }

    /// Waits until there is such an element that holds this text.
    async fn shows(&self, css: &str, text: &str) -> String {
        let find = async {
            loop {
                self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap();
                for element in self.client.find_all(Locator::Css(css)).await.unwrap() {
                    // What is drawn anew meanwhile is looked for again.
                    match element.text().await {
                        Ok(found) if found.contains(text) => return found,
                        Ok(_) | Err(_) => {}
                    }
                }
            }
        };
        match tokio::time::timeout(PATIENCE, find).await {
            Ok(found) => found,
            Err(_) => panic!("no {css} with {text:?} in\n{}", self.client.source().await.unwrap()),
        }
    }

    async fn click(&self, css: &str) {
        self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await.unwrap().click().await.unwrap();
    }

    async fn says(&self, text: &str) {
        let composer = self.client.wait().at_most(PATIENCE).for_element(Locator::Css("#composer")).await.unwrap();
        composer.send_keys(text).await.unwrap();
        composer.send_keys(&Key::Enter.to_string()).await.unwrap();
    }

    async fn close(self) {
        self.client.clone().close().await.unwrap();
    }
}
