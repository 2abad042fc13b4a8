//! The ledger: an inbox of events, an outbox of messages, in order per lane (a lane is a space).
//!
//! The store knows no Webex type: rows hold text, numbers and opaque JSON. Every write goes through one writer thread,
//! which puts all waiting writes into one transaction and one commit. So durability costs latency, not throughput.
//!
//! The store has a wall. Above it are the vocabulary (rows, settlements, changes, errors), the handle, the writer, and
//! plain code such as the audit's chain. Below it, in `sqlite`, are all statements and everything specific to SQLite.
//! `engine` is the door between them. PostgreSQL will be the second engine behind it, with the same operations and the
//! same tests.

mod approvals;
mod audit;
mod batch;
mod blocking;
mod change;
mod changes;
mod chat_hooks;
mod claimed;
mod conversations;
mod coverage;
mod due;
mod engine;
mod entry;
mod error;
mod handle;
mod identity;
mod pairing;
mod places;
mod read;
mod reads;
mod settle;
mod silences;
mod sqlite;
mod standing;
mod thread;
mod writer;

use audit::{AuditHead, AuditKeys, Chain};
use batch::{Batch, Op, OpAnswer, Results};
use change::LedgerChange;
use chat_hooks::HookChange;
use claimed::{Claim, Claims};
use due::Due;
use engine::{Engine, Reader};
use entry::lane_id;
use error::Damage;
use pairing::{NewPairing, RequestDecision};
use settle::SettlementStep;

pub use approvals::{Approval, ApprovalRequest, ApprovalState, ApprovalStep, Approver, Overdue};
pub use audit::{AuditEntry, AuditFinding, AuditRow, SealState, Verification, Via};
pub use blocking::apart;
pub use chat_hooks::{ChatHook, HookNotice, HookSalt, HookStep};
pub use claimed::{Claimed, UncertainTries};
pub use conversations::{Conversation, QuestionShown};
pub use coverage::{Beginning, Coverage, Gap, Progress};
pub use entry::{Entry, Queue, Urgency};
pub use error::StoreError;
pub use handle::Store;
pub use identity::{LedgerId, LedgerStatus};
pub use pairing::{Pairing, PairingOutcome, PairingQuery, PairingRequest, PairingState};
pub use places::Pin;
pub use read::{EventCount, Filter, Receipt, Row, RowState, SettledActivity, ThreadRoot, ThreadText};
pub use settle::{Again, Closing, Effect, RootText, Settlement};
pub use silences::ExpectedHook;
pub use writer::Writer;

#[cfg(test)]
mod tests;
