//! `expires` of a `[[hook]]`: the last day on which it takes anything.

use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::check::{SettingDoubt, WEEK};

/// How long before its end a hook is warned about.
const NOTICE: Duration = Duration::from_secs(2 * WEEK.as_secs());

/// The last day of something, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry {
    day: Date,
    /// The end of that day.
    ends: Timestamp,
}

impl Expiry {
    /// The expiry with this last day. None if time ends before it does.
    pub fn of(day: Date) -> Option<Expiry> {
        let ends = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
        Some(Expiry { day, ends })
    }

    /// The end of the day, in milliseconds since 1970.
    pub fn end(self) -> i64 {
        self.ends.as_millisecond()
    }

    /// Whether the day is over.
    pub fn is_over(self, now: Timestamp) -> bool {
        now >= self.ends
    }

    /// Whether it is over, or soon will be.
    fn is_near(self, now: Timestamp) -> bool {
        self.ends.duration_since(now) <= SignedDuration::try_from(NOTICE).unwrap_or(SignedDuration::MAX)
    }
}

impl Expiry {
    /// The doubt that the hook of this name has expired, or soon will.
    pub(crate) fn doubt(self, name: &str, now: Timestamp) -> Option<SettingDoubt> {
        let says = match self.is_over(now) {
            true => format!("hook {name} expired at the end of {self} and takes nothing"),
            false => format!("hook {name} expires at the end of {self}, and takes nothing from then on"),
        };
        self.is_near(now).then(|| SettingDoubt::new(says, "give a later expires, or take the hook out"))
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (UTC)", self.day)
    }
}

impl<'de> Deserialize<'de> for Expiry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Expiry, D::Error> {
        let day = String::deserialize(deserializer)?.trim().parse().ok().and_then(Expiry::of);
        day.ok_or_else(|| D::Error::custom("has an expires that is no day: write \"2027-01-31\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_counts_to_its_end_and_two_weeks_before_it_there_is_a_warning() {
        let expiry = Expiry::of("2027-01-31".parse().unwrap()).unwrap();
        for (now, is_near, is_over) in [
            ("2027-01-17T23:59:59Z", false, false),
            ("2027-01-18T00:00:00Z", true, false),
            ("2027-01-31T23:59:59Z", true, false),
            ("2027-02-01T00:00:00Z", true, true),
        ] {
            let now = now.parse().unwrap();
            assert_eq!((expiry.is_near(now), expiry.is_over(now)), (is_near, is_over), "{now}");
        }
        assert_eq!(expiry.to_string(), "2027-01-31 (UTC)");
    }
}
