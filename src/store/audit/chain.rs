//! Continues the chain for the writer: adds rows at its end, in the transaction of what they record, and prunes rows at
//! its beginning.

use std::time::Duration;

use super::head::{AuditHead, AuditKeys, LAST, SealFit};
use super::row::{ABOUT_ITSELF, AuditEntry, AuditRow, GENESIS, UNSEALED, Via};
use crate::clock;
use crate::signature::Digest;
use crate::store::{Engine, StoreError};
use crate::verdict::Verdict;

/// Rows that somebody put behind the end are passed over in stretches of this many numbers. A row further than one
/// stretch behind the last is not looked for.
const STRETCH: i64 = 1_000_000;

/// What the writer remembers of the chain between two commits. The store holds the one head. The writer overwrites it
/// only if it is still as remembered here, so several processes can continue one chain.
pub struct Chain {
    keys: AuditKeys,
    /// Whether this process is the daemon. The daemon continues whatever it finds; a verb may refuse.
    is_daemon: bool,
    /// The head as this process left it. If another process has moved it since, it is read again before a row is added.
    head: Option<AuditHead>,
    /// The last row that this process committed, and its hash. Later rows have to continue from it.
    kept: Option<(i64, Digest)>,
    /// Whether the head had a seal, or an operator asked for one. Otherwise the daemon does not seal it.
    sealed: bool,
}

/// Where the next row goes: after this head, with this number.
struct ChainEnd {
    head: AuditHead,
    next: i64,
}

impl Chain {
    pub fn new(keys: AuditKeys, is_daemon: bool) -> Chain {
        Chain { keys, is_daemon, head: None, kept: None, sealed: false }
    }

    fn seal(&self, head: &AuditHead) -> Option<Vec<u8>> {
        self.keys.seal(head).filter(|_| self.sealed)
    }

    /// Notes that the transaction was committed.
    pub fn committed(&mut self) {
        self.kept = self.head.as_ref().map(|head| (head.seq, head.hash)).or(self.kept);
    }

    /// Notes that the transaction was rolled back.
    pub fn rolled_back(&mut self) {
        self.head = None;
    }

    /// Checks the chain's end when the daemon starts and stops: that its seal fits the keys, and that it is as the
    /// daemon left it. If not, that is recorded in a row. A verb does not check, since it only reads, or records what
    /// it did.
    pub fn look(&mut self, engine: &mut Engine) -> Result<(), StoreError> {
        if !self.is_daemon {
            return Ok(());
        }
        engine.begin()?;
        self.find_sound_head(engine)?;
        engine.commit()?;
        self.committed();
        Ok(())
    }

    /// Seals the head of a ledger that was just made. So a ledger without a seal is never taken for a new one.
    pub fn seal_new(&mut self, engine: &mut Engine) -> Result<(), StoreError> {
        let Some(head) = engine.audit_head()? else { return Ok(()) };
        self.sealed = true;
        engine.seal_audit_head(self.seal(&head))
    }

    /// Whether there is a key but no seal yet. Then the next row seals the chain.
    pub fn begin_sealing(&mut self, engine: &mut Engine) -> Result<bool, StoreError> {
        let head = engine.audit_head()?;
        self.sealed = head.is_none_or(|head| self.keys.look_at(&head) == SealFit::Unsealed);
        Ok(self.sealed)
    }

    /// Adds rows at the end of the chain, and moves the head once.
    pub fn add(&mut self, engine: &mut Engine, entries: &[&AuditEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Some(head) = self.head.take()
            && self.append(engine, ChainEnd { next: head.seq + 1, head }, entries)?
        {
            return Ok(());
        }
        // This is the first time, or somebody has moved the end: an operator's verb, or an intruder.
        let (end, remark) = self.find_head(engine)?;
        let entries: Vec<_> = remark.iter().chain(entries.iter().copied()).collect();
        self.append(engine, end, &entries).map(drop)
    }

    /// Adds the rows. `false` if the chain's end was not where it was expected, or if foreign rows are there; then
    /// nothing was written.
    fn append(&mut self, engine: &mut Engine, end: ChainEnd, entries: &[&AuditEntry]) -> Result<bool, StoreError> {
        let ChainEnd { head: left, next } = end;
        let (now, mut head) = (clock::wall_ms(), left.clone());
        let mut rows = Vec::with_capacity(entries.len());
        for (entry, seq) in entries.iter().zip(next..) {
            let mut row = AuditRow::new(seq, now, entry);
            row.hash = row.link(&head.hash);
            (head.seq, head.hash) = (seq, row.hash);
            rows.push(row);
        }
        head.seal = self.seal(&head);
        if !engine.move_audit_head(&left, &head, next)? {
            return Ok(false);
        }
        for row in &rows {
            engine.add_audit_row(row)?;
        }
        self.head = Some(head);
        Ok(true)
    }

    /// The chain's end as it is on disk, if nothing is wrong with it. Otherwise the problem is recorded.
    fn find_sound_head(&mut self, engine: &mut Engine) -> Result<Option<AuditHead>, StoreError> {
        let (end, remark) = self.find_head(engine)?;
        match remark {
            Some(remark) => self.append(engine, end, &[&remark]).map(|_| None),
            None => Ok(Some(end.head)),
        }
    }

    /// The chain's end as it is on disk, and the row to record first if something is wrong with it.
    fn find_head(&mut self, engine: &mut Engine) -> Result<(ChainEnd, Option<AuditEntry>), StoreError> {
        let (head, remark) = match engine.audit_head()? {
            Some(head) => {
                let remark = self.remark(engine, &head)?;
                (head, remark)
            }
            None => {
                (make_head(engine)?, Some(about_itself(Verdict::Broken, "the record of the chain's ends was missing")))
            }
        };
        let next = self.next(engine, &head)?;
        match &remark {
            None => self.kept = Some((head.seq, head.hash)),
            Some(AuditEntry { verdict, reason, .. }) if *verdict == Verdict::Broken => {
                tracing::error!("the audit is broken: {reason}; `switchboard audit verify` tells more");
            }
            Some(AuditEntry { reason, .. }) => tracing::warn!("the audit: {reason}"),
        }
        Ok((ChainEnd { head, next }, remark))
    }

    /// The number of the next row. Foreign rows may lie beyond the end, and rows of ours may be gone. The new row goes
    /// behind all of them, so that no number is used twice and `verify` finds both. Rows that lie far away are ignored.
    fn next(&mut self, engine: &mut Engine, head: &AuditHead) -> Result<i64, StoreError> {
        let mut end = self.kept.map_or(0, |(seq, _)| seq).max(head.seq);
        while let Some(last) = engine.last_audit_row(end, STRETCH)? {
            end = last;
        }
        Ok(end + 1)
    }

    /// The row that the daemon records about a head that is wrong. A verb without the daemon's key records nothing.
    fn remark(&mut self, engine: &mut Engine, head: &AuditHead) -> Result<Option<AuditEntry>, StoreError> {
        let (fit, was_sealed) = (self.keys.look_at(head), self.sealed);
        match fit {
            SealFit::NoKey | SealFit::ByOldKey | SealFit::Wrong if !self.is_daemon => {
                return Err(StoreError::Refused(refusal(fit).to_owned()));
            }
            SealFit::Open | SealFit::Unsealed | SealFit::NoKey => {}
            SealFit::Sealed | SealFit::ByOldKey | SealFit::Wrong => self.sealed = true,
        }
        if let Some(broken) = self.broken_since(engine, head, fit, was_sealed)? {
            return Ok(Some(about_itself(Verdict::Broken, &format!("under the running daemon {broken}"))));
        }
        Ok(match fit {
            SealFit::Unsealed if self.is_daemon && self.kept.is_none() => {
                tracing::warn!("the audit is not sealed, though audit.key is set: {UNSEALED}");
                None
            }
            SealFit::Open | SealFit::Sealed | SealFit::Unsealed => None,
            SealFit::ByOldKey => {
                Some(about_itself(Verdict::Resealed, "audit.key was changed; the seal of audit.old_key was right"))
            }
            SealFit::NoKey => {
                Some(about_itself(Verdict::Unsealed, "audit.key is not set for the daemon: not sealed from here on"))
            }
            SealFit::Wrong => Some(about_itself(Verdict::Broken, "the seal before this row is of no key that was set")),
        })
    }

    /// What is wrong with a head that does not continue from where this process left the chain.
    fn broken_since(
        &self,
        engine: &mut Engine,
        head: &AuditHead,
        fit: SealFit,
        was_sealed: bool,
    ) -> Result<Option<String>, StoreError> {
        let Some((left, hash)) = self.kept else { return Ok(None) };
        // No verb has changed the seal: with another key than the daemon's, it refuses to.
        let is_replaced = match fit {
            SealFit::Open | SealFit::Sealed | SealFit::NoKey => false,
            SealFit::Unsealed => was_sealed,
            SealFit::ByOldKey | SealFit::Wrong => true,
        };
        if is_replaced {
            return Ok(Some(format!("the seal was taken away or replaced; the chain had reached row {left}")));
        }
        let found = match left == head.anchor_seq {
            true => Some(head.anchor_hash),
            false => engine.audit_hash(left, head.seq)?,
        };
        let end = head.seq;
        let broken = || format!("the chain was cut or made anew; it had reached row {left}, and now ended at {end}");
        Ok((found != Some(hash)).then(broken))
    }

    /// Removes the oldest rows once their time is over. A chain whose end is in doubt is left as it is, to be examined.
    pub fn prune(&mut self, engine: &mut Engine, retention: Duration) -> Result<u64, StoreError> {
        let Some(mut head) = self.find_sound_head(engine)? else { return Ok(0) };
        let now = clock::wall_ms();
        let until = now.saturating_sub(clock::millis(retention));
        let Some((seq, hash)) = past(engine, now, until)?.filter(|(seq, _)| *seq <= head.seq) else {
            return Ok(0);
        };
        (head.anchor_seq, head.anchor_hash, head.pruned_at) = (seq, hash, Some(now));
        head.seal = self.seal(&head);
        // The next row reads the head again, whether or not this is committed, since adding a row does not check the
        // beginning.
        self.head = None;
        engine.prune_audit(&head)
    }
}

fn make_head(engine: &mut Engine) -> Result<AuditHead, StoreError> {
    let (first, last) = engine.audit_ends(LAST)?;
    let hash = engine.audit_hash(last, last)?.unwrap_or(GENESIS);
    let head = AuditHead::made_anew(first, last, hash);
    engine.put_audit_head(&head)?;
    Ok(head)
}

/// The last of the rows at the beginning that were written before `until`, as far as one step goes. A row from the
/// future, made while the clock was wrong, goes together with the first later row that is not from the future.
fn past(engine: &mut Engine, now: i64, until: i64) -> Result<Option<(i64, Digest)>, StoreError> {
    let (mut last, mut doubtful) = (None, None);
    for (seq, at, hash) in engine.oldest_audit_rows()? {
        // No chain can continue from a value that is not a hash.
        let Some(hash) = hash.filter(|_| at <= until || at > now) else { return Ok(last) };
        if at <= until {
            last = Some((seq, hash));
        } else {
            doubtful = Some((seq, hash));
        }
    }
    let (None, Some((seq, _))) = (last, doubtful) else { return Ok(last) };
    // All rows of the step are from the future, so the rows behind them decide.
    let behind = engine.audit_time_behind(seq, now)?;
    Ok(doubtful.filter(|_| behind.is_some_and(|at| at <= until)))
}

fn about_itself(verdict: Verdict, reason: &str) -> AuditEntry {
    let (action, reason) = (ABOUT_ITSELF.to_owned(), reason.to_owned());
    AuditEntry { via: Via::Daemon, action, verdict, reason, ..AuditEntry::default() }
}

fn refusal(fit: SealFit) -> &'static str {
    match fit {
        SealFit::Open | SealFit::Sealed | SealFit::Unsealed => "",
        SealFit::NoKey => "the audit is sealed: set audit.key as it is set for the daemon, so that this can be audited",
        SealFit::ByOldKey | SealFit::Wrong => {
            "the audit is not sealed with this audit.key: set the one the daemon has, or restart the daemon with this one"
        }
    }
}
