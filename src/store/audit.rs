//! The audit: who did what, where, allowed or not and by which rule, in rows that show when one was altered or removed.
//!
//! # What has a row
//!
//! No message and no click of a person is closed without its row, answered or not, judged or not, dead letters
//! included; nothing is reopened or dropped by an operator, and nobody let in or kept out, without one. The row is
//! written in the transaction that does it, so there is none of what was not done. An event that is tried again is not
//! closed yet; one that an operator opens again has one more row when it is closed again.
//!
//! What has none: what the bot wrote or pressed itself; that somebody, or the bot, was put into a space, unless that
//! was given up; deliveries that become no event, such as those with a wrong signature and repeats, which are counted;
//! what became of a reply on its way to Webex, which stands in the outbox; rows forgotten after `store.retention`; and
//! verbs that only read, or that speak to Webex and not to the ledger.
//!
//! # The chain
//!
//! A row's hash is SHA-256 over its canonical form: one byte of version, 1; the 32 bytes of the hash of the row before
//! it, of 32 zero bytes before the first; `seq` and `at`, each as eight bytes, big end first; then `via`, `person`,
//! `email`, `room`, `place`, `action`, `verdict`, `reason` in UTF-8 and the 16 bytes of `event`, each of these nine
//! after its length as four bytes, big end first, and a field that is absent as the length 2^32 - 1 alone. So no two
//! rows have the same form, and whoever alters a row has to make every hash after it anew.
//!
//! The head keeps where the chain begins, where it ends and the last hash, so that rows missing at an end are noticed.
//! With `audit.key` it is sealed: HMAC-SHA256 over all it says. Since the last hash stands for every row before it,
//! that one seal a commit keeps whoever can write to the file, and has no key, from making the chain anew.
//!
//! A seal does not say that it is the latest. So the daemon keeps in memory how far the chain had come, and when what
//! it finds does not go on from there, it says so in a row, which `verify` finds. It looks when it writes its next row,
//! at the latest within a minute (when it prunes), and when it stops.
//!
//! # What `verify` cannot find
//!
//! - Without a key: a chain that was made anew to its end, or whose beginning was taken away as if pruned. The daemon
//!   notices only what touches the row at which it left the chain.
//! - With a key: an end put back to what it was earlier, with the seal it had then, the whole file or these two tables,
//!   while the daemon was stopped or by whoever kills it before it looks; the whole file taken away, in place of which
//!   the daemon makes a new one; rows that a verb wrote last, cut off before the daemon looked; and what somebody does
//!   who has the key.
//! - What was done before the row in which an operator had the audit sealed that was not from the first row on.
//!
//! A ledger that is made while there is a key is sealed before its first row, and one without a seal is sealed by an
//! operator alone ([`super::Store::seal_audit`]): so a seal that was taken away is never put back by itself, and missed
//! until somebody has looked.
//!
//! `verify` tells how many rows there are, since when they are sealed and the last one's hash, to be compared with what
//! it told before, or with a copy of the ledger. Rows that were pruned are vouched for no more.

mod chain;
mod head;
pub(super) mod row;
pub(super) mod verify;

pub(super) use chain::Chain;
pub(super) use head::{AuditHead, AuditKeys};
pub use row::{AuditEntry, AuditRow, Via};
pub use verify::{AuditFinding, SealState, Verification};
