//! Whether the sender of a message is answered.

use super::closing::{About, Ending, ended};
use super::inbox::Inbox;
use crate::access::{Decision, Place, decide};
use crate::event;
use crate::handler::Sender;
use crate::router::mentions;
use crate::store::{Claimed, Settlement};
use crate::webex::{Message, NewMessage, Person, RoomType};

const STRANGER: &str = "I don't know you, so I can't answer you. Letting yourself in by a pairing code comes in a later \
    version; until then, ask whoever runs me to put you on the access.allow_from list.";

impl Inbox {
    pub(super) async fn judge(&self, row: Claimed, message: Message, me: &Person) -> Settlement {
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

    /// One sentence to each stranger, not one to each message: the notice's id is made from the person.
    fn greet_stranger(&self, row: Claimed, about: About) -> Settlement {
        let notice = event::notice_id(about.sender.id.as_str());
        let ending = Ending { reason: "unknown person, and pairing is not in this version", ..Ending::of("stranger") };
        let message = NewMessage { text: Some(STRANGER.to_owned()), ..NewMessage::default() };
        let entry = self.entry(&row, &about, notice, message.into(), None);
        self.log(&about, &ending);
        row.done(about.closing(ending), vec![entry])
    }
}
