//! `switchboard simulate`: the identical daemon against a Webex cloud inside this program, with a page to chat on and a
//! chat in the terminal.

use std::io::{ErrorKind, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use futures_util::{FutureExt, TryFutureExt};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};

use super::explain;
use super::output::{complain, print};
use super::run::stop_signal;
use crate::app::{App, Handle, Parts, binding_hint};
use crate::config::Config;
use crate::program::Program;
use crate::simulator::{self, Cloud, Explanation, Message, Person, RoomInfo, RoomType};
use crate::telemetry;

const SPACE: &str = "Lab";
const ALICE: &str = "alice@example.com";
const PEOPLE: [&str; 2] = [ALICE, "bob@example.com"];
/// Where Alice and Bob are: whoever else is may speak too.
const HOME: &str = "example.com";
/// The page says why the bot is not there if it takes longer.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// On no list, so that pairing can be tried.
const EVE: &str = "eve@example.org";

#[derive(Args, Debug)]
pub(super) struct SimulateOptions {
    /// Print JSON: first one object with the cloud's address, tokens, people and rooms, then an object a message
    #[arg(long)]
    json: bool,
    /// Somebody who is there besides Alice, Bob and Eve, and may speak to the bot; may be repeated
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    person: Vec<String>,
    /// Run the cloud alone, until SIGTERM or SIGINT, for a bot that is started apart
    #[arg(long)]
    no_bot: bool,
    /// Where the cloud and its page listen; without it on a free port of this machine
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where clients reach it, such as http://simulator:4000, if that is not the address it listens at
    #[arg(long, value_name = "URL", value_parser = web_address)]
    public_url: Option<String>,
    /// Open the page in the browser, and go on when the input ends
    #[arg(long)]
    open: bool,
    /// Go on when the input ends, until SIGTERM or SIGINT
    #[arg(long)]
    stay: bool,
    /// A file in which people, spaces and messages outlive the simulator; it is written a second after a change, so a
    /// kill loses that second, and the end by a signal or the end of the input loses nothing
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Where chance begins: the same seed gives the same ids, the same luck to the same acts and the same tokens;
    /// without it nobody can guess a token
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Let a message name a file at an address of this machine or of a private network, for tests that serve the file
    /// themselves; without it such an address is refused, since whoever can post here could have any page read out to
    /// them that this machine can reach
    #[arg(long)]
    fetch_private: bool,
}

fn email(text: &str) -> Result<String, String> {
    match text.split_once('@') {
        Some((name, domain)) if !name.is_empty() && !domain.is_empty() => Ok(text.to_owned()),
        _ => Err("not an email address".to_owned()),
    }
}

fn web_address(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none() => {
            Ok(text.to_owned())
        }
        Ok(_) => Err("an http or https address without a path".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(super) async fn run(options: SimulateOptions, config: Option<&Path>, parts: Parts) -> anyhow::Result<ExitCode> {
    let stopped = stop_signal()?;
    let cloud = started(&options, &parts.program).await?;
    let (alice, space) = peopled(&cloud, &options.person);
    if options.no_bot {
        introduce(&cloud, &options, config)?;
        stopped.await;
        cloud.stop().await;
        return Ok(ExitCode::SUCCESS);
    }

    let listener = TcpListener::bind(LOOPBACK).await?;
    let folder = tempfile::tempdir().context("cannot make a folder for the ledger")?;
    let variables = cloud.environment(listener.local_addr()?);
    let settings = settings(variables, folder.path(), config, &options.person, &parts)?;
    telemetry::start_log(&settings.log, parts.program)?;
    let app = App::build_on(listener, settings, parts).await?;
    let handle = app.handle();
    explain_on(&cloud, &handle);
    let mending = tokio::spawn(forget_what_is_mended(cloud.clone(), handle.clone()));
    let (stop, stopping) = oneshot::channel();
    let mut daemon = tokio::spawn(app.run_until(async { drop(stopping.await) }));
    let introduced = async {
        // What is said before the bot is there is not answered, so nobody is told where to speak before that.
        let _ = tokio::time::timeout(READY_WITHIN, handle.ready()).await;
        introduce(&cloud, &options, config)
    };
    let chat = Chat::new(&cloud, &handle, alice, space, &options);
    let ended = tokio::select! {
        result = introduced.and_then(|()| chat.run()) => result.map(|()| false)?,
        () = stopped => false,
        // By itself, which is a failure, and says why.
        ended = &mut daemon => ended?.map(|()| true)?,
    };
    mending.abort();
    if !ended {
        let _ = stop.send(());
        daemon.await??;
    }
    cloud.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// The cloud as the options want it.
async fn started(options: &SimulateOptions, program: &Program) -> anyhow::Result<Cloud> {
    let (bot_name, bot_email) = program.in_simulation();
    let listen = options.listen.unwrap_or(LOOPBACK);
    let cloud = Cloud::start(simulator::Options {
        listen,
        public_url: options.public_url.clone(),
        seed: options.seed,
        fetch_private: options.fetch_private,
        state: options.state.clone(),
        bot_name,
        bot_email,
        ..simulator::Options::default()
    });
    cloud.await.map_err(|error| match (&options.state, error.kind()) {
        (Some(path), ErrorKind::InvalidData | ErrorKind::PermissionDenied | ErrorKind::IsADirectory) => {
            anyhow::anyhow!("--state {}: {error}", path.display())
        }
        _ => anyhow::anyhow!("--listen: cannot listen on {listen}; {} ({error})", binding_hint(listen, &error, &[])),
    })
}

/// Alice, and the space in which everybody but the stranger is.
fn peopled(cloud: &Cloud, others: &[String]) -> (Person, String) {
    let alice = cloud.person(PEOPLE[0]).administers();
    for email in PEOPLE.into_iter().chain(others.iter().map(String::as_str)).chain([EVE]) {
        cloud.person(email);
    }
    // A kept state may have it already.
    let space = cloud.rooms().into_iter().find(|room| room.title == SPACE && room.kind == RoomType::Group);
    let space = space.map_or_else(|| cloud.space(SPACE, &PEOPLE), |room| room.id);
    (alice, space)
}

/// Says what there is, and opens the page.
fn introduce(cloud: &Cloud, options: &SimulateOptions, config: Option<&Path>) -> anyhow::Result<()> {
    if options.open
        && let Err(error) = open::that_detached(cloud.page_url())
    {
        complain(&format!("cannot open a browser: {error}; open {} yourself", cloud.page_url()));
    }
    if options.json {
        let all = json!({
            "page_url": cloud.page_url(), "api_url": cloud.api_url(),
            "bot": cloud.bot(), "people": cloud.people(), "rooms": cloud.rooms(),
        });
        return Ok(print(&all.to_string())?);
    }
    print(&format!("Chat in the browser: {}", cloud.page_url()))?;
    if options.no_bot {
        print(&format!("A Webex cloud: {}\nbot token: {}", cloud.api_url(), cloud.bot().token))?;
        for person in cloud.people() {
            print(&format!("token of {}: {}", person.email, person.token))?;
        }
        return Ok(());
    }
    if std::io::stdin().is_terminal() {
        print(&format!(
            "Or here, where you are Alice: type help to talk to the bot alone, or @bot help to talk to it in the space \
             {SPACE}. {} ends.",
            if options.stay || options.open { "Ctrl-C" } else { "Ctrl-D" }
        ))?;
    }
    Ok(print(&who_may_speak(options, config))?)
}

fn who_may_speak(options: &SimulateOptions, config: Option<&Path>) -> String {
    if let Some(file) = config {
        return format!("Who may speak is as access in {} says.", file.display());
    }
    let named = if options.person.is_empty() { "" } else { " or named with --person" };
    let stranger = match options.person.iter().any(|email| email.eq_ignore_ascii_case(EVE)) {
        true => String::new(),
        false => format!(
            " Eve <{EVE}> is a stranger: her first message to the bot gets her a code, and Alice a card to let her in."
        ),
    };
    format!(
        "Whoever is at {HOME}{named} may speak to the bot, and in a space whoever mentions it; Alice is the \
         admin.{stranger}"
    )
}

/// Has the page show what the bot's ledger has on an event.
fn explain_on(cloud: &Cloud, handle: &Handle) {
    let store = handle.store().clone();
    cloud.explained_by(move |id| {
        let store = store.clone();
        async move {
            // Whatever the ledger cannot say now it says when asked again.
            let story = explain::stories(&store, &id).await.ok()?.into_iter().next()?;
            Some(Explanation {
                event_id: story.event,
                reference: story.reference,
                state: story.state.to_owned(),
                attempts: story.attempts,
                lines: story.lines,
                replies: story.replies,
            })
        }
        .boxed()
    });
}

/// What a fault asked the bot for is over when the faults are: the next one is tried on a bot that knows of none.
async fn forget_what_is_mended(cloud: Cloud, handle: Handle) {
    let mut mended = cloud.mended();
    while mended.changed().await.is_ok() {
        if let Err(error) = handle.forget_limits().await {
            tracing::warn!(%error, "what waits for a pause to end still waits");
        }
    }
}

/// The daemon's own settings, but for where Webex is, who may speak and where things are kept. A settings file that is
/// named keeps its say on who may speak.
fn settings(
    mut variables: Vec<(String, String)>,
    folder: &Path,
    file: Option<&Path>,
    named: &[String],
    parts: &Parts,
) -> anyhow::Result<Config> {
    let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
    set("SWITCHBOARD_STORE__URL", format!("sqlite:{}", folder.join("switchboard.db").display()));
    // Its ledger is a new one each time, and a kept cloud may have the mark of the last one.
    set("SWITCHBOARD_INSTANCE__ALONE", "false".to_owned());
    if file.is_none() {
        let known = [format!("*@{HOME}")].into_iter().chain(named.iter().cloned()).collect::<Vec<_>>();
        set("SWITCHBOARD_ACCESS__DM_POLICY", "pairing".to_owned());
        set("SWITCHBOARD_ACCESS__ALLOW_FROM", json!(known).to_string());
        set("SWITCHBOARD_ACCESS__GROUP_POLICY", "mention".to_owned());
        set("SWITCHBOARD_ACCESS__ADMINS", ALICE.to_owned());
        set("SWITCHBOARD_ACCESS__ON_DENY", "spoken".to_owned());
        set("SWITCHBOARD_LOG__LEVEL", "warn".to_owned());
        set("SWITCHBOARD_COMMANDS__ECHO", "true".to_owned());
    }
    Ok(parts.look_under(file, variables)?.sound()?)
}

struct Chat {
    cloud: Cloud,
    handle: Handle,
    alice: Person,
    bot: String,
    space: String,
    heard: broadcast::Receiver<Message>,
    json: bool,
    stay: bool,
}

impl Chat {
    fn new(cloud: &Cloud, handle: &Handle, alice: Person, space: String, options: &SimulateOptions) -> Chat {
        Chat {
            heard: cloud.subscribe(),
            bot: cloud.bot().id,
            cloud: cloud.clone(),
            handle: handle.clone(),
            alice,
            space,
            json: options.json,
            stay: options.stay || options.open,
        }
    }

    /// Until the input ends, or for ever if it is to stay. Each line is answered before the next one is said, so what
    /// is piped in reads as a talk.
    async fn run(mut self) -> anyhow::Result<()> {
        self.handle.ready().await;
        // Lines, and not text: what is no UTF-8 is somebody's typing error, and no reason to end.
        let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
        let mut is_open = true;
        loop {
            tokio::select! {
                line = lines.next_segment(), if is_open => match line? {
                    Some(line) => self.say(String::from_utf8_lossy(&line).trim()).await?,
                    None if self.stay => is_open = false,
                    None => return Ok(()),
                },
                message = self.heard.recv() => self.show(message)?,
            }
        }
    }

    async fn say(&mut self, line: &str) -> anyhow::Result<()> {
        if line.is_empty() {
            return Ok(());
        }
        let (first, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let name = format!("@{}", self.cloud.bot().display_name);
        match Some(text).filter(|_| ["@bot", &name].iter().any(|bot| first.eq_ignore_ascii_case(bot))) {
            Some(text) => {
                self.alice.mentions_bot(&self.space, text.trim()).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
            }
            None => {
                self.alice.says(line);
            }
        }
        let (cloud, handle) = (self.cloud.clone(), self.handle.clone());
        let mut settled = std::pin::pin!(async move {
            cloud.delivered().await;
            handle.settled().await
        });
        loop {
            tokio::select! {
                biased;
                message = self.heard.recv() => self.show(message)?,
                result = &mut settled => return result,
            }
        }
    }

    fn show(&self, message: Result<Message, RecvError>) -> anyhow::Result<()> {
        // Whoever is too slow misses something on the screen, not in the cloud.
        let Ok(message) = message else { return Ok(()) };
        if self.json {
            return Ok(print(&serde_json::to_string(&message)?)?);
        }
        let is_bot = message.person_id == self.bot;
        let who = if is_bot { "bot" } else { message.person_email.split('@').next().unwrap_or_default() };
        // What Alice types stands on the terminal already.
        if message.person_id == self.alice.account().id && std::io::stdin().is_terminal() {
            return Ok(());
        }
        let text = message.said();
        let separator = if text.contains('\n') { "\n" } else { " " };
        let place = match message.room_type {
            RoomType::Direct => String::new(),
            RoomType::Group => format!(" in {}", self.title(&message)),
        };
        Ok(print(&format!("{who}{place}:{separator}{text}"))?)
    }

    fn title(&self, message: &Message) -> String {
        let room: Option<RoomInfo> = self.cloud.rooms().into_iter().find(|room| room.id == message.room_id);
        room.map(|room| room.title).unwrap_or_default()
    }
}
