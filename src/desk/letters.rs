//! The letters that an event leaves in the outbox, and whether their files may be sent.

use uuid::Uuid;

use super::{Case, Desk, EventEnd, NO_COMMAND, ReplyTo, SpokenRefusal};
use crate::card::{Card, Sealing, Venue};
use crate::clock;
use crate::event;
use crate::handler::{CommandError, CommandSpec, Outgoing, Reply};
use crate::outbox::{Destination, Letter, Post, Thread};
use crate::store::{Claimed, Entry};
use crate::webex::{Attachment, File, NewMessage};

/// Why no card can be sealed until Webex has been reached.
pub(super) const UNKNOWN: &str = "Webex has not said yet who the bot is";

impl Desk {
    /// Ends an event with this text as its reply.
    pub fn reply(&self, case: Case<'_>, end: EventEnd, text: impl Into<String>) -> EventEnd {
        self.say(case, end, Reply::text(text).into_messages())
    }

    /// Ends an event with a refusal as its reply.
    pub fn refuse(&self, case: Case<'_>, refusal: SpokenRefusal) -> EventEnd {
        let SpokenRefusal { verdict, reason, says } = refusal;
        self.reply(case, EventEnd::of(case.to, verdict, reason), says)
    }

    /// Adds these messages to an end, as the event's replies.
    pub fn say(&self, Case { row, to, .. }: Case<'_>, end: EventEnd, messages: Vec<Outgoing>) -> EventEnd {
        let command = end.closing.label.clone();
        let letter = |(message, nth)| self.letter(row, to, event::reply_id(row.id, nth), message, command.as_deref());
        let letters: Vec<_> = messages.into_iter().zip(0..).map(letter).collect();
        end.then(letters)
    }

    /// Ends a click with a refusal. A person reads it once for each card and reason, however often they click, since
    /// the letter's id is made from these.
    pub fn refuse_click(&self, Case { row, to, .. }: Case<'_>, card: Uuid, refusal: SpokenRefusal) -> EventEnd {
        let SpokenRefusal { verdict, reason, says } = refusal;
        let id = event::card_notice_id(card, to.sender.id.as_str(), reason);
        let letter = self.letter(row, to, id, NewMessage::text(says).into(), None);
        let note = format!("{reason}; each person is told so once, by letter {} of the outbox", id.simple());
        EventEnd::of(to, verdict, reason).noted(note).then([letter])
    }

    /// A letter about an event, for a command.
    pub fn letter(&self, row: &Claimed, to: &ReplyTo, id: Uuid, sent: Outgoing, command: Option<&str>) -> Entry {
        let venue = Venue::Room { room: &to.room, asker: &to.sender.id };
        let post = Post {
            thread: to.thread.clone().map(Thread::Message),
            asks: sent.asks.then(|| to.sender.id.local()),
            ..Post::of(row.id, Destination::Space(to.room.clone(), to.room_type), NewMessage::default())
        };
        let card = sent.card.as_ref().map(|card| self.seal_card(card, id, venue, command));
        let entry = enclose(post, id, sent, card);
        let (subject, label) = (Some(to.sender.email.clone()), command.map(str::to_owned));
        Entry { accepted_at: row.accepted_at, subject, label, ..entry }
    }

    /// Checks that each file is within `files.largest`, and that all of them fit within `files.waiting`.
    ///
    /// # Errors
    /// A sentence for the person who is answered. Reply with it.
    pub async fn check_files(&self, reply: &Reply) -> Result<(), CommandError> {
        let files = reply.files();
        if files.is_empty() {
            return Ok(());
        }
        let size = |file: &File| file.bytes.len() as u64;
        let limits = &self.services.files;
        if let Some(file) = files.iter().find(|file| size(file) > limits.largest) {
            tracing::warn!(?file, limit = limits.largest, "a file to be sent is larger than files.largest");
            let (name, size, most) = (&file.name, size(file), limits.largest);
            return Err(CommandError::User(format!(
                "The file {name} has {size} bytes, and I may send {most} at most."
            )));
        }
        let waiting = self.services.store.size_of_files().await?;
        if waiting + files.into_iter().map(size).sum::<u64>() > limits.waiting {
            tracing::error!(
                waiting,
                limit = limits.waiting,
                "a reply's files find no room within files.waiting; dead letters count too: `switchboard outbox list --state dead`"
            );
            return Err(CommandError::User("Too many files wait to be sent. Please try again later.".to_owned()));
        }
        Ok(())
    }

    /// The card with its buttons sealed. The error says why it cannot be sent; then send its text alone.
    pub fn seal_card(&self, card: &Card, id: Uuid, venue: Venue, command: Option<&str>) -> Result<Attachment, String> {
        let command = card.command().or(command).unwrap_or(NO_COMMAND);
        let cards = self.services.cards.as_ref().ok_or("cards.enabled is off")?;
        let me = self.identity.get().ok_or(UNKNOWN)?;
        let commands = self.services.commands();
        let known = commands.iter().find(|known| known.name() == command);
        let actions: Vec<_> = known.into_iter().flat_map(CommandSpec::actions).collect();
        let actions = &actions[..];
        match cards.seal(card, &Sealing { bot: &me.id, venue, card: id, command, actions, now: clock::wall_ms() }) {
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
}

/// The row of a letter with this message. `card` is its card, or why that cannot be sealed: then the message is sent
/// without the card and says why. The card of an approval request is sealed earlier and is among the attachments.
pub(super) fn enclose(
    post: Post,
    id: Uuid,
    Outgoing { mut message, file, fetch, .. }: Outgoing,
    card: Option<Result<Attachment, String>>,
) -> Entry {
    let without_card = match card.transpose() {
        Ok(card) => {
            message.attachments.extend(card);
            None
        }
        Err(why) => Some(why),
    };
    let letter = Letter::from(Post { message, file: file.as_ref().map(File::info), fetch, without_card, ..post });
    Entry { file: file.map(|file| file.bytes), ..letter.into_entry(id) }
}
