//! Hooks that expect something to come: a silence is told once, and so is its end.

use jiff::SignedDuration;
use switchboard::simulator::{Cloud, Message, Options};
use switchboard::{Bot, Clock};
use tempfile::TempDir;

use crate::cli::verb;
use crate::explain::explain;
use crate::harness::{Harness, eventually};
use crate::hooks::posts;

/// A backup that comes each day; and something that comes each hour, by which a test knows that both were looked at.
const HOOKS: &str = r#"
[[hook]]
name = "night_backup"
auth = "none"
to = "Ops"
expect = { every = "24h" }
[[hook]]
name = "hourly"
auth = "none"
to = "Ops"
expect = { every = "1h" }
"#;

/// A bot whose clock a test turns, with a space for its messages.
struct Watch {
    bot: Harness,
    clock: Clock,
}

impl Watch {
    async fn begin(settings: &str) -> Watch {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        cloud.space("Ops", &["alice@example.com"]);
        Watch::on((cloud, tempfile::tempdir().unwrap()), Clock::of_system(), settings).await
    }

    async fn on((cloud, folder): (Cloud, TempDir), clock: Clock, settings: &str) -> Watch {
        let bot = Harness::on(cloud, folder, settings, Bot::builder().clock(clock.clone())).await;
        bot.ready().await;
        Watch { bot, clock }
    }

    fn turn(&self, hours: i64) {
        self.clock.turn(SignedDuration::from_hours(hours));
    }

    async fn posts(&self, hook: &str) {
        assert_eq!(posts(&self.bot, &format!("/hooks/{hook}"), &[], "{}").await.0, 202);
    }

    /// What was said of a hook, oldest first.
    fn said(&self, hook: &str) -> Vec<Message> {
        let said = self.bot.cloud.messages().into_iter();
        said.filter(|message| message.text.as_deref().unwrap_or_default().starts_with(hook)).collect()
    }

    /// Waits until so much was said of a hook.
    async fn said_of(&self, hook: &str, count: usize) -> Vec<Message> {
        assert!(eventually(async || self.said(hook).len() >= count).await, "{}", self.bot.cloud.transcript());
        self.bot.settle().await;
        let said = self.said(hook);
        assert_eq!(said.len(), count, "{}", self.bot.cloud.transcript());
        said
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_is_told_once_and_its_end_in_the_same_thread() {
    let watch = Watch::begin(HOOKS).await;
    watch.posts("night_backup").await;
    watch.turn(23);
    watch.said_of("hourly", 1).await;
    assert!(watch.said("night_backup").is_empty(), "{}", watch.bot.cloud.transcript());
    watch.turn(2);
    let said = watch.said_of("night_backup", 1).await;
    let text = said[0].text.as_deref().unwrap();
    assert!(text.contains("is silent: nothing has come") && text.contains("at least every 1 d."), "{text}");
    watch.turn(48);
    watch.posts("hourly").await;
    watch.said_of("hourly", 2).await;
    watch.posts("night_backup").await;
    let said = watch.said_of("night_backup", 2).await;
    assert!(
        said[1].said().contains("is heard again") && said[1].said().contains("after 3 d 1 h."),
        "{}",
        said[1].said()
    );
    assert_eq!(said[1].parent_id.as_deref(), Some(said[0].id.as_str()));
    watch.turn(25);
    let said = watch.said_of("night_backup", 3).await;
    assert_eq!(said[2].parent_id, None, "another silence has a thread of its own");
    let list = verb(watch.bot.folder.path(), &["audit", "list"]);
    assert!(list.contains("silences/night_backup"), "{list}");
    let rows = verb(watch.bot.folder.path(), &["inbox", "list", "--state", "all", "--json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&rows).unwrap();
    let silence = rows.iter().find(|row| row.to_string().contains("silences/night_backup")).unwrap();
    let story = explain(&watch.bot, silence["id"].as_str().unwrap());
    assert!(
        story.contains("the silence of the hook night_backup") && story.contains("the silence began at"),
        "{story}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_that_is_killed_tells_nothing_twice_and_one_that_was_away_counts_from_its_start() {
    let watch = Watch::begin(HOOKS).await;
    watch.posts("night_backup").await;
    watch.turn(25);
    let before = watch.said_of("night_backup", 1).await;
    watch.said_of("hourly", 1).await;
    let Watch { bot, clock } = watch;
    let stood_on = bot.kill().await;
    clock.turn(SignedDuration::from_hours(30));
    let watch = Watch::on(stood_on, clock, HOOKS).await;
    watch.posts("hourly").await;
    watch.said_of("hourly", 2).await;
    assert_eq!(watch.said("night_backup").len(), 1, "it is the same silence");
    watch.posts("night_backup").await;
    let said = watch.said_of("night_backup", 2).await;
    assert_eq!(said[1].parent_id.as_deref(), Some(before[0].id.as_str()));
    let Watch { bot, clock } = watch;
    let stood_on = bot.stop().await;
    clock.turn(SignedDuration::from_hours(30));
    let watch = Watch::on(stood_on, clock, HOOKS).await;
    watch.turn(2);
    watch.said_of("hourly", 3).await;
    assert_eq!(watch.said("night_backup").len(), 2, "something may have been posted while it was away");
    watch.turn(23);
    watch.said_of("night_backup", 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_restart_does_not_begin_the_count_anew() {
    let watch = Watch::begin(HOOKS).await;
    watch.posts("night_backup").await;
    let Watch { bot, clock } = watch;
    let stood_on = bot.kill().await;
    clock.turn(SignedDuration::from_secs(60));
    let watch = Watch::on(stood_on, clock, HOOKS).await;
    watch.clock.turn(SignedDuration::from_mins(24 * 60 - 1));
    watch.said_of("night_backup", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_a_time_of_the_day_something_must_have_come_since_the_day_before() {
    let hook =
        "[[hook]]\nname = \"report\"\nauth = \"none\"\nto = \"Ops\"\nexpect = { by = \"03:10 Europe/Berlin\" }\n";
    let watch = Watch::begin(hook).await;
    watch.posts("report").await;
    watch.turn(50);
    let said = watch.said_of("report", 1).await;
    let text = said[0].said();
    assert!(
        text.contains("each day by 03:10 Europe/Berlin") && (text.contains("CET") || text.contains("CEST")),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_with_nowhere_to_go_is_kept_and_told_once_the_settings_are_mended() {
    let hook =
        |to: &str| format!("[[hook]]\nname = \"a\"\nauth = \"none\"\nto = \"{to}\"\nexpect = {{ every = \"1h\" }}\n");
    let watch = Watch::begin(&hook("Nowhere")).await;
    watch.turn(2);
    let dead = || verb(watch.bot.folder.path(), &["inbox", "list", "--state", "dead", "--json"]);
    assert!(eventually(async || dead().contains("silences/a")).await, "{}", dead());
    let rows: Vec<serde_json::Value> = serde_json::from_str(&dead()).unwrap();
    let id = rows[0]["id"].as_str().unwrap().to_owned();
    let Watch { bot, clock } = watch;
    let stood_on = bot.stop().await;
    verb(stood_on.1.path(), &["inbox", "retry", &id]);
    let watch = Watch::on(stood_on, clock, &hook("Ops")).await;
    watch.said_of("a is silent", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_shows_that_its_sender_is_alive_and_a_hook_in_shadow_says_nothing_of_its_silence() {
    let dead_man = HOOKS.replacen("auth = \"none\"", "auth = \"none\"\ndedupe = \"$.id\"", 1);
    let shadow =
        "[[hook]]\nname = \"shade\"\nauth = \"none\"\nto = \"Ops\"\nshadow = true\nexpect = { every = \"1h\" }\n";
    let watch = Watch::begin(&format!("{dead_man}{shadow}")).await;
    let beat = async || assert_eq!(posts(&watch.bot, "/hooks/night_backup", &[], r#"{"id": 1}"#).await.0, 202);
    beat().await;
    watch.turn(23);
    watch.said_of("hourly", 1).await;
    beat().await;
    watch.turn(2);
    watch.posts("hourly").await;
    watch.said_of("hourly", 2).await;
    assert!(watch.said("night_backup").is_empty(), "{}", watch.bot.cloud.transcript());
    watch.turn(23);
    watch.said_of("night_backup", 1).await;
    assert!(watch.said("shade").is_empty(), "{}", watch.bot.cloud.transcript());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hook_past_its_last_day_announces_no_silence() {
    let tomorrow = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().tomorrow().unwrap();
    let ends = HOOKS.replace("every = \"24h\" }", &format!("every = \"60h\" }}\nexpires = \"{tomorrow}\""));
    let watch = Watch::begin(&ends).await;
    watch.posts("night_backup").await;
    watch.turn(62);
    watch.said_of("hourly", 1).await;
    assert!(watch.said("night_backup").is_empty(), "{}", watch.bot.cloud.transcript());
}
