//! Commands that wait for the approval of others. Each step of a request is an effect of an event, and is written with
//! the settlement of that event or not at all.

use serde::Serialize;
use uuid::Uuid;

/// A request to run a command that others have to approve.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// The row of the request's card, whose id is also the id of the request.
    pub card: Uuid,
    /// The row of the event that made the request.
    pub event: Uuid,
    /// The command's name.
    pub command: String,
    /// The text that was typed.
    pub asked: String,
    /// The requester's Webex id, in the one spelling.
    pub person: String,
    /// The requester's Webex id, as Webex spelled it.
    pub person_id: String,
    /// The requester's address.
    pub email: String,
    /// Webex's id of the space.
    pub room: String,
    /// The root of the thread in the space.
    pub thread: String,
    /// The message that made the request.
    pub message: String,
    /// The addresses of the attached files.
    pub files: Vec<String>,
    /// When it was made, in milliseconds since 1970.
    pub requested_at: i64,
    /// When its time is over, in milliseconds since 1970.
    pub expires_at: i64,
}

/// The state of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// It waits for approvals.
    Open,
    /// Enough people approved, and the command ran.
    Approved,
    /// Somebody denied it.
    Denied,
    /// The requester took it back.
    Withdrawn,
    /// Too few approved in time.
    Expired,
    /// Enough people approved, and the command failed for good.
    Failed,
    /// Enough people approved, but by then the requester was no longer allowed to run the command.
    Refused,
    /// Enough people approved, and the command is about to run. No vote changes this any more.
    Running,
    /// Enough people approved, and the command ran and refused.
    Declined,
    /// Its card was not shown to anybody.
    Unasked,
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [ApprovalState; 10] = [
        ApprovalState::Open,
        ApprovalState::Approved,
        ApprovalState::Denied,
        ApprovalState::Withdrawn,
        ApprovalState::Expired,
        ApprovalState::Failed,
        ApprovalState::Refused,
        ApprovalState::Running,
        ApprovalState::Declined,
        ApprovalState::Unasked,
    ];

    /// The word for the state.
    pub fn word(self) -> &'static str {
        match self {
            ApprovalState::Open => "open",
            ApprovalState::Approved => "approved",
            ApprovalState::Denied => "denied",
            ApprovalState::Withdrawn => "withdrawn",
            ApprovalState::Expired => "expired",
            ApprovalState::Failed => "failed",
            ApprovalState::Refused => "refused",
            ApprovalState::Running => "running",
            ApprovalState::Declined => "declined",
            ApprovalState::Unasked => "unasked",
        }
    }

    pub(super) fn of(number: i64) -> ApprovalState {
        ApprovalState::ALL.into_iter().find(|state| *state as i64 == number).unwrap_or(ApprovalState::Refused)
    }
}

/// A person who approved a request.
#[derive(Clone, Debug)]
pub struct Approver {
    /// Their Webex id, in the one spelling.
    pub person: String,
    /// Their Webex id, as Webex spelled it.
    pub person_id: String,
    /// Their address.
    pub email: String,
    /// When they approved, in milliseconds since 1970.
    pub at: i64,
    /// The event of their click, if the ledger recorded it.
    pub event: Option<Uuid>,
    /// Webex's id of the card message on which they clicked, if the ledger recorded it.
    pub message: Option<String>,
}

/// A request, the people who approved it, and its state.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Approval {
    pub request: ApprovalRequest,
    pub state: ApprovalState,
    /// The state that the daemon will set when it closes this request.
    pub ends: Option<ApprovalState>,
    /// The people who approved, in the order of their approvals.
    pub approvers: Vec<Approver>,
    /// When it ended, in milliseconds since 1970.
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    pub ended_event: Option<Uuid>,
}

impl Approval {
    /// Whether people can still vote on it.
    pub fn is_open(&self) -> bool {
        self.state == ApprovalState::Open && self.ends.is_none()
    }
}

/// A change of a request that an event makes.
#[derive(Clone, Debug)]
pub enum ApprovalStep {
    /// Makes the request.
    Ask(Box<ApprovalRequest>),
    /// Adds an approval to an open request.
    Approve {
        /// The card of the request.
        card: Uuid,
        /// The person who approves.
        by: Approver,
        /// The people whose earlier approvals no longer count, by their ids in the one spelling.
        void: Vec<String>,
    },
    /// Records that the request has enough approvals, and that this event is about to run its command.
    Run {
        /// The card of the request.
        card: Uuid,
        /// The row of the event.
        by: Uuid,
    },
    /// Records that the card was not shown to anybody, so that the daemon ends the request.
    Unasked {
        /// The card of the request.
        card: Uuid,
    },
    /// Ends the request, unless it has ended. If an operator runs a failed one again, it gets the state of that run.
    End {
        /// The card of the request.
        card: Uuid,
        /// The state in which it ends.
        state: ApprovalState,
        /// Who ends it, for people to read.
        by: String,
    },
}

/// A request that the daemon has to end: its time is over, its card was shown to nobody, an operator withdrew it, or
/// its run was given up or dropped.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Overdue {
    pub card: Uuid,
    pub room: String,
    pub expires_at: i64,
}
