//! What is said elsewhere than in answer to an event.

use uuid::Uuid;

use super::{Desk, NO_COMMAND};
use crate::card::Venue;
use crate::event;
use crate::handler::{Outgoing, Reply};
use crate::outbox::{self, Destination, Letter, Post};
use crate::store::{Claimed, Entry};
use crate::webex::{File, NewMessage, PersonId};

impl Desk {
    /// The letters of what a command or a handler said elsewhere. Their ids are made from the event's.
    pub fn elsewhere(
        &self,
        row: &Claimed,
        asker: Option<&PersonId>,
        command: Option<&str>,
        said: Vec<(Destination, Reply)>,
    ) -> Vec<Entry> {
        let messages = said.into_iter().flat_map(|(to, reply)| {
            let messages = reply.into_messages().into_iter();
            messages.map(move |message| (to.clone(), message))
        });
        let letter = |((to, message), nth)| {
            let post = Post::of(row.id, to, NewMessage::default());
            let entry = self.enclose(post, event::elsewhere_id(row.id, nth), message, asker, command);
            Entry { accepted_at: row.accepted_at, ..entry }
        };
        messages.zip(0..).map(letter).collect()
    }

    /// The letters of what is said at nobody's asking. Their ids are made from the key.
    pub fn announcement(&self, key: &str, to: &Destination, reply: Reply) -> Vec<Entry> {
        let letter = |(message, nth)| {
            let id = outbox::letter_id(&if nth == 0 { key.to_owned() } else { format!("{key}/{nth}") });
            self.enclose(Post::new(to.clone(), NewMessage::default()).announced(), id, message, None, None)
        };
        reply.into_messages().into_iter().zip(0..).map(letter).collect()
    }

    /// A letter with this message. Buttons that are for whoever asked are for nobody where nobody did.
    fn enclose(
        &self,
        post: Post,
        id: Uuid,
        Outgoing { message, card, file, .. }: Outgoing,
        asker: Option<&PersonId>,
        command: Option<&str>,
    ) -> Entry {
        let me = self.identity.get();
        let person = post.to.person();
        let venue = match (&post.to, &person, asker.or(me.as_ref().map(|me| &me.id))) {
            (Destination::Space(room, _), _, Some(asker)) => Some(Venue::Room { room, asker }),
            (_, Some(person), _) => Some(Venue::DirectWith(person)),
            (_, None, _) => None,
        };
        let command = card.as_ref().and_then(|card| card.command().map(str::to_owned)).or(command.map(str::to_owned));
        let unknown = || Err("Webex has not said yet who the bot is".to_owned());
        let sealed = card.map(|card| {
            let command = command.as_deref().unwrap_or(NO_COMMAND);
            venue.map_or_else(unknown, |venue| self.sealed(&card, id, venue, command))
        });
        let (attachments, without_card) = match sealed {
            None => (message.attachments, None),
            Some(Ok(card)) => (vec![card], None),
            Some(Err(why)) => (Vec::new(), Some(why)),
        };
        let message = NewMessage { attachments, ..message };
        let letter = Letter::from(Post { message, file: file.as_ref().map(File::info), without_card, ..post });
        Entry { label: command, file: file.map(|file| file.bytes), ..letter.into_entry(id) }
    }
}
