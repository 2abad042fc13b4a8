//! `switchboard simulate`: runs the identical daemon against a Webex cloud inside this program, with a chat page and a
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

const SPACE_TITLE: &str = "Lab";
const ALICE: &str = "alice@example.com";
const PEOPLE: [&str; 2] = [ALICE, "bob@example.com"];
/// The mail domain of Alice and Bob. Everybody in it may speak to the bot.
const HOME_DOMAIN: &str = "example.com";
/// How long the introduction waits for the bot. If it takes longer, the page says why the bot is not ready.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// A person on no list, so that pairing can be tried.
const EVE: &str = "eve@example.org";

#[derive(Args, Debug)]
pub(super) struct SimulateOptions {
    /// Print JSON: first an object with the cloud's address, tokens, people and rooms, then one object for each message
    #[arg(long)]
    json: bool,
    /// A person besides Alice, Bob and Eve who may speak to the bot; may be repeated
    #[arg(long, value_name = "EMAIL", value_parser = email)]
    person: Vec<String>,
    /// Run only the cloud, until SIGTERM or SIGINT, for a bot that is started separately
    #[arg(long)]
    no_bot: bool,
    /// Where the cloud and its page listen; by default a free port of this machine
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where clients reach the cloud, such as http://simulator:4000, if not at the address it listens on
    #[arg(long, value_name = "URL", value_parser = web_address)]
    public_url: Option<String>,
    /// Open the page in the browser, and go on when the input ends
    #[arg(long)]
    open: bool,
    /// Go on when the input ends, until SIGTERM or SIGINT
    #[arg(long)]
    stay: bool,
    /// A file that keeps people, spaces and messages after the simulator ends. It is written a second after a change,
    /// so a kill loses at most that second; an end by a signal or by the end of input loses nothing
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// The seed of all randomness: the same seed gives the same ids, tokens and random faults; without it nobody can
    /// guess a token
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Let a message name a file at an address of this machine or of a private network, for tests that serve the file
    /// themselves. By default such an address is refused: otherwise anybody who can post here could read every page
    /// that this machine can reach
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
    let cloud = start_cloud(&options, &parts.program).await?;
    let (alice, space) = populate(&cloud, &options.person);
    if options.no_bot {
        introduce(&cloud, &options, config, &parts.program, &[])?;
        stopped.await;
        cloud.stop().await;
        return Ok(ExitCode::SUCCESS);
    }

    let listener = listen(config, &parts).await?;
    let address = listener.local_addr()?;
    let program = parts.program;
    let folder = tempfile::tempdir().context("cannot make a folder for the ledger")?;
    let variables = cloud.environment(address);
    let settings = settings(variables, folder.path(), config, &options.person, &parts)?;
    let hooks: Vec<_> = settings.hook.iter().map(|hook| format!("http://{address}/hooks/{}", hook.name)).collect();
    telemetry::start_log(&settings.log, program)?;
    let app = App::build_on(listener, settings, parts).await?;
    let handle = app.handle();
    explain_on(&cloud, &handle, program);
    let mending = tokio::spawn(forget_what_is_mended(cloud.clone(), handle.clone()));
    let (stop, stopping) = oneshot::channel();
    let mut daemon = tokio::spawn(app.run_until(async { drop(stopping.await) }));
    let introduced = async {
        // The bot does not answer what was said before it was ready, so the introduction waits for it.
        let _ = tokio::time::timeout(READY_WITHIN, handle.ready()).await;
        introduce(&cloud, &options, config, &program, &hooks)
    };
    let chat = Chat::new(&cloud, &handle, alice, space, &options);
    let ended = tokio::select! {
        result = introduced.and_then(|()| chat.run()) => result.map(|()| false)?,
        () = stopped => false,
        // The daemon ended by itself, which is a failure that says why.
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

/// Starts the cloud that the options describe.
async fn start_cloud(options: &SimulateOptions, program: &Program) -> anyhow::Result<Cloud> {
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

/// Binds the bot's address. If the settings have hooks, it has the port of the settings, so that their senders can be set
/// up once; else, or if that is taken, a free one.
async fn listen(config: Option<&Path>, parts: &Parts) -> anyhow::Result<TcpListener> {
    let settings = config.map(|file| parts.look(Some(file))).transpose()?.map(|loaded| loaded.config);
    let with_hooks = settings.filter(|settings| !settings.hook.is_empty());
    let port = with_hooks.map_or(0, |settings| settings.server.listen.port());
    match TcpListener::bind((LOOPBACK.ip(), port)).await {
        Err(_) if port != 0 => Ok(TcpListener::bind(LOOPBACK).await?),
        bound => Ok(bound?),
    }
}

/// Creates the people and the space, and gives Alice and the space's id. Eve is not in the space.
fn populate(cloud: &Cloud, others: &[String]) -> (Person, String) {
    let alice = cloud.person(PEOPLE[0]).administers();
    for email in PEOPLE.into_iter().chain(others.iter().map(String::as_str)).chain([EVE]) {
        cloud.person(email);
    }
    // A state file may hold the space already.
    let space = cloud.rooms().into_iter().find(|room| room.title == SPACE_TITLE && room.kind == RoomType::Group);
    let space = space.map_or_else(|| cloud.space(SPACE_TITLE, &PEOPLE), |room| room.id);
    (alice, space)
}

/// Prints where to chat, where hooks are, and who may speak, and opens the page if asked to.
fn introduce(
    cloud: &Cloud,
    options: &SimulateOptions,
    config: Option<&Path>,
    program: &Program,
    hooks: &[String],
) -> anyhow::Result<()> {
    if options.open
        && let Err(error) = open::that_detached(cloud.page_url())
    {
        complain(program, &format!("cannot open a browser: {error}; open {} yourself", cloud.page_url()));
    }
    if options.json {
        let all = json!({
            "page_url": cloud.page_url(), "api_url": cloud.api_url(),
            "bot": cloud.bot(), "people": cloud.people(), "rooms": cloud.rooms(), "hooks": hooks,
        });
        return Ok(print(&all.to_string())?);
    }
    print(&format!("Chat in the browser: {}", cloud.page_url()))?;
    for hook in hooks {
        print(&format!("Hook: {hook}"))?;
    }
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
             {SPACE_TITLE}. {} ends.",
            if options.stay || options.open { "Ctrl-C" } else { "Ctrl-D" }
        ))?;
    }
    Ok(print(&who_may_speak(options, config))?)
}

fn who_may_speak(options: &SimulateOptions, config: Option<&Path>) -> String {
    if let Some(file) = config {
        return format!("The section [access] in {} says who may speak.", file.display());
    }
    let named = if options.person.is_empty() { "" } else { " or named with --person" };
    let stranger = match options.person.iter().any(|email| email.eq_ignore_ascii_case(EVE)) {
        true => String::new(),
        false => format!(
            " Eve <{EVE}> is a stranger: her first message to the bot gets her a code, and Alice a card to let her in."
        ),
    };
    format!(
        "Everybody at {HOME_DOMAIN}{named} may speak to the bot directly; in a space it answers anybody who \
         mentions it. Alice is the admin.{stranger}"
    )
}

/// Lets the page show what the bot's ledger says about an event.
fn explain_on(cloud: &Cloud, handle: &Handle, program: Program) {
    let store = handle.store().clone();
    cloud.explained_by(move |id| {
        let store = store.clone();
        async move {
            // If the ledger cannot be read now, the page asks again.
            let story = explain::stories(&program, &store, &id).await.ok()?.into_iter().next()?;
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

/// Makes the bot forget the pauses that simulated faults asked for, once the faults are turned off. The next fault then
/// meets a bot without pauses.
async fn forget_what_is_mended(cloud: Cloud, handle: Handle) {
    let mut mended = cloud.mended();
    while mended.changed().await.is_ok() {
        if let Err(error) = handle.forget_limits().await {
            tracing::warn!(%error, "the bot could not forget the pauses that a fault asked for; what waits for them still waits");
        }
    }
}

/// The daemon's own settings, except for the address of Webex, who may speak, and where the ledger is. If a settings
/// file is named, it decides who may speak.
fn settings(
    mut variables: Vec<(String, String)>,
    folder: &Path,
    file: Option<&Path>,
    named: &[String],
    parts: &Parts,
) -> anyhow::Result<Config> {
    let mut set = |name: &str, value: String| variables.push((name.to_owned(), value));
    set("SWITCHBOARD_STORE__URL", format!("sqlite:{}", folder.join("switchboard.db").display()));
    // Each run has a new ledger, and a cloud's state file may hold the mark of the last one.
    set("SWITCHBOARD_INSTANCE__ALONE", "false".to_owned());
    if file.is_none() {
        let known = [format!("*@{HOME_DOMAIN}")].into_iter().chain(named.iter().cloned()).collect::<Vec<_>>();
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

    /// Chats until the input ends, or for ever with `stay`. Each line is answered before the next one is said, so piped
    /// input reads as a conversation.
    async fn run(mut self) -> anyhow::Result<()> {
        self.handle.ready().await;
        // Lines are read as bytes: a line that is not UTF-8 is a typing error, and no reason to end.
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
        // A slow terminal misses a message on the screen only; the cloud has it.
        let Ok(message) = message else { return Ok(()) };
        if self.json {
            return Ok(print(&serde_json::to_string(&message)?)?);
        }
        let is_bot = message.person_id == self.bot;
        let who = if is_bot { "bot" } else { message.person_email.split('@').next().unwrap_or_default() };
        // The terminal shows already what Alice types.
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
