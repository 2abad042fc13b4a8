//! The chain as the writer goes on with it: rows added at its end in the transaction of what they tell, rows pruned at
//! its beginning.

use std::time::Duration;

use super::head::{AuditHead, AuditKeys, LAST, SealFit};
use super::row::{ABOUT_ITSELF, AuditEntry, AuditRow, GENESIS, UNSEALED, Via};
use crate::clock;
use crate::signature::Digest;
use crate::store::{Engine, StoreError};
use crate::verdict::Verdict;

/// Rows that somebody put behind the end are passed over within so many numbers, a stretch at a time; none is looked
/// for further away than that from the last.
const STRETCH: i64 = 1_000_000;

/// What the writer keeps of the chain between two commits. The one head is the store's; what is kept of it here is
/// written over it only while it is still the same, so that several processes can go on with one chain.
pub struct Chain {
    keys: AuditKeys,
    /// The daemon goes on whatever it finds. A verb may refuse.
    is_daemon: bool,
    /// The head as this process left it. If another process has moved it since, it is read again before a row is added.
    head: Option<AuditHead>,
    /// The last row and its hash, as committed by us. Later rows have to go on from it.
    kept: Option<(i64, Digest)>,
    /// Whether the head had a seal, or an operator asked for one. Else the daemon puts none there.
    sealed: bool,
}

/// Where the next row goes: after this head, with that number.
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

    /// The transaction was committed.
    pub fn committed(&mut self) {
        self.kept = self.head.as_ref().map(|head| (head.seq, head.hash)).or(self.kept);
    }

    /// The transaction was rolled back.
    pub fn rolled_back(&mut self) {
        self.head = None;
    }

    /// Sees, when the daemon begins and when it ends, whether the chain's end is as the keys say and as it was left,
    /// and writes down where it is not. A verb only reads, or writes what it did.
    pub async fn look(&mut self, engine: &mut Engine) -> Result<(), StoreError> {
        if !self.is_daemon {
            return Ok(());
        }
        engine.begin().await?;
        self.find_sound_head(engine).await?;
        engine.commit().await?;
        self.committed();
        Ok(())
    }

    /// Seals the head of a ledger that was just made, so that one without a seal is never taken for a new one.
    pub async fn seal_new(&mut self, engine: &mut Engine) -> Result<(), StoreError> {
        let Some(head) = engine.audit_head().await? else { return Ok(()) };
        self.sealed = true;
        engine.seal_audit_head(self.seal(&head)).await
    }

    /// Whether there is no seal yet, and the key for one: then the next row seals it.
    pub async fn begin_sealing(&mut self, engine: &mut Engine) -> Result<bool, StoreError> {
        let head = engine.audit_head().await?;
        self.sealed = head.is_none_or(|head| self.keys.look_at(&head) == SealFit::Unsealed);
        Ok(self.sealed)
    }

    /// Adds rows at the end of the chain: two statements, however many there are.
    pub async fn add(&mut self, engine: &mut Engine, entries: &[&AuditEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        if let Some(head) = self.head.take()
            && self.append(engine, ChainEnd { next: head.seq + 1, head }, entries).await?
        {
            return Ok(());
        }
        // The first time, or after a verb of an operator has moved it, or somebody who should not have.
        let (end, remark) = self.find_head(engine).await?;
        let entries: Vec<_> = remark.iter().chain(entries.iter().copied()).collect();
        self.append(engine, end, &entries).await.map(drop)
    }

    /// `false` when the chain's end is not where it was thought to be, or rows of somebody else are there: nothing was
    /// written.
    async fn append(
        &mut self,
        engine: &mut Engine,
        end: ChainEnd,
        entries: &[&AuditEntry],
    ) -> Result<bool, StoreError> {
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
        if !engine.move_audit_head(&left, &head, next).await? {
            return Ok(false);
        }
        engine.add_audit_rows(&rows).await?;
        self.head = Some(head);
        Ok(true)
    }

    /// The chain's end as it is on disk, if there is nothing to be said of it; else that is written down.
    async fn find_sound_head(&mut self, engine: &mut Engine) -> Result<Option<AuditHead>, StoreError> {
        let (end, remark) = self.find_head(engine).await?;
        match remark {
            Some(remark) => self.append(engine, end, &[&remark]).await.map(|_| None),
            None => Ok(Some(end.head)),
        }
    }

    /// The chain's end as it is on disk, and what is to be written down of it first.
    async fn find_head(&mut self, engine: &mut Engine) -> Result<(ChainEnd, Option<AuditEntry>), StoreError> {
        let (head, remark) = match engine.audit_head().await? {
            Some(head) => {
                let remark = self.remark(engine, &head).await?;
                (head, remark)
            }
            None => (
                make_head(engine).await?,
                Some(about_itself(Verdict::Broken, "the record of the chain's ends was missing")),
            ),
        };
        let next = self.next(engine, &head).await?;
        match &remark {
            None => self.kept = Some((head.seq, head.hash)),
            Some(AuditEntry { verdict, reason, .. }) if *verdict == Verdict::Broken => {
                tracing::error!("the audit is broken: {reason}; `switchboard audit verify` tells more");
            }
            Some(AuditEntry { reason, .. }) => tracing::warn!("the audit: {reason}"),
        }
        Ok((ChainEnd { head, next }, remark))
    }

    /// The number of the next row. Rows beyond the end are not ours, and rows that were ours may be gone: ours go on
    /// behind them, so that no number is used twice and `verify` finds both. What stands far away is not reached.
    async fn next(&mut self, engine: &mut Engine, head: &AuditHead) -> Result<i64, StoreError> {
        let mut end = self.kept.map_or(0, |(seq, _)| seq).max(head.seq);
        while let Some(last) = engine.last_audit_row(end, STRETCH).await? {
            end = last;
        }
        Ok(end + 1)
    }

    /// What the daemon writes down about the head it finds; a verb that has not the daemon's key writes nothing.
    async fn remark(&mut self, engine: &mut Engine, head: &AuditHead) -> Result<Option<AuditEntry>, StoreError> {
        let (fit, was_sealed) = (self.keys.look_at(head), self.sealed);
        match fit {
            SealFit::NoKey | SealFit::ByOldKey | SealFit::Wrong if !self.is_daemon => {
                return Err(StoreError::Refused(refusal(fit).to_owned()));
            }
            SealFit::Open | SealFit::Unsealed | SealFit::NoKey => {}
            SealFit::Sealed | SealFit::ByOldKey | SealFit::Wrong => self.sealed = true,
        }
        if let Some(broken) = self.broken_since(engine, head, fit, was_sealed).await? {
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

    /// What is wrong with a head that does not go on from where this process left the chain.
    async fn broken_since(
        &self,
        engine: &mut Engine,
        head: &AuditHead,
        fit: SealFit,
        was_sealed: bool,
    ) -> Result<Option<String>, StoreError> {
        let Some((left, hash)) = self.kept else { return Ok(None) };
        // No verb has changed the seal: it refuses to, with another key than the daemon's.
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
            false => engine.audit_hash(left, head.seq).await?,
        };
        let end = head.seq;
        let broken = || format!("the chain was cut or made anew; it had reached row {left}, and now ended at {end}");
        Ok((found != Some(hash)).then(broken))
    }

    /// Removes the oldest rows past their time. A chain whose end is in doubt is left as it is, for whoever looks.
    pub async fn prune(&mut self, engine: &mut Engine, retention: Duration) -> Result<u64, StoreError> {
        let Some(mut head) = self.find_sound_head(engine).await? else { return Ok(0) };
        let now = clock::wall_ms();
        let until = now.saturating_sub(clock::millis(retention));
        let Some((seq, hash)) = past(engine, now, until).await?.filter(|(seq, _)| *seq <= head.seq) else {
            return Ok(0);
        };
        (head.anchor_seq, head.anchor_hash, head.pruned_at) = (seq, hash, Some(now));
        head.seal = self.seal(&head);
        // Read again, whether or not this is committed: its beginning is not looked at when a row is added.
        self.head = None;
        engine.prune_audit(&head).await
    }
}

async fn make_head(engine: &mut Engine) -> Result<AuditHead, StoreError> {
    let (first, last) = engine.audit_ends(LAST).await?;
    let hash = engine.audit_hash(last, last).await?.unwrap_or(GENESIS);
    let head = AuditHead::made_anew(first, last, hash);
    engine.put_audit_head(&head).await?;
    Ok(head)
}

/// The last row of the beginning, as far as one step goes, that was written before then. A row from the future, of a
/// clock that was wrong, goes with the first one behind it that is not.
async fn past(engine: &mut Engine, now: i64, until: i64) -> Result<Option<(i64, Digest)>, StoreError> {
    let (mut last, mut doubtful) = (None, None);
    for (seq, at, hash) in engine.oldest_audit_rows().await? {
        // On what is no hash, no chain can be built.
        let Some(hash) = hash.filter(|_| at <= until || at > now) else { return Ok(last) };
        if at <= until {
            last = Some((seq, hash));
        } else {
            doubtful = Some((seq, hash));
        }
    }
    let (None, Some((seq, _))) = (last, doubtful) else { return Ok(last) };
    // All of the step are from the future; what is behind them decides.
    let behind = engine.audit_time_behind(seq, now).await?;
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
