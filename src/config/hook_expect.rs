//! `expect` of a `[[hook]]`: how long nothing may come.

use std::fmt;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// How long nothing may come. Whichever is over first counts.
#[derive(Clone, Debug, Deserialize)]
pub struct HookExpect {
    /// The longest silence.
    pub every: Option<Duration>,
    /// A time of each day. By then something must have come since that time of the day before.
    #[serde(default, deserialize_with = "daily")]
    pub by: Option<DailyTime>,
}

/// A time of each day in a time zone.
#[derive(Clone, Debug)]
pub struct DailyTime {
    time: Time,
    zone: TimeZone,
}

impl HookExpect {
    /// What is wrong with it, as a clause.
    pub(super) fn problem(&self) -> Option<&'static str> {
        const SHORTEST: Duration = Duration::from_secs(1);
        const LONGEST: Duration = Duration::from_secs(366 * 86_400);
        match self {
            HookExpect { every: None, by: None } => {
                Some("has no time in it: give every = \"24h\", or by = \"03:10 Europe/Berlin\"")
            }
            HookExpect { every: Some(every), .. } if !(SHORTEST..=LONGEST).contains(every) => {
                Some("has an every that is no time to wait: write \"10m\", \"24h\" or \"7d\", from 1s to 366d")
            }
            _ => None,
        }
    }

    /// When a silence is too long that began at this time. Both are in milliseconds since 1970.
    pub fn due(&self, since: i64) -> i64 {
        let ms = |every: Duration| i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        let every = self.every.map(|every| since.saturating_add(ms(every)));
        // Something came since the first of these times, and nothing until the second.
        let by = self.by.as_ref().and_then(|by| by.next(by.next(since)?.saturating_add(1)));
        every.into_iter().chain(by).min().unwrap_or(i64::MAX)
    }
}

impl DailyTime {
    /// Reads `03:10 Europe/Berlin`; `03:10` alone is UTC.
    fn parse(text: &str) -> Result<DailyTime, String> {
        let (time, zone) = text.trim().split_once(' ').unwrap_or((text.trim(), "UTC"));
        let time = Time::strptime("%H:%M", time)
            .map_err(|_| "is no time of day: write \"03:10 Europe/Berlin\", or \"03:10\" for UTC")?;
        let zone = TimeZone::get(zone.trim()).map_err(
            |_| "names no time zone that there is: write one such as \"03:10 Europe/Berlin\", or \"03:10\" for UTC",
        )?;
        Ok(DailyTime { time, zone })
    }

    /// The first of these times that is not before this one. None at the end of time.
    fn next(&self, from: i64) -> Option<i64> {
        let from = Timestamp::from_millisecond(from).ok()?;
        let today = from.to_zoned(self.zone.clone()).date();
        let at =
            |date: jiff::civil::Date| Some(date.to_datetime(self.time).to_zoned(self.zone.clone()).ok()?.timestamp());
        let days = [Some(today), today.tomorrow().ok(), today.tomorrow().and_then(|day| day.tomorrow()).ok()];
        days.into_iter().flatten().filter_map(at).find(|at| *at >= from).map(Timestamp::as_millisecond)
    }

    /// This time, in words, as it is in its zone: `2026-03-02 20:27 CET`.
    pub fn written(&self, ms: i64) -> String {
        let time = Timestamp::from_millisecond(ms).unwrap_or_default();
        Zoned::new(time, self.zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
    }
}

impl fmt::Display for DailyTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{} {zone}", self.time.strftime("%H:%M"))
    }
}

fn daily<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DailyTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    DailyTime::parse(&text).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(every: Option<u64>, by: Option<&str>) -> HookExpect {
        let by = by.map(|by| DailyTime::parse(by).unwrap());
        HookExpect { every: every.map(Duration::from_secs), by }
    }

    #[track_caller]
    fn assert_due(expect: &HookExpect, since: &str, due: &str) {
        let ms = |time: &str| time.parse::<Timestamp>().unwrap().as_millisecond();
        let found = Timestamp::from_millisecond(expect.due(ms(since))).unwrap();
        assert_eq!(found, due.parse().unwrap(), "{since}");
    }

    #[test]
    fn a_silence_is_too_long_after_the_longest_one_or_a_whole_day_between_two_times() {
        let daily = expect(None, Some("03:10 Europe/Berlin"));
        // What came at 03:05 is for the time at 03:10, and what comes later for that of the next day.
        assert_due(&daily, "2026-01-10T02:05:00Z", "2026-01-11T02:10:00Z");
        assert_due(&daily, "2026-01-10T02:10:00Z", "2026-01-11T02:10:00Z");
        assert_due(&daily, "2026-01-10T02:11:00Z", "2026-01-12T02:10:00Z");
        let both = expect(Some(3600), Some("03:10 Europe/Berlin"));
        assert_due(&both, "2026-01-10T02:05:00Z", "2026-01-10T03:05:00Z");
        assert_due(&expect(Some(10), None), "2026-01-10T02:05:00Z", "2026-01-10T02:05:10Z");
        assert_due(&expect(None, Some("23:59")), "2026-01-10T02:05:00Z", "2026-01-11T23:59:00Z");
    }

    #[test]
    fn the_time_of_a_day_follows_the_clocks_that_change() {
        // 02:30 does not exist on 29 March: it is 03:30 in summer time.
        let daily = expect(None, Some("02:30 Europe/Berlin"));
        assert_due(&daily, "2026-03-28T01:20:00Z", "2026-03-29T01:30:00Z");
        assert_due(&daily, "2026-03-29T01:20:00Z", "2026-03-30T00:30:00Z");
        // On 25 October it is there twice: the first counts.
        assert_due(&daily, "2026-10-24T00:20:00Z", "2026-10-25T00:30:00Z");
        assert_due(&daily, "2026-10-25T00:20:00Z", "2026-10-26T01:30:00Z");
    }

    #[test]
    fn what_is_no_time_or_no_zone_is_said() {
        for (text, says) in
            [("3 o'clock", "no time of day"), ("25:00", "no time of day"), ("03:10 Berlin", "no time zone")]
        {
            let error = DailyTime::parse(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert_eq!(DailyTime::parse("03:10 Europe/Berlin").unwrap().to_string(), "03:10 Europe/Berlin");
        assert_eq!(DailyTime::parse("3:10").unwrap().to_string(), "03:10 UTC");
    }
}
