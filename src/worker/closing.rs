//! How an event ends: its verdict, its replies, and what is logged and counted of it.

use uuid::Uuid;

use super::inbox::Inbox;
use crate::event;
use crate::handler::{Letter, Outgoing, Reply, Sender};
use crate::store::{Claimed, Closing, Entry, Settlement};
use crate::webex::{File, MessageId, NewMessage, RoomId, RoomType};

impl Inbox {
    pub(super) fn close(&self, row: Claimed, about: About, ending: Ending, reply: Option<Reply>) -> Settlement {
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

    pub(super) fn entry(&self, row: &Claimed, about: &About, id: Uuid, sent: Outgoing, label: Option<String>) -> Entry {
        let Outgoing { message, file } = sent;
        let message = NewMessage { room_id: Some(about.room.clone()), parent_id: about.thread.clone(), ..message };
        let info = file.as_ref().map(File::info);
        let letter = Letter { event: row.id, room_type: about.room_type, message, file: info };
        let entry = letter.into_entry(id, about.room.local(), &about.sender.email);
        Entry { accepted_at: row.accepted_at, label, file: file.map(|file| file.bytes), ..entry }
    }

    pub(super) fn log(&self, about: &About, ending: &Ending) {
        let command = ending.command.as_deref().unwrap_or("none");
        self.services.metrics.command(command, ending.verdict);
        let (sender, verdict, reason) = (&about.sender.email, ending.verdict, ending.reason);
        tracing::info!(sender, command, verdict, reason, "event settled");
    }

    /// Nobody is told: whoever wrote it could not be read, so nobody knows whether they may be answered.
    pub(super) fn give_up(&self, row: Claimed, why: &str) -> Settlement {
        tracing::error!(why, "an event is given up; `switchboard inbox list` shows it");
        self.services.metrics.command("none", "failed");
        row.dead(ended("failed", why), Vec::new())
    }
}

/// Who and where a reply goes.
pub(super) struct About {
    pub room: RoomId,
    pub room_type: RoomType,
    pub thread: Option<MessageId>,
    pub sender: Sender,
}

impl About {
    pub(super) fn closing(self, ending: Ending) -> Closing {
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

pub(super) fn ended(verdict: &'static str, note: impl Into<String>) -> Closing {
    Closing { verdict, note: Some(note.into()), ..Closing::default() }
}
