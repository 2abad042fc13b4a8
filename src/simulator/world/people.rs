//! The accounts of people and bots, and their tokens.

use uuid::Uuid;

use super::change::WorldChange;
use super::ids;
use super::state::World;
use super::things::{Account, AccountType, Profile};

impl World {
    /// The account with this address. It is created if there is none, since Webex invites unknown people.
    pub(crate) fn account(&mut self, email: &str) -> Account {
        if let Some(account) = self.by_email(email) {
            return account.clone();
        }
        let email = email.trim().to_ascii_lowercase();
        let name = email.split('@').next().unwrap_or_default();
        let mut letters = name.chars();
        let display_name = letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect());
        let token = self.token_for(&email);
        self.add_account(AccountType::Person, email, display_name, token)
    }

    /// A token for a new account: one that nobody can guess, or one that tests can quote.
    pub(crate) fn token_for(&self, email: &str) -> String {
        let id = match self.has_quotable_tokens {
            true => Uuid::new_v5(&Uuid::NAMESPACE_OID, email.as_bytes()),
            false => Uuid::new_v4(),
        };
        format!("simulated-{}", id.simple())
    }

    /// The account with this address. If a display name is given, the account gets it.
    pub(crate) fn named_account(&mut self, email: &str, display_name: Option<&str>) -> Account {
        let account = self.account(email);
        let Some(name) = display_name.map(str::trim).filter(|name| !name.is_empty()) else { return account };
        self.change_person(&account.id, |account| account.display_name = name.to_owned()).unwrap_or(account)
    }

    /// Changes an account, and gives the result.
    pub(crate) fn change_person(&mut self, id: &str, change: impl FnOnce(&mut Account)) -> Option<Account> {
        let now = self.clock.now();
        let known = self.people.get_mut(id)?;
        change(known);
        known.profile.last_modified = Some(now);
        let account = known.clone();
        self.changes.push(WorldChange::Person(Box::new(account.clone())));
        Some(account)
    }

    /// Adds an account.
    pub(crate) fn add_account(
        &mut self,
        kind: AccountType,
        email: String,
        display_name: String,
        token: String,
    ) -> Account {
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
        self.changes.push(WorldChange::Person(Box::new(account)));
    }

    /// Adds another token for a person, as refreshing does.
    pub(crate) fn add_token(&mut self, token: String, person_id: &str) {
        self.by_token.insert(token, person_id.to_owned());
    }

    /// Every token with the id of its owner.
    pub(crate) fn tokens(&self) -> impl Iterator<Item = (&String, &String)> {
        self.by_token.iter()
    }
}
