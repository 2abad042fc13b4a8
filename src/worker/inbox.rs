//! Works on one event: read it, judge it, route it, run it. What it returns is a settlement; it never sends.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use uuid::Uuid;

use super::{Letter, Work, asked, backoff, is_outage, patience, reason, tries};
use crate::access::{Decision, Place, Policy, decide};
use crate::config;
use crate::event;
use crate::handler::{Args, Command, CommandError, Context, Outgoing, Reply, Sender, Services};
use crate::health::Health;
use crate::identity::Identity;
use crate::receiver::{Door, Envelope, Kind};
use crate::router::{self, Route, addressed_text, mentions};
use crate::store::{Again, Claimed, Closing, Entry, Queue, Settlement};
use crate::webex::{ActionId, Client, Error, Fault, File, Message, MessageId, NewMessage, Person, RoomId, RoomType};

const STRANGER: &str = "I don't know you, so I can't answer you. Letting yourself in by a pairing code comes in a later \
    version; until then, ask whoever runs me to put you on the access.allow_from list.";
/// For so long an event gives way to one that was said before it: as a rule that is next in the same space at once.
const GIVES_WAY: Duration = Duration::from_millis(5);

const NOTHING_SAID: &str = "Yes? Say help to see what I can do.";

/// Works on inbox rows.
pub struct Inbox {
    /// What handlers and we share.
    pub services: Arc<Services>,
    /// Who the bot is.
    pub identity: Identity,
    /// Who is answered.
    pub policy: Policy,
    /// How often and how long.
    pub settings: config::Worker,
    /// Hears of a refused token.
    pub health: Health,
    /// Takes what was said before an event and did not arrive.
    pub door: Door,
    /// How far back that is looked for.
    pub catch_up: Duration,
}

impl Work for Inbox {
    const QUEUE: Queue = Queue::Inbox;

    fn webex(&self) -> &Client {
        &self.services.webex
    }

    fn event(row: &Claimed) -> Uuid {
        row.id
    }

    async fn work(&self, row: Claimed) -> Settlement {
        let envelope: Envelope = match serde_json::from_str(&row.body) {
            Ok(envelope) => envelope,
            Err(error) => return row.dead(ended("unreadable", error.to_string()), Vec::new()),
        };
        // Beyond its tries it is only read, so that the person hears of the failure; beyond twice that, not even read.
        if tries(&row) >= 2 * self.settings.max_attempts {
            return self.give_up(row, "the process ended during each try");
        }
        let me = self.identity.known().await;
        match envelope.kind {
            Kind::Message => self.message(row, &envelope, &me).await,
            Kind::Action => self.click(row, &envelope.id, &me).await,
            Kind::Membership => self.membership(row, &envelope, &me),
        }
    }

    fn panicked(&self, row: Claimed, why: String) -> Settlement {
        tracing::error!(why, "work on an event failed where it must not");
        if tries(&row) + 1 < self.settings.max_attempts {
            let after = backoff(&self.settings, row.attempts + 1);
            row.again(Again { after, spent: true, note: Some(why), ..Again::default() })
        } else {
            self.give_up(row, &why)
        }
    }

    /// Nothing was sent: the try does not count.
    fn put_back(row: Claimed) -> Settlement {
        row.again(Again::default())
    }
}

impl Inbox {
    async fn message(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let message = match self.fetch(self.read(&row, envelope, me)).await {
            Ok(Some(message)) => message,
            Ok(None) => return row.again(Again { after: GIVES_WAY, ..Again::default() }),
            Err(error) => return self.unread(row, &error).await,
        };
        let last = row.mark.as_deref().and_then(|mark| mark.parse().ok()).max(message.created);
        let settlement = self.judge(row, message, me).await;
        match last {
            Some(last) => settlement.marked(last.to_string()),
            None => settlement,
        }
    }

    async fn judge(&self, row: Claimed, message: Message, me: &Person) -> Settlement {
        if message.person_id == me.id {
            return row.done(ended("own", "the bot wrote it"), Vec::new());
        }
        let about = About {
            room: message.room_id.clone(),
            room_type: message.room_type,
            thread: message.parent_id.clone(),
            sender: Sender { id: message.person_id.clone(), email: message.person_email.clone() },
        };
        let place = match message.room_type {
            RoomType::Direct => Place::Direct,
            RoomType::Group => Place::Group { mentioned: mentions(&message, me) },
        };
        match decide(&self.policy, &about.sender.id, &about.sender.email, place) {
            Decision::Allow(rule) => self.answer(row, &message, me, about, rule).await,
            Decision::Deny(reason) => self.close(row, about, Ending { reason, ..Ending::of("denied") }, None),
            Decision::Pair => self.greet_stranger(row, about),
        }
    }

    /// Nothing makes cards yet that a click could act on; the same people are let through as for text.
    async fn click(&self, row: Claimed, id: &str, me: &Person) -> Settlement {
        let webex = &self.services.webex;
        let id = ActionId::from(id);
        let fetched = self.fetch(async {
            let action = webex.attachment_action(&id).await?;
            let room = webex.room(&action.room_id).await?;
            let person = webex.person(&action.person_id).await?;
            Ok((action, room, person))
        });
        let (action, room, person) = match fetched.await {
            Ok(fetched) => fetched,
            Err(error) => return self.unread(row, &error).await,
        };
        if action.person_id == me.id {
            return row.done(ended("own", "the bot clicked"), Vec::new());
        }
        let place = match room.kind {
            RoomType::Direct => Place::Direct,
            RoomType::Group => Place::Group { mentioned: true },
        };
        let sender = Sender { id: action.person_id, email: person.email().to_owned() };
        let decision = decide(&self.policy, &sender.id, &sender.email, place);
        let about = About { room: room.id, room_type: room.kind, thread: None, sender };
        let ending = match decision {
            Decision::Allow(_) => Ending { reason: "no command made this card", ..Ending::of("ignored") },
            Decision::Deny(reason) => Ending { reason, ..Ending::of("denied") },
            Decision::Pair => Ending { reason: "unknown person", ..Ending::of("denied") },
        };
        self.close(row, about, ending, None)
    }

    fn membership(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let is_me = envelope.member.as_deref().is_some_and(|member| crate::webex::PersonId::from(member) == me.id);
        if is_me {
            tracing::info!(room = envelope.room.as_deref().unwrap_or("unknown"), "the bot was added to a space");
            row.done(ended("noted", "the bot was added to a space"), Vec::new())
        } else {
            row.done(ended("ignored", "somebody else was added to a space"), Vec::new())
        }
    }

    async fn answer(
        &self,
        row: Claimed,
        message: &Message,
        me: &Person,
        about: About,
        rule: &'static str,
    ) -> Settlement {
        let text = addressed_text(message, me);
        let commands = &self.services.commands;
        match router::route(commands, &text) {
            Route::Empty => {
                let ending = Ending { reason: rule, ..Ending::of("empty") };
                self.close(row, about, ending, Some(Reply::text(NOTHING_SAID)))
            }
            Route::Unknown { near } => {
                let reply = Reply::text(router::unknown(&text, near));
                self.close(row, about, Ending { reason: rule, ..Ending::of("unknown") }, Some(reply))
            }
            Route::Command(command, args) => {
                let context = Context {
                    sender: about.sender.clone(),
                    room: about.room.clone(),
                    room_type: about.room_type,
                    message: message.id.clone(),
                    thread: about.thread.clone(),
                    text,
                    files: message.files.clone(),
                    deadline: Instant::now() + self.settings.deadline,
                    services: Arc::clone(&self.services),
                };
                let result = match args {
                    Ok(args) => self.run(&row, command, context, args).await,
                    Err(error) => Err(error),
                };
                self.settle(row, about, command, rule, result)
            }
        }
    }

    /// A panic, or a command that does not end, is a failure like any other. A row beyond its tries has ended the
    /// process before and is not run again.
    async fn run(&self, row: &Claimed, command: &Command, context: Context, args: Args) -> Result<Reply, CommandError> {
        if tries(row) >= self.settings.max_attempts {
            return Err(anyhow::anyhow!("the process ended during each try").into());
        }
        let running = AssertUnwindSafe(command.run(context, args)).catch_unwind();
        match tokio::time::timeout(self.settings.deadline, running).await {
            Ok(Ok(Ok(reply))) => reply.bounded(&self.services).await,
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(panic)) => Err(anyhow::anyhow!("the handler {}", reason(&*panic)).into()),
            Err(_) => Err(anyhow::anyhow!("the handler did not end within worker.deadline").into()),
        }
    }

    fn settle(
        &self,
        row: Claimed,
        about: About,
        command: &Command,
        rule: &'static str,
        result: Result<Reply, CommandError>,
    ) -> Settlement {
        let ending = |verdict| Ending { command: Some(command.name().to_owned()), reason: rule, ..Ending::of(verdict) };
        match result {
            Ok(reply) => self.close(row, about, ending("answered"), Some(reply)),
            Err(CommandError::User(text)) => self.close(row, about, ending("declined"), Some(Reply::text(text))),
            Err(CommandError::Usage(text)) => {
                let reply = Reply::text(format!("{text} Usage: {}", command.usage()));
                self.close(row, about, ending("usage"), Some(reply))
            }
            Err(CommandError::Internal(error)) if tries(&row) + 1 < self.settings.max_attempts => {
                let (after, note) = (backoff(&self.settings, row.attempts + 1), format!("{error:#}"));
                tracing::warn!(command = command.name(), error = note, "a command failed; trying again");
                row.again(Again { after, spent: true, note: Some(note), ..Again::default() })
            }
            Err(CommandError::Internal(error)) => {
                let (reference, note) = (event::reference(row.id), format!("{error:#}"));
                tracing::error!(
                    command = command.name(),
                    error = note,
                    "a command failed for good; `switchboard explain {reference}` tells more"
                );
                let message =
                    NewMessage { text: Some(format!("That failed, reference {reference}.")), ..NewMessage::default() };
                let ending = ending("failed");
                let entry = self.entry(&row, &about, event::failure_id(row.id), message.into(), ending.command.clone());
                self.log(&about, &ending);
                row.dead(about.closing(Ending { note: Some(note), ..ending }), vec![entry])
            }
        }
    }

    /// One sentence to each stranger, not one to each message: the notice's id is made from the person.
    fn greet_stranger(&self, row: Claimed, about: About) -> Settlement {
        let notice = event::notice_id(about.sender.id.as_str());
        let ending = Ending { reason: "unknown person, and pairing is not in this version", ..Ending::of("stranger") };
        let message = NewMessage { text: Some(STRANGER.to_owned()), ..NewMessage::default() };
        let entry = self.entry(&row, &about, notice, message.into(), None);
        self.log(&about, &ending);
        row.done(about.closing(ending), vec![entry])
    }

    fn close(&self, row: Claimed, about: About, ending: Ending, reply: Option<Reply>) -> Settlement {
        self.log(&about, &ending);
        let messages = reply.map(Reply::into_messages).unwrap_or_default();
        let entries = messages
            .into_iter()
            .zip(0..)
            .map(|(message, nth)| {
                self.entry(&row, &about, event::reply_id(row.id, nth), message, ending.command.clone())
            })
            .collect();
        row.done(about.closing(ending), entries)
    }

    fn entry(&self, row: &Claimed, about: &About, id: Uuid, sent: Outgoing, label: Option<String>) -> Entry {
        let Outgoing { message, file } = sent;
        let message = NewMessage { room_id: Some(about.room.clone()), parent_id: about.thread.clone(), ..message };
        let info = file.as_ref().map(File::info);
        let letter = Letter { event: row.id, room_type: about.room_type, message, file: info };
        Entry {
            id,
            queue: Queue::Outbox,
            lane: about.room.local(),
            accepted_at: row.accepted_at,
            // Replies go out in the order in which they were made.
            happened_at: 0,
            body: serde_json::to_string(&letter).unwrap_or_default(),
            subject: Some(about.sender.email.clone()),
            label,
            file: file.map(|file| file.bytes),
        }
    }

    fn log(&self, about: &About, ending: &Ending) {
        let command = ending.command.as_deref().unwrap_or("none");
        self.services.metrics.command(command, ending.verdict);
        let (sender, verdict, reason) = (&about.sender.email, ending.verdict, ending.reason);
        tracing::info!(sender, command, verdict, reason, "event settled");
    }

    /// Reads what the event is about. The lease is there for this and the command; each has its share.
    async fn fetch<T>(&self, reading: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let share = (self.settings.lease - self.settings.deadline).mul_f64(0.9);
        let slow =
            |_| Err(Error::Unreachable { endpoint: "a read", cause: "no answer before the lease ends".to_owned() });
        let result = tokio::time::timeout(share, reading).await.unwrap_or_else(slow);
        if result.is_ok() {
            self.health.token(Ok(()));
        }
        result
    }

    /// What the event is about could not be read.
    async fn unread(&self, row: Claimed, error: &Error) -> Settlement {
        let note = Some(error.to_string());
        let settings = &self.settings;
        match error.fault() {
            Fault::Wait(pause) => row.again(Again { after: asked(pause), note, ..Again::default() }),
            Fault::Refused if row.failing() < settings.give_up => {
                self.health.token(Err(error.to_string()));
                tracing::error!(%error, hint = error.hint(), "Webex refuses the token; the event waits");
                let after = patience(settings, row.failing());
                row.again(Again { after, note, ..Again::default() })
            }
            Fault::Away if row.failing() < settings.give_up => {
                let after = patience(settings, row.failing());
                tracing::warn!(%error, pause_ms = after.as_millis(), "Webex is away; the event waits");
                row.again(Again { after, note, ..Again::default() })
            }
            // Webex's own reads lag behind its webhooks for a moment.
            Fault::NotFound if row.age() < settings.visible_within => {
                tracing::debug!(%error, "what the event is about is not visible yet");
                let after = patience(settings, row.failing());
                row.again(Again { after, note, ..Again::default() })
            }
            Fault::NotFound => {
                tracing::info!(verdict = "gone", "event settled: its message was deleted, or is not for the bot");
                self.services.metrics.command("none", "gone");
                row.done(ended("gone", error.to_string()), Vec::new())
            }
            Fault::Broken if tries(&row) + 1 < settings.max_attempts => {
                let after = backoff(settings, row.attempts + 1);
                tracing::warn!(%error, pause_ms = after.as_millis(), "an event could not be read; trying again");
                row.again(Again { after, spent: true, note, ..Again::default() })
            }
            Fault::Broken if is_outage(settings, &self.services.webex, &row).await => {
                let after = patience(settings, row.failing());
                tracing::warn!(%error, pause_ms = after.as_millis(), "Webex answers nothing else either; the event waits");
                row.again(Again { after, note, ..Again::default() })
            }
            Fault::Refused | Fault::Away | Fault::Broken | Fault::Final => {
                let tracking_id = error.tracking_id().unwrap_or("none");
                tracing::error!(%error, tracking_id, "an event cannot be read");
                self.give_up(row, &error.to_string())
            }
        }
    }

    /// Nobody is told: whoever wrote it could not be read, so nobody knows whether they may be answered.
    fn give_up(&self, row: Claimed, why: &str) -> Settlement {
        tracing::error!(why, "an event is given up; `switchboard inbox list` shows it");
        self.services.metrics.command("none", "failed");
        row.dead(ended("failed", why), Vec::new())
    }
}

/// Who and where a reply goes.
struct About {
    room: RoomId,
    room_type: RoomType,
    thread: Option<MessageId>,
    sender: Sender,
}

impl About {
    fn closing(self, ending: Ending) -> Closing {
        Closing {
            verdict: ending.verdict,
            subject: Some(self.sender.email),
            label: ending.command,
            note: Some(ending.note.unwrap_or_else(|| ending.reason.to_owned())),
            mark: None,
        }
    }
}

/// How an event ended, and why.
struct Ending {
    verdict: &'static str,
    reason: &'static str,
    command: Option<String>,
    note: Option<String>,
}

impl Ending {
    fn of(verdict: &'static str) -> Ending {
        Ending { verdict, reason: "", command: None, note: None }
    }
}

fn ended(verdict: &'static str, note: impl Into<String>) -> Closing {
    Closing { verdict, note: Some(note.into()), ..Closing::default() }
}
