//! Many posts to a hook at once while Webex takes few messages.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::Bot;
use switchboard::simulator::RateLimit;

use crate::harness::{Harness, arrived, http};
use crate::hooks::{ALICE, hook, posts};

const POSTS: usize = 200;
const KEYS: usize = 8;

/// The most that the most impatient sender waits.
const PATIENT: Duration = Duration::from_secs(1);

const RULE: &str = "auth = \"none\"\n[[hook.rule]]\nthread = \"{{ source }}\"\ntemplate = \"{{ source }}: {{ nth }}\"";

/// In which order the posts came in: which of them each event was.
fn order(bot: &Harness) -> Vec<usize> {
    let ledger = Connection::open(bot.folder.path().join("ledger.db")).unwrap();
    let payloads = "SELECT raw.bytes FROM ledger JOIN raw ON raw.row = ledger.seq WHERE ledger.queue = 0 ORDER BY happened_at, seq";
    let mut payloads = ledger.prepare(payloads).unwrap();
    let payloads = payloads.query_map((), |row| row.get::<_, Vec<u8>>(0)).unwrap();
    let nth = |payload: Vec<u8>| serde_json::from_slice::<Value>(&payload).unwrap()["nth"].as_u64().unwrap();
    payloads.map(|payload| usize::try_from(nth(payload.unwrap())).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_posts_at_once_are_told_in_order_and_once_however_few_messages_webex_takes() {
    let settings = [hook("in", RULE), hook("later", RULE)];
    let bot = Harness::with(&settings.concat(), Bot::builder()).await;
    bot.cloud.rate_limit(RateLimit { calls: 40, seconds: 1 });
    let (client, url) = (http(), format!("{}/hooks/in", bot.url));
    let post = async |nth: usize| {
        let body = json!({"source": format!("key{}", nth % KEYS), "nth": nth});
        let asked = Instant::now();
        assert_eq!(client.post(&url).json(&body).send().await.unwrap().status(), 202);
        asked.elapsed()
    };
    let slowest = join_all((0..POSTS).map(post)).await.into_iter().max().unwrap();
    assert!(slowest < PATIENT * 4, "200 at once were answered in {slowest:?}");
    arrived(&bot.cloud, Method::POST, "/messages", 45).await;
    for _ in 0..5 {
        let asked = Instant::now();
        assert_eq!(posts(&bot, "/hooks/later", &[], json!({"source": "later", "nth": POSTS}).to_string()).await.0, 202);
        assert!(asked.elapsed() < PATIENT, "while messages wait, a post was answered in {:?}", asked.elapsed());
    }
    assert!(bot.cloud.messages().len() < POSTS, "it was asked while messages wait");

    bot.settle().await;
    let mut told: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for message in bot.cloud.messages() {
        let (key, nth) = message.said().split_once(": ").unwrap();
        told.entry(key.to_owned()).or_default().push(nth.parse().unwrap());
    }
    let order = order(&bot);
    for key in 0..KEYS {
        let wanted: Vec<_> = order.iter().copied().filter(|nth| nth % KEYS == key && *nth < POSTS).collect();
        assert_eq!(wanted.len(), POSTS / KEYS);
        assert_eq!(told[&format!("key{key}")], wanted, "{ALICE} reads them in the order in which they came in");
    }
    let refused = bot.cloud.calls().iter().filter(|call| call.status == Some(429)).count();
    assert!(refused > 0, "none was refused");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
}
