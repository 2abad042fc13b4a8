//! Commands that others have to approve: who can, who cannot, and that whatever happens the space tells what is true.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use switchboard::simulator::{Cloud, Fault, Message, Options, Person};
use switchboard::{Args, Bot, Command, Context, Param, Reply, Result};

use crate::cards::{card, data, press};
use crate::cli::{finished, verb};
use crate::harness::{Daemon, Harness, PATIENCE, arrived, eventually, free_port, http, switchboard};
use crate::restart::ready;

pub const ALICE: &str = "alice@example.com";
pub const BOB: &str = "bob@example.com";
pub const THIRD: &str = "person3@example.com";

/// It takes two of them; Alice is one, and asks.
pub const TWO: &str = r#"[[command]]
name = "deploy"
approve = { by = ["alice@example.com", "bob@example.com", "person3@example.com"], quorum = 2, within = "1h" }
"#;

/// A command that tells who it ran for and with what, and how often it ran.
pub fn deployer() -> (Bot, Arc<AtomicUsize>) {
    async fn deploy(context: Context, mut args: Args) -> Result<Reply> {
        let service = args.required("service")?;
        args.finish()?;
        if service == "nothing" {
            return Err(switchboard::CommandError::User("There is nothing to deploy.".to_owned()));
        }
        Ok(Reply::text(format!("{} deploys {service}.", context.sender().email)))
    }
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let command = Command::new("deploy", "Deploys a service", move |context, args| {
        counted.fetch_add(1, Ordering::Relaxed);
        deploy(context, args)
    })
    .param(Param::text("service"));
    (Bot::builder().command(command), runs)
}

pub struct Scene {
    pub bot: Harness,
    pub runs: Arc<AtomicUsize>,
    pub lab: String,
}

impl Scene {
    pub async fn set(settings: &str) -> Scene {
        let (deployer, runs) = deployer();
        let bot = Harness::with(settings, deployer).await;
        let lab = bot.cloud.space("Lab", &[ALICE, BOB, THIRD]);
        Scene { bot, runs, lab }
    }

    /// Starts the bot again with other settings; `between` is done to its folder while it is stopped.
    pub async fn again(self, settings: &str, between: impl AsyncFnOnce(&Path)) -> Scene {
        let Scene { bot, lab, .. } = self;
        let (cloud, folder) = bot.stop().await;
        between(folder.path()).await;
        let (deployer, runs) = deployer();
        let bot = Harness::on(cloud, folder, settings, deployer).await;
        bot.ready().await;
        Scene { bot, runs, lab }
    }

    pub fn person(&self, email: &str) -> Person {
        self.bot.cloud.person(email)
    }

    /// Alice asks, and this is the card that comes of it.
    pub async fn asks(&self, text: &str) -> Message {
        self.person(ALICE).mentions_bot(&self.lab, text).unwrap();
        self.bot.settle().await;
        card(&self.bot.cloud)
    }

    pub async fn presses(&self, who: &str, card: &Message, title: &str) {
        press(&self.person(who), card, title, json!({}));
        self.bot.settle().await;
    }

    /// What the bot said since that card, the texts of cards included.
    pub async fn said_since(&self, card: &Message) -> Vec<String> {
        self.bot.settle().await;
        said(&self.bot.cloud)
            .into_iter()
            .filter(|(message, _)| message.created > card.created)
            .map(|(_, text)| text)
            .collect()
    }

    pub fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    pub fn is_there(&self, card: &Message) -> bool {
        self.bot.cloud.messages().iter().any(|message| message.id == card.id)
    }

    pub async fn outcome(&self, outcome: &str) -> f64 {
        self.bot.metric(&format!("switchboard_approvals_total{{outcome=\"{outcome}\"}}")).await
    }
}

pub fn said(cloud: &Cloud) -> Vec<(Message, String)> {
    let own = cloud.bot().id;
    let messages = cloud.messages().into_iter().filter(|message| message.person_id == own);
    let text = |message: &Message| message.text.clone().unwrap_or_default();
    messages.map(|message| (message.clone(), text(&message))).collect()
}

/// Waits until the bot has said something that holds this text.
pub async fn until_said(cloud: &Cloud, text: &str) {
    let mut heard = cloud.subscribe();
    let waiting = async {
        while !said(cloud).iter().any(|(_, said)| said.contains(text)) {
            heard.recv().await.unwrap();
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    waited.unwrap_or_else(|_| panic!("not {text:?} but {:?}", cloud.transcript()));
}

/// Times and references, which differ from run to run, taken out.
pub fn timeless(text: &str) -> String {
    let mut words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    for word in &mut words {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if digits >= 4 && word.chars().all(|c| c.is_ascii_digit() || "-:".contains(c)) {
            "TIME".clone_into(word);
        }
    }
    words.join(" ").replace("TIME TIME UTC", "TIME")
}

pub async fn change(folder: &Path, statement: &str) {
    Connection::open(folder.join("ledger.db")).unwrap().execute_batch(statement).unwrap();
}

pub fn approvals(folder: &Path) -> Vec<Value> {
    serde_json::from_str(&verb(folder, &["approvals", "list", "--all", "--json"])).unwrap()
}

/// What the audit has, as `who action verdict: reason`, oldest first; and that it is whole.
pub fn audit(folder: &Path) -> Vec<String> {
    let url = format!("sqlite:{}", folder.join("ledger.db").display());
    let (code, said) = finished(switchboard().args(["audit", "verify"]).env("DATABASE_URL", url));
    assert_eq!(code, 0, "{said}");
    let rows: Vec<Value> = serde_json::from_str(&verb(folder, &["audit", "list", "--json"])).unwrap();
    let told = |row: &Value| {
        let text = |key: &str| row[key].as_str().unwrap_or("nobody").to_owned();
        let who = text("email").replace("@example.com", "");
        format!("{} {who} {} {}: {}", text("via"), text("action"), text("verdict"), text("reason"))
    };
    let references: Vec<_> = approvals(folder).iter().map(|found| found["reference"].to_string()).collect();
    let nameless = |row: String| {
        references.iter().fold(row, |row, reference| row.replace(reference.trim_matches('"'), "REFERENCE"))
    };
    rows.iter().rev().map(told).map(nameless).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_others_approve_and_it_runs_for_whoever_asked() {
    let scene = Scene::set(TWO).await;
    let asking = scene.asks("deploy \"my *api*\"").await;
    let asked = scene.bot.cloud.messages()[0].clone();
    assert_eq!((asking.parent_id.as_ref(), scene.runs()), (Some(&asked.id), 0));
    insta::assert_snapshot!(timeless(asking.text.as_deref().unwrap()), @r#"deploy has to be approved deploy "my *api*" Asked for by alice@example.com Needs 2 approvals of alice@example.com, bob@example.com or person3@example.com; whoever asks does not count Until TIME, 1h after it was asked for One Deny ends it. Only alice@example.com can withdraw it."#);
    // Whoever asks is listed, and does not count; and nobody counts twice.
    for (who, title) in [(ALICE, "Approve"), (ALICE, "Deny"), (BOB, "Approve"), (BOB, "Approve"), (BOB, "Approve")] {
        scene.presses(who, &asking, title).await;
    }
    insta::assert_debug_snapshot!(scene.said_since(&asking).await, @r#"
        [
            "You asked for that yourself, so others have to decide on it. Withdraw takes it back.",
            "bob@example.com approved: 1 of 2.",
            "You have approved that already; it takes others too.",
        ]
    "#);
    assert!(scene.is_there(&asking) && scene.runs() == 0);
    scene.presses(THIRD, &asking, "Approve").await;
    let said = scene.said_since(&asking).await;
    insta::assert_debug_snapshot!(said[3..].iter().map(|said| timeless(said)).collect::<Vec<_>>(), @r#"
        [
            "deploy was approved deploy \"my *api*\" Asked for by alice@example.com. Approved by bob@example.com and person3@example.com; ran at TIME.",
            "alice@example.com deploys my *api*.",
        ]
    "#);
    assert!(!scene.is_there(&asking), "the card is gone");
    let outcome = card(&scene.bot.cloud);
    assert!(!outcome.attachments[0].to_string().contains("Action"), "{:?}", outcome.attachments);
    assert!(scene.bot.cloud.messages()[1..].iter().all(|message| message.parent_id.as_ref() == Some(&asked.id)));
    assert_eq!((scene.runs(), scene.outcome("requested").await, scene.outcome("approved").await), (1, 1.0, 1.0));
    let folder = scene.bot.folder.path();
    insta::assert_snapshot!(timeless(&audit(folder).join("\n")).replace("TIME UTC", "TIME"), @r#"
        message alice deploy awaiting: 2 approvals until TIME; access.group_policy is "mention"
        click alice deploy/approve denied: whoever asks does not decide for REFERENCE
        click alice deploy/deny denied: whoever asks does not decide for REFERENCE
        click bob deploy/approve counted: 1 of 2 for REFERENCE
        click bob deploy/approve declined: has approved it already for REFERENCE
        click bob deploy/approve declined: has approved it already for REFERENCE
        click person3 deploy/approve counted: 2 of 2 for REFERENCE
        daemon alice deploy answered: approved by as many others as it takes for REFERENCE
    "#);
    let list = &approvals(folder)[0];
    assert_eq!((&list["state"], &list["approved_by"]), (&json!("approved"), &json!([BOB, THIRD])));
    let story = verb(folder, &["explain", &asked.id]);
    for told in
        ["not run yet, but put before those who may approve it", "approved by bob@example.com", "approved by person3"]
    {
        assert!(story.contains(told), "{story}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_approve_is_told_once_or_not_answered_at_all() {
    let settings = format!(
        "[access]\ngroup_policy = \"allowlist\"\nadmins = [\"person3@example.com\"]\nallow_from = [\"alice@example.com\", \"bob@example.com\"]\n{}",
        TWO.replace(", \"person3@example.com\"]", ", \"*@other.test\"]")
    );
    let scene = Scene::set(&settings).await;
    let asking = scene.asks("deploy api").await;
    // An admin who is not listed may not approve either; and nobody may withdraw but whoever asked.
    for _ in 0..2 {
        scene.presses(THIRD, &asking, "Approve").await;
        scene.presses(THIRD, &asking, "Deny").await;
        scene.presses(BOB, &asking, "Withdraw").await;
    }
    let listed = "You are not among those who may approve deploy.";
    let withdraw = "Only alice@example.com, who asked for that, may withdraw it.";
    assert_eq!(scene.said_since(&asking).await, [listed, withdraw]);
    let stranger = "person4@example.com";
    scene.person(ALICE).adds(&scene.lab, stranger).unwrap();
    scene.presses(stranger, &asking, "Approve").await;
    assert_eq!(scene.said_since(&asking).await.len(), 2);
    assert_eq!(scene.runs(), 0);
    let audit = audit(scene.bot.folder.path());
    for row in [
        "click person3 deploy/approve denied: not listed in the command's approve.by for REFERENCE",
        "click person3 deploy/deny denied: not listed in the command's approve.by for REFERENCE",
        "click bob deploy/withdraw denied: only whoever asked may withdraw for REFERENCE",
        "click person4 none denied: not listed in access.group_allow_from or access.allow_from",
    ] {
        assert!(audit.iter().any(|found| found == row), "{row} in {audit:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_counts_is_who_may_at_the_click_and_at_the_run() {
    let scene = Scene::set(TWO).await;
    let asking = scene.asks("deploy api").await;
    scene.presses(BOB, &asking, "Approve").await;
    // Bob may not any more: what he pressed before does not count, and what he presses now does not either.
    let without_bob = TWO.replace("bob@example.com", "*@other.test");
    let scene = scene.again(&without_bob, async |_| {}).await;
    scene.presses(THIRD, &asking, "Approve").await;
    scene.presses(BOB, &asking, "Deny").await;
    let said = scene.said_since(&asking).await;
    assert_eq!(
        said[1..],
        [
            "person3@example.com approved: 1 of 2. bob@example.com does not count any more.",
            "You are not among those who may approve deploy."
        ]
    );
    assert_eq!(scene.runs(), 0);
    // Alice may not give it any more.
    let without_alice = format!("{TWO}allow = [\"bob@example.com\"]");
    let scene = scene.again(&without_alice, async |_| {}).await;
    scene.presses(BOB, &asking, "Approve").await;
    let last = scene.said_since(&asking).await.pop().unwrap();
    assert!(
        last.contains("deploy was approved and not run") && last.contains("alice@example.com may not give it"),
        "{last}"
    );
    assert_eq!((scene.runs(), scene.is_there(&asking), scene.outcome("refused").await), (0, false, 1.0));
    // Nor is anything run for somebody who is not answered any more at all.
    let scene = scene.again(TWO, async |_| {}).await;
    let asking = scene.asks("deploy api").await;
    scene.presses(BOB, &asking, "Approve").await;
    let settings =
        format!("[access]\ngroup_policy = \"allowlist\"\nallow_from = [\"bob@example.com\", \"{THIRD}\"]\n{TWO}");
    let scene = scene.again(&settings, async |_| {}).await;
    scene.presses(THIRD, &asking, "Approve").await;
    assert_eq!((scene.runs(), scene.outcome("refused").await), (0, 1.0));
    let audit = audit(scene.bot.folder.path());
    assert_eq!(
        audit.last().unwrap(),
        "daemon alice deploy denied: whoever asked is not answered here any more for REFERENCE"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_them_denies_or_whoever_asked_withdraws() {
    let scene = Scene::set(TWO).await;
    for (who, title, says, word) in
        [(BOB, "Deny", "deploy was denied", "denied"), (ALICE, "Withdraw", "deploy was withdrawn", "withdrawn")]
    {
        let asking = scene.asks("deploy api").await;
        scene.presses(THIRD, &asking, "Approve").await;
        scene.presses(who, &asking, title).await;
        let said = scene.said_since(&asking).await;
        assert!(said.len() == 2 && said[1].contains(says) && said[1].contains(who), "{said:?}");
        assert!(!scene.is_there(&asking));
        assert_eq!(approvals(scene.bot.folder.path())[0]["state"], word);
        assert_eq!(scene.outcome(word).await, 1.0);
    }
    assert_eq!(scene.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_after_the_end_is_told_what_came_of_it() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    let asking = scene.asks("deploy api").await;
    // Both press at one time; the second is delivered when the card is gone.
    scene.bot.cloud.hold_deliveries();
    let first = scene.person(THIRD).clicks(&asking.id, data(&asking, "Approve")).unwrap();
    scene.person(BOB).clicks(&asking.id, data(&asking, "Deny")).unwrap();
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": first, "roomId": scene.lab}});
    assert_eq!(scene.bot.delivers(body).await.0, 200);
    arrived(&scene.bot.cloud, Method::DELETE, "/messages*", 1).await;
    scene.bot.cloud.resume_deliveries();
    let said = scene.said_since(&asking).await;
    assert_eq!(scene.runs(), 1);
    assert!(said.last().unwrap().starts_with("That is decided already. Approved by person3@example.com"), "{said:?}");
    assert_eq!(scene.outcome("denied").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_somebody_deleted_approves_nothing() {
    let scene =
        Scene::set(&format!("[worker]\nvisible_within = \"100ms\"\n{}", TWO.replace("quorum = 2", "quorum = 1"))).await;
    let asking = scene.asks("deploy api").await;
    scene.bot.cloud.hold_deliveries();
    scene.person(BOB).clicks(&asking.id, data(&asking, "Approve")).unwrap();
    let url = format!("{}/messages/{}", scene.bot.cloud.api_url(), asking.id);
    let deleted = http().delete(url).bearer_auth(scene.bot.cloud.bot().token).send().await.unwrap();
    assert_eq!(deleted.status(), 204);
    scene.bot.cloud.resume_deliveries();
    scene.bot.settle().await;
    assert_eq!((scene.runs(), scene.said_since(&asking).await.len()), (0, 0));
    // It ends by itself, and what is gone already need not be deleted.
    let scene =
        scene.again(TWO, async |folder: &Path| change(folder, "UPDATE approval SET expires_at = 1").await).await;
    until_said(&scene.bot.cloud, "deploy was not approved in time").await;
    scene.bot.settle().await;
    assert_eq!(scene.bot.metric("switchboard_dead_letters").await, 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_approves_in_time_ends_by_itself() {
    let scene = Scene::set(&TWO.replace("1h", "1s")).await;
    let asking = scene.asks("deploy api").await;
    until_said(&scene.bot.cloud, "Nobody approved it within 1s.").await;
    scene.bot.settle().await;
    assert!(!scene.is_there(&asking));
    assert_eq!((scene.runs(), scene.outcome("expired").await), (0, 1.0));
    let audit = audit(scene.bot.folder.path());
    assert_eq!(
        audit.last().unwrap(),
        "daemon nobody deploy/expire ended: not approved in time, with 0 approvals for REFERENCE"
    );
    // One that has waited longer does not hold up one that is over earlier, nor does a stop.
    let scene = scene.again(TWO, async |_| {}).await;
    let asking = scene.asks("deploy web").await;
    scene.presses(BOB, &asking, "Approve").await;
    let scene =
        scene.again(TWO, async |folder: &Path| change(folder, "UPDATE approval SET expires_at = 1").await).await;
    until_said(&scene.bot.cloud, "Only bob@example.com approved it").await;
    scene.bot.settle().await;
    assert!(!scene.is_there(&asking));
    assert_eq!(approvals(scene.bot.folder.path())[0]["state"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_that_comes_too_late_does_not_count_even_before_the_end_is_told() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    let asking = scene.asks("deploy api").await;
    change(scene.bot.folder.path(), "UPDATE approval SET expires_at = 1").await;
    scene.presses(BOB, &asking, "Approve").await;
    assert_eq!(scene.said_since(&asking).await, ["That was not approved in time. Please ask me again."]);
    assert_eq!(scene.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_buttons_work_in_no_other_card_and_no_other_space() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    let hall = scene.bot.cloud.space("Hall", &[ALICE, BOB]);
    let (here, beside) = (scene.asks("deploy api").await, scene.asks("deploy web").await);
    scene.person(ALICE).mentions_bot(&hall, "deploy api").unwrap();
    scene.bot.settle().await;
    let elsewhere = card(&scene.bot.cloud);
    let before = scene.bot.cloud.messages().len();
    let right = data(&here, "Approve");
    let deny = data(&here, "Deny")["seal"].as_str().unwrap().to_owned();
    let (content, tag) = (right["seal"].as_str().unwrap().split_once('.').unwrap().0, deny.split_once('.').unwrap().1);
    let bob = scene.person(BOB);
    for (card, inputs) in [
        (&beside, right.clone()),
        (&elsewhere, right.clone()),
        (&here, data(&beside, "Approve")),
        (&here, json!({"seal": format!("{content}.{tag}")})),
        (&here, json!({"action": "approve"})),
        (&here, json!({"vote": "approve", "card": here.id})),
    ] {
        bob.clicks(&card.id, inputs).unwrap();
    }
    scene.bot.settle().await;
    // Nor out of the order of its space.
    scene.bot.cloud.hold_deliveries();
    let click = bob.clicks(&here.id, right.clone()).unwrap();
    let body = json!({"resource": "attachmentActions", "event": "created", "data": {"id": click, "roomId": hall}});
    assert_eq!(scene.bot.delivers(body).await.0, 200);
    scene.bot.cloud.resume_deliveries();
    scene.bot.settle().await;
    assert_eq!((scene.runs(), scene.bot.cloud.messages().len()), (0, before));
    scene.presses(BOB, &here, "Approve").await;
    assert_eq!(scene.runs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_can_approve_that_is_said_and_nothing_waits() {
    let scene = Scene::set(TWO).await;
    let alice = scene.person(ALICE);
    alice.says("deploy api");
    scene.bot.settle().await;
    let long = format!("deploy {}", "x".repeat(1000));
    for text in [long.as_str(), "deploy api\u{202e}dorp"] {
        alice.mentions_bot(&scene.lab, text).unwrap();
        scene.bot.settle().await;
    }
    let told: Vec<_> = said(&scene.bot.cloud).into_iter().map(|(_, text)| text).collect();
    insta::assert_debug_snapshot!(told, @r#"
        [
            "deploy runs only once other people have approved it, and nobody else is here. Please ask me in a space where they are.",
            "deploy runs only once other people have approved it, and they have to see it whole. Please say it in 1000 characters and 30 lines or fewer.",
            "deploy runs only once other people have approved it, and they could not see the sign U+202E in it. Please type it without that.",
        ]
    "#);
    assert!(approvals(scene.bot.folder.path()).is_empty());
    // With wrong arguments there is nothing to be approved.
    alice.mentions_bot(&scene.lab, "deploy \"api").unwrap();
    scene.bot.settle().await;
    assert!(said(&scene.bot.cloud)[3].1.contains("Usage: deploy <service>"));
    let pair = TWO.replace(", \"person3@example.com\"", "");
    let scene = scene.again(&pair, async |_| {}).await;
    scene.asks_nothing("without you there are too few who may").await;
    let off = format!("[cards]\nenabled = false\n{TWO}");
    let scene = scene.again(&off, async |_| {}).await;
    scene.asks_nothing("I have no cards to press here").await;
    let polling = format!("[delivery]\nmode = \"polling\"\n[polling]\ninterval = \"20ms\"\n{TWO}");
    let scene = scene.again(&polling, async |_| {}).await;
    scene.person(BOB).mentions_bot(&scene.lab, "deploy web").unwrap();
    let mut heard = scene.bot.cloud.subscribe();
    while said(&scene.bot.cloud).iter().filter(|(_, said)| said.contains("I have no cards to press")).count() < 2 {
        heard.recv().await.unwrap();
    }
    assert_eq!(scene.runs(), 0);
}

impl Scene {
    pub async fn asks_nothing(&self, says: &str) {
        self.person(ALICE).mentions_bot(&self.lab, "deploy api").unwrap();
        self.bot.settle().await;
        let (_, last) = said(&self.bot.cloud).pop().unwrap();
        assert!(last.contains(says), "{last}");
        assert!(approvals(self.bot.folder.path()).is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_that_nobody_can_approve_and_help_what_it_takes() {
    let scene = Scene::set(TWO).await;
    scene.person(ALICE).says("help deploy");
    scene.bot.settle().await;
    let (help, _) = said(&scene.bot.cloud).pop().unwrap();
    let needs = "It runs only in a space, once 2 others approve of it on a card, within 1h: alice@example.com, \
                 bob@example.com or person3@example.com.";
    assert!(help.markdown.as_deref().unwrap().ends_with(needs), "{help:?}");
    let folder = tempfile::tempdir().unwrap();
    let settings =
        "[delivery]\nmode = \"polling\"\n[[command]]\nname = \"report\"\napprove = { by = [\"*@example.com\"] }";
    std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
    let mut check = switchboard();
    let variables =
        [("WEBEX_BOT_TOKEN", scene.bot.cloud.bot().token), ("SWITCHBOARD_WEBEX__API_URL", scene.bot.cloud.api_url())];
    let (_, said) = finished(check.arg("check").current_dir(folder.path()).envs(variables));
    assert!(said.contains("nobody can approve what has to be approved: report"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_has_no_more_than_ten_waiting() {
    let scene = Scene::set(TWO).await;
    for nth in 0..11 {
        scene.person(ALICE).mentions_bot(&scene.lab, &format!("deploy service{nth}")).unwrap();
    }
    scene.bot.settle().await;
    let (_, last) = said(&scene.bot.cloud).pop().unwrap();
    assert!(last.starts_with("Too much of what you asked for waits for approval already."), "{last}");
    assert_eq!(approvals(scene.bot.folder.path()).len(), 10);
    // Somebody else still may, and so may she once one is out of the way.
    scene.presses(ALICE, &card(&scene.bot.cloud), "Withdraw").await;
    scene.asks("deploy again").await;
    assert_eq!(approvals(scene.bot.folder.path()).len(), 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_fails_for_good_ends_it_and_may_be_tried_again() {
    let fails = Arc::new(AtomicUsize::new(2));
    let left = Arc::clone(&fails);
    let flaky = Command::new("flaky", "Fails twice", move |_, _| {
        let fails = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        async move { if fails { Err(anyhow::anyhow!("a detail"))? } else { Ok(Reply::text("Done.")) } }
    });
    let flaky = flaky.approve([BOB, THIRD], 1, std::time::Duration::from_secs(900));
    let bot = Harness::with("[worker]\nmax_attempts = 2", Bot::builder().command(flaky)).await;
    let lab = bot.cloud.space("Lab", &[ALICE, BOB]);
    bot.cloud.person(ALICE).mentions_bot(&lab, "flaky").unwrap();
    bot.settle().await;
    let asking = card(&bot.cloud);
    press(&bot.cloud.person(BOB), &asking, "Approve", json!({}));
    bot.settle().await;
    let told: Vec<_> = said(&bot.cloud).into_iter().map(|(_, text)| text).collect();
    let reference = told[1].split("reference ").nth(1).unwrap().trim_end_matches('.').to_owned();
    assert!(told[0].contains("flaky was approved and failed") && told[0].contains(&reference), "{told:?}");
    assert_eq!((told.len(), approvals(bot.folder.path())[0]["state"].clone()), (2, json!("failed")));
    verb(bot.folder.path(), &["inbox", "retry", &reference]);
    until_said(&bot.cloud, "Done.").await;
    bot.settle().await;
    assert_eq!(approvals(bot.folder.path())[0]["state"], "approved");
    assert!(
        audit(bot.folder.path())
            .iter()
            .any(|row| row == "daemon alice flaky failed: approved by as many others as it takes for REFERENCE")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_will_not_do_is_told_and_that_ends_it() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    let asking = scene.asks("deploy nothing").await;
    scene.presses(BOB, &asking, "Approve").await;
    let said = scene.said_since(&asking).await;
    assert!(said.len() == 2 && said[1] == "There is nothing to deploy." && !scene.is_there(&asking), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_card_goes_only_when_its_outcome_stands_and_then_surely() {
    let scene = Scene::set(&TWO.replace("quorum = 2", "quorum = 1")).await;
    let asking = scene.asks("deploy api").await;
    scene.bot.cloud.fault(Fault::on(Method::DELETE, "/messages*").answer(503, &[], "").times(5));
    scene.presses(BOB, &asking, "Deny").await;
    assert!(!scene.is_there(&asking) && scene.said_since(&asking).await.len() == 1);
    // Webex takes no outcome: then the card stays, and tells whoever presses it.
    let asking = scene.asks("deploy web").await;
    scene.bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], ""));
    scene.presses(BOB, &asking, "Deny").await;
    assert!(scene.is_there(&asking));
    scene.presses(THIRD, &asking, "Approve").await;
    let said = scene.said_since(&asking).await;
    assert!(said.len() == 1 && said[0].starts_with("That is decided already. Denied by bob@example.com"), "{said:?}");
    assert_eq!(scene.runs(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_around_the_deciding_click_everything_still_happens() {
    let settings = "[[command]]\nname = \"status\"\napprove = { by = [\"bob@example.com\"] }";
    // The first message that is posted after the click is the outcome.
    for (method, path) in [
        (Method::GET, "/attachment/actions/*"),
        (Method::GET, "/memberships"),
        (Method::POST, "/messages"),
        (Method::DELETE, "/messages*"),
    ] {
        let (cloud, folder, port) =
            (Cloud::start(Options::default()).await.unwrap(), tempfile::tempdir().unwrap(), free_port());
        std::fs::write(folder.path().join("bot.toml"), settings).unwrap();
        let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
        ready(&daemon).await;
        let lab = cloud.space("Lab", &[ALICE, BOB]);
        cloud.person(ALICE).mentions_bot(&lab, "status").unwrap();
        until_said(&cloud, "status has to be approved").await;
        let asking = card(&cloud);
        cloud.fault(Fault::on(method.clone(), path).stall());
        press(&cloud.person(BOB), &asking, "Approve", json!({}));
        tokio::time::timeout(PATIENCE, cloud.call_stalled()).await.expect("the call is held");
        daemon.kill();
        // What is held stays so: a cloud that carried it out now would have been told twice.
        cloud.clear_faults();
        let daemon = Daemon::start(&cloud, folder.path(), port, &[]);
        ready(&daemon).await;
        until_said(&cloud, "status was approved").await;
        until_said(&cloud, "version").await;
        let gone = async || cloud.messages().iter().all(|message| message.id != asking.id);
        assert!(eventually(gone).await, "the card goes");
        let told = said(&cloud);
        let count = |text: &str| told.iter().filter(|(_, said)| said.contains(text)).count();
        assert_eq!((count("status was approved"), count("version")), (1, 1), "{method} {path}: {}", cloud.transcript());
        assert_eq!(approvals(folder.path())[0]["state"], "approved");
        audit(folder.path());
    }
}
