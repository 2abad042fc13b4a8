//! Spaces for which Webex fails or does not answer, and the others, which are answered at once. And spaces long silent.

use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::Connection;
use switchboard::Bot;
use switchboard::simulator::Fault;

use crate::access::told;
use crate::approvals::change;
use crate::harness::{Harness, arrived, eventually};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// One more than `worker.concurrency`.
const SPACES: usize = 17;

/// How long a call hangs, and how soon somebody else is answered.
const PATIENT: &str = "[webex]\ntimeout = \"25s\"\nretries = 0\n[worker]\nlease = \"120s\"";
const AT_ONCE: Duration = Duration::from_secs(10);

async fn is_answered_at_once(bot: &Harness, asked: Instant) {
    bot.cloud.person(ALICE).says("help status");
    assert!(eventually(async || told(bot, ALICE).len() == 1).await);
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_that_hang_in_as_many_spaces_as_there_are_slots_hold_up_nobody_else() {
    let bot = Harness::with(PATIENT, Bot::builder()).await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").times(SPACES).stall());
    let asked = Instant::now();
    for nth in 0..SPACES {
        bot.cloud.person(&format!("hung{nth}@example.com")).says("help status");
    }
    arrived(&bot.cloud, Method::POST, "/messages", SPACES).await;
    is_answered_at_once(&bot, asked).await;
    bot.cloud.release();
    bot.settle().await;
    for nth in 0..SPACES {
        assert_eq!(told(&bot, &format!("hung{nth}@example.com")).len(), 1, "and nothing is lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_that_have_failed_before_hold_half_of_the_slots_at_most() {
    let bot = Harness::with(PATIENT, Bot::builder()).await;
    let spaces: Vec<_> = (0..SPACES).map(|nth| bot.cloud.space(&format!("Space {nth}"), &[BOB])).collect();
    // The first read-back of the spaces would take the failures that are meant for the events.
    bot.settle().await;
    for room in &spaces {
        bot.cloud.fault(Fault::on(Method::GET, "/messages").about(room).answer(503, &[], "{}"));
        bot.cloud.fault(Fault::on(Method::GET, "/messages").about(room).always().stall());
    }
    let bob = bot.cloud.person(BOB);
    for room in &spaces {
        bob.mentions_bot(room, "help status").unwrap();
    }
    // Each fails once; of those that are tried again, half of the slots hang.
    arrived(&bot.cloud, Method::GET, "/messages", SPACES + 8).await;
    is_answered_at_once(&bot, Instant::now()).await;
    bot.cloud.release();
    bot.settle().await;
    assert_eq!(bot.transcript().await.matches("**status**").count(), SPACES + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_long_silent_are_forgotten_and_answered_when_somebody_speaks_again() {
    let bot = Harness::start().await;
    bot.cloud.person(ALICE).says("help status");
    bot.settle().await;
    let (cloud, folder) = bot.stop().await;
    let path = folder.path().join("ledger.db");
    let lanes = || {
        let ledger = Connection::open(&path).unwrap();
        ledger.query_row("SELECT count(*) FROM lane", (), |row| row.get::<_, i64>(0)).unwrap()
    };
    assert!(lanes() > 0);
    // Longer than store.retention and store.dedupe together.
    change(folder.path(), "UPDATE lane SET claimed_at = claimed_at - 40 * 86400000").await;
    let bot = Harness::on(cloud, folder, "", Bot::builder()).await;
    bot.ready().await;
    assert!(eventually(async || lanes() == 0).await);
    bot.cloud.person(ALICE).says("help status");
    bot.settle().await;
    assert_eq!(told(&bot, ALICE).len(), 2);
}
