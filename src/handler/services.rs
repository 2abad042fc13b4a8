//! What the daemon shares with its commands.

use std::sync::Arc;
use std::time::Instant;

use super::CommandSpec;
use super::spec::Catalogue;
use crate::access::Policy;
use crate::card::Cards;
use crate::config::{self, Mode};
use crate::program::Program;
use crate::state::State;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::webex::Client;

/// What the handlers of a running bot share. There is one for each bot.
pub(crate) struct Services {
    pub webex: Client,
    pub store: Store,
    pub metrics: Metrics,
    pub mode: Mode,
    pub files: config::Files,
    pub conversations: config::Conversations,
    pub policy: Policy,
    pub started: Instant,
    pub catalogue: Arc<dyn Catalogue>,
    pub program: Program,
    /// What the author shares with handlers: settings and state by their types.
    pub state: State,
    /// None where `cards.enabled` is off.
    pub cards: Option<Cards>,
}

impl Services {
    /// The declarations of the current commands.
    pub fn commands(&self) -> Arc<[CommandSpec]> {
        self.catalogue.specs()
    }
}
