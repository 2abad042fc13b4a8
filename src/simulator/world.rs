//! People, rooms and who is in them, in memory. Changes are plain state changes; what webhooks tell about them is kept
//! in `happened` until the cloud takes it out and delivers it.

use std::collections::HashMap;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::actions::Action;
use super::events::Event;
use super::ids::{self, Mint, Shelf};
use super::journal::Change;
use super::messages::{Content, Message};
use super::refusal::Refusal;
use super::time::{self, Clock};
use super::webhooks::Webhook;

/// Everything the cloud knows.
#[derive(Default)]
pub(super) struct World {
    pub(super) mint: Mint,
    pub(super) clock: Clock,
    pub(super) people: Shelf<Account>,
    by_email: HashMap<String, String>,
    by_token: HashMap<String, String>,
    pub(super) rooms: Shelf<Room>,
    /// Direct rooms by their two people, the smaller id first.
    direct: HashMap<(String, String), String>,
    pub(super) messages: Shelf<Message>,
    pub(super) contents: HashMap<String, Content>,
    pub(super) actions: Shelf<Action>,
    pub(super) webhooks: Shelf<Webhook>,
    /// What is to be delivered, and to which webhooks.
    pub(super) happened: Vec<(Event, Vec<String>)>,
    /// What people see changed, and whoever watches was not told yet.
    pub(super) changes: Vec<Change>,
}

/// Somebody who can call the API.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The id in the REST API.
    pub id: String,
    /// The one address.
    pub email: String,
    /// The name others see.
    pub display_name: String,
    /// The bearer token that acts as this person.
    pub token: String,
    /// A bot sees less than a person.
    #[serde(rename = "type")]
    pub kind: AccountType,
    /// Since when.
    #[serde(serialize_with = "time::millis")]
    pub created: Timestamp,
}

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AccountType {
    /// Sees what mentions it, what it wrote, and its direct rooms.
    Bot,
    /// Sees everything in the rooms it is in.
    Person,
}

impl Account {
    /// How the name appears in a mention: Webex shows its first word only.
    pub(super) fn first_name(&self) -> &str {
        self.display_name.split_whitespace().next().unwrap_or(&self.display_name)
    }
}

/// What a room is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomType {
    /// Two people, one of them possibly a bot.
    Direct,
    /// A space.
    Group,
}

/// A room and what is in it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Room {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) kind: RoomType,
    pub(super) creator_id: String,
    pub(super) created: Timestamp,
    pub(super) last_activity: Timestamp,
    pub(super) members: Vec<Member>,
    /// Places on the shelf of messages, oldest first.
    #[serde(skip)]
    pub(super) messages: Vec<usize>,
}

/// One person in a room.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Member {
    pub(super) person_id: String,
    pub(super) is_moderator: bool,
    pub(super) created: Timestamp,
}

impl Room {
    pub(super) fn has(&self, person_id: &str) -> bool {
        self.members.iter().any(|member| member.person_id == person_id)
    }
}

/// A membership as REST and webhooks show it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Membership {
    pub(super) id: String,
    pub(super) room_id: String,
    pub(super) room_type: RoomType,
    pub(super) person_id: String,
    pub(super) person_email: String,
    pub(super) person_display_name: String,
    pub(super) person_org_id: String,
    pub(super) is_moderator: bool,
    pub(super) is_monitor: bool,
    pub(super) is_room_hidden: bool,
    #[serde(serialize_with = "time::millis")]
    pub(super) created: Timestamp,
}

impl World {
    /// Nobody and nothing, and where new ids will come from.
    pub(super) fn new(mint: Mint) -> World {
        World { mint, ..World::default() }
    }

    /// The account with this address; made if there is none, since Webex invites whom it does not know.
    pub(super) fn account(&mut self, email: &str) -> Account {
        if let Some(account) = self.by_email(email) {
            return account.clone();
        }
        let email = email.trim().to_lowercase();
        let name = email.split('@').next().unwrap_or_default();
        let mut letters = name.chars();
        let display_name = letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect());
        let token = format!("simulated-{}", uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, email.as_bytes()).simple());
        self.enrol(AccountType::Person, email, display_name, token)
    }

    /// The same, called like this.
    pub(super) fn named_account(&mut self, email: &str, display_name: Option<&str>) -> Account {
        let account = self.account(email);
        let Some(name) = display_name.map(str::trim).filter(|name| !name.is_empty()) else { return account };
        let Some(known) = self.people.get_mut(&account.id) else { return account };
        known.display_name = name.to_owned();
        let account = known.clone();
        self.changes.push(Change::Person(account.clone()));
        account
    }

    /// Adds an account.
    pub(super) fn enrol(&mut self, kind: AccountType, email: String, display_name: String, token: String) -> Account {
        let account = Account { id: ids::person(&email), email, display_name, token, kind, created: self.clock.now() };
        self.know(account.clone());
        account
    }

    pub(super) fn know(&mut self, account: Account) {
        self.by_email.insert(account.email.clone(), account.id.clone());
        self.by_token.insert(account.token.clone(), account.id.clone());
        self.people.push(&account.id, account.clone());
        self.changes.push(Change::Person(account));
    }

    pub(super) fn by_email(&self, email: &str) -> Option<&Account> {
        self.people.get(self.by_email.get(&email.trim().to_lowercase())?)
    }

    pub(super) fn by_token(&self, token: &str) -> Option<&Account> {
        self.people.get(self.by_token.get(token)?)
    }

    /// Opens a space whose only member is its creator.
    pub(super) fn open_space(&mut self, creator: &Account, title: &str) -> String {
        let id = self.open_room(creator, title.to_owned(), RoomType::Group);
        self.join(creator, &id, creator);
        id
    }

    /// The direct room of two people; opened if they never spoke.
    pub(super) fn direct_room(&mut self, from: &Account, to: &Account) -> String {
        if let Some(id) = self.existing_direct_room(&from.id, &to.id) {
            return id.to_owned();
        }
        let id = self.open_room(from, String::new(), RoomType::Direct);
        self.know_direct(&from.id, &to.id, &id);
        self.join(from, &id, from);
        self.join(from, &id, to);
        id
    }

    /// The direct room of two people, if they ever spoke.
    pub(super) fn existing_direct_room(&self, one: &str, other: &str) -> Option<&str> {
        self.direct.get(&pair(one, other)).map(String::as_str)
    }

    pub(super) fn know_direct(&mut self, one: &str, other: &str, room_id: &str) {
        self.direct.insert(pair(one, other), room_id.to_owned());
    }

    fn open_room(&mut self, creator: &Account, title: String, kind: RoomType) -> String {
        let (id, now) = (self.mint.id("ROOM"), self.clock.now());
        self.rooms.push(
            &id,
            Room {
                id: id.clone(),
                title,
                kind,
                creator_id: creator.id.clone(),
                created: now,
                last_activity: now,
                members: Vec::new(),
                messages: Vec::new(),
            },
        );
        id
    }

    /// Lets `actor` add a person to a space of theirs.
    pub(super) fn add_member(
        &mut self,
        actor: &Account,
        room_id: &str,
        person: &Account,
    ) -> Result<Membership, Refusal> {
        let room = self.room_of(actor, room_id)?;
        if room.kind == RoomType::Direct {
            return Err(Refusal::bad_request("Unable to add a participant to a direct room."));
        }
        if room.has(&person.id) {
            return Err(Refusal::new(StatusCode::CONFLICT, "Person is already in the room."));
        }
        self.join(actor, room_id, person).ok_or_else(Refusal::no_such_room)
    }

    /// Lets `actor` take a person out of a space of theirs.
    pub(super) fn remove_member(&mut self, actor: &Account, room_id: &str, person: &Account) -> Result<(), Refusal> {
        let room = self.room_of(actor, room_id)?;
        let membership = room
            .members
            .iter()
            .find(|member| member.person_id == person.id)
            .and_then(|member| self.membership(room, member))
            .ok_or_else(|| Refusal::not_found("Failed to get membership"))?;
        if room.kind == RoomType::Direct {
            return Err(Refusal::forbidden("Unable to remove a participant from a direct room."));
        }
        // Told while the person is still in the room, so that it hears of its own removal.
        self.tell(Event::membership("deleted", &actor.id, membership));
        if let Some(room) = self.rooms.get_mut(room_id) {
            room.members.retain(|member| member.person_id != person.id);
        }
        Ok(())
    }

    fn join(&mut self, actor: &Account, room_id: &str, person: &Account) -> Option<Membership> {
        let created = self.clock.now();
        let room = self.rooms.get_mut(room_id)?;
        let is_moderator = room.members.is_empty() && room.kind == RoomType::Group;
        room.members.push(Member { person_id: person.id.clone(), is_moderator, created });
        let room = self.rooms.get(room_id)?;
        let membership = self.membership(room, room.members.last()?)?;
        self.tell(Event::membership("created", &actor.id, membership.clone()));
        Some(membership)
    }

    /// The room, if this account is in it.
    pub(super) fn room_of(&self, actor: &Account, room_id: &str) -> Result<&Room, Refusal> {
        self.rooms.get(room_id).filter(|room| room.has(&actor.id)).ok_or_else(Refusal::no_such_room)
    }

    /// The title as one member sees it: a direct room is called like the other one.
    pub(super) fn title(&self, room: &Room, viewer: &str) -> String {
        match room.kind {
            RoomType::Group => room.title.clone(),
            RoomType::Direct => room
                .members
                .iter()
                .find(|member| member.person_id != viewer)
                .and_then(|other| self.people.get(&other.person_id))
                .map_or(String::new(), |other| other.display_name.clone()),
        }
    }

    /// A membership as others see it.
    pub(super) fn membership(&self, room: &Room, member: &Member) -> Option<Membership> {
        let person = self.people.get(&member.person_id)?;
        Some(Membership {
            id: ids::membership(&person.id, &room.id),
            room_id: room.id.clone(),
            room_type: room.kind,
            person_id: person.id.clone(),
            person_email: person.email.clone(),
            person_display_name: person.display_name.clone(),
            person_org_id: ids::organization(),
            is_moderator: member.is_moderator,
            is_monitor: false,
            is_room_hidden: false,
            created: member.created,
        })
    }
}

/// Two people in an order that does not depend on who is named first.
fn pair(one: &str, other: &str) -> (String, String) {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    (first.to_owned(), second.to_owned())
}
