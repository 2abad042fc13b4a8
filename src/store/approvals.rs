//! Commands that wait for the approval of others. Each step of a request is an effect of an event, and is written with
//! the settlement of that event or not at all.

use serde::Serialize;
use uuid::Uuid;

/// A command that somebody asks for and that others have to approve.
#[derive(Clone, Debug)]
pub struct ApprovalRequest {
    /// The row of its card. It is the id of the request.
    pub card: Uuid,
    /// The row of the event that asked.
    pub event: Uuid,
    /// The command's name.
    pub command: String,
    /// What was typed.
    pub asked: String,
    /// Who asks, in the one spelling.
    pub person: String,
    /// Who asks, as spelled where it came from.
    pub person_id: String,
    /// Their address.
    pub email: String,
    /// Webex's id of the space.
    pub room: String,
    /// The root of the thread there.
    pub thread: String,
    /// The message that asks.
    pub message: String,
    /// The addresses of what was attached.
    pub files: Vec<String>,
    /// Milliseconds since 1970.
    pub requested_at: i64,
    /// Milliseconds since 1970.
    pub expires_at: i64,
}

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// It waits.
    Open,
    /// Enough people approved, and the command ran.
    Approved,
    /// Somebody denied it.
    Denied,
    /// Whoever asked took it back.
    Withdrawn,
    /// Too few approved in time.
    Expired,
    /// Enough people approved, and the command failed for good.
    Failed,
    /// Enough people approved, but by then the asker could not run it any more.
    Refused,
    /// Enough people approved, and the command is about to run. Nobody can change that.
    Running,
    /// Enough people approved, and the command refused.
    Declined,
    /// Its card could not be shown to anybody.
    Unasked,
}

impl ApprovalState {
    /// Every one.
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

    /// The word for it.
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

/// Somebody who approved.
#[derive(Clone, Debug)]
pub struct Approver {
    /// In the one spelling.
    pub person: String,
    /// As spelled where it came from.
    pub person_id: String,
    /// Their address.
    pub email: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// The event of their click, where that was written down.
    pub event: Option<Uuid>,
    /// Webex's id of the message on which they pressed it, likewise.
    pub message: Option<String>,
}

/// A request, who approved it, and how it ended.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Approval {
    pub request: ApprovalRequest,
    pub state: ApprovalState,
    /// The state that the daemon will set when it closes this request.
    pub ends: Option<ApprovalState>,
    /// In the order in which they did.
    pub approvers: Vec<Approver>,
    /// Milliseconds since 1970.
    pub ended_at: Option<i64>,
    pub ended_by: Option<String>,
    pub ended_event: Option<Uuid>,
}

impl Approval {
    /// Whether it can still be decided on.
    pub fn is_open(&self) -> bool {
        self.state == ApprovalState::Open && self.ends.is_none()
    }
}

/// What an event does to a request.
#[derive(Clone, Debug)]
pub enum ApprovalStep {
    /// Makes it.
    Ask(Box<ApprovalRequest>),
    /// Approves it, while it is open.
    Approve {
        /// Which.
        card: Uuid,
        /// Who.
        by: Approver,
        /// Who approved before and does not count any more, in the one spelling.
        void: Vec<String>,
    },
    /// It has enough approvals, and this event is about to run its command.
    Run {
        /// Which.
        card: Uuid,
        /// The event's row.
        by: Uuid,
    },
    /// Its card was shown to nobody, so the daemon has to end it.
    Unasked {
        /// Which.
        card: Uuid,
    },
    /// Ends it, unless it has ended. If an operator runs a failed one again, it ends as that run does.
    End {
        /// Which.
        card: Uuid,
        /// How.
        state: ApprovalState,
        /// By whom, for people to read.
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
