//! Reads the audit, and checks that it is unbroken.

use serde::Serialize;

use super::head::{AuditHead, AuditKeys, SealFit};
use super::row::{ABOUT_ITSELF, AuditRow, SEALING, UNSEALED, Via};
use crate::signature::Digest;
use crate::store::{Reader, StoreError};
use crate::verdict::Verdict;

/// The most findings that are listed: enough to see what happened, even if the whole chain was forged.
pub const MOST_FINDINGS: usize = 10;

/// The result of reading the whole audit.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// The number of rows.
    pub rows: u64,
    /// When the oldest row was written, in milliseconds since 1970.
    pub from: Option<i64>,
    /// When the last row was written, in milliseconds since 1970.
    pub until: Option<i64>,
    /// The last sound row, and its hash in hexadecimal. If you keep a note of them elsewhere, it shows later whether
    /// this row, and so every row before it, is unchanged.
    pub last: Option<(i64, String)>,
    /// How many rows were pruned, and when the last time was.
    pub pruned: Option<(i64, i64)>,
    /// The state of the head's seal.
    pub seal: SealState,
    /// The row from which on the audit is sealed, and its time. None if every kept row was sealed.
    pub sealed_since: Option<(i64, i64)>,
    /// The problems, in the order of the rows; at most [`MOST_FINDINGS`].
    pub findings: Vec<AuditFinding>,
    /// The number of further problems.
    pub more_findings: u64,
}

/// The state of the seal over the head, and so over every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SealState {
    /// There is no seal and no key.
    None,
    /// It was made with the key.
    Right,
    /// It was made with the old key. The daemon replaces it when it starts.
    Old,
    /// There is a seal, but no key to check it with.
    Unchecked,
    /// It was made with neither key.
    Wrong,
    /// There is a key, but no seal.
    Missing,
}

/// Something wrong with the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditFinding {
    /// The number of the row, if it is about one.
    pub row: Option<i64>,
    /// What is wrong with it, as a clause.
    pub problem: String,
}

/// Reads the whole audit and checks that it is unbroken.
pub async fn verify(reader: &Reader, keys: &AuditKeys) -> Result<Verification, StoreError> {
    let keys = keys.clone();
    let begin = move |head: Option<AuditHead>| (Verification::begin(head.as_ref(), &keys), ChainWalk::new(head));
    let read = |(found, walk): &mut (Verification, ChainWalk), row: &AuditRow, hash| {
        let fits = walk.step(row, hash);
        found.count(row, fits);
    };
    let (mut found, mut walk) = reader.whole_audit(begin, read).await?;
    walk.end(found.seal);
    (found.findings, found.more_findings) = (walk.findings, walk.more);
    Ok(found)
}

impl Verification {
    fn begin(head: Option<&AuditHead>, keys: &AuditKeys) -> Verification {
        Verification {
            rows: 0,
            from: None,
            until: None,
            last: None,
            pruned: head.and_then(|head| Some((head.anchor_seq, head.pruned_at?))),
            seal: SealState::of(head, keys),
            sealed_since: None,
            findings: Vec::new(),
            more_findings: 0,
        }
    }

    /// Counts a row. If the row is the one that belongs there, also notes what it says about the audit.
    fn count(&mut self, row: &AuditRow, fits: bool) {
        self.rows += 1;
        self.from = self.from.or(Some(row.at));
        self.until = Some(row.at);
        if !fits {
            return;
        }
        self.last = Some((row.seq, hex::encode(row.hash)));
        let by_operator = row.via == Via::Cli.as_str() && row.action == SEALING;
        match Verdict::of(&row.verdict) {
            Some(Verdict::Sealed) if by_operator || row.is_about_itself() => {
                self.sealed_since = Some((row.seq, row.at))
            }
            Some(Verdict::Unsealed) if row.is_about_itself() => self.sealed_since = None,
            _ => {}
        }
    }
}

impl SealState {
    pub fn of(head: Option<&AuditHead>, keys: &AuditKeys) -> SealState {
        head.map_or(SealState::None, |head| match keys.look_at(head) {
            SealFit::Open => SealState::None,
            SealFit::Sealed => SealState::Right,
            SealFit::ByOldKey => SealState::Old,
            SealFit::NoKey => SealState::Unchecked,
            SealFit::Wrong => SealState::Wrong,
            SealFit::Unsealed => SealState::Missing,
        })
    }
}

impl AuditRow {
    fn is_about_itself(&self) -> bool {
        self.via == Via::Daemon.as_str() && self.action == ABOUT_ITSELF
    }
}

/// The state of reading the rows. After a wrong row, reading continues from that row. So each problem is reported once
/// and hides no other.
struct ChainWalk {
    head: Option<AuditHead>,
    /// The number of the last row. None before the first, if the head does not say which one that is.
    seq: Option<i64>,
    /// The two hashes that the next row may link to: the one that the last row has, and the one it should have. None if
    /// they cannot be known, since rows before it are missing.
    before: Option<[Digest; 2]>,
    findings: Vec<AuditFinding>,
    more: u64,
}

impl ChainWalk {
    fn new(head: Option<AuditHead>) -> ChainWalk {
        let (seq, before) = match &head {
            Some(head) => (Some(head.anchor_seq), Some([head.anchor_hash; 2])),
            None => (None, None),
        };
        let mut walk = ChainWalk { head, seq, before, findings: Vec::new(), more: 0 };
        if walk.head.is_none() {
            walk.find(None, "the record of the chain's ends is missing".to_owned());
        }
        walk
    }

    fn find(&mut self, row: Option<i64>, problem: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(AuditFinding { row, problem });
        } else {
            self.more += 1;
        }
    }

    fn missing(&mut self, from: i64, to: i64) {
        let problem = if from == to { "is missing".to_owned() } else { format!("and all to row {to} are missing") };
        self.find(Some(from), problem);
        (self.seq, self.before) = (Some(to), None);
    }

    /// Whether the next row is the one that belongs there. `hash` is none if it cannot be read.
    fn step(&mut self, row: &AuditRow, hash: Option<Digest>) -> bool {
        let seq = row.seq;
        let end = self.head.as_ref().map_or(i64::MAX, |head| head.seq);
        let expected = self.seq.map_or(seq, |last| last.saturating_add(1));
        if seq < expected && seq <= end {
            let problem = "stands before the first row that was kept: it was put there, or comes from before";
            self.find(Some(seq), problem.to_owned());
            return false;
        }
        if expected < seq && expected <= end {
            self.missing(expected, end.min(seq - 1));
        }
        if seq > end {
            self.find(Some(seq), format!("stands after row {end}, which was the last one"));
            return false;
        }
        let links = self.before.map(|before| before.map(|before| row.link(&before)));
        let fits = links.is_none_or(|links| links.contains(&row.hash));
        if row.damaged {
            self.find(Some(seq), "has content that no row of the audit has".to_owned());
        } else if !fits {
            let problem = "was altered, or put there in place of another, or does not follow the one before it";
            self.find(Some(seq), problem.to_owned());
        } else if row.is_about_itself() && row.verdict == Verdict::Broken.word() {
            self.find(Some(seq), format!("is the daemon's note that something was wrong before it: {}", row.reason));
        }
        self.seq = Some(seq);
        self.before = hash.map(|hash| [hash, links.map_or(hash, |[link, _]| link)]);
        fits && !row.damaged
    }

    /// Notes what is wrong with the end, once all rows have been read.
    fn end(&mut self, seal: SealState) {
        let last = self.head.as_ref().map(|head| (head.seq, head.hash)).zip(self.seq);
        if let Some(((end, hash), seq)) = last {
            if seq < end {
                self.missing(seq.saturating_add(1), end);
            } else if self.before.is_some_and(|before| !before.contains(&hash)) {
                let problem = "is not the last row that was written: it and those before it were made anew, or those \
                               after it removed";
                self.find(Some(seq), problem.to_owned());
            }
        }
        let problem = match seal {
            SealState::None | SealState::Right | SealState::Old | SealState::Unchecked => return,
            SealState::Wrong => {
                "the seal over all rows does not fit: whoever altered them had no key, or audit.key is not the \
                            one they were sealed with"
                    .to_owned()
            }
            SealState::Missing => format!("there is no seal over the rows, though audit.key is set: {UNSEALED}"),
        };
        self.find(None, problem);
    }
}
