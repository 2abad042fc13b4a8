//! What every task of an app has.

use std::sync::Arc;

use crate::desk::Desk;
use crate::handler::Services;
use crate::health::Health;
use crate::identity::Identity;
use crate::instance::Gate;
use crate::receiver::Door;
use crate::store::Store;

/// What every task has, and all of them the same. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shared {
    pub store: Store,
    pub services: Arc<Services>,
    /// Closes events, and makes letters.
    pub desk: Arc<Desk>,
    pub identity: Identity,
    /// Hears how each of them is.
    pub health: Health,
    /// Takes events.
    pub door: Door,
    /// Open while this daemon is the one that answers.
    pub gate: Gate,
}
