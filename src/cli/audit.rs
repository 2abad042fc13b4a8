//! `switchboard audit`: lists who did what, verifies that the record is unbroken, and seals it.

use std::process::ExitCode;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::ledger::{by_operator, with_store};
use super::output::{Format, print, print_json};
use crate::config::{Config, parse_duration};
use crate::store::{AuditFinding, AuditRow, SealState, Store, Verification};
use crate::text::{iso_time, one_line, table};
use crate::webex::local_part;
use crate::{clock, event};

#[derive(Debug, Subcommand)]
pub(super) enum AuditVerb {
    /// List what people and operators did, newest first
    List {
        /// Only rows younger than this, such as 12h or 7d
        #[arg(long, value_name = "PERIOD", value_parser = period)]
        since: Option<Duration>,
        /// Only what this person did, by email or Webex id
        #[arg(long, value_name = "EMAIL|ID")]
        person: Option<String>,
        /// Only what was not allowed
        #[arg(long)]
        denied: bool,
        /// How many at the most
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Say whether a row was altered, removed or added; exits 1 and names the first ten if so, or if it cannot tell
    ///
    /// Reads every row, whether the daemon runs or not. Each row's hash covers the row before it, and a separate record
    /// keeps the first and last hash of the chain. So a row that was altered, removed, added or moved is noticed, also
    /// at either end. A running daemon also notices when the chain no longer continues where it left off, and writes a
    /// row that says so.
    ///
    /// Some changes are not noticed. Without audit.key, somebody who can write to the ledger can alter a row and
    /// compute all later hashes anew, or remove the oldest rows. With audit.key the record of both ends is sealed,
    /// which needs the key, and a seal that was taken away is reported until `switchboard audit seal`. What remains:
    /// the audit put back to an earlier state, seal included, while the daemon was stopped or killed; the whole ledger
    /// removed meanwhile, so that the daemon makes a new one; rows of a verb removed before the daemon looked, at most
    /// a minute later; and changes before the first sealed row. So keep the number and hash of the last row somewhere
    /// else and compare: `switchboard audit list --json` shows each hash. Nothing vouches for rows that were pruned
    /// after audit.retention.
    Verify {
        #[command(flatten)]
        format: Format,
    },
    /// Seal the audit from here on, after audit.key was set or somebody took the seal away
    ///
    /// Uses the audit.key of the daemon, whether the daemon runs or not. A ledger that was made with audit.key set is
    /// sealed from its first row and does not need this verb. So first find out why the seal is missing: somebody who
    /// can write to the ledger could have forged every row before the one that this verb writes.
    Seal {
        #[command(flatten)]
        format: Format,
    },
}

fn period(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write 12h, 7d or the like".to_owned())
}

pub(super) async fn run(config: &Config, verb: AuditVerb) -> anyhow::Result<ExitCode> {
    with_store(config, async |store| match verb {
        AuditVerb::List { since, person, denied, limit, format } => {
            let since = since.map_or(0, |since| clock::wall_ms() - clock::millis(since));
            let wanted = move |row: &AuditRow| {
                person.as_deref().is_none_or(|person| is_by(row, person)) && (!denied || row.is_refusal())
            };
            list(&store.audited(since, limit, wanted).await?, format)?;
            Ok(ExitCode::SUCCESS)
        }
        AuditVerb::Verify { format } => {
            let mut found = store.verify_audit().await?;
            for finding in &mut found.findings {
                finding.problem = config.program.quoted(&finding.problem).into_owned();
            }
            verified(&found, format)
        }
        AuditVerb::Seal { format } => seal(config, &store, format).await,
    })
    .await
}

/// Whether this person did it. `person` is an email, or a Webex id as any cluster spells it.
fn is_by(row: &AuditRow, person: &str) -> bool {
    let email = row.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(person));
    email || row.person.as_deref().is_some_and(|id| id == person || local_part(id) == local_part(person))
}

/// A row as it is printed.
#[derive(Serialize)]
struct AuditOutput<'a> {
    at: String,
    /// None if no person was judged.
    allowed: Option<bool>,
    reference: Option<String>,
    #[serde(flatten)]
    row: &'a AuditRow,
}

impl<'a> AuditOutput<'a> {
    fn new(row: &'a AuditRow) -> Self {
        let reference = row.event.map(event::reference);
        let allowed = row.person.as_ref().map(|_| !row.is_refusal());
        AuditOutput { at: iso_time(row.at), allowed, reference, row }
    }
}

fn list(rows: &[AuditRow], format: Format) -> anyhow::Result<()> {
    if format.json {
        return print_json(&rows.iter().map(AuditOutput::new).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        return Ok(print("none")?);
    }
    let cells = rows.iter().map(|row| {
        [
            row.seq.to_string(),
            iso_time(row.at),
            actor_of(row),
            place(row),
            row.action.clone(),
            row.verdict.clone(),
            rule(row),
            row.event.map(event::reference).unwrap_or_default(),
        ]
    });
    Ok(print(&table(["ROW", "AT", "WHO", "WHERE", "WHAT", "VERDICT", "RULE", "EVENT"], &[0], cells))?)
}

/// The rule by which it was decided. A damaged row is marked, since it may not tell the truth.
fn rule(row: &AuditRow) -> String {
    let damaged = if row.damaged { "damaged, see `audit verify`: " } else { "" };
    format!("{damaged}{}", row.reason)
}

fn actor_of(row: &AuditRow) -> String {
    row.email.clone().or_else(|| row.person.clone()).unwrap_or_else(|| row.via.clone())
}

/// The kind of space and the beginning of its id. The whole id is in the JSON.
fn place(row: &AuditRow) -> String {
    let room = row.room.as_deref().map(|room| local_part(room).chars().take(8).collect::<String>());
    [row.place.clone(), room].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A row of the audit as a clause, for the story of its event.
pub(super) fn audit_line(row: &AuditRow) -> String {
    let (at, who, seq) = (iso_time(row.at), actor_of(row), row.seq);
    let (AuditRow { action, verdict, .. }, rule) = (row, rule(row));
    // Somebody may have written line ends into the row.
    one_line(&format!("{at} audited in row {seq}: {who}, {action}, {verdict} ({rule})"))
}

async fn seal(config: &Config, store: &Store, format: Format) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        config.audit.key.is_some(),
        "there is no key to seal with: set audit.key as it is set for the daemon"
    );
    let sealed = match store.audit_seal().await? {
        SealState::Right => false,
        SealState::None | SealState::Missing => {
            store.seal_audit(by_operator(String::new(), String::new()).await).await?
        }
        SealState::Old => {
            anyhow::bail!("it is sealed with audit.old_key; the daemon seals it with audit.key at its next start")
        }
        SealState::Unchecked | SealState::Wrong => {
            anyhow::bail!("its seal was not made with audit.key: `switchboard audit verify` says what may be wrong")
        }
    };
    let how = if sealed { "sealed from here on" } else { "sealed already" };
    match format.json {
        true => print_json(&json!({"result": how}))?,
        false => print(how)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn verified(found: &Verification, format: Format) -> anyhow::Result<ExitCode> {
    // A seal that was not checked proves nothing.
    let unbroken = found.findings.is_empty() && found.seal != SealState::Unchecked;
    let code = if unbroken { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if format.json {
        print_json(&json!({
            "unbroken": unbroken,
            "rows": found.rows,
            "from": found.from.map(iso_time),
            "until": found.until.map(iso_time),
            "last_row": found.last.as_ref().map(|(row, _)| row),
            "last_hash": found.last.as_ref().map(|(_, hash)| hash),
            "findings": found.findings,
            "more_findings": found.more_findings,
            "seal": found.seal,
            "sealed_since_row": found.sealed_since.map(|(row, _)| row),
            "pruned_to_row": found.pruned.map(|(row, _)| row),
            "pruned_at": found.pruned.map(|(_, at)| iso_time(at)),
        }))?;
        return Ok(code);
    }
    for AuditFinding { row, problem } in &found.findings {
        let row = row.map(|row| format!("row {row} ")).unwrap_or_default();
        print(&format!("broken: {row}{problem}"))?;
    }
    if found.more_findings > 0 {
        print(&format!("broken: and {} more findings", found.more_findings))?;
    }
    let span = match (found.from, found.until) {
        (Some(from), Some(until)) => format!(", from {} to {}", iso_time(from), iso_time(until)),
        (_, None) | (None, _) => String::new(),
    };
    let says = match (found.findings.is_empty(), unbroken) {
        (true, true) => "unbroken",
        (true, false) => "not known to be unbroken",
        (false, _) => "broken",
    };
    print(&format!("{} rows{span}, {says}", found.rows))?;
    if let Some((row, hash)) = &found.last {
        print(&format!("the last is row {row}, hash {hash}"))?;
    }
    if let Some((row, at)) = found.pruned {
        print(&format!("the rows to {row} were pruned after audit.retention, last at {}", iso_time(at)))?;
    }
    print(&sealing(found))?;
    Ok(code)
}

fn sealing(found: &Verification) -> String {
    match found.seal {
        SealState::None => "not sealed: whoever can write to the ledger could have forged it; set audit.key".to_owned(),
        SealState::Right => match found.sealed_since {
            Some((row, at)) => format!(
                "sealed since row {row}, written at {}; the rows before it were not sealed and could have been forged",
                iso_time(at)
            ),
            None => "sealed".to_owned(),
        },
        SealState::Old => "sealed with audit.old_key; the daemon seals it with audit.key at its next start".to_owned(),
        SealState::Unchecked => {
            "sealed, but audit.key is not set here, so the seal was not checked: set it as it is set for \
                            the daemon"
                .to_owned()
        }
        SealState::Wrong => "the seal is wrong".to_owned(),
        SealState::Missing => "the seal is missing".to_owned(),
    }
}
