//! How an event ends: its verdict, its replies, and what is logged and counted of it.

use uuid::Uuid;

use super::Inbox;
use crate::clock;
use crate::event;
use crate::handler::{Card, Command, Origin, Outgoing, Reply, Sender, Venue};
use crate::outbox::Letter;
use crate::receiver::Kind;
use crate::store::{AuditEntry, Claimed, Closing, Entry, Settlement, Via};
use crate::webex::{Attachment, File, MessageId, NewMessage, RoomId, RoomType};

/// What is counted and audited where no command was found.
const NO_COMMAND: &str = "none";

/// Of a reply that asks, the message which does: it begins with the text, and whoever sees that may answer.
pub(super) const FIRST: u32 = 0;

/// Why a stranger gets no code for now.
pub(super) const CROWD: &str = "more strangers than pairing.per_hour wrote within an hour";

/// In a space with others the bot hears of nothing else.
const MENTION_ME: &str = "(Mention me when you answer.)";

impl Inbox {
    pub(super) fn close(&self, row: Claimed, about: About, ending: Ending, mut reply: Option<Reply>) -> Settlement {
        self.log(&about, &ending);
        let question = reply.as_mut().and_then(Reply::take_question);
        if question.is_some() && about.room_type == RoomType::Group {
            reply = reply.map(|reply| reply.with_line(MENTION_ME));
        }
        let messages = reply.map(Reply::into_messages).unwrap_or_default();
        let asks = question
            .zip(ending.command.as_deref())
            .map(|(question, command)| self.asks(&row, &about, command, question, &messages));
        let entries = messages
            .into_iter()
            .zip(0..)
            .map(|(message, nth)| {
                let asks = asks.is_some() && nth == FIRST;
                let message = Outgoing { asks, ..message };
                self.entry(&row, &about, event::reply_id(row.id, nth), message, ending.command.clone())
            })
            .collect();
        asks.into_iter().fold(row.done(about.closing(ending), entries), Settlement::with)
    }

    pub(super) fn entry(&self, row: &Claimed, about: &About, id: Uuid, sent: Outgoing, label: Option<String>) -> Entry {
        let Outgoing { message, card, file, asks } = sent;
        let venue = Venue::Room { room: &about.room, asker: &about.sender.id };
        let command = label.as_deref().unwrap_or(NO_COMMAND);
        // What asks for approval is sealed already.
        let (attachments, without_card) = match card.map(|card| self.sealed(&card, id, venue, command)) {
            None => (message.attachments, None),
            Some(Ok(card)) => (vec![card], None),
            Some(Err(why)) => (Vec::new(), Some(why)),
        };
        let (room_id, parent_id) = (Some(about.room.clone()), about.thread.clone());
        let message = NewMessage { room_id, parent_id, attachments, ..message };
        let info = file.as_ref().map(File::info);
        let asks = asks.then(|| about.sender.id.local());
        let letter = Letter { file: info, without_card, asks, ..Letter::of(row.id, about.room_type, message) };
        let entry = letter.into_entry(id, about.room.local(), &about.sender.email);
        Entry { accepted_at: row.accepted_at, label, file: file.map(|file| file.bytes), ..entry }
    }

    /// The card with its buttons sealed, or why there is none to send: then its text goes alone, and nothing is lost.
    pub(super) fn sealed(&self, card: &Card, id: Uuid, venue: Venue, command: &str) -> Result<Attachment, String> {
        let cards = self.services.cards.as_ref().ok_or("cards.enabled is off")?;
        let me = self.identity.get().ok_or("Webex has not said yet who the bot is")?;
        let known = self.services.commands.iter().find(|known| known.name() == command);
        let actions: Vec<_> = known.into_iter().flat_map(Command::actions).collect();
        let actions = &actions[..];
        match cards.seal(card, &Origin { bot: &me.id, venue, card: id, command, actions, now: clock::wall_ms() }) {
            Ok(Some(attachment)) => Ok(attachment),
            Ok(None) => {
                Err("its buttons would be dead: Webex tells of no clicks with delivery.mode = \"polling\"".to_owned())
            }
            Err(error) => {
                tracing::error!(command, %error, "a card is wrong and is not sent; its text is, in its place");
                Err(format!("it is wrong at {error}"))
            }
        }
    }

    pub(super) fn log(&self, about: &About, ending: &Ending) {
        let command = ending.command.as_deref().unwrap_or(NO_COMMAND);
        self.services.metrics.command(command, ending.verdict);
        let (sender, verdict, reason) = (&about.sender.email, ending.verdict, ending.reason);
        tracing::info!(sender, command, verdict, reason, "event settled");
    }

    /// Nobody is told: whoever wrote it could not be read, so nobody knows whether they may be answered.
    pub(super) fn give_up(&self, row: Claimed, why: &str) -> Settlement {
        tracing::error!(why, "an event is given up; `switchboard inbox list` shows it");
        self.services.metrics.command(NO_COMMAND, "failed");
        row.dead(unattributed("failed", why), Vec::new())
    }
}

/// Who and where a reply goes.
pub(super) struct About {
    pub room: RoomId,
    pub room_type: RoomType,
    pub thread: Option<MessageId>,
    pub sender: Sender,
    /// Which button was pressed, once it is known to be one of ours: a command, or a command and its action. Or which action
    /// had asked what is answered.
    pub pressed: Option<String>,
    /// What it answers.
    pub answers: Option<Answered>,
}

/// What is answered: the event whose reply asked, and what whoever is refused may say instead.
#[derive(Clone, Copy)]
pub(super) struct Answered {
    pub event: Uuid,
    pub way_out: Option<&'static str>,
}

impl About {
    pub(super) fn closing(self, ending: Ending) -> Closing {
        let audit = AuditEntry {
            person: Some(self.sender.id.as_str().to_owned()),
            email: Some(self.sender.email.clone()),
            room: Some(self.room.as_str().to_owned()),
            place: Some(match self.room_type {
                RoomType::Direct => "direct",
                RoomType::Group => "group",
            }),
            action: self.pressed.or_else(|| ending.command.clone()).unwrap_or_else(|| NO_COMMAND.to_owned()),
            verdict: ending.verdict,
            reason: ending.reason.to_owned(),
            ..AuditEntry::default()
        };
        Closing {
            verdict: ending.verdict,
            subject: Some(self.sender.email),
            label: ending.command,
            note: Some(ending.note.unwrap_or_else(|| ending.reason.to_owned())),
            answers: self.answers.map(|answered| answered.event),
            audit: vec![audit],
            ..Closing::default()
        }
    }
}

/// How an event ended, and why.
pub(super) struct Ending {
    pub verdict: &'static str,
    pub reason: &'static str,
    pub command: Option<String>,
    pub note: Option<String>,
}

impl Ending {
    pub(super) fn of(verdict: &'static str) -> Ending {
        Ending { verdict, reason: "", command: None, note: None }
    }
}

/// An event that ended before anybody could be judged. It is audited all the same: it may have been tried before.
pub(super) fn unattributed(verdict: &'static str, note: impl Into<String>) -> Closing {
    let reason = "nobody was judged at the end; the note of the event says why".to_owned();
    let audit = AuditEntry { action: NO_COMMAND.to_owned(), verdict, reason, ..AuditEntry::default() };
    Closing { audit: vec![audit], ..ended(verdict, note) }
}

/// By which way an event came, for the audit.
pub(super) fn way(kind: Kind) -> Via {
    match kind {
        Kind::Message => Via::Message,
        Kind::Action => Via::Click,
        // The bot was put into a space: nobody asked it for anything.
        Kind::Membership => Via::Daemon,
        Kind::Expiry | Kind::Approved => Via::Daemon,
    }
}

/// An event that nobody asked for, or that the bot itself made: it is not audited.
pub(super) fn ended(verdict: &'static str, note: impl Into<String>) -> Closing {
    Closing { verdict, note: Some(note.into()), ..Closing::default() }
}
