//! From a click on a card to what its button does. Nothing of the inputs is looked at before the button is known to be one
//! of ours: anybody in a space can send any inputs for any card.

use super::closing::{About, Ending, ended};
use super::inbox::Inbox;
use super::judging::Judgement;
use super::running::{GONE, Performed, Unable, gone};
use crate::access::{Act, Place};
use crate::event;
use crate::handler::{Button, Deed, Inputs, Refusal, SEAL, Sender, carries};
use crate::receiver::Envelope;
use crate::store::{Claimed, Effect, Settlement, now_ms};
use crate::webex::{ActionId, AttachmentAction, Message, NewMessage, Person, RoomId, RoomType};

/// What whoever looks for the reason has to know besides.
const FORGED: &str = "; somebody made it up or took it from elsewhere, or what sealed it is gone: after a change of \
     cards.secret the old one belongs into cards.previous_secrets";

impl Inbox {
    pub(super) async fn click(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let webex = &self.services.webex;
        let id = ActionId::from(envelope.id.as_str());
        let fetched = self.fetch(async {
            let action = webex.attachment_action(&id).await?;
            let card = webex.message(&action.message_id).await?;
            let person = webex.person(&action.person_id).await?;
            Ok((action, card, person))
        });
        let (action, card, person) = match fetched.await {
            Ok(fetched) => fetched,
            Err(error) => return self.unread(row, &error).await,
        };
        let about = About {
            room: action.room_id.clone(),
            room_type: card.room_type,
            thread: Some(card.parent_id.clone().unwrap_or_else(|| card.id.clone())),
            sender: Sender { id: person.id.clone(), email: person.email().to_owned() },
            pressed: None,
        };
        let denied = |reason| Ending { reason, ..Ending::of("denied") };
        // The same people are let through as for text that mentions the bot.
        let place = match card.room_type {
            RoomType::Direct => Place::Direct,
            RoomType::Group => Place::Group { mentioned: true },
        };
        let rule = match self.judgement(&row, me, &about, place, Act::Click, action.created).await {
            Ok(Judgement::Allow(rule)) => rule,
            Ok(Judgement::Own) => return row.done(ended("own", "the bot clicked"), Vec::new()),
            Ok(Judgement::Refuse(refused)) => return self.close(row, about, refused.ending(), None),
            Ok(Judgement::Pair(_)) => return self.close(row, about, denied("unknown person"), None),
            Err(error) => return self.unjudged(row, &error),
        };
        match self.pressed(envelope, &action, &card, me, &about.sender) {
            Ok(button) => self.press(row, about, &action, &card, button, rule).await,
            Err(Unpressed::Nothing(reason)) => self.close(row, about, Ending { reason, ..Ending::of("ignored") }, None),
            Err(Unpressed::Forged(reason)) => {
                tracing::warn!(reason, "a click on a card is none on a button that I have sealed");
                let note = Some(format!("{reason}{FORGED}"));
                self.close(row, about, Ending { note, ..denied(reason) }, None)
            }
        }
    }

    /// The button of ours that was pressed, if this bot sealed it for this space, or for this person alone in whichever
    /// space is direct with them, and it stands in this card.
    fn pressed(
        &self,
        envelope: &Envelope,
        action: &AttachmentAction,
        card: &Message,
        me: &Person,
        sender: &Sender,
    ) -> Result<Button, Unpressed> {
        let Some(cards) = &self.services.cards else { return Err(Unpressed::Nothing("cards.enabled is off")) };
        let token = match &action.inputs[SEAL] {
            serde_json::Value::Null => return Err(Unpressed::Nothing("no button of mine was pressed: it has no seal")),
            token => token.as_str().unwrap_or_default(),
        };
        let direct_with = match card.room_type {
            RoomType::Direct => Some(sender),
            RoomType::Group => None,
        };
        let button = cards.open(&me.id, &action.room_id, direct_with, token);
        let button =
            button.ok_or(Unpressed::Forged("its seal is not mine, or was made for another space or person"))?;
        let named = envelope.room.as_deref().map(RoomId::from);
        if named.as_ref().is_some_and(|named| *named != action.room_id) || card.room_id != action.room_id {
            return Err(Unpressed::Forged("its card is in another space than the click"));
        }
        // Clicks of one space wait for one another, so that what works once is not pressed twice at one time.
        if named.is_none() && button.once {
            return Err(Unpressed::Nothing("its delivery names no space in whose order it could be worked on"));
        }
        if card.person_id != me.id || !carries(&card.attachments, token) {
            return Err(Unpressed::Forged("its seal belongs to another card"));
        }
        Ok(button)
    }

    async fn press(
        &self,
        row: Claimed,
        about: About,
        action: &AttachmentAction,
        card: &Message,
        button: Button,
        rule: &'static str,
    ) -> Settlement {
        let pressed = match &button.deed {
            Deed::Action(name) => format!("{}/{name}", button.command),
            Deed::Say(_) => button.command.clone(),
        };
        let about = About { pressed: Some(pressed), ..about };
        match button.refuses(&about.sender, now_ms()) {
            None => {}
            Some(Refusal::NotTheirs) => {
                let ending = Ending { reason: "the button is for other people", ..Ending::of("denied") };
                return self.decline(row, about, button.card, ending, "That button is for somebody else.");
            }
            Some(Refusal::Expired) => {
                let ending = Ending { reason: "the card has expired", ..Ending::of("declined") };
                return self.decline(row, about, button.card, ending, "That card has expired. Please ask me again.");
            }
        }
        if button.once {
            match self.services.store.is_used(button.card).await {
                Ok(false) => {}
                Ok(true) => {
                    let ending = Ending { reason: "the card was used already", ..Ending::of("declined") };
                    return self.decline(row, about, button.card, ending, "That card has been used already.");
                }
                Err(error) => return self.ledger_away(row, &error),
            }
        }
        let Button { card: id, command, deed, arguments, once, until, .. } = button;
        let name = match deed {
            Deed::Say(text) => {
                let context = self.context(&row, &about, card.id.clone(), text, Vec::new());
                return self.hear(row, about, context, rule, action.created).await;
            }
            Deed::Action(name) => name,
        };
        let context = self.context(&row, &about, card.id.clone(), String::new(), Vec::new());
        let inputs = Inputs::new(&action.inputs, arguments);
        let (command, acting) = match self.action(&about, &command, &name, context, inputs) {
            Ok(found) => found,
            Err(Unable::Forbidden(command, reason)) => {
                let ending = Ending { reason, command: Some(command.name().to_owned()), ..Ending::of("denied") };
                return self.close(row, about, ending, None);
            }
            Err(Unable::Gone) => return self.decline(row, about, id, gone(), GONE),
        };
        let over = match self.ended_by_click(&about, id, once, &name).await {
            Ok(over) => over,
            Err(error) => return self.ledger_away(row, &error),
        };
        match self.perform(row, about, command, rule, acting).await {
            Performed::Answered(settlement) => {
                let spent = once.then_some(Effect::Use { card: id, until });
                spent.into_iter().chain(over).fold(settlement, Settlement::with)
            }
            Performed::Refused(settlement) | Performed::Failed(settlement) => settlement,
        }
    }

    /// One sentence to each person for each card and reason, not one to each click: the notice's id is made from these.
    fn decline(&self, row: Claimed, about: About, card: uuid::Uuid, ending: Ending, said: &str) -> Settlement {
        let notice = event::card_notice_id(card, about.sender.id.as_str(), ending.reason);
        let message = NewMessage { text: Some(said.to_owned()), ..NewMessage::default() };
        let entry = self.entry(&row, &about, notice, message.into(), None);
        self.log(&about, &ending);
        let (row_of_it, reason) = (notice.simple(), ending.reason);
        let note = format!("{reason}; each person is told so once, see `switchboard outbox show {row_of_it}`");
        row.done(about.closing(Ending { note: Some(note), ..ending }), vec![entry])
    }
}

/// Why a click is none on a button of ours.
enum Unpressed {
    /// Nothing says that it was meant to be.
    Nothing(&'static str),
    /// Somebody made it up, or took it from elsewhere.
    Forged(&'static str),
}
