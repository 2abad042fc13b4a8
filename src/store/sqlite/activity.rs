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
    let (mut texts, mut events) = (Texts::default(), HashMap::<[Option<usize>; 3], u64>::new());
    let mut replies = HashMap::<Option<usize>, BTreeMap<u32, u64>>::new();
    let mut statement = ledger.prepare_cached(SETTLED)?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        let label = texts.number(row.get_ref(1)?);
        match Queue::of(row.get(0)?) {
            Queue::Inbox => {
                let key = [label, texts.number(row.get_ref(2)?), texts.number(row.get_ref(3)?)];
                *events.entry(key).or_default() += 1;
            }
            Queue::Outbox => *replies.entry(label).or_default().entry(time(row)?).or_default() += 1,
        }
    }
    let event_count = |([label, subject, verdict], count): ([Option<usize>; 3], u64)| EventCount {
        label: texts.text(label).map(str::to_owned),
        subject: texts.text(subject).map(str::to_owned),
        verdict: texts.text(verdict).and_then(Verdict::of),
        count,
    };
    let of_label = |(label, times): (Option<usize>, BTreeMap<u32, u64>)| {
        (texts.text(label).unwrap_or_default().to_owned(), Vec::from_iter(times))
    };
    Ok(SettledActivity {
        events: events.into_iter().map(event_count).collect(),
        replies: replies.into_iter().map(of_label).collect(),
    })
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
        let text = value.as_str_or_null().ok()??;
        if let Some(number) = self.numbers.get(text) {
            return Some(*number);
        }
        self.numbers.insert(text.to_owned(), self.texts.len());
        self.texts.push(text.to_owned());
        Some(self.texts.len() - 1)
    }

    fn text(&self, number: Option<usize>) -> Option<&str> {
        self.texts.get(number?).map(String::as_str)
    }
}
