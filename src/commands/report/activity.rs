//! `report activity`: shows what the bot did, for whom and how fast.

use std::collections::BTreeMap;

use super::period::Period;
use crate::handler::{Context, Reply, Result};
use crate::store::{EventCount, SettledActivity};
use crate::text::{code_block, table};
use crate::verdict::Verdict;

const MOST_PEOPLE: usize = 10;

pub(super) async fn report(context: &Context, period: &Period) -> Result<Reply> {
    let activity = context.services.store.activity(period.since()).await?;
    // Only admins may see who spoke to the bot, and how much.
    let with_people =
        context.is_direct() && context.services.policy.is_admin(&context.sender.id, &context.sender.email);
    Ok(Reply::markdown(format!("{period}:\n\n{}", code_block(&render(&activity, with_people)))))
}

fn render(activity: &SettledActivity, with_people: bool) -> String {
    let mut commands = BTreeMap::<&str, (u64, u64)>::new();
    let mut people = BTreeMap::<&str, u64>::new();
    let (mut messages, mut refused) = (0, 0);
    for group in &activity.events {
        match group_of(group) {
            ReportGroup::Uncounted => {}
            ReportGroup::Refused => refused += group.count,
            ReportGroup::Heard => {
                messages += group.count;
                let (all, failed) = commands.entry(group.label.as_deref().unwrap_or("(none)")).or_default();
                *all += group.count;
                *failed += if group.verdict == Some(Verdict::Failed) { group.count } else { 0 };
                if let Some(person) = &group.subject {
                    *people.entry(person).or_default() += group.count;
                }
            }
        }
    }
    let (s, who) = (if messages == 1 { "" } else { "s" }, if people.len() == 1 { "person" } else { "people" });
    let mut text = format!("{messages} message{s} from {} {who}, {refused} refused\n\n", people.len());
    if messages == 0 {
        return text.trim_end().to_owned();
    }
    let times: BTreeMap<&str, &Vec<(u32, u64)>> = activity
        .replies
        .iter()
        .map(|(label, times)| (if label.is_empty() { "(none)" } else { label.as_str() }, times))
        .collect();
    text.push_str(&table(
        ["COMMAND", "COUNT", "FAILED", "MEDIAN", "SLOWEST 5%"],
        &[1, 2, 3, 4],
        commands.iter().map(|(name, (all, failed))| {
            let times = times.get(name).map_or(&[][..], |times| times.as_slice());
            [(*name).to_owned(), all.to_string(), failed.to_string(), quantile(times, 0.5), quantile(times, 0.95)]
        }),
    ));
    if with_people { format!("{text}\n\n{}", render_people(people)) } else { text }
}

/// Lists the people with the most messages, and counts the others.
fn render_people(people: BTreeMap<&str, u64>) -> String {
    let mut people: Vec<_> = people.into_iter().collect();
    people.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let more = people.len().saturating_sub(MOST_PEOPLE);
    people.truncate(MOST_PEOPLE);
    let rows = people.into_iter().map(|(person, count)| [person.to_owned(), count.to_string()]);
    let text = table(["PERSON", "COUNT"], &[1], rows);
    if more > 0 { format!("{text}\nand {more} more") } else { text }
}

/// How a report counts the events of a group.
enum ReportGroup {
    Heard,
    Refused,
    Uncounted,
}

fn group_of(group: &EventCount) -> ReportGroup {
    match group.verdict {
        Some(verdict) if verdict.is_refusal() => ReportGroup::Refused,
        Some(
            Verdict::Own | Verdict::Ignored | Verdict::Noted | Verdict::Gone | Verdict::Dropped | Verdict::Expired,
        ) => ReportGroup::Uncounted,
        _ => ReportGroup::Heard,
    }
}

/// The quantile of ascending times in milliseconds, each with its number.
fn quantile(times: &[(u32, u64)], part: f64) -> String {
    let all: u64 = times.iter().map(|(_, count)| count).sum();
    let (wanted, mut passed) = ((all as f64 * part).ceil() as u64, 0);
    let found = times.iter().find(|(_, count)| {
        passed += count;
        passed >= wanted
    });
    match found {
        None => "-".to_owned(),
        Some((ms, _)) if *ms < 1000 => format!("{ms} ms"),
        Some((ms, _)) => format!("{:.1} s", f64::from(*ms) / 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_a_table_of_text() {
        let group = |label: Option<&str>, subject: &str, verdict: &str, count| EventCount {
            label: label.map(str::to_owned),
            subject: Some(subject.to_owned()),
            verdict: Verdict::of(verdict),
            count,
        };
        let activity = SettledActivity {
            events: vec![
                group(Some("help"), "alice@example.com", "answered", 12),
                group(Some("status"), "bob@example.com", "failed", 1),
                group(None, "alice@example.com", "unknown", 2),
                group(None, "stranger@example.net", "denied", 3),
            ],
            replies: vec![(String::new(), vec![(9, 1)]), ("help".to_owned(), vec![(3, 1), (4, 1), (5, 1), (1200, 1)])],
        };
        assert!(!render(&activity, false).contains("PERSON") && !render(&activity, false).contains('@'));
        insta::assert_snapshot!(render(&activity, true), @"
        15 messages from 2 people, 3 refused

        COMMAND  COUNT  FAILED  MEDIAN  SLOWEST 5%
        (none)       2       0    9 ms        9 ms
        help        12       0    4 ms       1.2 s
        status       1       1       -           -

        PERSON             COUNT
        alice@example.com     14
        bob@example.com        1
        ");
    }
}
