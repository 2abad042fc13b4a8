//! Finds what the button of a click does. The inputs are not looked at until the button is known to be ours, since
//! anybody in a space can send any inputs for any card.

use super::Inbox;
use super::judging::{Admission, Approach};
use crate::access::{Act, Sender};
use crate::card::{Button, ButtonAction, SEAL, carries_button};
use crate::desk::{Case, EventEnd, Outcome, ReplyTo};
use crate::event::{Event, Occurrence};
use crate::store::{Claimed, StoreError};
use crate::verdict::Verdict;
use crate::webex::{ActionId, AttachmentAction, Error, Fault, Message, Person, RoomId, RoomType};

/// The end of the note, after the reason.
const FORGED: &str = "; somebody made it up or took it from elsewhere, or what sealed it is gone: after a change of \
     cards.secret the old one belongs into cards.previous_secrets";

/// Why a card may not be sealed for the person who clicked. The card about a stranger is sealed for an entry of
/// access.admins, before Webex has said whose address or id that is.
const NOT_FOR_THEM: &str = "its seal is not mine, or was made for another space or person: in a direct message maybe for \
     an address in access.admins that is not the one Webex has for them, then list their id";

const NOT_HERE: &str = "its seal is not mine, or was made for another space or person";

/// A click, and the space it was in.
struct Click<'a> {
    me: &'a Person,
    action: AttachmentAction,
    /// The space of the click, or of its card if the click names none.
    room: &'a RoomId,
    /// The space that the delivery named.
    named: &'a RoomId,
}

/// Why a click does nothing.
enum InvalidClick {
    /// The button is not ours, and nothing suggests that it claims to be.
    NoButton(&'static str),
    /// The seal was made up, or taken from elsewhere.
    Forged(&'static str),
}

impl Inbox {
    pub(super) async fn work_on_click(&self, row: &Claimed, event: &Occurrence, me: &Person) -> Outcome {
        if let Some(outcome) = self.foresee(row, event, me, Act::Click).await {
            return outcome;
        }
        let (action, card, person) = match self.desk.fetch(self.read_click(event)).await {
            Ok(fetched) => fetched,
            Err(error) => return self.desk.retry_reading(row, &error).await,
        };
        // The click or the delivery usually names the space. If neither does, it is the card's.
        let room = match (action.room_id.as_ref().or(event.room.as_ref()), &card) {
            (Some(room), Err(_)) => room.clone(),
            (_, Ok(card)) => action.room_id.as_ref().unwrap_or(&card.room_id).clone(),
            (None, Err(error)) => return self.desk.retry_reading(row, error).await,
        };
        // The events of one space are worked on one after another. So a button that works once is not pressed twice at
        // the same time, and a question is not answered twice.
        let Some(named) = &event.room else {
            let moved = Event::Click(Occurrence { room: Some(room), ..event.clone() });
            return Outcome::Moved(Box::new(moved.to_entry()));
        };
        let click = Click { me, action, room: &room, named };
        let (card, late_vote) = match card {
            Ok(card) => (Some(card), None),
            // The card of a decided request is deleted. Somebody may press another of its buttons at that moment.
            Err(error) => match self.find_late_vote(&click).await {
                Ok(Some(button)) => (None, Some(button)),
                Ok(None) => return self.desk.retry_reading(row, &error).await,
                Err(error) => return self.desk.retry_on_request_error(row, &error),
            },
        };
        let to = &self.reply_to_click(&click, card.as_ref(), &person);
        // The same rules as for a message that mentions the bot.
        let approach = Approach { row, me, to, is_mentioned: true, act: Act::Click, at: click.action.created };
        let case = match self.admit(approach).await {
            Admission::Allow(rule) => approach.case(rule),
            Admission::Pair(_) => return approach.case("unknown person").end(Verdict::Denied).into(),
            Admission::Over(outcome) => return outcome,
        };
        let button = match &card {
            Some(card) => self.find_button(&click, card, &to.sender),
            None => late_vote.ok_or(InvalidClick::NoButton("its card is gone")),
        };
        match button {
            Ok(button) => self.press_button(case, &click.action, button).await,
            Err(invalid) => self.end_invalid_click(case, &invalid).into(),
        }
    }

    /// Where the person who clicked is answered. A card that is gone belonged to an approval request, and those are
    /// only in group spaces.
    fn reply_to_click(&self, click: &Click<'_>, card: Option<&Message>, person: &Person) -> ReplyTo {
        let sender = Sender { id: person.id.clone(), email: person.email().to_owned() };
        let (room, message) = (click.room.clone(), click.action.message_id.clone());
        let Some(card) = card else {
            return ReplyTo { room, room_type: RoomType::Group, message, thread: None, sender };
        };
        self.directory.learn(&sender.id, &sender.email, &room, card.room_type);
        let thread = card.parent_id.clone().or_else(|| Some(card.id.clone()));
        ReplyTo { room, room_type: card.room_type, message, thread, sender }
    }

    fn end_invalid_click(&self, case: Case<'_>, invalid: &InvalidClick) -> EventEnd {
        let end = |verdict, rule| Case { rule, ..case }.end(verdict);
        match invalid {
            InvalidClick::NoButton(reason) => end(Verdict::Ignored, reason),
            InvalidClick::Forged(reason) => {
                if let Some(count) = self.forged_clicks.count() {
                    tracing::warn!(reason, count, "a click was not on a button that I sealed");
                }
                end(Verdict::Denied, reason).noted(format!("{reason}{FORGED}"))
            }
        }
    }

    /// Reads the click, its card if that still exists, and the person who clicked.
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

    /// The vote that was pressed on a card that is gone, if its approval request is decided by now. The person is then
    /// told the decision. No other button works without its card.
    async fn find_late_vote(
        &self,
        Click { me, action, room, named }: &Click<'_>,
    ) -> Result<Option<Button>, StoreError> {
        let token = action.inputs[SEAL].as_str().unwrap_or_default();
        let button = self.services.cards.as_ref().and_then(|cards| cards.open(&me.id, room, None, token));
        let Some(button) = button.filter(|button| matches!(button.action, ButtonAction::Vote(_))) else {
            return Ok(None);
        };
        let approval = self.services.store.approval(button.card).await?;
        let is_decided = approval.is_some_and(|approval| !approval.is_open());
        Ok((is_decided && named == room).then_some(button))
    }

    /// The button that was pressed. It is ours if it stands in this card and this bot sealed it for this space, or for
    /// this person in their direct space.
    fn find_button(
        &self,
        Click { me, action, room, named }: &Click<'_>,
        card: &Message,
        sender: &Sender,
    ) -> Result<Button, InvalidClick> {
        let Some(cards) = &self.services.cards else { return Err(InvalidClick::NoButton("cards.enabled is off")) };
        let token = match &action.inputs[SEAL] {
            serde_json::Value::Null => {
                return Err(InvalidClick::NoButton("no button of mine was pressed: it has no seal"));
            }
            token => token.as_str().unwrap_or_default(),
        };
        let (direct_with, wrong_seal) = match card.room_type {
            RoomType::Direct => (Some(sender), NOT_FOR_THEM),
            RoomType::Group => (None, NOT_HERE),
        };
        let button = cards.open(&me.id, room, direct_with, token).ok_or(InvalidClick::Forged(wrong_seal))?;
        if named != room || card.room_id != **room {
            return Err(InvalidClick::Forged("its card is in another space than the click"));
        }
        if card.person_id != me.id || !carries_button(&card.attachments, token) {
            return Err(InvalidClick::Forged("its seal belongs to another card"));
        }
        Ok(button)
    }
}
