//! Opens the ledger beside a daemon that may be running, finds rows in it, and names the operator for its audit.

use std::os::unix::fs::MetadataExt;

use uuid::Uuid;

use super::output::complain;
use crate::config::Config;
use crate::event;
use crate::store::{AuditEntry, Row, Store, Via, Writer};
use crate::verdict::Verdict;

/// Opens the ledger beside a daemon that may be running, and closes it properly. First says on standard error which
/// ledger it is, since a wrong one would answer too.
pub(super) async fn with_store<T>(
    config: &Config,
    work: impl AsyncFnOnce(Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    complain(&config.program, &format!("the ledger is {}", Store::place(&config.store).display()));
    with_store_unsaid(config, work).await
}

/// Like [`with_store`], for a caller that has said which ledger it is.
pub(super) async fn with_store_unsaid<T>(
    config: &Config,
    work: impl AsyncFnOnce(Store) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let (store, writer): (Store, Writer) = Store::open_beside(&config.store, &config.audit).await?;
    let (result, written) = tokio::join!(work(store), writer.run(std::future::pending()));
    written?;
    result
}

/// Finds rows by their whole id, by its beginning, or by the reference that people are told.
pub(super) async fn find(store: &Store, id: &str) -> anyhow::Result<Vec<Row>> {
    let mut found = match event::id_suffix(id) {
        Some(digits) => store.ending_in(&digits).await?,
        None => Vec::new(),
    };
    if let Some((from, to)) = prefix(id) {
        let rows = store.between(from, to).await?;
        let new: Vec<_> = rows.into_iter().filter(|row| found.iter().all(|known| known.id != row.id)).collect();
        found.extend(new);
    }
    Ok(found)
}

/// The first letters of an id, as lists and sentences show it; [`find`] knows the row by them.
pub(super) fn short_id(id: Uuid) -> String {
    id.simple().to_string()[..12].to_owned()
}

fn prefix(id: &str) -> Option<(Uuid, Uuid)> {
    let digits: String = id.chars().filter(|c| *c != '-').collect();
    if !(4..=32).contains(&digits.len()) || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
        return None;
    }
    let bound = |fill: char| Uuid::parse_str(&format!("{digits:<32}").replace(' ', &fill.to_string())).ok();
    Some((bound('0')?, bound('f')?))
}

/// The name that people are told when an operator decided something with a verb.
pub(super) const OPERATOR: &str = "the command line";

/// The audit entry for an operator's verb. It names the user as the system knows it, not by a variable that anybody can
/// set. If the system does not say, it names just "operator".
pub(super) async fn by_operator(action: String, reason: String) -> AuditEntry {
    let person = match tokio::fs::metadata("/proc/self").await {
        Ok(process) => format!("operator {}", user(process.uid()).await),
        Err(_) => "operator at the command line".to_owned(),
    };
    AuditEntry { via: Via::Cli, person: Some(person), action, verdict: Verdict::Done, reason, ..AuditEntry::default() }
}

/// The name of a user, or the number if it has no name.
async fn user(id: u32) -> String {
    let accounts = tokio::fs::read_to_string("/etc/passwd").await.unwrap_or_default();
    let name = accounts.lines().find_map(|account| {
        let mut fields = account.split(':');
        let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
        (number.parse() == Ok(id)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| format!("uid {id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_letters_of_an_id_are_a_range() {
        let (from, to) = prefix("0199-ab").unwrap();
        assert_eq!(from.to_string(), "0199ab00-0000-0000-0000-000000000000");
        assert_eq!(to.to_string(), "0199abff-ffff-ffff-ffff-ffffffffffff");
        assert!(prefix("019").is_none() && prefix("xyzt").is_none());
    }
}
