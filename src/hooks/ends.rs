//! How a hook stands, when it ends, and what is said of that to the maker of one from the chat. Pure.

use crate::signature::SecretKey;
use crate::store::{ChatHook, HookNotice};
use crate::text::day;

/// Why a hook takes nothing, as far as that is known. The first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookState {
    /// It takes what is posted to it.
    On,
    /// The settings switch it off.
    Off,
    /// The settings have a hook of the same name.
    Hidden,
    /// Its last day is over.
    Ended,
    /// Its secret was derived from another key, so nobody has the one that is good now.
    OtherKey,
}

impl HookState {
    /// The state of a hook at this time. Without the key nothing is known of its secret.
    pub fn of(row: &ChatHook, is_in_settings: bool, key: Option<&SecretKey>, now: i64) -> HookState {
        if is_in_settings {
            HookState::Hidden
        } else if row.expires_at.is_some_and(|end| end <= now) {
            HookState::Ended
        } else if key.is_some_and(|key| key.mark(row.salt.salt) != row.salt.key_mark) {
            HookState::OtherKey
        } else {
            HookState::On
        }
    }

    /// What an operator has to know of the hook of this name, and what to do about it.
    pub fn doubt(self, name: &str) -> Option<(String, String)> {
        match self {
            HookState::On | HookState::Off | HookState::Ended => None,
            HookState::Hidden => Some((
                format!("the hook {name} of the settings hides one that was made from the chat"),
                format!("give it another name, or say `hook remove {name}` to the bot"),
            )),
            HookState::OtherKey => Some((
                format!(
                    "the hook {name}, made from the chat, refuses its sender: hooks.secret or webex.token, of which its secret \
                     is made, was changed"
                ),
                format!(
                    "put the old value back, or say `hook rotate {name}` to the bot and give the sender the new secret"
                ),
            )),
        }
    }

    /// The state in a few words.
    pub fn words(self) -> &'static str {
        match self {
            HookState::On => "on",
            HookState::Off => "off",
            HookState::Hidden => "hidden by the one in bot.toml",
            HookState::Ended => "ended",
            HookState::OtherKey => "needs a new secret",
        }
    }
}

/// What the maker of a hook is to be told now, if it is something new.
pub(super) fn notice(row: &ChatHook, state: HookState, now: i64, before: i64) -> Option<(HookNotice, String)> {
    let name = &row.name;
    let day = row.expires_at.map(last_day).unwrap_or_default();
    let is_near = row.expires_at.is_some_and(|end| end - before <= now);
    let (notice, says) = match state {
        HookState::Ended => (
            HookNotice::Ended,
            format!(
                "The hook `{name}` has ended with {day} (UTC): it takes nothing any more. `hook remove {name}` frees its name."
            ),
        ),
        HookState::OtherKey => (
            HookNotice::OtherKey,
            format!(
                "The hook `{name}` refuses its sender: what its secret is derived from (hooks.secret or webex.token) was changed. \
                 `hook rotate {name}` gives you a new secret for the sender."
            ),
        ),
        HookState::On if is_near => (
            HookNotice::Soon,
            format!(
                "The hook `{name}` ends with {day} (UTC). To go on, remove it and make it anew with a later day; the sender then needs the new secret."
            ),
        ),
        HookState::On | HookState::Off | HookState::Hidden => return None,
    };
    (!row.was_told(notice)).then_some((notice, says))
}

/// The day that ends then.
pub fn last_day(end: i64) -> String {
    day(end - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Expiry;
    use crate::text::iso_time;

    #[test]
    fn a_hook_ends_with_the_end_of_its_last_day() {
        let end = Expiry::of("2027-01-31".parse().unwrap()).unwrap().end();
        assert_eq!((iso_time(end), last_day(end)), ("2027-02-01T00:00:00Z".to_owned(), "2027-01-31".to_owned()));
    }
}
