//! What administrators do with people: create, change and delete them.

use axum::http::StatusCode;
use serde::Deserialize;

use super::ids;
use super::refusal::Refusal;
use super::state::World;
use super::things::{Account, RoomType, WebhookStatus, no_such_person, only_administrators};

/// The body with which an administrator creates or changes a person.
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

    /// Deletes a person: removes them from all rooms, revokes their tokens, and switches their webhooks off.
    pub(crate) fn delete_person(&mut self, actor: &Account, id: &str) -> Result<(), Refusal> {
        only_administrators(actor)?;
        let person = self.people.get(id).cloned().ok_or_else(no_such_person)?;
        let rooms: Vec<_> = self.rooms.iter().filter(|room| room.has(&person.id)).map(|room| room.id.clone()).collect();
        for room in rooms {
            // A direct room needs two people. Somebody who comes back under this address begins a new one.
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
