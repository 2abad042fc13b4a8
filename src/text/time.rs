//! Times as people and programs read them. All are given in milliseconds since 1970.

use jiff::Timestamp;

/// A time as `2026-03-02T20:27:05Z`.
pub(crate) fn iso_time(ms: i64) -> String {
    written(ms, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time as `2026-03-02 20:27:05Z`.
pub(crate) fn second(ms: i64) -> String {
    written(ms, "%Y-%m-%d %H:%M:%SZ")
}

/// A time as `2026-03-02 20:27 UTC`. In cards, Webex has no local times that bots can rely on.
pub(crate) fn minute(ms: i64) -> String {
    written(ms, "%Y-%m-%d %H:%M UTC")
}

/// The day of a time as `2026-03-02`.
pub(crate) fn day(ms: i64) -> String {
    written(ms, "%Y-%m-%d")
}

fn written(ms: i64, form: &str) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| ms.to_string(), |time| time.strftime(form).to_string())
}
