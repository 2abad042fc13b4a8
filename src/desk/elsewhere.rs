//! Makes the letters of messages that are not an answer to an event.

use uuid::Uuid;

use super::Desk;
use super::letters::{UNKNOWN, enclose};
use crate::card::{Card, Venue};
use crate::event;
use crate::handler::{Outgoing, Reply};
use crate::outbox::{Destination, Post};
use crate::store::{Claimed, Entry};
use crate::webex::{Attachment, NewMessage, PersonId};

impl Desk {
    /// The letters that a command or a handler sends elsewhere. Their ids are made from the event's.
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
        let letter = |((to, message), nth): ((Destination, Outgoing), u32)| {
            let (id, label) = (event::elsewhere_id(row.id, nth), label(&message, command));
            let card = message.card.as_ref().map(|card| self.seal_for(card, id, &to, asker, command));
            let entry = enclose(Post::of(row.id, to, NewMessage::default()), id, message, card);
            Entry { accepted_at: row.accepted_at, label, ..entry }
        };
        messages.zip(0..).map(letter).collect()
    }

    /// The letter of a message that the bot sends on its own: this post, with this message.
    ///
    /// # Errors
    /// Why the card cannot be sent. Change the card.
    pub fn announcement(&self, id: Uuid, post: Post, message: Outgoing) -> Result<Entry, String> {
        let seal = |card: &Card| self.seal_for(card, id, &post.to, None, None);
        let card = message.card.as_ref().map(seal).transpose()?;
        Ok(Entry { label: label(&message, None), ..enclose(post, id, message, card.map(Ok)) })
    }

    /// Seals the card of a message to this destination. A button only for the person who asked works for nobody if
    /// nobody asked.
    fn seal_for(
        &self,
        card: &Card,
        id: Uuid,
        to: &Destination,
        asker: Option<&PersonId>,
        command: Option<&str>,
    ) -> Result<Attachment, String> {
        let (me, person) = (self.identity.get(), to.person());
        let venue = match (to, &person, asker.or(me.as_ref().map(|me| &me.id))) {
            (Destination::Space(room, _), _, Some(asker)) => Venue::Room { room, asker },
            (_, Some(person), _) => Venue::DirectWith(person),
            (_, None, _) => return Err(UNKNOWN.to_owned()),
        };
        self.seal_card(card, id, venue, command)
    }
}

/// The command whose actions the buttons of a message call.
fn label(message: &Outgoing, command: Option<&str>) -> Option<String> {
    message.card.as_ref().and_then(Card::command).or(command).map(str::to_owned)
}
