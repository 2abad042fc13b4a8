//! Hooks that admins make from the chat: made, given another secret, removed. What only the admin may read is in a letter
//! that is written in the same transaction as the change.

use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::ends::{HookState, last_day, notice};
use super::presets::{self, Preset};
use super::{Hooks, chat, setup};
use crate::access::Sender;
use crate::clock::millis;
use crate::config::{self, Expiry};
use crate::event;
use crate::outbox::{Destination, Letter, LetterSecret, Post, SECRET_PLACE};
use crate::places::{Place, PlaceError, Places};
use crate::signature::SecretKey;
use crate::store::{AuditEntry, ChatHook, Entry, HookNotice, HookSalt, HookStep, Store, StoreError};
use crate::text::{MOST_BYTES, code_block, code_span, escape, minute, quoted, split};
use crate::verdict::Verdict;
use crate::webex::NewMessage;

/// Makes hooks, and changes those that were made. Cheap to clone.
#[derive(Clone)]
pub struct HookMaker(Arc<Inner>);

struct Inner {
    hooks: Hooks,
    store: Store,
    places: Places,
    key: SecretKey,
    /// The beginning of the URLs of hooks.
    base: Option<String>,
    settings: config::Hooks,
    /// Held while the door is told what the ledger has, so that no older reading comes last.
    loading: Mutex<()>,
}

/// A hook to be made.
pub struct NewHook {
    /// The last part of its path.
    pub name: String,
    /// The kind of system that posts.
    pub preset: String,
    /// Where its messages go.
    pub to: String,
    /// Its last day, if it has one.
    pub expires: Option<Date>,
}

/// A command about a hook.
pub struct HookOrder<'a> {
    /// The event of the command. An order that is given again by the same event changes nothing more.
    pub event: Uuid,
    /// The admin.
    pub by: &'a Sender,
    /// Where only the admin reads.
    pub direct: Destination,
    /// What the audit says of who gave it and where.
    pub audit: AuditEntry,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// What the admin has to do about it, in sentences.
    #[error("{0}")]
    Refused(String),
    /// The ledger failed: try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn refused<T>(says: impl Into<String>) -> Result<T, HookError> {
    Err(HookError::Refused(says.into()))
}

impl HookMaker {
    /// Makes hooks whose secrets are derived from this key, and reads those that the ledger has.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn new(
        hooks: Hooks,
        (store, places): (Store, Places),
        key: SecretKey,
        config: &config::Config,
    ) -> Result<HookMaker, StoreError> {
        let (base, settings) = (config.webhook.public_base(), config.hooks.clone());
        let maker = HookMaker(Arc::new(Inner { hooks, store, places, key, base, settings, loading: Mutex::default() }));
        maker.load().await?;
        Ok(maker)
    }

    /// Has the door take what the ledger has. Gives all of it.
    async fn load(&self) -> Result<Vec<ChatHook>, StoreError> {
        let _loading = self.0.loading.lock().await;
        let rows = self.0.store.chat_hooks().await?;
        self.0.hooks.load(&rows, &self.0.key);
        Ok(rows)
    }

    /// The hooks that were made, each with whether its secret is still the one that its maker got.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn list(&self) -> Result<Vec<(ChatHook, HookState)>, StoreError> {
        let rows = self.0.store.chat_hooks().await?;
        Ok(rows.into_iter().map(|row| (row.clone(), self.state(&row))).collect())
    }

    fn state(&self, row: &ChatHook) -> HookState {
        self.0.hooks.state_of(row, Some(&self.0.key))
    }

    /// Tells the makers of hooks what they do not know yet: that a hook ends soon, has ended, or needs a new secret.
    ///
    /// # Errors
    /// The ledger failed. What was not told is told by the next call.
    pub async fn tell_makers(&self) -> Result<(), StoreError> {
        // A change whose command was cut off before this is known from now on.
        self.load().await?;
        for (row, state) in self.list().await? {
            let found = notice(&row, state, self.0.hooks.now(), millis(self.0.settings.notice));
            let Some((kind, says)) = found else { continue };
            let message = NewMessage { markdown: Some(says), ..NewMessage::default() };
            let letter = Letter::from(Post::new(Destination::Person(row.maker.as_str().into()), message).announced());
            let letter = letter.into_entry(event::hook_notice_id(row.salt.salt, kind as u32));
            self.0.store.change_hook(HookStep::Tell(row.id, kind), vec![letter], None).await?;
        }
        Ok(())
    }

    /// Makes a hook. Its address and its secret are in a letter to the admin.
    ///
    /// # Errors
    /// Why it is not made.
    pub async fn add(&self, new: NewHook, order: HookOrder<'_>) -> Result<ChatHook, HookError> {
        if let Some(row) = self.done(order.event).await? {
            return Ok(row);
        }
        let preset = self.check(&new)?;
        self.find_place(&new.to).await?;
        let (now, salt) = (self.0.hooks.now(), self.new_salt());
        let expires_at = new.expires.and_then(Expiry::of).map(Expiry::end);
        if expires_at.is_some_and(|end| end <= now) {
            return refused("That day is over. Give the hook a last day that is still to come.");
        }
        let notice = millis(self.0.settings.notice);
        let is_near = expires_at.is_some_and(|end| end - notice <= now);
        let row = ChatHook {
            id: Uuid::new_v4(),
            name: new.name,
            preset: preset.name.to_owned(),
            to: new.to,
            maker: order.by.id.to_string(),
            email: order.by.email.clone(),
            made_at: now,
            event: order.event,
            salt,
            old: None,
            expires_at,
            told: if is_near { HookNotice::Soon as i64 } else { 0 },
        };
        let letters = self.letters(&row, &order, "is made")?;
        let (name, step) = (row.name.clone(), HookStep::Make(Box::new(row.clone())));
        if !self.change(step, letters, &order, "hook add", &name).await? {
            return refused(format!("There is a hook {name} already: see `hook list`."));
        }
        Ok(row)
    }

    /// Gives a hook another secret. The old one is good for the time of `hooks.rotation`, and the letter says until when.
    ///
    /// # Errors
    /// Why it keeps its secret.
    pub async fn rotate(&self, name: &str, order: HookOrder<'_>) -> Result<ChatHook, HookError> {
        if let Some(row) = self.done(order.event).await? {
            return Ok(row);
        }
        let old = self.find(name).await?;
        let is_known = self.state(&old) != HookState::OtherKey;
        let until = self.0.hooks.now() + if is_known { millis(self.0.settings.rotation) } else { 0 };
        let (from, to) = (old.salt.salt, self.new_salt());
        let row = ChatHook { salt: to.clone(), old: Some((from, until)), event: order.event, ..old };
        let letters = self.letters(&row, &order, "has a new secret")?;
        let step = HookStep::Rotate { id: row.id, from, to, until, event: order.event };
        if !self.change(step, letters, &order, "hook rotate", name).await? {
            return refused("Somebody else changed that hook just now: see `hook list`.");
        }
        Ok(row)
    }

    /// Removes a hook: it takes nothing any more, and its name is free.
    ///
    /// # Errors
    /// Why it stays.
    pub async fn remove(&self, name: &str, order: HookOrder<'_>) -> Result<(), HookError> {
        if self.done(order.event).await?.is_some() {
            return Ok(());
        }
        let row = self.find(name).await?;
        let step = HookStep::Remove { id: row.id, event: order.event };
        if !self.change(step, Vec::new(), &order, "hook remove", name).await? {
            return refused("Somebody else removed that hook just now.");
        }
        Ok(())
    }

    /// The hook as an earlier try of the same order has left it.
    async fn done(&self, event: Uuid) -> Result<Option<ChatHook>, StoreError> {
        let row = self.0.store.chat_hook_changed_by(event).await?;
        if row.is_some() {
            self.load().await?;
        }
        Ok(row)
    }

    async fn find(&self, name: &str) -> Result<ChatHook, HookError> {
        let rows = self.0.store.chat_hooks().await?;
        if let Some(row) = rows.into_iter().find(|row| row.name == name) {
            return Ok(row);
        }
        match self.0.hooks.is_in_settings(name) {
            true => refused(format!("The hook {name} is in bot.toml, so it is changed there.")),
            false => refused(format!("There is no hook \"{}\": see `hook list`.", quoted(name))),
        }
    }

    async fn change(
        &self,
        step: HookStep,
        letters: Vec<Entry>,
        order: &HookOrder<'_>,
        action: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let (action, reason) = (action.to_owned(), format!("about the hook {name}"));
        let audit =
            AuditEntry { action, reason, verdict: Verdict::Done, event: Some(order.event), ..order.audit.clone() };
        let changed = self.0.store.change_hook(step, letters, Some(audit)).await?;
        if changed {
            tracing::info!(hook = name, by = order.by.email, "a hook of the chat was changed");
        }
        self.load().await?;
        Ok(changed)
    }

    fn check(&self, new: &NewHook) -> Result<&'static Preset, HookError> {
        let preset = presets::named(&new.preset).or_else(refused)?;
        if !config::is_plain_name(&new.name) {
            return refused("The name is the end of an address: use up to 64 small letters, digits, - and _.");
        }
        if self.0.hooks.is_in_settings(&new.name) {
            return refused(format!("The hook {} is in bot.toml already. Give this one another name.", new.name));
        }
        if self.0.base.is_none() {
            return refused(
                "I don't know my own address, so nothing is made: whoever runs me has to set webhook.public_url.",
            );
        }
        Ok(preset)
    }

    /// Finds out whether there is such a destination. While Webex does not say, that is found out when something comes.
    async fn find_place(&self, to: &str) -> Result<(), HookError> {
        if to.trim().is_empty() || to.contains('*') {
            return refused("`to` names nothing: give the title or id of a space, an email or a person id.");
        }
        match self.0.places.resolve(&Place::of(to)).await {
            Ok(_) | Err(PlaceError::Webex(_)) => Ok(()),
            Err(PlaceError::Unplaced(unplaced)) => refused(escape(&format!("{unplaced}."))),
            Err(PlaceError::Store(error)) => Err(error.into()),
        }
    }

    fn new_salt(&self) -> HookSalt {
        let salt = Uuid::new_v4();
        HookSalt { salt, key_mark: self.0.key.mark(salt) }
    }

    /// The letters that tell the address and the secret. In the ledger they have only the secret's place.
    fn letters(&self, row: &ChatHook, order: &HookOrder<'_>, what: &str) -> Result<Vec<Entry>, HookError> {
        let preset = presets::named(&row.preset).or_else(refused)?;
        let Some(base) = &self.0.base else { return refused("I don't know my own address: set webhook.public_url.") };
        let hook = chat::with_secret(&row.name, preset, &row.to, &SECRET_PLACE.into()).or_else(refused)?;
        let setup = setup::text(&hook, base, setup::Shown::Inline(SECRET_PLACE)).or_else(refused)?;
        let (name, to) = (code_span(&row.name), escape(&row.to));
        let good = row.old.filter(|(_, until)| *until > self.0.hooks.now());
        let old = good.map(|(_, until)| format!(" The old one is good until {}.", minute(until))).unwrap_or_default();
        let ends = row.expires_at.map(|end| format!(" It ends with {} (UTC).", last_day(end))).unwrap_or_default();
        let markdown = format!(
            "The hook {name} {what}: its secret is `{SECRET_PLACE}`.{old} What `{}` posts there goes to {to}.{ends}\n\n\
             To set at the sender:\n\n{}\n\nI can't show the secret again. `hook rotate {}` makes a new one.",
            row.preset,
            code_block(&setup),
            row.name
        );
        let secret = LetterSecret { salt: row.salt.salt, form: chat::form(preset) };
        let letter = |(markdown, nth): (String, u32)| {
            let message = NewMessage { markdown: Some(markdown), ..NewMessage::default() };
            let post = Post { secret: Some(secret), ..Post::of(order.event, order.direct.clone(), message) };
            let id = event::hook_letter_id(order.event, nth);
            Entry { subject: Some(order.by.email.clone()), ..Letter::from(post).into_entry(id) }
        };
        Ok(split(&markdown, MOST_BYTES).into_iter().zip(0..).map(letter).collect())
    }
}
