//! The state that every task of an app shares.

use std::sync::Arc;

use crate::clock::Clock;
use crate::desk::Desk;
use crate::handler::{HandlerThreads, Services};
use crate::health::Health;
use crate::hooks::{HookMaker, Hooks};
use crate::identity::Identity;
use crate::instance::Gate;
use crate::places::Places;
use crate::receiver::Door;
use crate::store::Store;

/// The state that all tasks share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shared {
    pub store: Store,
    pub services: Arc<Services>,
    /// Where the author's code runs.
    pub handlers: HandlerThreads,
    /// Closes events, and makes letters.
    pub desk: Arc<Desk>,
    pub identity: Identity,
    /// Collects the state of each task.
    pub health: Health,
    /// Takes events.
    pub door: Door,
    /// Open while this daemon is the one that answers.
    pub gate: Gate,
    /// The systems that may post.
    pub hooks: Hooks,
    /// The clock of the ledger.
    pub clock: Clock,
    /// Finds spaces by their titles.
    pub places: Places,
    /// Makes hooks from the chat.
    pub maker: HookMaker,
}
