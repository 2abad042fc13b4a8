//! `report access`: shows whom the bot refused, how often and by which rule, from the audit.

use std::collections::HashMap;

use jiff::Timestamp;

use super::period::Period;
use crate::commands::direct_only::require_direct;
use crate::handler::{Context, Reply, Result};
use crate::store::AuditRow;
use crate::text::{code_block, table};

/// The most refusals that are read, newest first, so that a flood does not slow down the report.
const MOST_READ: usize = 10_000;

/// The most lines of the report. More would be too long for anybody to read.
const MOST_LINES: usize = 20;

pub(super) async fn report(context: &Context, period: &Period) -> Result<Reply> {
    require_direct(context)?;
    let refused = AuditRow::is_refusal;
    let rows = context.services.store.audited(period.since(), MOST_READ, refused).await?;
    Ok(Reply::markdown(format!("{period}:\n\n{}", code_block(&context.services.program.quoted(&render(&rows))))))
}

/// Refusals of one person by one rule.
struct Group {
    times: u64,
    /// The index of the newest row of the group.
    row: usize,
}

/// Writes the report about these refusals, which are sorted newest first.
fn render(rows: &[AuditRow]) -> String {
    if rows.is_empty() {
        return "Nobody was refused.".to_owned();
    }
    let mut groups = HashMap::new();
    for (nth, row) in rows.iter().enumerate() {
        groups.entry((who(row), &row.action, &row.reason)).or_insert(Group { times: 0, row: nth }).times += 1;
    }
    let people = groups.keys().map(|(who, ..)| who).collect::<std::collections::HashSet<_>>().len();
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| group.row);
    let (most, people) = (
        if rows.len() == MOST_READ { "the newest " } else { "" },
        if people == 1 { "1 person".to_owned() } else { format!("{people} people") },
    );
    let lines = groups.iter().take(MOST_LINES).filter_map(|group| {
        let row = rows.get(group.row)?;
        let last = Timestamp::from_millisecond(row.at).ok()?.strftime("%Y-%m-%d %H:%M").to_string();
        Some([who(row).to_owned(), group.times.to_string(), last, row.action.clone(), row.reason.clone()])
    });
    let mut text = format!("{most}{} refused, of {people}\n\n", rows.len());
    text.push_str(&table(["WHO", "TIMES", "LAST (UTC)", "WHAT", "RULE"], &[1], lines));
    if groups.len() > MOST_LINES {
        text.push_str(&format!("\nand {} more; `switchboard audit list --denied` has all", groups.len() - MOST_LINES));
    }
    text
}

fn who(row: &AuditRow) -> &str {
    row.email.as_deref().or(row.person.as_deref()).unwrap_or("nobody known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_by_person_and_rule_newest_first() {
        let row = |seq: i64, email: &str, action: &str, reason: &str| AuditRow {
            seq,
            at: 1_772_482_800_000 + seq * 60_000,
            via: "message".to_owned(),
            person: None,
            email: Some(email.to_owned()),
            room: None,
            place: None,
            action: action.to_owned(),
            verdict: "denied".to_owned(),
            reason: reason.to_owned(),
            event: None,
            hash: [0; 32],
            damaged: false,
        };
        let rows = [
            row(5, "bob@example.com", "none", "not listed in access.allow_from"),
            row(4, "alice@example.com", "secret", "not listed in the command's allow"),
            row(3, "bob@example.com", "none", "not listed in access.allow_from"),
            row(1, "bob@example.com", "none", "more than flood.person allows of one person"),
        ];
        insta::assert_snapshot!(render(&rows), @"
        4 refused, of 2 people

        WHO                TIMES  LAST (UTC)        WHAT    RULE
        bob@example.com        2  2026-03-02 20:25  none    not listed in access.allow_from
        alice@example.com      1  2026-03-02 20:24  secret  not listed in the command's allow
        bob@example.com        1  2026-03-02 20:21  none    more than flood.person allows of one person
        ");
        let crowd: Vec<_> = (0..30).map(|nth| row(30 - nth, &format!("{nth}@example.com"), "none", "a")).collect();
        assert!(render(&crowd).contains("30 refused, of 30 people") && render(&crowd).contains("and 10 more;"));
        assert_eq!(render(&[]), "Nobody was refused.");
    }
}
