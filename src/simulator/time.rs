//! Times as Webex writes them: UTC with exactly three decimals, such as `2026-03-02T20:27:25.360Z`.

use jiff::{Timestamp, ToSpan};
use serde::Serializer;

/// Now, in whole milliseconds, but always later than `previous`: Webex pages and orders by this time.
pub(super) fn after(previous: Option<Timestamp>) -> Timestamp {
    let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or_default();
    let earliest = previous.and_then(|time| time.checked_add(1.millisecond()).ok());
    earliest.map_or(now, |earliest| earliest.max(now))
}

/// For `serialize_with`.
pub(super) fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

/// For `serialize_with`, where there may be no time.
pub(super) fn optional_millis<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
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
        let first = after(None);
        let second = after(Some(first));
        assert!(second > first && after(Some(second)) > second);
    }
}
