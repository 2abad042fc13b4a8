//! The audit: rows that say who did what and where, whether it was allowed, and by which rule. The rows show if one of
//! them was altered or removed.
//!
//! # What has a row
//!
//! Every message and every click of a person has a row once it is closed, answered or not, judged or not, dead letters
//! included. So has every post of the bearer API,
//! every row that an operator reopens or drops, and every person who is let in or kept out. The audit
//! row is written in the transaction of what it records, so nothing that was not done has one. An event that is tried
//! again is not closed yet. An event that an operator opens again gets one more row when it is closed again.
//!
//! These have no row: messages and clicks of the bot itself; people, or the bot, being added to a space, unless the
//! event was given up; deliveries that become no event, such as repeats and those with a wrong signature, which are
//! counted; the sending of a reply, which the outbox records; rows forgotten after `store.retention`; and verbs that
//! only read, or that call Webex and do not change the ledger.
//!
//! # The chain
//!
//! A row's hash is SHA-256 over its canonical form, which is in this order: the version, 1, as one byte; the 32 bytes
//! of the hash of the row before it, which are zero before the first row; `seq` and `at`, each as eight bytes, big end
//! first; then `via`, `person`, `email`, `room`, `place`, `action`, `verdict`, `reason` in UTF-8 and the 16 bytes of
//! `event`. Each of these nine fields follows its length as four bytes, big end first; an absent field is the length
//! 2^32 - 1 alone. So no two rows have the same form, and somebody who alters a row has to make every later hash anew.
//!
//! The head records where the chain begins, where it ends, and the last hash. So rows missing at either end are
//! noticed. With `audit.key` the head is sealed by HMAC-SHA256 over everything in it. The last hash depends on every
//! row before it, so one seal a commit is enough: somebody who can write to the file but lacks the key cannot make the
//! chain anew.
//!
//! A seal does not prove that it is the latest one. So the daemon keeps in memory how far the chain had come. If the
//! chain it finds does not continue from there, it records that in a row, which `verify` finds. It checks when it
//! writes its next row, at the latest within a minute (when it prunes), and when it stops.
//!
//! # What `verify` cannot find
//!
//! Without a key:
//!
//! - A chain that was made anew up to its end, or whose beginning was removed as if pruned. The daemon notices this
//!   only if it affects the row at which it left the chain.
//!
//! With a key:
//!
//! - An end that was put back to an earlier one, with the seal of that time, in the whole file or in these two tables.
//!   It must happen while the daemon is stopped, or be done by somebody who kills the daemon before it checks.
//! - The whole file being removed. The daemon then makes a new one.
//! - The last rows being cut off, if a verb wrote them and the daemon has not checked since.
//! - Anything done by somebody who has the key.
//! - Changes before the row in which an operator sealed the audit, if it was not sealed from the first row on.
//!
//! A ledger that is made while there is a key is sealed before its first row. A ledger without a seal is sealed only by
//! an operator ([`super::Store::seal_audit`]). So a seal that was removed never comes back by itself, and is reported
//! missing until somebody has looked.
//!
//! `verify` reports how many rows there are, since when they are sealed, and the last one's hash. Compare these with an
//! earlier report, or with a copy of the ledger. It says nothing about rows that were pruned.

mod chain;
mod head;
pub(super) mod row;
pub(super) mod verify;

pub(super) use chain::Chain;
pub(super) use head::{AuditHead, AuditKeys};
pub use row::{AuditEntry, AuditRow, Via};
pub use verify::{AuditFinding, SealState, Verification};
