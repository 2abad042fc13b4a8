//! `kill -9` of the real program at every step from the acknowledgement to the sent reply, and the clean stop.

use std::path::Path;

use reqwest::Method;
use switchboard::simulator::{Cloud, Fault, Options};

use crate::harness::{Daemon, PATIENCE, arrived, eventually, free_port, get};

struct Scene {
    cloud: Cloud,
    folder: tempfile::TempDir,
    port: u16,
}

impl Scene {
    async fn set() -> Scene {
        let cloud = Cloud::start(Options::default()).await.unwrap();
        Scene { cloud, folder: tempfile::tempdir().unwrap(), port: free_port() }
    }

    async fn start(&self, more: &[(&str, &str)]) -> Daemon {
        let daemon = Daemon::start(&self.cloud, self.folder.path(), self.port, more);
        ready(&daemon).await;
        daemon
    }

    fn replies(&self) -> Vec<String> {
        let bot = self.cloud.bot().id;
        let said = self.cloud.messages().into_iter().filter(|message| message.person_id == bot);
        said.map(|message| message.markdown.or(message.text).unwrap_or_default()).collect()
    }

    /// Waits until the bot has said so much; what it should not say comes before that.
    async fn until_replies(&self, count: usize) {
        let mut heard = self.cloud.subscribe();
        let said = async {
            while self.replies().len() < count {
                let _ = heard.recv().await;
            }
        };
        tokio::time::timeout(PATIENCE, said).await.expect("the bot replies");
    }
}

/// Waits until `/readyz` is 200: the log says so by its last step.
pub async fn ready(daemon: &Daemon) {
    assert!(eventually(async || get(format!("{}/readyz", daemon.url)).await.status() == 200).await, "it is ready");
}

fn unsettled(folder: &Path) -> String {
    let list = |queue| crate::cli::verb(folder, &[queue, "list", "--json"]);
    format!("{}{}", list("inbox"), list("outbox"))
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_acknowledgement_and_before_anything_else() {
    let scene = Scene::set().await;
    // An instance that only receives acknowledges, and does nothing more.
    let daemon = scene.start(&[("SWITCHBOARD_WORKER__CONCURRENCY", "0")]).await;
    scene.cloud.person("alice@example.com").says("help status");
    scene.cloud.delivered().await;
    daemon.kill();
    assert!(scene.replies().is_empty());
    let _daemon = scene.start(&[]).await;
    scene.until_replies(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_message_is_read() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    scene.cloud.fault(Fault::on(Method::GET, "/messages*").stall());
    scene.cloud.person("alice@example.com").says("help status");
    arrived(&scene.cloud, Method::GET, "/messages*", 1).await;
    daemon.kill();
    scene.cloud.release();
    assert!(scene.replies().is_empty());
    let _daemon = scene.start(&[]).await;
    scene.until_replies(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_reply_is_sent_and_before_webex_has_it() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    scene.cloud.fault(Fault::on(Method::POST, "/messages").reset());
    scene.cloud.fault(Fault::on(Method::GET, "/messages").stall());
    scene.cloud.person("alice@example.com").says("help status");
    // The first try was lost; the second looks before it sends, and is killed while it looks.
    arrived(&scene.cloud, Method::GET, "/messages", 1).await;
    daemon.kill();
    scene.cloud.release();
    let _daemon = scene.start(&[]).await;
    scene.until_replies(1).await;
    assert_eq!(scene.replies().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_when_the_reply_is_in_the_outbox_and_webex_has_heard_nothing() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    scene.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    let alice = scene.cloud.person("alice@example.com");
    alice.says("help status");
    arrived(&scene.cloud, Method::POST, "/messages", 1).await;
    daemon.kill();
    let _daemon = scene.start(&[]).await;
    scene.until_replies(1).await;
    scene.cloud.release();
    alice.says("help report");
    scene.until_replies(2).await;
    assert!(scene.replies()[1].contains("**report**"), "{:?}", scene.replies());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_in_hand_at_many_kills_is_answered_and_one_that_causes_them_is_given_up() {
    let scene = Scene::set().await;
    scene.cloud.fault(Fault::on(Method::GET, "/messages*").always().stall());
    scene.cloud.person("alice@example.com").says("help status");
    // Six times, with five tries: the end of a process is not held against what it had in hand as a failure is.
    for nth in 1..=6 {
        let daemon = scene.start(&[]).await;
        if nth == 1 {
            let message = scene.cloud.messages().pop().unwrap().id;
            scene.cloud.deliver_again(&message);
        }
        arrived(&scene.cloud, Method::GET, "/messages*", nth).await;
        daemon.kill();
    }
    scene.cloud.clear_faults();
    scene.cloud.release();
    let daemon = scene.start(&[]).await;
    scene.until_replies(1).await;
    assert!(scene.replies()[0].contains("**status**"), "{:?}", scene.replies());
    daemon.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_webex_has_the_reply_and_before_we_know() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[]).await;
    scene.cloud.fault(Fault::on(Method::POST, "/messages").apply_then_stall());
    let alice = scene.cloud.person("alice@example.com");
    alice.says("help status");
    scene.until_replies(1).await;
    daemon.kill();
    scene.cloud.release();
    let _daemon = scene.start(&[]).await;
    // In a direct space it is looked up, so the next thing said is the answer to the next question.
    alice.says("help report");
    scene.until_replies(2).await;
    let replies = scene.replies();
    assert!(
        replies.len() == 2 && replies[0].contains("**status**") && replies[1].contains("**report**"),
        "{replies:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_under_load_everything_is_answered_once() {
    const ROUNDS: usize = 5;
    const EACH: usize = 40;
    let scene = Scene::set().await;
    let people: Vec<_> = (0..8).map(|nth| scene.cloud.person(&format!("person{nth}@example.com"))).collect();
    for round in 0..ROUNDS {
        let daemon = scene.start(&[]).await;
        for nth in 0..EACH {
            people[nth % people.len()].says(&format!("round {round} message {nth}"));
        }
        // Killed when about half of what was said in this round has been answered.
        let posts =
            scene.cloud.calls().iter().filter(|call| call.method == Method::POST && call.path == "/messages").count();
        arrived(&scene.cloud, Method::POST, "/messages", posts + EACH / 2).await;
        daemon.kill();
        scene.cloud.delivered().await;
    }
    let daemon = scene.start(&[]).await;
    // Acknowledged or not: what was not is caught up.
    scene.until_replies(ROUNDS * EACH).await;
    assert!(eventually(async || unsettled(scene.folder.path()) == "[]\n[]\n").await, "all is settled");
    let own = scene.cloud.bot().id;
    let replies = scene.replies();
    for message in scene.cloud.messages().iter().filter(|message| message.person_id != own) {
        let text = message.text.as_deref().unwrap();
        let answers = replies.iter().filter(|reply| reply.starts_with(&format!("You said: \"{text}\"."))).count();
        assert_eq!(answers, 1, "{text}");
    }
    daemon.terminate();
    assert!(daemon.wait().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_exits_0_and_doubles_nothing() {
    let scene = Scene::set().await;
    let daemon = scene.start(&[("SWITCHBOARD_LOG__LEVEL", "info")]).await;
    scene.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    scene.cloud.person("alice@example.com").says("help status");
    arrived(&scene.cloud, Method::POST, "/messages", 1).await;
    daemon.terminate();
    daemon.logs("stopping");
    assert_eq!(get(format!("{}/readyz", daemon.url)).await.status(), 503, "while it drains");
    scene.cloud.release();
    assert!(daemon.wait().success());
    assert_eq!(scene.replies().len(), 1);
    assert_eq!(unsettled(scene.folder.path()), "[]\n[]\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_spends_no_attempts() {
    let scene = Scene::set().await;
    let only_try = [("SWITCHBOARD_WORKER__MAX_ATTEMPTS", "1")];
    // More stops than there are tries, each while Webex is away.
    for _ in 0..3 {
        let daemon = scene.start(&only_try).await;
        scene.cloud.clear_faults();
        scene.cloud.fault(Fault::on(Method::GET, "/messages*").always().answer(503, &[], ""));
        scene.cloud.person("alice@example.com").says("help status");
        scene.cloud.delivered().await;
        daemon.terminate();
        assert!(daemon.wait().success());
    }
    scene.cloud.clear_faults();
    let _daemon = scene.start(&only_try).await;
    scene.until_replies(3).await;
    assert!(scene.replies().iter().all(|reply| reply.contains("**status**")), "{:?}", scene.replies());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_daemon_on_the_same_ledger_is_refused() {
    let scene = Scene::set().await;
    let _daemon = scene.start(&[]).await;
    let url = format!("sqlite:{}", scene.folder.path().join("ledger.db").display());
    let output = crate::harness::switchboard()
        .arg("run")
        .env("WEBEX_BOT_TOKEN", "t")
        .env("WEBEX_WEBHOOK_SECRET", crate::harness::SECRET)
        .env("DATABASE_URL", &url)
        .env("PORT", "0")
        .env("SWITCHBOARD_ADMIN__LISTEN", "")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("another switchboard daemon is using it"), "{said}");
}
