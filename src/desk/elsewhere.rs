//! What is said elsewhere than in answer to an event.

use uuid::Uuid;

use super::Desk;
use crate::card::{Card, Venue};
use crate::event;
use crate::handler::{Outgoing, Reply};
use crate::outbox::{self, Destination, Letter, Post};
use crate::store::{Claimed, Entry};
use crate::webex::{Attachment, File, NewMessage, PersonId};

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

    /// The letters of what is said at nobody's asking. The key makes the id of the first, and that makes those of the others.
    ///
    /// # Errors
    /// Why its card cannot be sent.
    pub fn announcement(&self, key: &str, to: &Destination, reply: Reply) -> Result<Vec<Entry>, String> {
        let first = outbox::letter_id(key);
        let letter = |(mut message, nth): (Outgoing, u32)| {
            let id = if nth == 0 { first } else { event::elsewhere_id(first, nth) };
            let (attachments, without_card) = self.attachments(message.card.take(), id, to, None, None);
            if let Some(why) = without_card {
                return Err(why);
            }
            message.message.attachments = attachments;
            Ok(self.enclose(Post::new(to.clone(), NewMessage::default()).announced(), id, message, None, None))
        };
        reply.into_messages().into_iter().zip(0..).map(letter).collect()
    }

    /// A letter with this message.
    fn enclose(
        &self,
        post: Post,
        id: Uuid,
        Outgoing { message, card, file, .. }: Outgoing,
        asker: Option<&PersonId>,
        command: Option<&str>,
    ) -> Entry {
        let label = card.as_ref().and_then(|card| card.command().map(str::to_owned)).or(command.map(str::to_owned));
        let (sealed, without_card) = self.attachments(card, id, &post.to, asker, command);
        let message = if sealed.is_empty() { message } else { NewMessage { attachments: sealed, ..message } };
        let letter = Letter::from(Post { message, file: file.as_ref().map(File::info), without_card, ..post });
        Entry { label, file: file.map(|file| file.bytes), ..letter.into_entry(id) }
    }

    /// The card of a message to this destination, or why it is sent without one. Buttons that are for whoever asked are for
    /// nobody where nobody did.
    fn attachments(
        &self,
        card: Option<Card>,
        id: Uuid,
        to: &Destination,
        asker: Option<&PersonId>,
        command: Option<&str>,
    ) -> (Vec<Attachment>, Option<String>) {
        let (me, person) = (self.identity.get(), to.person());
        let venue = match (to, &person, asker.or(me.as_ref().map(|me| &me.id))) {
            (Destination::Space(room, _), _, Some(asker)) => Some(Venue::Room { room, asker }),
            (_, Some(person), _) => Some(Venue::DirectWith(person)),
            (_, None, _) => None,
        };
        let unknown = || Err("Webex has not said yet who the bot is".to_owned());
        let sealed = card.map(|card| venue.map_or_else(unknown, |venue| self.seal_card(&card, id, venue, command)));
        match sealed {
            None => (Vec::new(), None),
            Some(Ok(card)) => (vec![card], None),
            Some(Err(why)) => (Vec::new(), Some(why)),
        }
    }
}
