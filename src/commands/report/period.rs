//! How far back a report reaches.

use std::fmt;
use std::time::Duration;

use crate::clock;
use crate::config::parse_duration;
use crate::text::{escape, folded, plain};

const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The time span before now that a report covers.
pub(super) struct Period {
    length: Duration,
    said: String,
}

impl Period {
    /// The period if none is given: a day.
    pub(super) const UNSAID: &str = "1d";

    pub(super) fn parse(text: &str) -> Option<Period> {
        let said = folded(&plain(text));
        let length = parse_duration(&said).filter(|length| !length.is_zero() && *length <= LONGEST)?;
        Some(Period { length, said })
    }

    /// The start of the period, in milliseconds since 1970.
    pub(super) fn since(&self) -> i64 {
        clock::wall_ms() - clock::millis(self.length)
    }
}

/// As markdown.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.said.as_str() {
            Period::UNSAID => f.write_str("The last day"),
            said => write!(f, "The last {}", escape(said)),
        }
    }
}
