//! The settings that are secrets.

/// Keys that are secrets: each may be given as `<key>_file`.
pub(super) const SECRETS: [&str; 8] = [
    "webex.token",
    "webhook.secret",
    "cards.secret",
    "cards.previous_secrets",
    "hooks.secret",
    "store.url",
    "audit.key",
    "audit.old_key",
];

/// Keys of a `[[hook]]` that are secrets, or keys, and may be given in the same way.
pub(super) const OF_HOOKS: [&str; 8] = [
    "auth.bearer",
    "auth.basic",
    "auth.service_key",
    "auth.url_token",
    "auth.header.value",
    "auth.jwt.secret",
    "auth.jwt.key",
    "signature.secrets",
];

/// The same of an `[[api_key]]`.
pub(super) const OF_API_KEYS: [&str; 1] = ["key"];

/// Those of hooks that may be lists.
pub(super) const LISTS_OF_HOOKS: [&str; 3] = ["auth.service_key", "auth.jwt.secret", "signature.secrets"];
