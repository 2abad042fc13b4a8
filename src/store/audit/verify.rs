//! Reading the audit: what is asked of it, and whether it is unbroken.

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
    /// How many rows there are.
    pub rows: u64,
    /// When the oldest of them was written, in milliseconds since 1970.
    pub from: Option<i64>,
    /// When the last of them was.
    pub until: Option<i64>,
    /// The last sound row, and its hash in hexadecimal. A note of it kept elsewhere shows later whether this row, and so
    /// every row before it, is unchanged.
    pub last: Option<(i64, String)>,
    /// How many rows were pruned, and when last.
    pub pruned: Option<(i64, i64)>,
    /// The state of the head's seal.
    pub seal: SealState,
    /// The row at which sealing began, and its time; none if every kept row was sealed.
    pub sealed_since: Option<(i64, i64)>,
    /// What is wrong, in the order of the rows; at most [`MOST_FINDINGS`].
    pub findings: Vec<AuditFinding>,
    /// How many more there are.
    pub more_findings: u64,
}

/// The state of the seal over the head, and so over every row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SealState {
    /// There is none, and no key.
    None,
    /// It was made with the key.
    Right,
    /// It was made with the old key. The daemon replaces it when it starts.
    Old,
    /// There is one, and no key to check it with.
    Unchecked,
    /// It was made with neither key.
    Wrong,
    /// There is a key, and no seal.
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

/// Reads the whole audit and sees whether it is unbroken.
pub async fn verify(reader: &Reader, keys: &AuditKeys) -> Result<Verification, StoreError> {
    let begin = |head: Option<AuditHead>| (Verification::begin(head.as_ref(), keys), ChainWalk::new(head));
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

    /// Counts a row, and what it says of the audit itself if it is the one that belongs there.
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

/// The state of reading the rows. After a wrong row it goes on from that row, so that each problem is reported once and
/// hides no other.
struct ChainWalk {
    head: Option<AuditHead>,
    /// The last row's number; none before the first where nothing says which one that is.
    seq: Option<i64>,
    /// What the next row may be built on: the hash that the last one has, and the one it should have. None where that
    /// cannot be known, since rows before it are missing.
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

    /// Whether the next row is the one that belongs there. Its hash is none where it cannot be read.
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
            self.find(Some(seq), "holds what no row of the audit does".to_owned());
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

    /// What is to be said of the end, once all rows were read.
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
