//! The hooks that were made from the chat, ready to be used. They change while the daemon runs, and a request reads no
//! ledger.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use uuid::Uuid;

/// Hooks by their names.
pub(super) struct Shelf<H>(RwLock<BTreeMap<String, Standing<H>>>);

/// A hook as it is now, and as it is until another time.
pub(super) struct Standing<H> {
    /// The change that made it so.
    pub change: Uuid,
    pub hook: Arc<H>,
    /// The hook while its old secret is good too, and until when that is, in milliseconds since 1970.
    pub until: Option<(i64, Arc<H>)>,
}

impl<H> Default for Shelf<H> {
    fn default() -> Self {
        Shelf(RwLock::default())
    }
}

impl<H> Shelf<H> {
    /// The hook of this name at this time.
    pub fn get(&self, name: &str, now: i64) -> Option<Arc<H>> {
        let hooks = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Standing { hook, until, .. } = hooks.get(name)?;
        let both = until.as_ref().filter(|(until, _)| now < *until).map(|(_, both)| both);
        Some(Arc::clone(both.unwrap_or(hook)))
    }

    pub fn names(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Takes these hooks in place of those there are. One that no change was made to stays, and so does its count of
    /// deliveries.
    pub fn replace(&self, hooks: BTreeMap<String, Standing<H>>) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut before = std::mem::take(&mut *all);
        for (name, hook) in hooks {
            let same = before.remove(&name).filter(|before| before.change == hook.change);
            all.insert(name, same.unwrap_or(hook));
        }
    }
}
