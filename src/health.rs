//! What `/readyz` says: whether the parts the bot stands on are well.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// The parts, as their owners last reported them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health(Arc<Mutex<Parts>>);

#[derive(Default)]
struct Parts {
    token: Part,
    webhooks: Part,
    loops: Part,
    draining: bool,
}

#[derive(Clone, Default)]
enum Part {
    #[default]
    Starting,
    Well,
    Ill(String),
}

impl Part {
    fn word(&self) -> String {
        match self {
            Part::Starting => "starting".to_owned(),
            Part::Well => "ok".to_owned(),
            Part::Ill(why) => why.clone(),
        }
    }
}

impl From<Result<(), String>> for Part {
    fn from(state: Result<(), String>) -> Self {
        state.map_or_else(Part::Ill, |()| Part::Well)
    }
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// Whether all parts are well and the daemon is not about to stop.
    pub ready: bool,
    /// Set while the daemon finishes what it has in hand.
    pub draining: bool,
    store: String,
    token: String,
    webhooks: String,
    loops: String,
}

impl Health {
    /// Whether Webex takes the token.
    pub fn token(&self, state: Result<(), String>) {
        self.change(|parts| parts.token = state.into());
    }

    /// Whether our webhooks are as they ought to be.
    pub fn webhooks(&self, state: Result<(), String>) {
        self.change(|parts| parts.webhooks = state.into());
    }

    /// Whether the loops run.
    pub fn loops(&self, state: Result<(), String>) {
        self.change(|parts| parts.loops = state.into());
    }

    /// From now on the daemon is not ready.
    pub fn drain(&self) {
        self.change(|parts| parts.draining = true);
    }

    /// Puts the parts together with what the store says just now.
    pub fn readiness(&self, store: Result<(), String>) -> Readiness {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let well = |part: &Part| matches!(part, Part::Well);
        Readiness {
            ready: store.is_ok()
                && well(&parts.token)
                && well(&parts.webhooks)
                && well(&parts.loops)
                && !parts.draining,
            draining: parts.draining,
            store: Part::from(store).word(),
            token: parts.token.word(),
            webhooks: parts.webhooks.word(),
            loops: parts.loops.word(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Parts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
