//! What `/readyz` says: whether the parts that the bot depends on are well. Anybody may ask, so it uses only our own
//! words. Webex's messages are in the log and in `switchboard check`.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

/// The state of each part, as its owner last reported it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Health(Arc<watch::Sender<HealthParts>>);

#[derive(Clone, Default)]
struct HealthParts {
    token: HealthPart,
    webhooks: HealthPart,
    loops: HealthPart,
    instance: HealthPart,
    draining: bool,
}

impl HealthParts {
    fn are_well(&self) -> bool {
        [&self.token, &self.webhooks, &self.loops, &self.instance].iter().all(|part| matches!(part, HealthPart::Well))
            && !self.draining
    }
}

#[derive(Clone, Default, PartialEq, Eq)]
enum HealthPart {
    #[default]
    Starting,
    Well,
    Ill(String),
}

impl HealthPart {
    fn word(&self) -> String {
        match self {
            HealthPart::Starting => "starting".to_owned(),
            HealthPart::Well => "ok".to_owned(),
            HealthPart::Ill(why) => why.clone(),
        }
    }
}

impl From<Result<(), String>> for HealthPart {
    fn from(state: Result<(), String>) -> Self {
        state.map_or_else(HealthPart::Ill, |()| HealthPart::Well)
    }
}

/// The answer of `/readyz`.
#[derive(Debug, Serialize)]
pub struct Readiness {
    /// Whether all parts are well and the daemon is not about to stop.
    pub ready: bool,
    /// Set while the daemon finishes the work in hand.
    pub draining: bool,
    store: String,
    token: String,
    webhooks: String,
    loops: String,
    instance: String,
}

impl Health {
    /// Reports whether Webex accepts the token. The reason is in our own words, as for the other parts.
    pub fn token(&self, state: Result<(), String>) {
        self.report(state, |parts| &mut parts.token);
    }

    /// Reports whether our webhooks are in order.
    pub fn webhooks(&self, state: Result<(), String>) {
        self.report(state, |parts| &mut parts.webhooks);
    }

    /// Reports whether the loops run.
    pub fn loops(&self, state: Result<(), String>) {
        self.report(state, |parts| &mut parts.loops);
    }

    /// Reports whether this daemon is the one that answers.
    pub fn instance(&self, state: Result<(), String>) {
        self.report(state, |parts| &mut parts.instance);
    }

    /// Makes the daemon not ready from now on.
    pub fn drain(&self) {
        self.0.send_modify(|parts| parts.draining = true);
    }

    /// Waits until every part is well.
    pub async fn well(&self) {
        // The sender lives as long as `self`.
        let _ = self.0.subscribe().wait_for(HealthParts::are_well).await;
    }

    /// Combines the parts with the present state of the store.
    pub fn readiness(&self, store: Result<(), String>) -> Readiness {
        let parts = self.0.borrow().clone();
        Readiness {
            ready: store.is_ok() && parts.are_well(),
            draining: parts.draining,
            store: HealthPart::from(store).word(),
            token: parts.token.word(),
            webhooks: parts.webhooks.word(),
            loops: parts.loops.word(),
            instance: parts.instance.word(),
        }
    }

    /// Stores a part's state. Every reply reports a good token, so nothing is done if nothing changes.
    fn report(&self, state: Result<(), String>, part: impl Fn(&mut HealthParts) -> &mut HealthPart) {
        let state = HealthPart::from(state);
        self.0.send_if_modified(|parts| {
            let part = part(parts);
            let changed = *part != state;
            *part = state;
            changed
        });
    }
}
