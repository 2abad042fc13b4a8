//! From a click on a card to what its button does. Nothing of the inputs is looked at before the button is known to be one
//! of ours: anybody in a space can send any inputs for any card.

use std::ops::ControlFlow;

use super::Inbox;
use super::asking::Said;
use super::closing::{About, Ending, ended};
use super::judging::Judgement;
use super::running::{GONE, Performed, Unable, gone};
use super::voting::Press;
use crate::access::{Act, Place};
use crate::clock;
use crate::event;
use crate::handler::{Button, Deed, Inputs, Refusal, SEAL, Sender, carries};
use crate::pairing;
use crate::receiver::Envelope;
use crate::store::{Claimed, Effect, Settlement, StoreError};
use crate::webex::{ActionId, AttachmentAction, Fault, Message, NewMessage, Person, RoomId, RoomType};

/// What whoever looks for the reason has to know besides.
const FORGED: &str = "; somebody made it up or took it from elsewhere, or what sealed it is gone: after a change of \
     cards.secret the old one belongs into cards.previous_secrets";

/// The card of a stranger is made for the address or id that access.admins has, before Webex has said whose that is.
const NOT_FOR_THEM: &str = "its seal is not mine, or was made for another space or person: in a direct message maybe for \
     an address in access.admins that is not the one Webex has for them, then list their id";

impl Inbox {
    pub(super) async fn click(&self, row: Claimed, envelope: &Envelope, me: &Person) -> Settlement {
        let row = match self.foresee(row, envelope, me, Act::Click).await {
            ControlFlow::Break(settlement) => return settlement,
            ControlFlow::Continue(row) => row,
        };
        let webex = &self.services.webex;
        let id = ActionId::from(envelope.id.as_str());
        let fetched = self.fetch(async {
            let action = webex.attachment_action(&id).await?;
            let card = match webex.message(&action.message_id).await {
                Err(error) if error.fault() == Fault::NotFound => Err(error),
                card => Ok(card?),
            };
            let person = webex.person(&action.person_id).await?;
            Ok((action, card, person))
        });
        let (action, card, person) = match fetched.await {
            Ok(fetched) => fetched,
            Err(error) => return self.unread(row, &error).await,
        };
        // As a rule the delivery and the click both name the space; one that does not is of the card's.
        let named = envelope.room.as_deref().map(RoomId::from);
        let room = match (action.room_id.as_ref().or(named.as_ref()), &card) {
            (Some(room), Err(_)) => room.clone(),
            (_, Ok(card)) => action.room_id.as_ref().unwrap_or(&card.room_id).clone(),
            (None, Err(error)) => return self.unread(row, error).await,
        };
        // What happens in one space waits for one another, so that what works once is not pressed twice at one time, nor a
        // question answered twice.
        let Some(named) = named else {
            return row.moved(Envelope { room: Some(room.to_string()), ..envelope.clone() }.into_entry());
        };
        let (card, late) = match card {
            Ok(card) => (Some(card), None),
            // The card of what was decided goes, and somebody may have pressed another of its buttons at that moment.
            Err(error) => match self.late(&named, &room, &action, me).await {
                Ok(Some(button)) => (None, Some(button)),
                Ok(None) => return self.unread(row, &error).await,
                Err(error) => return self.unapprovable(row, &error),
            },
        };
        let about = About {
            room: room.clone(),
            room_type: card.as_ref().map_or(RoomType::Group, |card| card.room_type),
            thread: card.as_ref().map(|card| card.parent_id.clone().unwrap_or_else(|| card.id.clone())),
            sender: Sender { id: person.id.clone(), email: person.email().to_owned() },
            pressed: None,
            answers: None,
        };
        if card.is_some() {
            self.known.learn(&about.sender.id, &about.sender.email, &about.room, about.room_type);
        }
        let denied = |reason| Ending { reason, ..Ending::of("denied") };
        // The same people are let through as for text that mentions the bot.
        let place = match about.room_type {
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
        let pressed = match &card {
            Some(card) => self.pressed(&named, &room, &action, card, me, &about.sender),
            None => late.ok_or(Unpressed::Nothing("its card is gone")),
        };
        match pressed {
            Ok(button) => self.press(row, about, &action, button, rule, me).await,
            Err(Unpressed::Nothing(reason)) => self.close(row, about, Ending { reason, ..Ending::of("ignored") }, None),
            Err(Unpressed::Forged(reason)) => {
                if let Some(count) = self.forged_clicks.count() {
                    tracing::warn!(reason, count, "a click on a card is none on a button that I have sealed");
                }
                let note = Some(format!("{reason}{FORGED}"));
                self.close(row, about, Ending { note, ..denied(reason) }, None)
            }
        }
    }

    /// The button of a card that is gone, if that asked for an approval which is decided by now: whoever pressed it is told
    /// what came of it, and nothing else can.
    async fn late(
        &self,
        named: &RoomId,
        room: &RoomId,
        action: &AttachmentAction,
        me: &Person,
    ) -> Result<Option<Button>, StoreError> {
        let token = action.inputs[SEAL].as_str().unwrap_or_default();
        let button = self.services.cards.as_ref().and_then(|cards| cards.open(&me.id, room, None, token));
        let Some(button) = button.filter(|button| matches!(button.deed, Deed::Vote(_))) else { return Ok(None) };
        let approval = self.services.store.approval(button.card).await?;
        let decided = approval.is_some_and(|approval| !approval.is_open());
        Ok((decided && named == room).then_some(button))
    }

    /// The button of ours that was pressed, if this bot sealed it for this space, or for this person alone in whichever
    /// space is direct with them, and it stands in this card.
    fn pressed(
        &self,
        named: &RoomId,
        room: &RoomId,
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
        let button = cards.open(&me.id, room, direct_with, token);
        let button = button.ok_or(Unpressed::Forged(match card.room_type {
            RoomType::Direct => NOT_FOR_THEM,
            RoomType::Group => "its seal is not mine, or was made for another space or person",
        }))?;
        if named != room || card.room_id != *room {
            return Err(Unpressed::Forged("its card is in another space than the click"));
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
        button: Button,
        rule: &'static str,
        me: &Person,
    ) -> Settlement {
        let pressed = match &button.deed {
            Deed::Action(name) => format!("{}/{name}", button.command),
            Deed::Vote(vote) => format!("{}/{}", button.command, vote.word()),
            Deed::Say(_) => button.command.clone(),
        };
        let about = About { pressed: Some(pressed), ..about };
        let refusal = match button.deed {
            // How long that may be pressed, and by whom, the ledger says.
            Deed::Vote(_) => None,
            Deed::Action(_) | Deed::Say(_) => button.refuses(&about.sender, clock::wall_ms()),
        };
        match refusal {
            None => {}
            Some(Refusal::NotTheirs) => {
                let ending = Ending { reason: "the button is for other people", ..Ending::of("denied") };
                return self.decline(row, about, button.card, ending, "That button is for somebody else.");
            }
            Some(Refusal::Expired) => {
                let ending = Ending { reason: "the card has expired", ..Ending::of("declined") };
                // An admin did not ask for the card of a stranger, and cannot.
                let said = match button.command.as_str() {
                    pairing::COMMAND => pairing::EXPIRED,
                    _ => "That card has expired. Please ask me again.",
                };
                return self.decline(row, about, button.card, ending, said);
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
                let context = self.context(&row, &about, action.message_id.clone(), text, Vec::new());
                return self.hear(row, about, context, rule, Said { at: action.created, card: Some(id) }).await;
            }
            Deed::Action(name) => name,
            Deed::Vote(vote) => {
                let press = Press { card: id, message: action.message_id.clone(), vote, at: action.created };
                return self.vote(row, about, me, press).await;
            }
        };
        let context = self.context(&row, &about, action.message_id.clone(), String::new(), Vec::new());
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
        // A try that the end of the process cut off may have done everything.
        let was_cut_off = row.deaths > 0;
        let spent = once.then_some(Effect::Use { card: id, until, action: Some(name) });
        let performed = match once {
            true => self.perform_once(row, about, command, rule, acting).await,
            false => self.perform(row, about, command, rule, acting).await,
        };
        match performed {
            Performed::Answered(settlement) => spent.into_iter().chain(over).fold(settlement, Settlement::with),
            Performed::Refused(settlement) => settlement,
            // As with an answer that is typed: one that is tried again closes nothing, and so ends nothing.
            Performed::Failed(settlement) => {
                spent.filter(|_| was_cut_off).into_iter().chain(over).fold(settlement, Settlement::with)
            }
        }
    }

    /// One sentence to each person for each card and reason, not one to each click: the notice's id is made from these.
    pub(super) fn decline(
        &self,
        row: Claimed,
        about: About,
        card: uuid::Uuid,
        ending: Ending,
        said: &str,
    ) -> Settlement {
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
