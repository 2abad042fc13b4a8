//! From a click on a card to what its button does. Nothing of the inputs is looked at before the button is known to be one
//! of ours: anybody in a space can send any inputs for any card.

use std::ops::ControlFlow;

use super::Inbox;
use super::judging::Judgement;
use crate::access::{Act, EventPlace, Sender};
use crate::card::{Button, ButtonAction, SEAL, carries_button};
use crate::desk::{EventEnd, Outcome, ReplyTo};
use crate::event::{Event, Occurrence};
use crate::store::{Claimed, StoreError};
use crate::verdict::Verdict;
use crate::webex::{ActionId, AttachmentAction, Error, Fault, Message, Person, RoomId, RoomType};

/// What whoever looks for the reason has to know besides.
const FORGED: &str = "; somebody made it up or took it from elsewhere, or what sealed it is gone: after a change of \
     cards.secret the old one belongs into cards.previous_secrets";

/// The card of a stranger is made for the address or id that access.admins has, before Webex has said whose that is.
const NOT_FOR_THEM: &str = "its seal is not mine, or was made for another space or person: in a direct message maybe for \
     an address in access.admins that is not the one Webex has for them, then list their id";

impl Inbox {
    pub(super) async fn click(&self, row: &Claimed, event: &Occurrence, me: &Person) -> Outcome {
        if let ControlFlow::Break(outcome) = self.foresee(row, event, me, Act::Click).await {
            return outcome;
        }
        let (action, card, person) = match self.desk.fetch(self.read_click(event)).await {
            Ok(fetched) => fetched,
            Err(error) => return self.desk.unread(row, &error).await,
        };
        // As a rule the delivery and the click both name the space; one that does not is of the card's.
        let named = event.room.clone();
        let room = match (action.room_id.as_ref().or(named.as_ref()), &card) {
            (Some(room), Err(_)) => room.clone(),
            (_, Ok(card)) => action.room_id.as_ref().unwrap_or(&card.room_id).clone(),
            (None, Err(error)) => return self.desk.unread(row, error).await,
        };
        // What happens in one space waits for one another, so that what works once is not pressed twice at one time, nor a
        // question answered twice.
        let Some(named) = named else {
            return Outcome::Moved(Event::Click(Occurrence { room: Some(room), ..event.clone() }).to_entry());
        };
        let (card, late) = match card {
            Ok(card) => (Some(card), None),
            // The card of what was decided goes, and somebody may have pressed another of its buttons at that moment.
            Err(error) => match self.late(&named, &room, &action, me).await {
                Ok(Some(button)) => (None, Some(button)),
                Ok(None) => return self.desk.unread(row, &error).await,
                Err(error) => return self.desk.without_request(row, &error),
            },
        };
        let to = &self.clicked_in(&room, card.as_ref(), &person);
        let rule = match self.clicker(row, me, to, &action).await {
            ControlFlow::Continue(rule) => rule,
            ControlFlow::Break(outcome) => return outcome,
        };
        let pressed = match &card {
            Some(card) => self.pressed(&named, &room, &action, card, me, &to.sender),
            None => late.ok_or(Unpressed::Nothing("its card is gone")),
        };
        match pressed {
            Ok(button) => self.press(row, to, &action, button, rule, me).await,
            Err(unpressed) => self.refuse_click(to, &unpressed).into(),
        }
    }

    /// Where whoever clicked is answered. A card that is gone asked for an approval, which happens in spaces alone.
    fn clicked_in(&self, room: &RoomId, card: Option<&Message>, person: &Person) -> ReplyTo {
        let sender = Sender { id: person.id.clone(), email: person.email().to_owned() };
        let Some(card) = card else {
            return ReplyTo { room: room.clone(), room_type: RoomType::Group, thread: None, sender };
        };
        self.known.learn(&sender.id, &sender.email, room, card.room_type);
        let thread = card.parent_id.clone().or_else(|| Some(card.id.clone()));
        ReplyTo { room: room.clone(), room_type: card.room_type, thread, sender }
    }

    fn refuse_click(&self, to: &ReplyTo, unpressed: &Unpressed) -> EventEnd {
        match unpressed {
            Unpressed::Nothing(reason) => EventEnd::of(to, Verdict::Ignored, reason),
            Unpressed::Forged(reason) => {
                if let Some(count) = self.forged_clicks.count() {
                    tracing::warn!(reason, count, "a click on a card is none on a button that I have sealed");
                }
                EventEnd::of(to, Verdict::Denied, reason).noted(format!("{reason}{FORGED}"))
            }
        }
    }

    /// The click, its card unless that is gone, and who clicked.
    async fn read_click(
        &self,
        event: &Occurrence,
    ) -> Result<(AttachmentAction, Result<Message, Error>, Person), Error> {
        let webex = &self.services.webex;
        let action = webex.attachment_action(&ActionId::from(event.id.as_str())).await?;
        let card = match webex.message(&action.message_id).await {
            Err(error) if error.fault() == Fault::NotFound => Err(error),
            card => Ok(card?),
        };
        let person = webex.person(&action.person_id).await?;
        Ok((action, card, person))
    }

    /// By which rule whoever clicked is answered. The same people are let through as for text that mentions the bot.
    async fn clicker(
        &self,
        row: &Claimed,
        me: &Person,
        to: &ReplyTo,
        action: &AttachmentAction,
    ) -> ControlFlow<Outcome, &'static str> {
        let place = EventPlace::of(to.room_type, true);
        ControlFlow::Break(match self.judgement(row, me, to, place, Act::Click, action.created).await {
            Ok(Judgement::Allow(rule)) => return ControlFlow::Continue(rule),
            Ok(Judgement::Own) => EventEnd::unaudited(Verdict::Own, "the bot clicked").into(),
            Ok(Judgement::Refuse(refused)) => refused.end(to).into(),
            Ok(Judgement::Pair(_)) => EventEnd::of(to, Verdict::Denied, "unknown person").into(),
            Err(error) => self.desk.unjudged(&error),
        })
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
        let Some(button) = button.filter(|button| matches!(button.action, ButtonAction::Vote(_))) else {
            return Ok(None);
        };
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
        if card.person_id != me.id || !carries_button(&card.attachments, token) {
            return Err(Unpressed::Forged("its seal belongs to another card"));
        }
        Ok(button)
    }
}

/// Why a click is none on a button of ours.
enum Unpressed {
    /// Nothing says that it was meant to be.
    Nothing(&'static str),
    /// Somebody made it up, or took it from elsewhere.
    Forged(&'static str),
}
