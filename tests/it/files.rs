//! Files: those that people attach, and those that replies carry.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;
use rusqlite::Connection;
use switchboard::simulator::{Call, Cloud, Fault, Options, Scan, ScanVerdict};
use switchboard::{Args, Bot, Command, CommandError, Config, Context, Param, Reply, Result};

use crate::harness::{Daemon, Harness, PATIENCE, arrived, free_port, http};

/// Every byte there is, and enough of them for many chunks.
fn bytes() -> Vec<u8> {
    (0..=u8::MAX).cycle().take(300_000).collect()
}

/// Does with what is attached as it is told, and says what it found.
fn look() -> Command {
    async fn run(context: Context, mut args: Args) -> Result<Reply> {
        let how = args.required("way")?;
        let files = context.files();
        let Some(first) = files.first().cloned() else { return Ok(Reply::text("nothing attached")) };
        let file = match how.as_str() {
            "not" => return Ok(Reply::text(format!("{} attached", files.len()))),
            "info" => {
                let info = first.info().await?;
                return Ok(Reply::text(format!("{} is {} of {:?} bytes", info.name, info.content_type, info.size)));
            }
            "save" => {
                let folder = tempfile::tempdir()?;
                let place = folder.path().join("saved");
                let info = first.save_to(&place).await?;
                assert_eq!(tokio::fs::read(&place).await?, bytes());
                let names = std::fs::read_dir(folder.path())?.count();
                return Ok(Reply::text(format!("saved {} of {:?} bytes; {names} file", info.name, info.size)));
            }
            "little" => first.at_most(9).download().await?,
            "risky" => first.even_if_unscannable().download().await?,
            _ => first.download().await?,
        };
        Ok(Reply::text(format!("{} is {} and reads {}", file.name, file.content_type, file.bytes.escape_ascii())))
    }
    Command::new("look", "Looks at what is attached", run).param(Param::text("way"))
}

/// Answers with files.
fn give() -> Command {
    async fn run(context: Context, mut args: Args) -> Result<Reply> {
        let reply = match args.required("what")?.as_str() {
            "bytes" => Reply::file("all bytes.bin", "application/x-test", bytes()),
            "two" => Reply::markdown("**two** of them").with_file("a.txt", "text/plain", "first").with_file(
                "b.txt",
                "text/plain",
                "second",
            ),
            "path" => {
                let folder = tempfile::tempdir()?;
                let place = folder.path().join("figures.csv");
                tokio::fs::write(&place, bytes()).await?;
                Reply::text("as you wish").with_path(&place).await?
            }
            "missing" => Reply::default().with_path("there/is/none.txt").await?,
            "odd" => Reply::file("../../.odd\nname.txt", "no type at all", "odd"),
            other => return Err(CommandError::Usage(format!("no {other} here"))),
        };
        assert!(context.files().is_empty());
        Ok(reply)
    }
    Command::new("give", "Sends files", run).param(Param::text("what"))
}

async fn bot(settings: &str) -> Harness {
    Harness::with(settings, Bot::builder().command(look()).command(give())).await
}

fn calls(cloud: &Cloud, method: Method, path: &str) -> Vec<Call> {
    let calls = cloud.calls().into_iter();
    calls.filter(|call| call.method == method && call.path.starts_with(path)).collect()
}

/// What was said, and the name, type and bytes of each file.
type Posted = (Option<String>, Vec<(String, String, Vec<u8>)>);

/// What the bot posted.
fn posted(cloud: &Cloud) -> Vec<Posted> {
    let bot = cloud.bot().id;
    let said = cloud.messages().into_iter().filter(|message| message.person_id == bot);
    said.map(|message| {
        let files = message.files.iter().map(|file| cloud.content(file).unwrap());
        let files = files.map(|file| (file.name, file.content_type, file.bytes.to_vec()));
        (message.markdown.or(message.text), files.collect())
    })
    .collect()
}

/// How many files the ledger holds.
fn kept(folder: &Path) -> i64 {
    let ledger = Connection::open(folder.join("ledger.db")).unwrap();
    ledger.query_row("SELECT count(*) FROM file", (), |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn the_name_type_and_size_reach_a_handler_and_nothing_is_fetched_unasked() {
    let bot = bot("").await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says_with_file("look not", "a.txt", "text/plain", b"hello").unwrap();
    bot.settle().await;
    assert!(calls(&bot.cloud, Method::HEAD, "/contents/").is_empty());
    alice.says_with_file("look info", "Übersicht (2).csv", "text/csv", b"a,b").unwrap();
    bot.settle().await;
    assert!(calls(&bot.cloud, Method::GET, "/contents/").is_empty(), "asked what it is, and no more");
    alice.says_with_file("look whole", "../../.ssh/keys", "text/plain", b"hello").unwrap();
    alice.says("look info");
    insta::assert_snapshot!(bot.transcript().await, @"
    alice: look not [file a.txt]
    bot: 1 attached
    alice: look info [file Übersicht (2).csv]
    bot: Übersicht (2).csv is text/csv of Some(3) bytes
    alice: look whole [file ../../.ssh/keys]
    alice: look info
    bot: keys is text/plain and reads hello
    bot: nothing attached
    ");
    assert_eq!(calls(&bot.cloud, Method::GET, "/contents/").len(), 1);
}

#[tokio::test]
async fn a_file_is_saved_to_a_disk_whole() {
    let bot = bot("").await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says_with_file("look save", "big.bin", "application/x-test", &bytes()).unwrap();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: saved big.bin of Some(300000) bytes; 1 file\n"), "{transcript}");
}

#[tokio::test]
async fn a_scan_is_waited_for_as_webex_asks() {
    let bot = bot("").await;
    bot.cloud.scan_files(Scan { locked_reads: 1, verdict: ScanVerdict::Clean });
    // A pause of no seconds is none to keep.
    bot.cloud.fault(Fault::on(Method::GET, "/contents/").answer(423, &[("retry-after", "0")], ""));
    let asked = Instant::now();
    bot.cloud.person("alice@example.com").says_with_file("look whole", "a.txt", "text/plain", b"hello").unwrap();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: a.txt is text/plain and reads hello"), "{transcript}");
    assert!(asked.elapsed() >= Duration::from_secs(2), "both pauses were kept");
    assert_eq!(calls(&bot.cloud, Method::GET, "/contents/").len(), 3);
}

#[tokio::test]
async fn a_scan_that_takes_too_long_is_told_and_asked_no_more() {
    let bot = bot("[files]\nscan_wait = \"1500ms\"").await;
    bot.cloud.scan_files(Scan { locked_reads: 100, verdict: ScanVerdict::Clean });
    let alice = bot.cloud.person("alice@example.com");
    alice.says_with_file("look info", "a.txt", "text/plain", b"hello").unwrap();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: Webex is still scanning the file for malware."), "{transcript}");
    assert_eq!(calls(&bot.cloud, Method::HEAD, "/contents/").len(), 2, "a pause that ends too late is not begun");
    // Nonsense is a pause of seconds, not of none.
    bot.cloud.fault(Fault::on(Method::GET, "/contents/").answer(423, &[("retry-after", "-1")], ""));
    alice.says_with_file("look whole", "a.txt", "text/plain", b"hello").unwrap();
    assert_eq!(bot.transcript().await.matches("bot: Webex is still scanning").count(), 2);
    assert_eq!(calls(&bot.cloud, Method::GET, "/contents/").len(), 1);
}

#[tokio::test]
async fn a_scan_is_not_waited_for_beyond_the_deadline_of_the_command() {
    let bot = bot("[files]\nscan_wait = \"1h\"\n[worker]\ndeadline = \"3s\"\nmax_attempts = 1").await;
    bot.cloud.scan_files(Scan { locked_reads: 100, verdict: ScanVerdict::Clean });
    bot.cloud.person("alice@example.com").says_with_file("look info", "a.txt", "text/plain", b"hello").unwrap();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: Webex is still scanning the file for malware."), "{transcript}");
}

#[tokio::test]
async fn infected_unscannable_gone_and_too_large_are_told_apart_and_not_tried_again() {
    let bot = bot("[files]\nlargest = 1000").await;
    let alice = bot.cloud.person("alice@example.com");
    let says = |text: &str, verdict| {
        bot.cloud.scan_files(Scan { locked_reads: 0, verdict });
        alice.says_with_file(text, "a.txt", "text/plain", b"0123456789").unwrap();
    };
    says("look whole", ScanVerdict::Infected);
    says("look info", ScanVerdict::Infected);
    says("look whole", ScanVerdict::Unscannable);
    says("look risky", ScanVerdict::Unscannable);
    says("look risky", ScanVerdict::Infected);
    bot.settle().await;
    bot.cloud.fault(Fault::on(Method::GET, "/contents/").answer(404, &[], ""));
    says("look whole", ScanVerdict::Clean);
    says("look little", ScanVerdict::Clean);
    alice.says_with_file("look whole", "big", "text/plain", &[b'x'; 1001]).unwrap();
    insta::assert_snapshot!(bot.transcript().await, @"
    alice: look whole [file a.txt]
    alice: look info [file a.txt]
    alice: look whole [file a.txt]
    alice: look risky [file a.txt]
    alice: look risky [file a.txt]
    bot: Webex found malware in the file, so I cannot have it.
    bot: Webex found malware in the file, so I cannot have it.
    bot: Webex cannot scan the file for malware, as when it is encrypted, so I do not open it.
    bot: a.txt is text/plain and reads 0123456789
    bot: Webex found malware in the file, so I cannot have it.
    alice: look whole [file a.txt]
    alice: look little [file a.txt]
    alice: look whole [file big]
    bot: The file is not there any more, or I may not read it.
    bot: The file is too large: I take 9 bytes at most.
    bot: The file is too large: I take 1000 bytes at most.
    ");
    assert_eq!(calls(&bot.cloud, Method::GET, "/contents/").len(), 7, "each was asked for once");
    let allowed = calls(&bot.cloud, Method::GET, "/contents/").into_iter().filter_map(|call| call.query);
    assert_eq!(allowed.collect::<Vec<_>>(), ["allow=unscannable"; 2], "only with consent");
}

#[tokio::test]
async fn a_webex_that_fails_on_a_file_is_tried_again_like_any_other_failure() {
    let bot = bot("[webex]\nretries = 0").await;
    bot.cloud.fault(Fault::on(Method::GET, "/contents/").times(2).answer(503, &[], ""));
    bot.cloud.person("alice@example.com").says_with_file("look whole", "a.txt", "text/plain", b"hello").unwrap();
    let transcript = bot.transcript().await;
    assert_eq!(transcript.matches("bot: a.txt is text/plain and reads hello").count(), 1, "{transcript}");
    assert_eq!(transcript.matches("bot:").count(), 1, "{transcript}");
}

#[tokio::test]
async fn the_token_goes_to_no_other_place_than_webex() {
    let bot = bot("").await;
    let elsewhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let foreign = format!("http://{}/v1/contents/abc", elsewhere.local_addr().unwrap());
    let alice = bot.cloud.person("alice@example.com");
    bot.cloud.hold_deliveries();
    alice.says_with_file("look whole", "a.txt", "text/plain", b"hello").unwrap();
    let mut message = serde_json::to_value(bot.cloud.messages().pop().unwrap()).unwrap();
    message["files"] = serde_json::json!([&foreign]);
    let list = serde_json::json!({"items": [message]});
    bot.cloud.fault(Fault::on(Method::GET, "/messages").answer(200, &[], &list.to_string()));
    bot.cloud.resume_deliveries();
    bot.settle().await;
    // Nor does it follow Webex's own pointing there.
    bot.cloud.fault(Fault::on(Method::GET, "/contents/").times(2).answer(302, &[("location", &foreign)], ""));
    alice.says_with_file("look whole", "a.txt", "text/plain", b"hello").unwrap();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: The file is not kept at Webex, so I do not fetch it."), "{transcript}");
    assert_eq!(transcript.matches("bot:").count(), 2, "Webex does not redirect, so that is waited out: {transcript}");
    assert!(!transcript.contains("failed"), "{transcript}");
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody called there");
}

#[tokio::test]
async fn replies_carry_files_byte_for_byte_in_order_one_a_message() {
    let bot = bot("").await;
    let alice = bot.cloud.person("alice@example.com");
    for what in ["bytes", "two", "path", "odd"] {
        alice.says(&format!("give {what}"));
    }
    bot.settle().await;
    let file = |name: &str, kind: &str, bytes: &[u8]| vec![(name.to_owned(), kind.to_owned(), bytes.to_owned())];
    let expected = [
        (None, file("all bytes.bin", "application/x-test", &bytes())),
        (Some("**two** of them".to_owned()), file("a.txt", "text/plain", b"first")),
        (None, file("b.txt", "text/plain", b"second")),
        (Some("as you wish".to_owned()), file("figures.csv", "text/csv", &bytes())),
        (None, file("oddname.txt", "application/octet-stream", b"odd")),
    ];
    assert!(posted(&bot.cloud) == expected, "{}", bot.cloud.transcript());
    assert_eq!(kept(bot.folder.path()), 0, "what was sent is not kept");
}

#[tokio::test]
async fn a_local_file_that_is_not_there_is_the_handlers_failure() {
    let bot = bot("[worker]\nmax_attempts = 2").await;
    bot.cloud.person("alice@example.com").says("give missing");
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: That failed, reference"), "{transcript}");
    let (_cloud, folder) = bot.stop().await;
    let list = crate::cli::verb(folder.path(), &["inbox", "list", "--json"]);
    assert!(list.contains("there/is/none.txt: No such file"), "{list}");
}

#[tokio::test]
async fn a_file_beyond_the_limits_is_declined_with_a_sentence() {
    let bot = bot("[files]\nlargest = 299999\nwaiting = 299999").await;
    let alice = bot.cloud.person("alice@example.com");
    alice.says("give bytes");
    let transcript = bot.transcript().await;
    let told = "bot: The file all bytes.bin has 300000 bytes, and I may send 299999 at most.";
    assert!(transcript.contains(told), "{transcript}");
    let (cloud, folder) = bot.stop().await;
    let settings = "[files]\nlargest = 300000\nwaiting = 300001";
    let bot = Harness::on(cloud, folder, settings, Bot::builder().command(give())).await;
    bot.ready().await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").stall());
    alice.says("give bytes");
    arrived(&bot.cloud, Method::POST, "/messages", 2).await;
    bot.cloud.person("bob@example.com").says("give two");
    arrived(&bot.cloud, Method::POST, "/messages", 3).await;
    bot.cloud.release();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("Too many files wait to be sent. Please try again later."), "{transcript}");
    assert!(transcript.contains("[file all bytes.bin]"), "{transcript}");
}

#[tokio::test]
async fn an_upload_fails_and_waits_as_text_does() {
    let bot = bot("[worker]\nmax_attempts = 2").await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").times(3).answer(503, &[], ""));
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(429, &[("retry-after", "1")], ""));
    bot.cloud.person("alice@example.com").says("give bytes");
    bot.settle().await;
    assert_eq!(calls(&bot.cloud, Method::POST, "/messages").len(), 5);
    let files: Vec<_> = posted(&bot.cloud).into_iter().flat_map(|(_, files)| files).collect();
    assert!(files.len() == 1 && files[0].2 == bytes());
}

#[tokio::test]
async fn an_uncertain_upload_in_a_direct_space_is_looked_up_by_its_file() {
    let bot = bot("").await;
    let alice = bot.cloud.person("alice@example.com");
    let direct = alice.direct_room();
    // Another program with the same token posts files as well: of another name, and of another size.
    for (name, bytes) in [("other.bin", bytes()), ("all bytes.bin", b"less".to_vec())] {
        let part = reqwest::multipart::Part::bytes(bytes).file_name(name);
        let form = reqwest::multipart::Form::new().text("roomId", direct.clone()).part("files", part);
        let request = http().post(format!("{}/messages", bot.cloud.api_url())).multipart(form);
        assert_eq!(request.bearer_auth(bot.cloud.bot().token).send().await.unwrap().status(), 200);
    }
    bot.cloud.fault(Fault::on(Method::POST, "/messages").reset());
    alice.says("give bytes");
    bot.settle().await;
    assert_eq!(posted(&bot.cloud).len(), 3, "neither was taken for it");
    for (locked_reads, what) in [(0, "bytes"), (1, "bytes"), (1, "two")] {
        // What is still being scanned shows no name; then it has to do that there is a file.
        bot.cloud.scan_files(Scan { locked_reads, verdict: ScanVerdict::Clean });
        bot.cloud.fault(Fault::on(Method::POST, "/messages").apply_then_reset());
        alice.says(&format!("give {what}"));
        bot.settle().await;
    }
    bot.cloud.scan_files(Scan { locked_reads: 0, verdict: ScanVerdict::Infected });
    bot.cloud.fault(Fault::on(Method::POST, "/messages").apply_then_reset());
    alice.says("give odd");
    bot.settle().await;
    assert_eq!(posted(&bot.cloud).len(), 8, "{}", bot.cloud.transcript());
    assert_eq!(calls(&bot.cloud, Method::POST, "/messages").len(), 2 + 2 + 1 + 1 + 2 + 1, "found, not posted again");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 0.0);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_file_shows_what_it_is_and_can_be_sent_after_all() {
    let bot = bot("").await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").answer(403, &[], ""));
    bot.cloud.person("alice@example.com").says("give two");
    bot.settle().await;
    assert_eq!(kept(bot.folder.path()), 1, "the one that was sent is dropped");
    let verb = |args: &[&str]| crate::cli::verb(bot.folder.path(), args);
    let list: serde_json::Value = serde_json::from_str(&verb(&["outbox", "list", "--json"])).unwrap();
    let id = list[0]["id"].as_str().unwrap().to_owned();
    let shown = verb(&["outbox", "show", &id]);
    assert!(shown.contains("file      a.txt (text/plain, 5 bytes)"), "{shown}");
    let body = shown.split("\nbody\n").nth(1).expect("the body is shown");
    assert!(!body.contains("first"), "{shown}");
    verb(&["outbox", "retry", &id]);
    bot.settle().await;
    assert!(posted(&bot.cloud).iter().any(|(_, files)| files[0].2 == b"first"));
    assert_eq!(kept(bot.folder.path()), 0);
}

/// Not a test: the bot of the next one, in a process of its own that can be killed.
#[tokio::test]
#[ignore = "started by the test that kills it"]
async fn a_bot_that_is_killed() {
    if std::env::var_os("SWITCHBOARD_STORE__URL").is_none() {
        return;
    }
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let config = Config::load(None).unwrap();
    let listener = tokio::net::TcpListener::bind(config.server.listen).await.unwrap();
    let app = Bot::builder().command(give()).build_on(listener, config).await.unwrap();
    app.run_until(std::future::pending()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_the_handler_and_the_send_the_bytes_are_sent_after_the_restart() {
    let cloud = Cloud::start(Options::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let start = || {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        command.args(["--ignored", "--exact", "files::a_bot_that_is_killed"]);
        Daemon::of(command, &cloud, folder.path(), port)
    };
    let daemon = start();
    crate::restart::ready(&daemon).await;
    cloud.fault(Fault::on(Method::POST, "/messages").stall());
    cloud.person("alice@example.com").says("give path");
    arrived(&cloud, Method::POST, "/messages", 1).await;
    daemon.kill();
    assert!(posted(&cloud).is_empty());
    cloud.clear_faults();
    let mut heard = cloud.subscribe();
    let _daemon = start();
    let sent = async { while heard.recv().await.unwrap().person_id != cloud.bot().id {} };
    tokio::time::timeout(PATIENCE, sent).await.expect("the bot replies");
    cloud.release();
    let posted = posted(&cloud);
    assert_eq!(posted.len(), 1);
    assert!(posted[0].0.as_deref() == Some("as you wish") && posted[0].1[0].2 == bytes());
}

#[tokio::test]
async fn a_429_on_a_file_is_waited_for_and_spends_no_attempt() {
    let bot = bot("[worker]\nmax_attempts = 1\n[files]\nscan_wait = \"1ms\"\n[webex]\nretries = 0").await;
    bot.cloud.fault(Fault::on(Method::GET, "/contents/").answer(429, &[("retry-after", "1")], ""));
    bot.cloud.person("alice@example.com").says_with_file("look whole", "a.txt", "text/plain", b"hello").unwrap();
    let transcript = bot.transcript().await;
    assert!(transcript.contains("bot: a.txt is text/plain and reads hello"), "{transcript}");
    assert_eq!(transcript.matches("bot:").count(), 1, "{transcript}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_never_ends_is_given_up_while_webex_answers_others() {
    let bot = bot("[worker]\nmax_attempts = 2\n[webex]\nretries = 0\ntimeout = \"200ms\"").await;
    bot.cloud.fault(Fault::on(Method::POST, "/messages").times(2).stall());
    bot.cloud.person("alice@example.com").says("give bytes");
    bot.cloud.person("alice@example.com").says("help help");
    let transcript = bot.transcript().await;
    assert!(transcript.contains("**help**"), "the space goes on: {transcript}");
    assert_eq!(bot.metric("switchboard_dead_letters").await, 1.0);
    bot.cloud.release();
}
