//! What a button does, under a seal that nobody else can make: `data` of each `Action.Submit` is one token.
//!
//! The token holds the card's id, the command, the action and its arguments, who may press it and until when. The bot and
//! the space are not in it but are sealed with it, so in any other place the seal is wrong. That it stands in the card
//! that was clicked, and whether it was used, is for the caller to see.
//!
//! # A card to somebody whose direct space is not known yet
//!
//! Webex tells which space it is only once the message is there, and the seal is made before. So such a card is sealed for
//! "the direct space of this bot with the one person who may press it": each of its buttons names that one person, and
//! opens in a direct space only, and only if they press it. A direct space holds the bot and one other, and there is one
//! for each other: bot, kind of space and person name it as well as its id would, so this binds as tightly.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::finding::{CardError, finding, wrong};
use super::{Card, check};
use crate::access::Sender;
use crate::signature::Seal;
use crate::webex::{Attachment, PersonId, RoomId};

/// The key of a token, in a button's data and thus among the inputs of a click.
pub(crate) const SEAL: &str = "seal";

/// The log names no more doubts about one card.
const MOST_TOLD: usize = 5;

const SUBMIT: &str = "Action.Submit";

/// What a button in a card of ours does.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Button {
    /// The card it stands in: the id of the message in the ledger.
    #[serde(rename = "c")]
    pub card: Uuid,
    /// The command that made the card.
    #[serde(rename = "m")]
    pub command: String,
    #[serde(rename = "d")]
    pub deed: Deed,
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
    /// The only people who may press it; without them, everybody who is answered.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<String>>,
    /// Whether it works once.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Until when, in milliseconds since 1970.
    #[serde(rename = "u")]
    pub until: i64,
}

/// The one thing a button does.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Deed {
    /// Calls an action of the command that made the card.
    Action(String),
    /// What this text does, typed by whoever presses it.
    Say(String),
    /// Decides on what waits for approval, which is the card itself. Only [`Cards::seal_votes`] makes one: no command's
    /// card and no template can.
    Vote(Vote),
}

/// What somebody decides on a command that waits for approval.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Vote {
    /// It should run.
    Approve,
    /// It should not.
    Deny,
    /// Whoever asked for it does not want it any more.
    Withdraw,
}

impl Vote {
    /// The word for it, which is also the action of its button before that is sealed.
    pub fn word(self) -> &'static str {
        match self {
            Vote::Approve => "approve",
            Vote::Deny => "deny",
            Vote::Withdraw => "withdraw",
        }
    }

    fn of(word: &str) -> Option<Vote> {
        [Vote::Approve, Vote::Deny, Vote::Withdraw].into_iter().find(|vote| vote.word() == word)
    }
}

/// Why a button of ours does nothing for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is for others.
    NotTheirs,
    /// It is too late.
    Expired,
}

impl Button {
    /// Whether somebody the bot answers may press it now.
    pub fn refuses(&self, sender: &Sender, now: i64) -> Option<Refusal> {
        if self.people.as_ref().is_some_and(|people| !people.iter().any(|who| names(who, sender))) {
            return Some(Refusal::NotTheirs);
        }
        (now >= self.until).then_some(Refusal::Expired)
    }

    /// Whether it is for this person and nobody else.
    fn is_only_for(&self, sender: &Sender) -> bool {
        matches!(self.people.as_deref(), Some([who]) if names(who, sender))
    }
}

/// Whether this is somebody's email or person id.
fn names(who: &str, sender: &Sender) -> bool {
    let who = who.trim();
    !who.is_empty() && (who.eq_ignore_ascii_case(&sender.email) || PersonId::from(who) == sender.id)
}

/// What `data` says before it is sealed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    action: Option<String>,
    say: Option<String>,
    #[serde(default)]
    arguments: BTreeMap<String, String>,
    #[serde(default)]
    only: Only,
    #[serde(default)]
    repeatable: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Only {
    #[default]
    Anyone,
    Asker,
    People(Vec<String>),
}

impl Only {
    /// Those who may press a button in that space; none where everybody may.
    fn people(self, venue: Venue<'_>) -> Result<Option<Vec<String>>, &'static str> {
        match (self, venue) {
            (Only::Anyone, Venue::Room { .. }) => Ok(None),
            (Only::Asker, Venue::Room { asker, .. }) => Ok(Some(vec![asker.to_string()])),
            (Only::People(people), Venue::Room { .. }) => Ok(Some(people)),
            (Only::Anyone | Only::Asker, Venue::DirectWith(person)) => Ok(Some(vec![person.to_owned()])),
            (Only::People(_), Venue::DirectWith(_)) => Err("is for others than the one person that the card goes to"),
        }
    }
}

impl Wish {
    pub(super) fn of(data: &Value) -> Result<(Wish, Deed), String> {
        const NOTHING: &str = "has to say what the button does: {\"action\": \"name\"} or {\"say\": \"text\"}";
        if !data.is_object() {
            return Err(NOTHING.to_owned());
        }
        let mut wish: Wish = serde_json::from_value(data.clone()).map_err(|error| error.to_string())?;
        let deed = match (wish.action.take(), wish.say.take()) {
            (Some(action), None) => Deed::Action(action),
            (None, Some(text)) => Deed::Say(text),
            (None, None) | (Some(_), Some(_)) => return Err(NOTHING.to_owned()),
        };
        Ok((wish, deed))
    }
}

/// Where a card goes, and why.
pub(crate) struct Sealing<'a> {
    pub bot: &'a PersonId,
    pub venue: Venue<'a>,
    pub card: Uuid,
    pub command: &'a str,
    /// What the buttons of the command's cards may call.
    pub actions: &'a [&'a str],
    pub now: i64,
}

/// The space that a card goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Venue<'a> {
    /// This one, in answer to somebody.
    Room { room: &'a RoomId, asker: &'a PersonId },
    /// The direct space with this person, by email or person id. Nobody else may press its buttons.
    DirectWith(&'a str),
}

/// Seals cards and opens what comes back.
pub(crate) struct Cards {
    seal: Seal,
    longest: Duration,
    clicks_arrive: bool,
}

impl Cards {
    /// `longest` is how long a button works at most; `clicks_arrive` whether Webex tells of clicks at all.
    pub fn new(seal: Seal, longest: Duration, clicks_arrive: bool) -> Cards {
        Cards { seal, longest, clicks_arrive }
    }

    /// Until when the buttons of a card that is made now work at most.
    pub fn until(&self, now: i64) -> i64 {
        now.saturating_add(i64::try_from(self.longest.as_millis()).unwrap_or(i64::MAX))
    }

    /// Whether somebody can press a button at all.
    pub fn clicks_arrive(&self) -> bool {
        self.clicks_arrive
    }

    /// The card as it is sent; none where its buttons would be dead.
    pub fn seal(&self, card: &Card, sealing: &Sealing<'_>) -> Result<Option<Attachment>, CardError> {
        self.sealed(card, sealing, |deed| deed)
    }

    /// The same of a card that asks for approval: its actions are votes.
    pub fn seal_votes(&self, card: &Card, sealing: &Sealing<'_>) -> Result<Option<Attachment>, CardError> {
        self.sealed(card, sealing, |deed| match &deed {
            Deed::Action(word) => Vote::of(word).map_or(deed, Deed::Vote),
            Deed::Say(_) | Deed::Vote(_) => deed,
        })
    }

    fn sealed(
        &self,
        card: &Card,
        sealing: &Sealing<'_>,
        means: impl Fn(Deed) -> Deed,
    ) -> Result<Option<Attachment>, CardError> {
        let mut doubts = check::card(&card.content)?;
        let lives = card.lives.map_or(self.longest, |lives| lives.min(self.longest));
        let until = sealing.now.saturating_add(i64::try_from(lives.as_millis()).unwrap_or(i64::MAX));
        let place = match sealing.venue {
            Venue::Room { room, .. } => place(sealing.bot, room),
            Venue::DirectWith(_) => direct(sealing.bot),
        };
        let mut content = card.content.clone();
        let mut buttons = 0;
        each_submit(&mut content, &mut |submit| {
            buttons += 1;
            let path = format!("the button {}", submit.get("title").unwrap_or(&Value::Null));
            let data = submit.get("data").unwrap_or(&Value::Null);
            let (wish, deed) = Wish::of(data).map_err(|problem| finding(&path, problem))?;
            let deed = means(deed);
            if let Deed::Action(action) = &deed
                && !sealing.actions.contains(&action.as_str())
            {
                let command = sealing.command;
                let problem =
                    format!("calls the action \"{action}\" that {command} does not have; add it with Command::action");
                return wrong(path, problem);
            }
            let button = Button {
                card: sealing.card,
                command: sealing.command.to_owned(),
                once: !wish.repeatable && matches!(deed, Deed::Action(_)),
                deed,
                arguments: wish.arguments,
                people: wish.only.people(sealing.venue).map_err(|problem| finding(&path, problem))?,
                until,
            };
            let token = self.seal.seal(&place, &serde_json::to_vec(&button).unwrap_or_default());
            submit.insert("data".to_owned(), json!({SEAL: token}));
            Ok(())
        })?;
        doubts.extend(check::size(&content));
        if buttons > 0 && !self.clicks_arrive {
            return Ok(None);
        }
        warn_of(&doubts, sealing.command);
        Ok(Some(Attachment::adaptive_card(content)))
    }

    /// What the button does that has this token, if this bot sealed it for this space; or, where the space is direct, for
    /// the direct space with whoever pressed it.
    pub fn open(&self, bot: &PersonId, room: &RoomId, direct_with: Option<&Sender>, token: &str) -> Option<Button> {
        let open = |place: &str| serde_json::from_slice::<Button>(self.seal.open(place, token)?.get()).ok();
        let here = open(&place(bot, room));
        here.or_else(|| direct_with.and_then(|person| open(&direct(bot)).filter(|button| button.is_only_for(person))))
    }
}

fn warn_of(doubts: &[CardError], command: &str) {
    if doubts.is_empty() {
        return;
    }
    let more = doubts.len().saturating_sub(MOST_TOLD);
    let told: Vec<_> = doubts.iter().take(MOST_TOLD).map(CardError::to_string).collect();
    let doubts = told.join("; ");
    tracing::warn!(command, doubts, more, "a card is sent that Webex may not take or not show as it is");
}

fn place(bot: &PersonId, room: &RoomId) -> String {
    format!("{}/{}", bot.local(), room.local())
}

/// No [`place`] is spelled so, whatever a space may be called: each of them has a slash after the bot.
fn direct(bot: &PersonId) -> String {
    format!("{} alone with one person", bot.local())
}

/// Whether a button with this token stands in one of these cards. Nowhere else does it count: what people type may stand
/// in a card too.
pub(crate) fn carries(attachments: &[Attachment], token: &str) -> bool {
    fn holds(value: &Value, token: &str) -> bool {
        match value {
            Value::Array(items) => items.iter().any(|item| holds(item, token)),
            Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == SUBMIT) => {
                fields.get("data").is_some_and(|data| data[SEAL] == token)
            }
            Value::Object(fields) => fields.values().any(|value| holds(value, token)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }
    attachments.iter().any(|attachment| holds(&attachment.content, token))
}

/// Every button that submits, wherever it stands, even where a card is not known to have one.
pub(super) fn each_submit(
    value: &mut Value,
    change: &mut impl FnMut(&mut Map<String, Value>) -> Result<(), CardError>,
) -> Result<(), CardError> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each_submit(item, change)),
        Value::Object(fields) if fields.get("type").is_some_and(|kind| kind == SUBMIT) => change(fields),
        Value::Object(fields) => fields.values_mut().try_for_each(|value| each_submit(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use proptest::prelude::*;

    use super::*;
    use crate::card::{Action, Submit, Text};
    use crate::webex::encode;

    const BOT: &str = "11111111-1111-4111-8111-111111111111";
    const ALICE: &str = "22222222-2222-4222-8222-222222222222";
    const BOB: &str = "33333333-3333-4333-8333-333333333333";
    const NOW: i64 = 1_772_482_800_000;
    const ACTIONS: [&str; 4] = ["go", "withdraw", "approve", "deny"];
    const HOUR: i64 = 3_600_000;

    fn cards(secrets: &[&str]) -> Cards {
        let seal = Seal::new(secrets.iter().map(|secret| secret.as_bytes()));
        Cards::new(seal, Duration::from_secs(3600), true)
    }

    fn person(local: &str) -> PersonId {
        encode("us", "PEOPLE", local).into()
    }

    fn sender(local: &str, email: &str) -> Sender {
        Sender { id: person(local), email: email.to_owned() }
    }

    fn room(nth: u128) -> RoomId {
        encode("urn:TEAM:us-west-2_r", "ROOM", &Uuid::from_u128(nth).to_string()).into()
    }

    /// The tokens of a card's buttons, as anybody in the space can read them.
    fn tokens(cards: &Cards, card: &Card, nth: u128) -> Vec<String> {
        let (room, asker) = (room(nth), person(ALICE));
        sealed(cards, card, nth, Venue::Room { room: &room, asker: &asker })
    }

    /// The same of a card that goes there.
    fn sealed(cards: &Cards, card: &Card, nth: u128, venue: Venue) -> Vec<String> {
        let bot = person(BOT);
        let sealing =
            Sealing { bot: &bot, venue, card: Uuid::from_u128(nth), command: "deploy", actions: &ACTIONS, now: NOW };
        let mut content = cards.seal(card, &sealing).unwrap().unwrap().content;
        let mut tokens = Vec::new();
        each_submit(&mut content, &mut |submit| {
            tokens.push(submit["data"][SEAL].as_str().unwrap().to_owned());
            Ok(())
        })
        .unwrap();
        tokens
    }

    fn card() -> Card {
        let inner = Card::new().action(Submit::say("Status", "status").for_people(&["bob@example.com"]));
        Card::new()
            .with(Text::new("Deploy?"))
            .action(Submit::new("Deploy", "go").argument("service", "api"))
            .action(Submit::new("Withdraw", "withdraw").for_asker().repeatable())
            .action(Action::show_card("More", inner))
    }

    fn open(cards: &Cards, nth: u128, token: &str) -> Option<Button> {
        cards.open(&person(BOT), &room(nth), None, token)
    }

    /// A card for one person alone, who may be anywhere.
    fn knock() -> Card {
        Card::new().action(Submit::new("Approve", "approve")).action(Submit::new("Deny", "deny").for_asker())
    }

    #[test]
    fn every_button_is_sealed_wherever_it_stands_and_says_what_it_said() {
        let cards = cards(&["one"]);
        let tokens = tokens(&cards, &card(), 7);
        let buttons: Vec<_> = tokens.iter().map(|token| open(&cards, 7, token).unwrap()).collect();
        let go = Button {
            card: Uuid::from_u128(7),
            command: "deploy".to_owned(),
            deed: Deed::Action("go".to_owned()),
            arguments: BTreeMap::from([("service".to_owned(), "api".to_owned())]),
            people: None,
            once: true,
            until: NOW + HOUR,
        };
        assert_eq!(buttons[0], go);
        assert_eq!((buttons[1].once, buttons[1].people.clone()), (false, Some(vec![person(ALICE).to_string()])));
        assert_eq!((buttons[2].once, &buttons[2].deed), (false, &Deed::Say("status".to_owned())));
    }

    #[test]
    fn no_card_of_a_command_can_vote() {
        let cards = cards(&["one"]);
        let words = ["approve", "deny", "withdraw"];
        let card = words.into_iter().fold(Card::new(), |card, word| card.action(Submit::new(word, word)));
        let of_a_command: Vec<_> =
            tokens(&cards, &card, 7).iter().map(|token| open(&cards, 7, token).unwrap()).collect();
        for (button, word) in of_a_command.iter().zip(words) {
            assert_eq!(button.deed, Deed::Action(word.to_owned()));
        }
        for data in [json!({"vote": "approve"}), json!({"action": "approve", "vote": "approve"})] {
            assert!(Wish::of(&data).is_err(), "{data}");
        }
        let (bot, asker, room) = (person(BOT), person(ALICE), room(7));
        let venue = Venue::Room { room: &room, asker: &asker };
        let sealing = Sealing { bot: &bot, venue, card: Uuid::nil(), command: "deploy", actions: &ACTIONS, now: NOW };
        let mut deeds = Vec::new();
        each_submit(&mut cards.seal_votes(&card, &sealing).unwrap().unwrap().content, &mut |submit| {
            let button = open(&cards, 7, submit["data"][SEAL].as_str().unwrap()).unwrap();
            deeds.push(button.deed);
            Ok(())
        })
        .unwrap();
        assert_eq!(deeds, [Vote::Approve, Vote::Deny, Vote::Withdraw].map(Deed::Vote));
    }

    #[test]
    fn a_card_may_live_shorter_and_never_longer_than_the_settings_say() {
        let cards = cards(&["one"]);
        let until = |card: Card| open(&cards, 7, &tokens(&cards, &card, 7)[0]).unwrap().until;
        assert_eq!(until(card().lives(Duration::from_secs(60))), NOW + 60_000);
        assert_eq!(until(card().lives(Duration::MAX)), NOW + HOUR);
    }

    #[test]
    fn who_may_press_and_until_when() {
        let cards = cards(&["one"]);
        let [go, withdraw, status] = &tokens(&cards, &card(), 7)[..] else { panic!("three buttons") };
        let refuses = |token: &str, who: &Sender, now| open(&cards, 7, token).unwrap().refuses(who, now);
        let (alice, bob) = (sender(ALICE, "alice@example.com"), sender(BOB, "Bob@Example.com"));
        let nobody = sender("44444444-4444-4444-8444-444444444444", "");
        for (token, who, expected) in [
            (go, &alice, None),
            (go, &bob, None),
            (withdraw, &alice, None),
            (withdraw, &bob, Some(Refusal::NotTheirs)),
            (status, &bob, None),
            (status, &alice, Some(Refusal::NotTheirs)),
            (status, &nobody, Some(Refusal::NotTheirs)),
        ] {
            assert_eq!(refuses(token, who, NOW + HOUR - 1), expected, "{who:?}");
            let expected = expected.or(Some(Refusal::Expired));
            assert_eq!(refuses(token, who, NOW + HOUR), expected, "{who:?}");
        }
        // However its id is spelled.
        let respelled = Sender { id: encode("eu", "PEOPLE", &ALICE.to_uppercase()).into(), email: String::new() };
        assert_eq!(refuses(withdraw, &respelled, NOW), None);
    }

    #[test]
    fn a_rotated_secret_opens_and_does_not_seal() {
        let (old, new, both) = (cards(&["old"]), cards(&["new"]), cards(&["new", "old"]));
        let before = &tokens(&old, &card(), 7)[0];
        assert!(open(&both, 7, before).is_some() && open(&new, 7, before).is_none());
        let after = &tokens(&both, &card(), 7)[0];
        assert!(open(&new, 7, after).is_some() && open(&old, 7, after).is_none());
    }

    #[test]
    fn a_token_counts_as_a_button_of_its_card_and_nowhere_else() {
        let cards = cards(&["one"]);
        let token = &tokens(&cards, &card(), 7)[0];
        let in_card = |body: Value| {
            let content = json!({"type": "AdaptiveCard", "version": "1.3", "body": body});
            carries(&[Attachment::adaptive_card(content)], token)
        };
        let submit = json!({"type": "Action.Submit", "data": {"seal": token}});
        assert!(in_card(json!([{"type": "ActionSet", "actions": [submit]}])));
        assert!(in_card(json!([{"type": "Container", "items": [], "selectAction": submit}])));
        for elsewhere in [
            json!([{"type": "TextBlock", "text": token}]),
            json!([{"type": "Action.Submit", "title": token, "data": {"action": token}}]),
            json!([{"type": "Action.Submit", "data": {"deeper": submit}}]),
            json!([{"type": "Action.OpenUrl", "data": {"seal": token}}]),
            json!([{"data": {"seal": token}}]),
            json!([]),
        ] {
            assert!(!in_card(elsewhere.clone()), "{elsewhere}");
        }
        assert!(!carries(&[], token));
    }

    #[test]
    fn a_card_whose_buttons_would_be_dead_is_not_sent() {
        let seal = || Seal::new([&b"one"[..]]);
        let deaf = Cards::new(seal(), Duration::from_secs(60), false);
        let (bot, asker, room) = (person(BOT), person(ALICE), room(7));
        let venue = Venue::Room { room: &room, asker: &asker };
        let sealing =
            || Sealing { bot: &bot, venue, card: Uuid::nil(), command: "deploy", actions: &ACTIONS, now: NOW };
        assert_eq!(deaf.seal(&card(), &sealing()), Ok(None));
        assert!(deaf.seal(&Card::new().with(Text::new("only to read")), &sealing()).unwrap().is_some());
    }

    #[test]
    fn a_button_that_calls_what_the_command_does_not_have_is_refused_wherever_it_stands() {
        let (bot, asker, room) = (person(BOT), person(ALICE), room(7));
        let venue = Venue::Room { room: &room, asker: &asker };
        let sealing = || Sealing { bot: &bot, venue, card: Uuid::nil(), command: "deploy", actions: &["go"], now: NOW };
        let inner = Card::new().action(Submit::new("Undo", "undo"));
        let card = Card::new().action(Submit::new("Go", "go")).action(Action::show_card("More", inner));
        let error = cards(&["one"]).seal(&card, &sealing()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the button \"Undo\": calls the action \"undo\" that deploy does not have; add it with Command::action"
        );
        let card = Card::new().action(Submit::new("Go", "go")).action(Submit::say("Status", "undo"));
        assert!(cards(&["one"]).seal(&card, &sealing()).is_ok());
        // What asks for approval calls none.
        let card = Card::new().action(Submit::new("Approve", "approve"));
        assert!(cards(&["one"]).seal_votes(&card, &sealing()).is_ok());
    }

    #[test]
    fn a_card_to_one_person_opens_in_their_direct_space_and_for_nobody_else() {
        let cards = cards(&["one"]);
        let (alice, bob) = (sender(ALICE, "Alice@Example.com"), sender(BOB, "bob@example.com"));
        let open = |token: &str, direct_with| cards.open(&person(BOT), &room(7), direct_with, token);
        for whom in ["alice@example.com", &person(ALICE).to_string(), ALICE] {
            for token in sealed(&cards, &knock(), 7, Venue::DirectWith(whom)) {
                assert_eq!(open(&token, Some(&alice)).unwrap().people, Some(vec![whom.to_owned()]));
                assert!(open(&token, None).is_none(), "not in a group");
                assert!(open(&token, Some(&bob)).is_none(), "not for somebody else");
                assert!(cards.open(&person(BOB), &room(7), Some(&alice), &token).is_none(), "not by another bot");
            }
        }
        // Nobody is named by nothing, though somebody's email may not be known.
        let nobody = sender("44444444-4444-4444-8444-444444444444", "");
        assert!(
            sealed(&cards, &knock(), 7, Venue::DirectWith("")).iter().all(|token| open(token, Some(&nobody)).is_none())
        );
        let (bot, others) = (person(BOT), Card::new().action(Submit::new("Go", "go").for_people(&["bob@example.com"])));
        let sealing = Sealing {
            bot: &bot,
            venue: Venue::DirectWith("alice@example.com"),
            card: Uuid::nil(),
            command: "c",
            actions: &ACTIONS,
            now: NOW,
        };
        assert!(cards.seal(&others, &sealing).unwrap_err().to_string().contains("for others"));
    }

    /// What an attacker changes of what a token says.
    fn altered(button: &Button, field: usize, text: &str, number: i64) -> Button {
        let mut button = button.clone();
        match field {
            0 => button.card = Uuid::new_v5(&button.card, text.as_bytes()),
            1 => button.command.push_str(text),
            2 => button.deed = Deed::Action(text.to_owned()),
            3 => button.deed = Deed::Say(text.to_owned()),
            4 => drop(button.arguments.insert(text.to_owned(), text.to_owned())),
            5 => button.arguments.clear(),
            6 => button.people = None,
            7 => button.people = Some(vec![text.to_owned()]),
            8 => button.once = !button.once,
            _ => button.until = button.until.wrapping_add(number),
        }
        button
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn no_forged_token_opens(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            tag in proptest::collection::vec(any::<u8>(), 0..40),
            text in any::<String>(),
            until in any::<i64>(),
        ) {
            let cards = cards(&["one", "two"]);
            prop_assert!(open(&cards, 7, &text).is_none());
            let button = Button { card: Uuid::from_u128(7), command: text.clone(), deed: Deed::Say(text),
                arguments: BTreeMap::new(), people: None, once: false, until };
            for content in [bytes, serde_json::to_vec(&button).unwrap()] {
                for tag in [&tag[..], &[0; 32], &[]] {
                    let forged = format!("{}.{}", BASE64.encode(&content), BASE64.encode(tag));
                    prop_assert!(open(&cards, 7, &forged).is_none());
                }
            }
        }

        #[test]
        fn no_byte_of_a_token_can_be_changed(which in 0_usize..3, at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let cards = cards(&["one"]);
            let token = tokens(&cards, &card(), 7)[which].clone();
            let at = at.index(token.len());
            let mut changed = token.clone().into_bytes();
            changed[at] = byte;
            if let Ok(changed) = String::from_utf8(changed) && changed != token {
                prop_assert!(open(&cards, 7, &changed).is_none());
            }
            prop_assert!(open(&cards, 7, &token[..at]).is_none());
            prop_assert!(open(&cards, 7, &token[at + 1..]).is_none());
        }

        #[test]
        fn no_field_of_a_token_can_be_changed(
            which in 0_usize..3, field in 0_usize..10, text in ".{0,20}", number in any::<i64>()
        ) {
            let cards = cards(&["one"]);
            let token = tokens(&cards, &card(), 7)[which].clone();
            let (_, tag) = token.split_once('.').unwrap();
            let button = open(&cards, 7, &token).unwrap();
            let changed = altered(&button, field, &text, number);
            let forged = format!("{}.{tag}", BASE64.encode(serde_json::to_vec(&changed).unwrap()));
            prop_assert_eq!(open(&cards, 7, &forged).is_some(), changed == button);
        }

        #[test]
        fn no_token_goes_elsewhere_and_no_two_make_a_third(
            one in 1_u128..1000, other in 1_u128..1000, which in 0_usize..3, what in 0_usize..3
        ) {
            let (cards, foreign) = (cards(&["one"]), cards(&["another"]));
            let token = tokens(&cards, &card(), one)[which].clone();
            let second = tokens(&cards, &card(), other)[what].clone();
            // In another space, or by another bot.
            prop_assert_eq!(open(&cards, other, &token).is_some(), one == other);
            prop_assert!(cards.open(&person(ALICE), &room(one), None, &token).is_none());
            prop_assert!(cards.open(&person(BOT), &BOT.into(), None, &token).is_none());
            prop_assert!(foreign.open(&person(BOT), &room(one), None, &token).is_none());
            // The content of one with the seal of the other.
            let (content, _) = token.split_once('.').unwrap();
            let (_, tag) = second.split_once('.').unwrap();
            let mixed = format!("{content}.{tag}");
            prop_assert_eq!(open(&cards, one, &mixed).is_some(), mixed == token);
            // Each says which card it is of, and is refused in every other.
            prop_assert_eq!(open(&cards, one, &token).unwrap().card, Uuid::from_u128(one));
        }

        #[test]
        fn no_token_for_one_person_opens_for_another_or_in_a_group_and_no_other_as_one(
            one in 1_u128..1000, other in 1_u128..1000, at in 1_u128..1000, which in 0_usize..3, what in 0_usize..2,
            named in any::<bool>(), called in ".{0,20}",
        ) {
            let cards = cards(&["one", "two"]);
            let local = |nth: u128| Uuid::from_u128(nth << 64).to_string();
            let email = |nth: u128| format!("{nth}@example.com");
            let whom = if named { email(one) } else { person(&local(one)).to_string() };
            let token = sealed(&cards, &knock(), 7, Venue::DirectWith(&whom))[what].clone();
            let presses = |who: &Sender, token: &str| cards.open(&person(BOT), &room(at), Some(who), token);
            // Only for them, by whichever of their names, and nowhere but alone with the bot.
            let somebody = sender(&local(other), &email(other));
            prop_assert_eq!(presses(&somebody, &token).is_some(), one == other);
            prop_assert!(open(&cards, at, &token).is_none());
            let odd = RoomId::from(called.as_str());
            prop_assert!(cards.open(&person(BOT), &odd, None, &token).is_none());
            let asker = person(&local(other));
            for of_odd in sealed(&cards, &knock(), 7, Venue::Room { room: &odd, asker: &asker }) {
                prop_assert_eq!(presses(&somebody, &of_odd).is_some(), odd == room(at));
            }
            // What is sealed for a space opens in that one, and its being direct opens it nowhere else.
            let of_room = tokens(&cards, &card(), one)[which].clone();
            prop_assert_eq!(presses(&sender(BOB, "bob@example.com"), &of_room).is_some(), one == at);
            // Nor does the content of one with the seal of the other.
            let (content, tag) = token.split_once('.').unwrap();
            let (of_room, other_tag) = of_room.split_once('.').unwrap();
            for mixed in [format!("{content}.{other_tag}"), format!("{of_room}.{tag}")] {
                prop_assert!(presses(&somebody, &mixed).is_none() && open(&cards, at, &mixed).is_none());
            }
        }
    }
}
