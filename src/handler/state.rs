//! What the author of a bot shares with its handlers: the bot's own settings, and state.

use std::any::type_name;
use std::sync::Arc;

use super::{Context, EventContext, Result, Services};

impl Services {
    /// The section of the settings that was given to [`Bot::settings`](crate::Bot::settings) with this type.
    pub fn settings<T: Send + Sync + 'static>(&self) -> anyhow::Result<Arc<T>> {
        self.shared("settings", ".settings::<T>(section)")
    }

    /// The value of this type that was given to [`Bot::state`](crate::Bot::state).
    pub fn value<T: Send + Sync + 'static>(&self) -> anyhow::Result<Arc<T>> {
        self.shared("state", ".state(value)")
    }

    fn shared<T: Send + Sync + 'static>(&self, what: &str, by: &str) -> anyhow::Result<Arc<T>> {
        let of = type_name::<T>();
        let missing = || anyhow::anyhow!("the bot has no {what} of the type {of}; give it to Bot::builder() by {by}");
        self.state.get().ok_or_else(missing)
    }
}

impl Context {
    /// The section of the settings that was given to [`Bot::settings`](crate::Bot::settings) with this type.
    ///
    /// # Errors
    /// No section of the bot has this type, which is a mistake of the program. Return the error with `?`: the person
    /// reads that the command failed.
    pub fn settings<T: Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        Ok(self.services.settings()?)
    }

    /// The value of this type that was given to [`Bot::state`](crate::Bot::state).
    ///
    /// # Errors
    /// The bot has no value of this type, which is a mistake of the program. Return the error with `?`: the person
    /// reads that the command failed.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        Ok(self.services.value()?)
    }
}

impl EventContext {
    /// As [`Context::settings`].
    ///
    /// # Errors
    /// No section of the bot has this type, which is a mistake of the program. Return the error with `?`: the event
    /// becomes a dead letter.
    pub fn settings<T: Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        Ok(self.services.settings()?)
    }

    /// As [`Context::state`].
    ///
    /// # Errors
    /// The bot has no value of this type, which is a mistake of the program. Return the error with `?`: the event
    /// becomes a dead letter.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<Arc<T>> {
        Ok(self.services.value()?)
    }
}
