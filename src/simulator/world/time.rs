//! Times as Webex writes them: UTC with exactly three decimals, such as `2026-03-02T20:27:25.360Z`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::Serializer;

/// The cloud's clock, which a test can set wrong.
#[derive(Clone, Copy, Default)]
pub(crate) struct Clock {
    pub(crate) offset: SignedDuration,
}

impl Clock {
    /// The current time, in whole milliseconds.
    pub(crate) fn now(self) -> Timestamp {
        let now = Timestamp::now().checked_add(self.offset).unwrap_or_default();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or_default()
    }

    /// The current time, but always later than `previous`, since Webex pages and orders by this time.
    pub(crate) fn after(self, previous: Timestamp) -> Timestamp {
        let earliest = previous.checked_add(1.millisecond()).unwrap_or(previous);
        earliest.max(self.now())
    }
}

/// For `serialize_with`.
pub(crate) fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

/// For `serialize_with`: milliseconds with their fraction.
pub(crate) fn as_millis<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}

/// For `with`: a duration as whole milliseconds.
pub(crate) mod millis_of {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// For `serialize_with`, where there may be no time.
pub(crate) fn optional_millis<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => millis(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_decimals_always_and_strictly_later() {
        let mut json = serde_json::Serializer::new(Vec::new());
        millis(&"2026-03-02T20:27:25.36Z".parse().unwrap(), &mut json).unwrap();
        assert_eq!(json.into_inner(), b"\"2026-03-02T20:27:25.360Z\"");
        let clock = Clock::default();
        let first = clock.now();
        let second = clock.after(first);
        assert!(second > first && clock.after(second) > second);
    }
}
