//! Seals the buttons of a card: `data` of each `Action.Submit` becomes one token that nobody else can make.
//!
//! The token holds the card's id, the command, the action and its arguments, who may press it and until when. It does not
//! hold the bot and the space, but the seal covers them: in any other space the seal is wrong. The caller checks that the
//! token stands in the card that was clicked, and whether the card was used.
//!
//! # A card to somebody whose direct space is not known yet
//!
//! The seal is made before the message is sent, and Webex names a new direct space only afterwards. Such a card is sealed
//! for "the direct space of this bot with the one person who may press it". Each of its buttons names that person, and
//! opens only in a direct space and only if they press it. This binds as tightly as the id of the space: a bot has one
//! direct space with each person, and nobody else is in it.

use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::adaptive::Card;
use super::button::{Button, ButtonAction, ButtonSpec, Only, SEAL, Vote, each_submit};
use super::check;
use super::finding::{CardError, finding, wrong};
use crate::access::Sender;
use crate::signature::Sealer;
use crate::webex::{Attachment, PersonId, RoomId};

/// The most doubts about one card that the log names.
const MOST_TOLD: usize = 5;

/// What the buttons of a card are sealed for.
pub(crate) struct Sealing<'a> {
    pub bot: &'a PersonId,
    pub venue: Venue<'a>,
    pub card: Uuid,
    pub command: &'a str,
    /// The actions that the buttons of the command's cards may call.
    pub actions: &'a [&'a str],
    pub now: i64,
}

/// The space that a card goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Venue<'a> {
    /// This space, in answer to somebody.
    Room { room: &'a RoomId, asker: &'a PersonId },
    /// The direct space with this person, given by email or person id. Nobody else may press its buttons.
    DirectWith(&'a str),
}

impl Venue<'_> {
    /// The text that a seal covers besides the button: the bot and its space.
    fn place(self, bot: &PersonId) -> String {
        match self {
            Venue::Room { room, .. } => space_of(bot, room),
            Venue::DirectWith(_) => direct_space_of(bot),
        }
    }

    /// The people who may press a button there. None means everybody.
    fn people(self, only: Only) -> Result<Option<Vec<String>>, &'static str> {
        Ok(match (only, self) {
            (Only::Anyone, Venue::Room { .. }) => None,
            (Only::Asker, Venue::Room { asker, .. }) => Some(vec![asker.to_string()]),
            (Only::People(people), Venue::Room { .. }) => Some(people),
            (Only::Anyone | Only::Asker, Venue::DirectWith(person)) => Some(vec![person.to_owned()]),
            (Only::People(_), Venue::DirectWith(_)) => {
                return Err("is for others than the one person that the card goes to");
            }
        })
    }
}

/// Seals cards, and opens the tokens that clicks bring back.
pub(crate) struct Cards {
    sealer: Sealer,
    longest: Duration,
    clicks_arrive: bool,
}

impl Cards {
    /// `longest` is the longest time a button works. `clicks_arrive` says whether Webex sends clicks to the bot at all.
    pub fn new(sealer: Sealer, longest: Duration, clicks_arrive: bool) -> Cards {
        Cards { sealer, longest, clicks_arrive }
    }

    /// The latest time at which the buttons of a card made now still work.
    pub fn until(&self, now: i64) -> i64 {
        add(now, self.longest)
    }

    /// Whether a click on a button reaches the bot at all.
    pub fn clicks_arrive(&self) -> bool {
        self.clicks_arrive
    }

    /// The card as it is sent. None if its buttons could not work.
    pub fn seal(&self, card: &Card, sealing: &Sealing<'_>) -> Result<Option<Attachment>, CardError> {
        self.seal_buttons(card, sealing, |action| action)
    }

    /// Seals the card of an approval request. Its actions are votes.
    pub fn seal_votes(&self, card: &Card, sealing: &Sealing<'_>) -> Result<Option<Attachment>, CardError> {
        self.seal_buttons(card, sealing, |action| match &action {
            ButtonAction::Call(word) => Vote::from_word(word).map_or(action, ButtonAction::Vote),
            ButtonAction::Say(_) | ButtonAction::Vote(_) => action,
        })
    }

    fn seal_buttons(
        &self,
        card: &Card,
        sealing: &Sealing<'_>,
        change: impl Fn(ButtonAction) -> ButtonAction,
    ) -> Result<Option<Attachment>, CardError> {
        let mut doubts = check::card(&card.content)?;
        let until = add(sealing.now, card.lives.map_or(self.longest, |lives| lives.min(self.longest)));
        let place = sealing.venue.place(sealing.bot);
        let mut content = card.content.clone();
        let mut buttons = 0;
        each_submit(&mut content, &mut |submit| {
            buttons += 1;
            let path = format!("the button {}", submit.get("title").unwrap_or(&Value::Null));
            let data = submit.get("data").unwrap_or(&Value::Null);
            let (spec, action) = ButtonSpec::read(data).map_err(|problem| finding(&path, problem))?;
            let action = change(action);
            let Sealing { card, command, actions, venue, .. } = *sealing;
            if let ButtonAction::Call(name) = &action
                && !actions.contains(&name.as_str())
            {
                let problem =
                    format!("calls the action \"{name}\" that {command} does not have; add it with Command::action");
                return wrong(path, problem);
            }
            let button = Button {
                card,
                command: command.to_owned(),
                once: !spec.repeatable && matches!(action, ButtonAction::Call(_)),
                action,
                arguments: spec.arguments,
                people: venue.people(spec.only).map_err(|problem| finding(path, problem))?,
                until,
            };
            let token = self.sealer.seal(&place, &serde_json::to_vec(&button).unwrap_or_default());
            submit.insert("data".to_owned(), json!({SEAL: token}));
            Ok(())
        })?;
        doubts.extend(check::size(&content));
        if buttons > 0 && !self.clicks_arrive {
            return Ok(None);
        }
        if !doubts.is_empty() {
            let more = doubts.len().saturating_sub(MOST_TOLD);
            let named: Vec<_> = doubts.iter().take(MOST_TOLD).map(CardError::to_string).collect();
            let (command, doubts) = (sealing.command, named.join("; "));
            tracing::warn!(command, doubts, more, "a card is sent that Webex may not take or not show as it is");
        }
        Ok(Some(Attachment::adaptive_card(content)))
    }

    /// The button with this token, if this bot sealed it for this space. In a direct space it may also be sealed for
    /// the direct space with the person who pressed it.
    pub fn open(&self, bot: &PersonId, room: &RoomId, direct_with: Option<&Sender>, token: &str) -> Option<Button> {
        let open = |space: &str| serde_json::from_slice::<Button>(self.sealer.open(space, token)?.get()).ok();
        open(&space_of(bot, room)).or_else(|| {
            let person = direct_with?;
            open(&direct_space_of(bot)).filter(|button| button.is_only_for(person))
        })
    }
}

/// Adds a span to a time. A card is given the time, so this does not ask the clock.
fn add(ms: i64, span: Duration) -> i64 {
    ms.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// The text for this bot in this space.
fn space_of(bot: &PersonId, room: &RoomId) -> String {
    format!("{}/{}", bot.local(), room.local())
}

/// The text for this bot alone with one person. It never equals a [`space_of`], since that has a slash after the bot.
fn direct_space_of(bot: &PersonId) -> String {
    format!("{} alone with one person", bot.local())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use proptest::prelude::*;

    use super::*;
    use crate::card::{Action, ButtonRefusal, Submit, Text, carries_button};
    use crate::webex::encode;

    const BOT: &str = "11111111-1111-4111-8111-111111111111";
    const ALICE: &str = "22222222-2222-4222-8222-222222222222";
    const BOB: &str = "33333333-3333-4333-8333-333333333333";
    const NOW: i64 = 1_772_482_800_000;
    const ACTIONS: [&str; 4] = ["go", "withdraw", "approve", "deny"];
    const HOUR: i64 = 3_600_000;

    fn cards(secrets: &[&str]) -> Cards {
        let seal = Sealer::new(secrets.iter().map(|secret| secret.as_bytes()));
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

    /// The tokens of a card's buttons, which anybody in the space can read.
    fn tokens(cards: &Cards, card: &Card, nth: u128) -> Vec<String> {
        let (room, asker) = (room(nth), person(ALICE));
        sealed(cards, card, nth, Venue::Room { room: &room, asker: &asker })
    }

    /// The tokens of a card that goes to this venue.
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
            action: ButtonAction::Call("go".to_owned()),
            arguments: BTreeMap::from([("service".to_owned(), "api".to_owned())]),
            people: None,
            once: true,
            until: NOW + HOUR,
        };
        assert_eq!(buttons[0], go);
        assert_eq!((buttons[1].once, buttons[1].people.clone()), (false, Some(vec![person(ALICE).to_string()])));
        assert_eq!((buttons[2].once, &buttons[2].action), (false, &ButtonAction::Say("status".to_owned())));
    }

    #[test]
    fn no_card_of_a_command_can_vote() {
        let cards = cards(&["one"]);
        let words = ["approve", "deny", "withdraw"];
        let card = words.into_iter().fold(Card::new(), |card, word| card.action(Submit::new(word, word)));
        let of_a_command: Vec<_> =
            tokens(&cards, &card, 7).iter().map(|token| open(&cards, 7, token).unwrap()).collect();
        for (button, word) in of_a_command.iter().zip(words) {
            assert_eq!(button.action, ButtonAction::Call(word.to_owned()));
        }
        for data in [json!({"vote": "approve"}), json!({"action": "approve", "vote": "approve"})] {
            assert!(ButtonSpec::read(&data).is_err(), "{data}");
        }
        let (bot, asker, room) = (person(BOT), person(ALICE), room(7));
        let venue = Venue::Room { room: &room, asker: &asker };
        let sealing = Sealing { bot: &bot, venue, card: Uuid::nil(), command: "deploy", actions: &ACTIONS, now: NOW };
        let mut actions = Vec::new();
        each_submit(&mut cards.seal_votes(&card, &sealing).unwrap().unwrap().content, &mut |submit| {
            let button = open(&cards, 7, submit["data"][SEAL].as_str().unwrap()).unwrap();
            actions.push(button.action);
            Ok(())
        })
        .unwrap();
        assert_eq!(actions, [Vote::Approve, Vote::Deny, Vote::Withdraw].map(ButtonAction::Vote));
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
        let refuses = |token: &str, who: &Sender, now| open(&cards, 7, token).unwrap().refusal(who, now);
        let (alice, bob) = (sender(ALICE, "alice@example.com"), sender(BOB, "Bob@Example.com"));
        let nobody = sender("44444444-4444-4444-8444-444444444444", "");
        for (token, who, expected) in [
            (go, &alice, None),
            (go, &bob, None),
            (withdraw, &alice, None),
            (withdraw, &bob, Some(ButtonRefusal::NotTheirs)),
            (status, &bob, None),
            (status, &alice, Some(ButtonRefusal::NotTheirs)),
            (status, &nobody, Some(ButtonRefusal::NotTheirs)),
        ] {
            assert_eq!(refuses(token, who, NOW + HOUR - 1), expected, "{who:?}");
            let expected = expected.or(Some(ButtonRefusal::Expired));
            assert_eq!(refuses(token, who, NOW + HOUR), expected, "{who:?}");
        }
        // Any spelling of the id is accepted.
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
            carries_button(&[Attachment::adaptive_card(content)], token)
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
        assert!(!carries_button(&[], token));
    }

    #[test]
    fn a_card_whose_buttons_would_be_dead_is_not_sent() {
        let seal = || Sealer::new([&b"one"[..]]);
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
        // The card of an approval request calls no action.
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
        // An empty email names nobody, though somebody's email may not be known.
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

    /// Changes one thing that a token says, as an attacker might.
    fn altered(button: &Button, field: usize, text: &str, number: i64) -> Button {
        let mut button = button.clone();
        match field {
            0 => button.card = Uuid::new_v5(&button.card, text.as_bytes()),
            1 => button.command.push_str(text),
            2 => button.action = ButtonAction::Call(text.to_owned()),
            3 => button.action = ButtonAction::Say(text.to_owned()),
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
            let button = Button { card: Uuid::from_u128(7), command: text.clone(), action: ButtonAction::Say(text),
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
            // The content of one token with the seal of the other.
            let (content, _) = token.split_once('.').unwrap();
            let (_, tag) = second.split_once('.').unwrap();
            let mixed = format!("{content}.{tag}");
            prop_assert_eq!(open(&cards, one, &mixed).is_some(), mixed == token);
            // Each token says which card it belongs to, and is refused in every other.
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
            // Only for this person, by either of their names, and only alone with the bot.
            let somebody = sender(&local(other), &email(other));
            prop_assert_eq!(presses(&somebody, &token).is_some(), one == other);
            prop_assert!(open(&cards, at, &token).is_none());
            let odd = RoomId::from(called.as_str());
            prop_assert!(cards.open(&person(BOT), &odd, None, &token).is_none());
            let asker = person(&local(other));
            for of_odd in sealed(&cards, &knock(), 7, Venue::Room { room: &odd, asker: &asker }) {
                prop_assert_eq!(presses(&somebody, &of_odd).is_some(), odd == room(at));
            }
            // A token sealed for a space opens in that space, and being direct opens it in no other.
            let of_room = tokens(&cards, &card(), one)[which].clone();
            prop_assert_eq!(presses(&sender(BOB, "bob@example.com"), &of_room).is_some(), one == at);
            // The content of one token with the seal of the other does not open either.
            let (content, tag) = token.split_once('.').unwrap();
            let (of_room, other_tag) = of_room.split_once('.').unwrap();
            for mixed in [format!("{content}.{other_tag}"), format!("{of_room}.{tag}")] {
                prop_assert!(presses(&somebody, &mixed).is_none() && open(&cards, at, &mixed).is_none());
            }
        }
    }
}
