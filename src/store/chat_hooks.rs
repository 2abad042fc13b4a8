//! Hooks that were made from the chat. A change of one and the letter about it are written in one transaction, so the
//! admin gets the letter once, however often the event is tried.

use uuid::Uuid;

use super::entry::Entry;

/// A hook that an admin made from the chat.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct ChatHook {
    pub id: Uuid,
    /// The last part of its path. No two hooks that are not removed have the same.
    pub name: String,
    pub preset: String,
    /// Where its messages go, written as in the settings.
    pub to: String,
    /// Webex's id of the admin who made it.
    pub maker: String,
    /// The admin's address.
    pub email: String,
    /// When it was made. This and all other times are in milliseconds since 1970.
    pub made_at: i64,
    /// The event that changed it last.
    pub event: Uuid,
    /// What its secret is made of, with a key that is not in the ledger.
    pub salt: HookSalt,
    /// What the secret before is made of, and until when that is good.
    pub old: Option<(Uuid, i64)>,
    /// From when it takes nothing any more.
    pub expires_at: Option<i64>,
    /// The notices that its maker got: the sum of their numbers.
    pub told: i64,
}

/// A salt, and a mark of the key with which it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct HookSalt {
    pub salt: Uuid,
    pub key_mark: String,
}

/// What the maker of a hook is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookNotice {
    /// It ends soon.
    Soon = 1,
    /// It has ended.
    Ended = 2,
    /// Its secret is good no more, since the key of the settings is another one.
    OtherKey = 4,
}

impl ChatHook {
    /// Whether its maker was told this.
    pub fn was_told(&self, notice: HookNotice) -> bool {
        self.told & notice as i64 != 0
    }
}

/// A change of a hook.
#[derive(Clone, Debug)]
pub enum HookStep {
    /// Makes it, unless there is one of its name.
    Make(Box<ChatHook>),
    /// Gives it another secret, unless it is removed or its secret is no longer made of `from`.
    Rotate {
        /// The hook.
        id: Uuid,
        /// The salt of the present secret.
        from: Uuid,
        /// The salt of the new one.
        to: HookSalt,
        /// Until when the present secret is good.
        until: i64,
        /// The event of the command.
        event: Uuid,
    },
    /// Removes it, unless it is removed.
    Remove {
        /// The hook.
        id: Uuid,
        /// The event of the command.
        event: Uuid,
    },
    /// Notes what its maker was told, unless that was noted.
    Tell(Uuid, HookNotice),
}

/// A step with the letters about it.
pub(super) struct HookChange {
    pub(super) step: HookStep,
    pub(super) entries: Vec<Entry>,
}
