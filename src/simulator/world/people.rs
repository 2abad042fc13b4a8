//! Who there is: people and bots, their tokens, and what administrators may do with them.

use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::refusal::Refusal;
use super::rooms::RoomType;
use super::state::World;
use super::webhooks::WebhookStatus;
use super::{ids, time};
use crate::simulator::watch::journal::Change;

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
    /// Whether it may make, change and delete people, and register webhooks for the whole organization.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_admin: bool,
    /// What only the REST API shows.
    #[serde(default)]
    pub(crate) profile: Profile,
}

/// The rest of what Webex knows of a person.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nick_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) avatar: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) licenses: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_modified: Option<Timestamp>,
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
    pub(crate) fn first_name(&self) -> &str {
        self.display_name.split_whitespace().next().unwrap_or(&self.display_name)
    }
}

/// What an administrator makes a person with, or makes of one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PersonDraft {
    pub(crate) emails: Vec<String>,
    pub(crate) display_name: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) nick_name: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) licenses: Option<Vec<String>>,
    pub(crate) roles: Option<Vec<String>>,
}

impl World {
    /// The account with this address; made if there is none, since Webex invites whom it does not know.
    pub(crate) fn account(&mut self, email: &str) -> Account {
        if let Some(account) = self.by_email(email) {
            return account.clone();
        }
        let email = email.trim().to_ascii_lowercase();
        let name = email.split('@').next().unwrap_or_default();
        let mut letters = name.chars();
        let display_name = letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect());
        let token = self.token_for(&email);
        self.enrol(AccountType::Person, email, display_name, token)
    }

    /// A token that nobody can guess, or one that tests can quote.
    pub(crate) fn token_for(&self, email: &str) -> String {
        let id = match self.has_quotable_tokens {
            true => Uuid::new_v5(&Uuid::NAMESPACE_OID, email.as_bytes()),
            false => Uuid::new_v4(),
        };
        format!("simulated-{}", id.simple())
    }

    /// The account with this address, called like this.
    pub(crate) fn named_account(&mut self, email: &str, display_name: Option<&str>) -> Account {
        let account = self.account(email);
        let Some(name) = display_name.map(str::trim).filter(|name| !name.is_empty()) else { return account };
        self.change_person(&account.id, |account| account.display_name = name.to_owned()).unwrap_or(account)
    }

    /// Changes somebody, and gives them as they are then.
    pub(crate) fn change_person(&mut self, id: &str, change: impl FnOnce(&mut Account)) -> Option<Account> {
        let now = self.clock.now();
        let known = self.people.get_mut(id)?;
        change(known);
        known.profile.last_modified = Some(now);
        let account = known.clone();
        self.changes.push(Change::Person(Box::new(account.clone())));
        Some(account)
    }

    /// Adds an account.
    pub(crate) fn enrol(&mut self, kind: AccountType, email: String, display_name: String, token: String) -> Account {
        let account = Account {
            id: ids::person(&email),
            email,
            display_name,
            token,
            kind,
            created: self.clock.now(),
            is_admin: false,
            profile: Profile::default(),
        };
        self.know(account.clone());
        account
    }

    pub(crate) fn know(&mut self, account: Account) {
        self.by_email.insert(account.email.clone(), account.id.clone());
        self.by_token.insert(account.token.clone(), account.id.clone());
        self.people.push(&account.id, account.clone());
        self.changes.push(Change::Person(Box::new(account)));
    }

    pub(crate) fn by_email(&self, email: &str) -> Option<&Account> {
        self.people.get(self.by_email.get(&email.trim().to_ascii_lowercase())?)
    }

    pub(crate) fn by_token(&self, token: &str) -> Option<&Account> {
        self.people.get(self.by_token.get(token)?)
    }

    /// From now on this token acts as this person too, as one that was refreshed.
    pub(crate) fn add_token(&mut self, token: String, person_id: &str) {
        self.by_token.insert(token, person_id.to_owned());
    }

    /// Every token and whose it is.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&String, &String)> {
        self.by_token.iter()
    }

    pub(crate) fn create_person(&mut self, actor: &Account, draft: PersonDraft) -> Result<Account, Refusal> {
        only_administrators(actor)?;
        let email = match &draft.emails[..] {
            [email] if email.contains('@') => email.trim().to_ascii_lowercase(),
            _ => return Err(Refusal::bad_request("emails must contain exactly one email address.")),
        };
        if self.by_email(&email).is_some() {
            return Err(Refusal::new(StatusCode::CONFLICT, "The user already exists."));
        }
        let id = self.account(&email).id;
        let made = self.change_person(&id, |account| draft.apply(account));
        made.ok_or_else(no_such_person)
    }

    pub(crate) fn update_person(&mut self, actor: &Account, id: &str, draft: PersonDraft) -> Result<Account, Refusal> {
        only_administrators(actor)?;
        if draft.display_name.as_deref().is_none_or(str::is_empty) {
            return Err(Refusal::bad_request("displayName cannot be empty"));
        }
        self.change_person(id, |account| draft.apply(account)).ok_or_else(no_such_person)
    }

    /// Takes somebody out of everything: the rooms, the tokens, and the webhooks, which tell nothing any more.
    pub(crate) fn delete_person(&mut self, actor: &Account, id: &str) -> Result<(), Refusal> {
        only_administrators(actor)?;
        let person = self.people.get(id).cloned().ok_or_else(no_such_person)?;
        let rooms: Vec<_> = self.rooms.iter().filter(|room| room.has(&person.id)).map(|room| room.id.clone()).collect();
        for room in rooms {
            // Alone there is no direct room; whoever comes back under this address begins a new one.
            if self.rooms.get(&room).is_some_and(|room| room.kind == RoomType::Direct) {
                self.drop_room(actor, &room);
                self.direct.retain(|_, id| *id != room);
            } else {
                self.leave(actor, &room, &person.id);
            }
        }
        let hooks: Vec<_> = self.webhooks.iter().filter(|webhook| webhook.created_by == person.id).collect();
        let hooks: Vec<_> = hooks.into_iter().map(|webhook| webhook.id.clone()).collect();
        for id in hooks {
            if let Some(webhook) = self.webhooks.get_mut(&id) {
                webhook.status = WebhookStatus::Inactive;
            }
        }
        self.by_token.retain(|_, owner| *owner != person.id);
        self.by_email.remove(&person.email);
        self.people.remove(&person.id);
        Ok(())
    }
}

impl PersonDraft {
    fn apply(self, account: &mut Account) {
        let named = match (&self.first_name, &self.last_name) {
            (None, None) => None,
            (first, last) => {
                let words: Vec<_> = [first, last].into_iter().flatten().map(String::as_str).collect();
                Some(words.join(" "))
            }
        };
        if let Some(name) = self.display_name.or(named).filter(|name| !name.is_empty()) {
            account.display_name = name;
        }
        let profile = &mut account.profile;
        let keep = |new: Option<String>, old: &mut Option<String>| *old = new.or(old.take());
        keep(self.first_name, &mut profile.first_name);
        keep(self.last_name, &mut profile.last_name);
        keep(self.nick_name, &mut profile.nick_name);
        keep(self.avatar, &mut profile.avatar);
        profile.licenses = self.licenses.unwrap_or(std::mem::take(&mut profile.licenses));
        if let Some(roles) = self.roles {
            account.is_admin = roles.iter().any(|role| ids::same(role, &ids::administrator_role()));
        }
    }
}

pub(crate) fn only_administrators(actor: &Account) -> Result<(), Refusal> {
    if actor.is_admin { Ok(()) } else { Err(Refusal::forbidden("Only an administrator can perform this action.")) }
}

pub(crate) fn no_such_person() -> Refusal {
    Refusal::not_found("Unable to find a person with provided ID.")
}
