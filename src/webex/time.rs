//! Webex's clock, read from its answers.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use reqwest::header::{DATE, HeaderMap};

use crate::clock;

/// The accuracy of Webex's time, in milliseconds. Its answers give only seconds.
pub(crate) const TIME_IS_GOOD_TO: i64 = 2000;

/// The time in the last answer, and when that came. Shared by all clones of a client.
#[derive(Default)]
pub(super) struct WebexTime(Mutex<Option<(i64, Instant)>>);

impl WebexTime {
    /// Learns from the date of an answer. `took` is the time from the call to the answer.
    pub(super) fn note_answer(&self, headers: &HeaderMap, took: Duration) {
        if let Some(theirs) = webex_time_of(headers, took) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((theirs, clock::instant()));
        }
    }

    /// The present time by Webex's clock, in milliseconds since 1970. None before the first answer.
    pub(super) fn now(&self) -> Option<i64> {
        let (theirs, at) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(theirs + i64::try_from(at.elapsed().as_millis()).ok()?)
    }
}

/// Webex's time when the answer came. Webex read its clock at some time between the call and the answer, so the middle
/// is assumed. Half a second is added for the fraction that the header leaves out. A slow answer is too inexact.
fn webex_time_of(headers: &HeaderMap, took: Duration) -> Option<i64> {
    const HALF_A_SECOND: i64 = 500;
    const SLOW: Duration = Duration::from_secs(2);
    if took > SLOW {
        return None;
    }
    let date = jiff::fmt::rfc2822::parse(headers.get(DATE)?.to_str().ok()?).ok()?.timestamp();
    Some(date.as_millisecond() + HALF_A_SECOND + i64::try_from(took.as_millis() / 2).ok()?)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn the_clock_is_read_in_the_middle_of_the_round_trip() {
        let mut headers = HeaderMap::new();
        assert_eq!(webex_time_of(&headers, Duration::ZERO), None);
        headers.insert(DATE, HeaderValue::from_static("Mon, 02 Mar 2026 20:00:02 GMT"));
        let at = |text: &str| Some(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        assert_eq!(webex_time_of(&headers, Duration::ZERO), at("2026-03-02T20:00:02.500Z"));
        assert_eq!(webex_time_of(&headers, Duration::from_secs(2)), at("2026-03-02T20:00:03.500Z"));
        assert_eq!(webex_time_of(&headers, Duration::from_secs(4)), None);
        headers.insert(DATE, HeaderValue::from_static("yesterday"));
        assert_eq!(webex_time_of(&headers, Duration::ZERO), None);
    }
}
