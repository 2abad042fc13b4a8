//! Counts what was settled in a period, for a report.

use std::collections::{BTreeMap, HashMap};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::reader::Reader;
use crate::store::{EventCount, Queue, SettledActivity, StoreError};
use crate::verdict::Verdict;

/// The rows are counted one by one. SQLite would sort them all to group them, in memory that grows with their number.
///
/// Parameters: the time since when, in milliseconds since 1970.
const SETTLED: &str = "SELECT queue, label, subject, verdict, settled_at - accepted_at FROM ledger
     WHERE settled_at >= ?1 AND verdict <> 'unhandled' AND (queue = 0 OR verdict = 'sent')";

impl Reader {
    pub async fn activity(&self, since: i64) -> Result<SettledActivity, StoreError> {
        self.read(move |ledger| count(ledger, since)).await
    }
}

fn count(ledger: &Connection, since: i64) -> rusqlite::Result<SettledActivity> {
    let (mut texts, mut events) = (Texts::default(), HashMap::<EventKey, u64>::new());
    let mut replies = HashMap::<Option<usize>, BTreeMap<u32, u64>>::new();
    let mut statement = ledger.prepare_cached(SETTLED)?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        let label = texts.number(row.get_ref(1)?);
        match Queue::of(row.get(0)?) {
            Queue::Inbox => {
                let verdict = text(row.get_ref(3)?).and_then(Verdict::of);
                let key = EventKey { label, subject: texts.number(row.get_ref(2)?), verdict };
                *events.entry(key).or_default() += 1;
            }
            Queue::Outbox => *replies.entry(label).or_default().entry(time(row)?).or_default() += 1,
        }
    }
    let events = events.into_iter().map(|(key, count)| EventCount {
        label: texts.of(key.label),
        subject: texts.of(key.subject),
        verdict: key.verdict,
        count,
    });
    let replies =
        replies.into_iter().map(|(label, times)| (texts.of(label).unwrap_or_default(), Vec::from_iter(times)));
    Ok(SettledActivity { events: events.collect(), replies: replies.collect() })
}

/// Events with the same of these are counted together. A text is its number.
#[derive(PartialEq, Eq, Hash)]
struct EventKey {
    label: Option<usize>,
    subject: Option<usize>,
    verdict: Option<Verdict>,
}

/// How long a reply took, in milliseconds. A time of a second and more is rounded down to a tenth of a second, so few
/// times differ.
fn time(row: &Row<'_>) -> rusqlite::Result<u32> {
    let took = u32::try_from(row.get::<_, i64>(4)?.max(0)).unwrap_or(u32::MAX);
    Ok(if took < 1000 { took } else { took / 100 * 100 })
}

/// The texts that were seen, each with a number: there are few of them in many rows.
#[derive(Default)]
struct Texts {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, value: ValueRef<'_>) -> Option<usize> {
        let text = text(value)?;
        if let Some(number) = self.numbers.get(text) {
            return Some(*number);
        }
        self.numbers.insert(text.to_owned(), self.texts.len());
        self.texts.push(text.to_owned());
        Some(self.texts.len() - 1)
    }

    fn of(&self, number: Option<usize>) -> Option<String> {
        self.texts.get(number?).cloned()
    }
}

/// The text of a column. An empty one counts as none, as does one that cannot be read.
fn text(value: ValueRef<'_>) -> Option<&str> {
    value.as_str_or_null().ok().flatten().filter(|text| !text.is_empty())
}
